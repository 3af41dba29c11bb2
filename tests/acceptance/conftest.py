"""Fixtures of the acceptance tests: folders at several stages, a relay, and the demo."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.demo.relay import DemoRelay
from tests.acceptance.drills import Drill, crowd, make_drill
from tests.acceptance.office import Office, create
from tests.acceptance.paperwork import (
    CONTACT_HEADER,
    CONTACTS,
    DEAD,
    QUERY,
    REQUEST_HEADER,
    REQUESTS,
    contact,
    write_csv,
    write_workbook,
)
from tests.smtpd import Script, SmtpServer


@pytest.fixture
def relais(tmp_path: Path) -> Office:
    """A fresh folder, in which nothing was done yet."""
    return Office(tmp_path)


@pytest.fixture
def office(tmp_path: Path, _ready_office: Path) -> Office:
    """A folder that is set up: the sheets are imported, `cua-aides` is saved, and the campaign `info` is a draft."""
    folder = tmp_path / "office"
    shutil.copytree(_ready_office, folder)
    return Office(folder)


@pytest.fixture(scope="session")
def _ready_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ready") / "office"
    folder.mkdir()
    relais = Office(folder)
    relais("init")
    write_workbook(folder / "contacts.xlsx", CONTACT_HEADER, CONTACTS)
    write_workbook(folder / "suivi-demandes.xlsx", REQUEST_HEADER, REQUESTS)
    relais("audiences", "import", "contacts.xlsx")
    relais("audiences", "import", "suivi-demandes.xlsx", "--kind", "requests")
    relais("audiences", "save", "cua-aides", QUERY, "--describe", "CUA, aides financières")
    relais("audiences", "save", "tous", "*:*")
    create(relais, "info")
    return folder


@pytest.fixture
def relay() -> Iterator[DemoRelay]:
    """A relay that takes everything but the mailbox of DEAD, and greylists that of LATE once."""
    with DemoRelay([DEAD]) as server:
        yield server


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Office, str]:
    """The folder that `relais demo` leaves, and what the command printed; run once for all tests."""
    folder = tmp_path_factory.mktemp("demo")
    desk, office = Office(folder), Office(folder / "relais-demo")
    for each in (desk, office):
        del each.env["RELAIS_CLOCK"]  # the demo has its own
    run = desk("demo")
    assert run.stderr == ""
    return office, run.stdout


@pytest.fixture(scope="session")
def crowded_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a campaign `masse` to a crowd, to be copied."""
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


@pytest.fixture
def slow_relay() -> Iterator[SmtpServer]:
    """A relay that takes its time over the reply to every message."""
    with SmtpServer(Script().delay("dot", 0.05)) as server:
        yield server


@pytest.fixture
def drill(tmp_path: Path, crowded_office: Path, slow_relay: SmtpServer) -> Drill:
    """A campaign to a crowd, ready to leave through the slow relay."""
    return make_drill(tmp_path / "office", crowded_office, slow_relay)
