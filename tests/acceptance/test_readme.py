"""The README's tour, run as it stands: each command must print what the README shows."""

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.acceptance.office import MORNING, Office

README = Path(__file__).parents[2] / "README.md"
CUT = "…"
"""A line of the README that stands for any lines."""


class Example(NamedTuple):
    """A command of the README and what it shows."""

    command: str
    shown: str


def examples(text: str) -> list[Example]:
    """Read the `console` blocks: a line after `$ ` is a command, the lines up to the next one are what it prints."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append(Example(command, shown))
    return found


@pytest.fixture
def printing_relay() -> Iterator[int]:
    """The relay that the tour starts in a second terminal; gives its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        wait_for(port)
        yield port
        server.terminate()


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the relay did not start")


def run(office: Office, command: str) -> str:
    """Run one line in a shell, as a person does; give what the terminal shows."""
    path = {"PATH": f"{Path(sys.executable).parent}:{office.env['PATH']}", "RELAIS_CLOCK": MORNING}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=office.folder,
        env=office.env | path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def test_the_tour(relais: Office, demo: tuple[Office, str], printing_relay: int) -> None:
    sheets = demo[0].folder / "fichiers"
    shutil.copy(sheets / "contacts.xlsx", relais.folder)
    shutil.copy(sheets / "suivi-demandes-2020-04-30.xlsx", relais.folder / "suivi-demandes.xlsx")
    relais.env |= {"RELAIS_SMTP__HOST": "127.0.0.1", "RELAIS_SMTP__PORT": str(printing_relay)}
    relais.env |= {"RELAIS_SMTP__SECURITY": "none"}
    found = examples(README.read_text(encoding="utf-8"))
    assert len(found) > 10
    for example in found:
        pattern = re.escape(example.shown).replace(re.escape(f"{CUT}\n"), "(?:.*\n)+?")
        printed = run(relais, example.command)
        assert re.fullmatch(pattern, printed), f"$ {example.command}\n{printed}"


def test_the_tour_names_files_that_are_there(demo: tuple[Office, str]) -> None:
    named = re.findall(r"relais-demo/(\S+\.xlsx)", README.read_text(encoding="utf-8"))
    assert named
    assert all((demo[0].folder / name).is_file() for name in named)


def test_its_links_and_rules_exist() -> None:
    text = README.read_text(encoding="utf-8")
    assert all((README.parent / target).exists() for target in re.findall(r"\]\(([^)]+)\)", text))
    rules = set(re.findall(r"^([a-z]+):", (README.parent / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"^    make (\w+)", text, re.MULTILINE)) <= rules
