"""Faults of the machine while mail leaves: real workers, a real relay; nothing is lost, nothing goes twice, one clear line."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.office import MORNING, PATIENCE, Office, create
from tests.acceptance.paperwork import CONTACT_HEADER, contact, write_csv
from tests.smtpd import Script, SmtpServer

CONNECTIONS = 3
CROWD = 90
AMIDST = 12
"""Messages that the relay has taken when the fault comes."""

LATER = "2026-11-02T09:05:00+01:00"
"""After every lease of a worker that began at MORNING."""

HELD = "The database is held by another program."
FULL = "The disk is full: nothing more can be written."
UNWRITABLE = "The disk does not let the database be written"


@dataclass
class Drill:
    """A campaign `masse` to a crowd, ready to leave through a relay that takes its time over every message."""

    office: Office
    relay: SmtpServer
    addresses: set[str]

    def begin(self, *, amidst: int = AMIDST) -> subprocess.Popen[str]:
        """Start to send, and return when so many messages have left."""
        worker = self.office.start("campaigns", "send", "masse", "--yes")
        until(lambda: len(self.relay.messages) >= amidst or worker.poll() is not None)
        assert worker.poll() is None, worker.communicate()
        return worker

    def finish(self) -> None:
        """Let a worker that nothing disturbs do what is left, after the leases of the others."""
        self.office.at(LATER)
        self.relay.script.rules.clear()
        self.office("sends", "work", "--once")

    def check(self, *, uncertain: int = CONNECTIONS) -> None:
        """Compare the ledger with what the relay took: nobody twice, nobody lost, few doubts."""
        taken = Counter(message.recipient for message in self.relay.messages)
        assert max(taken.values()) == 1
        statuses = self.office.statuses("masse")
        assert statuses.keys() == self.addresses
        counts = Counter(statuses.values())
        assert counts.keys() <= {"sent", "uncertain"}, counts
        assert counts["uncertain"] <= uncertain
        assert {address for address, status in statuses.items() if status == "sent"} <= taken.keys()
        assert self.office.campaign("masse")["status"] == "finished"


@pytest.fixture(scope="session")
def _crowded_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crowded") / "office"
    folder.mkdir()
    relais = Office(folder)
    relais("init")
    rows = [contact(100 + at, address) for at, address in enumerate(sorted(crowd()))]
    write_csv(folder / "adherents.csv", CONTACT_HEADER, rows)
    relais("audiences", "import", "adherents.csv")
    relais("audiences", "save", "tous", "*:*")
    create(relais, "masse", audience="tous")
    return folder


def crowd() -> set[str]:
    return {f"adherent{number}@example.org" for number in range(CROWD)}


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    """A relay that takes its time over the reply to every message."""
    with SmtpServer(Script().delay("dot", 0.05)) as server:
        yield server


@pytest.fixture
def drill(tmp_path: Path, _crowded_office: Path, relay: SmtpServer) -> Drill:
    return make_drill(tmp_path / "office", _crowded_office, relay)


def make_drill(folder: Path, template: Path, relay: SmtpServer) -> Drill:
    shutil.copytree(template, folder)
    office = Office(folder, RELAIS_DATABASE__BUSY_TIMEOUT="0.2")
    office.use(relay, connections=str(CONNECTIONS))
    return Drill(office, relay, crowd())


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def ended(worker: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Give the exit code of a worker and what it said on stdout and stderr."""
    said, complaint = worker.communicate(timeout=PATIENCE)
    assert "Traceback" not in complaint
    return worker.returncode, said, complaint


# -- time --------------------------------------------------------------------------------------------------------------


def test_a_worker_stopped_beyond_its_lease_repeats_nothing_when_it_goes_on(drill: Drill) -> None:
    """As when a virtual machine is frozen: its own clock has not noticed, and another worker did the rest."""
    worker = drill.begin()
    freeze(drill, worker)
    time.sleep(0.2)  # what was on the wire has arrived
    assert "uncertain" in office_at(drill, LATER)("sends", "work", "--once").stderr
    worker.send_signal(signal.SIGCONT)
    assert ended(worker)[::2] == (0, "")
    drill.finish()
    drill.check()


def freeze(drill: Drill, worker: subprocess.Popen[str]) -> None:
    """Stop a worker between two commits: within one it would hold the file, as no frozen machine does for another."""
    while True:
        worker.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(drill.office.folder / "relais.db", timeout=0.2)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                worker.send_signal(signal.SIGCONT)
                time.sleep(0.01)
            else:
                return


@pytest.mark.parametrize("other", ["2026-11-02T14:00:00+01:00", "2026-11-02T04:00:00+01:00"], ids=["ahead", "behind"])
def test_workers_whose_clocks_differ_by_hours_repeat_nothing(drill: Drill, other: str) -> None:
    """The one ahead takes the leases of the other for lapsed while that one is busy sending."""
    worker = drill.begin()
    second = office_at(drill, other).start("sends", "work", "--once")
    assert ended(worker)[::2] == (0, "")
    assert ended(second)[0] == 0
    drill.finish()
    drill.check()


def office_at(drill: Drill, instant: str) -> Office:
    """Give the same folder as another machine sees it."""
    other = Office(drill.office.folder)
    other.env = drill.office.env | {"RELAIS_CLOCK": instant}
    return other


# -- the disk ----------------------------------------------------------------------------------------------------------


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
    request: pytest.FixtureRequest, tmp_path: Path, _crowded_office: Path, relay: SmtpServer
) -> Iterator[tuple[Drill, FullDisk | Quota]]:
    """A drill in a place that can be filled: a small disk where one may be mounted, else under a quota."""
    disk = tmp_path / "disk"
    if request.param == "disk":
        try:
            with small_disk(disk):
                yield make_drill(disk / "office", _crowded_office, relay), FullDisk(disk)
        except PermissionError:
            pass
        else:
            return
    yield make_drill(tmp_path / "office", _crowded_office, relay), Quota()


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


# -- another program ---------------------------------------------------------------------------------------------------


@contextmanager
def held(drill: Drill) -> Iterator[None]:
    """Hold the database as a backup or a database browser does."""
    with closing(sqlite3.connect(drill.office.folder / "relais.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def test_a_database_held_by_another_program_ends_the_run_with_one_line(drill: Drill) -> None:
    drill.office.env["RELAIS_LANGUAGE"] = "fr"
    worker = drill.begin()
    with held(drill):
        code, _said, complaint = ended(worker)
    assert code == 2
    assert "La base de données est occupée par un autre programme." in complaint
    assert complaint.count("\n") == 1
    drill.finish()
    drill.check()


def test_a_database_held_for_longer_than_the_busy_timeout_stops_nothing_when_it_is_free_again(drill: Drill) -> None:
    worker = drill.begin()
    with held(drill):
        time.sleep(1)
    assert ended(worker)[::2] == (0, "")
    drill.check(uncertain=0)


def test_a_command_that_finds_the_database_held_changes_nothing(drill: Drill) -> None:
    with held(drill):
        assert HELD in drill.office("campaigns", "send", "masse", "--yes", code=2).stderr
    assert not drill.relay.messages
    assert drill.office.campaign("masse")["status"] == "draft"


# -- the officer -------------------------------------------------------------------------------------------------------


def test_ctrl_c_finishes_what_is_on_the_wire_and_gives_the_rest_back(drill: Drill) -> None:
    worker = drill.begin()
    worker.send_signal(signal.SIGINT)
    code, said, complaint = ended(worker)
    assert (code, complaint) == (130, "Error: Interrupted. What was sent is recorded; nothing is lost.\n")
    counts = Counter(drill.office.statuses("masse").values())
    assert counts == {"sent": len(drill.relay.messages), "queued": CROWD - len(drill.relay.messages)}
    assert f"{counts['sent']} sent" in said
    assert drill.relay.verbs[-1] == "QUIT"
    drill.finish()
    drill.check(uncertain=0)


def test_a_second_ctrl_c_stops_at_once_and_is_still_safe(drill: Drill) -> None:
    drill.relay.script.rules.clear()
    drill.relay.script.delay("dot", 20, nth=AMIDST + 1)  # what is on the wire then would take long to finish
    worker = drill.begin()
    until(lambda: "sending" in drill.office.statuses("masse").values())
    worker.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert worker.poll() is None
    begun = time.monotonic()
    worker.send_signal(signal.SIGINT)
    code, _said, complaint = ended(worker)
    assert time.monotonic() - begun < 10
    assert (code, complaint) == (130, "Error: Interrupted. What was sent is recorded; nothing is lost.\n")
    assert Counter(drill.office.statuses("masse").values()).keys() <= {"sent", "queued", "uncertain"}
    drill.finish()
    drill.check()


@pytest.mark.parametrize("word", ["pause", "cancel"])
def test_pause_and_cancel_from_another_terminal_stop_all_workers_within_one_claim(drill: Drill, word: str) -> None:
    """They claim hundreds at a time: what is claimed and not on the wire stays, too."""
    more = [f"voisin{number}@example.org" for number in range(300)]  # than one of them claims
    rows = [contact(1000 + at, address) for at, address in enumerate(more)]
    write_csv(drill.office.folder / "voisins.csv", CONTACT_HEADER, rows)
    drill.office("audiences", "import", "voisins.csv")
    drill.addresses.update(more)
    drill.relay.script.rules.clear()
    drill.relay.script.delay("dot", 2)  # so that the command comes amidst, on a busy machine too
    begun = time.monotonic()
    first = drill.begin(amidst=1)
    drill.office.env["RELAIS_SMTP__CONNECTIONS"] = str(2 * CONNECTIONS)
    drill.office.at((datetime.fromisoformat(MORNING) + timedelta(seconds=time.monotonic() - begun)).isoformat())
    second = drill.office.start("sends", "work", "--once")
    until(lambda: drill.relay.open[""] > CONNECTIONS)
    drill.office("campaigns", word, "masse", *(["--yes"] if word == "cancel" else []))
    at_the_word = len(drill.relay.messages)
    assert ended(first)[0] == ended(second)[0] == 0
    sent = len(drill.relay.messages)
    assert sent <= at_the_word + 2 * CONNECTIONS  # at most what was on the wire
    left = "queued" if word == "pause" else "cancelled"
    assert Counter(drill.office.statuses("masse").values()) == {"sent": sent, left: len(drill.addresses) - sent}
    if word == "pause":
        drill.office("campaigns", "resume", "masse")
        drill.finish()
        drill.check(uncertain=0)
    else:
        drill.finish()
        assert len(drill.relay.messages) == sent


# -- several workers ---------------------------------------------------------------------------------------------------


def test_two_workers_together_keep_to_the_connections_that_relay_and_provider_take(drill: Drill) -> None:
    settings = drill.office.folder / "relais.toml"
    text = settings.read_text(encoding="utf-8")
    provider = '[[smtp.domains]]\nnames = ["example.org"]\nconnections = 2\n'
    settings.write_text(text.replace("# [[smtp.domains]]", f"{provider}\n# [[smtp.domains]]"), encoding="utf-8")
    worker = drill.begin(amidst=2)
    others = [drill.office.start("campaigns", "send", "masse") for _ in range(2)]
    assert ended(worker)[0] == 0
    said = [ended(other) for other in others]
    assert {code for code, _said, _complaint in said} == {0}
    assert drill.relay.most_open[""] <= CONNECTIONS
    assert drill.relay.most_open["example.org"] == 2
    drill.check(uncertain=0)


def test_what_a_vanished_worker_holds_is_told_until_its_lease_ends(drill: Drill) -> None:
    worker = drill.begin()
    worker.kill()
    worker.communicate()
    held = CROWD - Counter(drill.office.statuses("masse").values())["sent"]
    drill.office.at("2026-11-02T09:00:30+01:00")
    told = f"{held} messages are in the hands of another worker. If that one has vanished, run this again in "
    said = drill.office("sends", "work", "--once").stdout
    assert told in said
    assert 30 <= int(said.partition(told)[2].split()[0]) <= 90
    assert "Nothing is waiting" not in said
    assert told in drill.office("campaigns", "send", "masse").stdout
    shown = drill.office("campaigns", "show", "masse").stdout
    assert (
        f"{held} of those that wait are in the hands of a worker. If it has vanished they are free at 09:01:" in shown
    )
    assert drill.office.json("campaigns", "show", "masse")["held"] == held
    drill.finish()
    drill.check()


def test_the_connections_of_a_dead_worker_are_free_when_its_lease_lapses(drill: Drill) -> None:
    """Another campaign finds them all taken, says so, and leaves when they are free."""
    worker = drill.begin()
    worker.kill()
    worker.communicate()
    create(drill.office, "autre", audience="tous")
    drill.office.at("2026-11-02T09:00:27+01:00")  # the dead one's slots last for 30 seconds
    said = drill.office("campaigns", "send", "autre", "--yes").stdout
    assert "Other workers use all the connections that [smtp] allows: waiting until one is free." in said
    assert set(drill.office.statuses("autre").values()) == {"sent"}
