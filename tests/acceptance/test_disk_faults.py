"""A disk that is full while mail leaves: real workers, a real disk or quota; nothing is lost, nothing goes twice, one clear line."""

import os
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.drills import Drill, ended, make_drill
from tests.smtpd import SmtpServer

FULL = "The disk is full: nothing more can be written."
UNWRITABLE = "The disk does not let the database be written"


@contextmanager
def small_disk(path: Path) -> Iterator[None]:
    """Mount a small disk at `path`; PermissionError where only root may."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        raise PermissionError
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


class FullDisk:
    """A disk that is full for real while `with`: a ballast takes all that is left of it."""

    def __init__(self, folder: Path) -> None:
        self.ballast = folder / "ballast"

    @contextmanager
    def full_for(self, _worker: subprocess.Popen[str]) -> Iterator[None]:
        with self.ballast.open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 12):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass
        yield
        self.ballast.unlink()


class Quota:
    """A limit of the operating system on what a process may write to a file: 0 octets while `with`."""

    @contextmanager
    def full_for(self, worker: subprocess.Popen[str]) -> Iterator[None]:
        before = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        yield
        if worker.poll() is None:
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, before)


@pytest.fixture(params=["disk", "quota"])
def full(
    request: pytest.FixtureRequest, tmp_path: Path, crowded_office: Path, slow_relay: SmtpServer
) -> Iterator[tuple[Drill, FullDisk | Quota]]:
    """A drill in a place that can be filled: a small disk where one may be mounted, else under a quota."""
    disk = tmp_path / "disk"
    if request.param == "disk":
        try:
            with small_disk(disk):
                yield make_drill(disk / "office", crowded_office, slow_relay), FullDisk(disk)
        except PermissionError:
            pass
        else:
            return
    yield make_drill(tmp_path / "office", crowded_office, slow_relay), Quota()


def test_a_full_disk_ends_the_run_with_one_line(full: tuple[Drill, FullDisk | Quota]) -> None:
    drill, place = full
    worker = drill.begin()
    with place.full_for(worker):
        code, _said, complaint = ended(worker)
    assert code == 2
    assert complaint.startswith((f"Error: {FULL}", f"Error: {UNWRITABLE}"))
    assert complaint.count("\n") == 1
    drill.finish()
    drill.check()


def test_a_disk_that_is_full_for_a_moment_stops_nothing(full: tuple[Drill, FullDisk | Quota]) -> None:
    drill, place = full
    worker = drill.begin()
    with place.full_for(worker):
        time.sleep(0.5)
    assert ended(worker)[::2] == (0, "")
    drill.check(uncertain=0)
