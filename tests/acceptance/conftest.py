"""The officer's desk: the real `relais` in a folder of its own, her sheets, and a relay that listens on loopback."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import xlsxwriter
from stdnum import luhn

from campaigns.demo.relay import GREYLISTED_IN_1000, DemoRelay

RELAIS = Path(sys.executable).with_name("relais")
MORNING = "2026-11-02T09:00:00+01:00"
PATIENCE = 120
"""Seconds after which a command that hangs fails its test."""

Row = Sequence[str]


class Office:
    """One folder with Relais in it; calling it runs a command there and checks its exit code."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("RELAIS_", "LC_", "LANG"))}
        self.env |= {"COLUMNS": "80", "RELAIS_LANGUAGE": "en", "RELAIS_CLOCK": MORNING, **env}

    def __call__(
        self, *words: str, code: int = 0, env: dict[str, str] | None = None, input: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run `relais` with these words; the answer has stdout and stderr."""
        run = subprocess.run(
            [str(RELAIS), *words],
            cwd=self.folder,
            env=self.env | (env or {}),
            input=input,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert run.returncode == code, f"relais {' '.join(words)} gave {run.returncode}\n{run.stdout}\n{run.stderr}"
        assert "Traceback" not in run.stderr
        return run

    def start(self, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [str(RELAIS), *words],
            cwd=self.folder,
            env=self.env | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def json(self, *words: str, **more: Any) -> Any:
        """Run a command with --json and read what it prints."""
        return json.loads(self(*words, "--json", **more).stdout)

    def campaign(self, slug: str) -> dict[str, Any]:
        """Give one object of `campaigns list --json`."""
        [found] = [each for each in self.json("campaigns", "list") if each["slug"] == slug]
        return found

    def statuses(self, slug: str) -> dict[str, str]:
        """Give the status of every address of a campaign."""
        return {line["address"]: line["status"] for line in self.json("sends", "log", slug)}

    def use(self, relay: Any, **settings: str) -> None:
        """Send through this relay from now on."""
        names = {"host": "127.0.0.1", "port": str(relay.port), "security": "none", **settings}
        self.env |= {f"RELAIS_SMTP__{name.upper()}": value for name, value in names.items()}

    def at(self, instant: str) -> None:
        """Set the clock: every command from now on begins at this instant."""
        self.env["RELAIS_CLOCK"] = instant

    def state(self) -> dict[str, Any]:
        """Give all that the folder holds: the rows of the database, the bytes of the other files."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and not path.name.startswith("relais.db")]
        kept: dict[str, Any] = {str(path.relative_to(self.folder)): path.read_bytes() for path in files}
        if (self.folder / "relais.db").is_file():
            connection = sqlite3.connect(self.folder / "relais.db")
            kept["relais.db"] = list(connection.iterdump())
            connection.close()
        return kept


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


def create(relais: Office, slug: str, audience: str = "cua-aides") -> None:
    """Prepare a campaign with the template `fonds`."""
    sets = ("--set", "epci=CUA", "--set", "montant=1 M€")
    subject = "CUA : un plan de soutien"
    relais("campaigns", "create", slug, "--audience", audience, "--template", "fonds", "--subject", subject, *sets)


@pytest.fixture
def relay() -> Iterator[DemoRelay]:
    """A relay that takes everything but the mailbox of DEAD, and greylists that of LATE once."""
    with DemoRelay([DEAD]) as server:
        yield server


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Office, str]:
    """The folder that `relais demo` leaves, and what the command printed; run once for all tests."""
    folder = tmp_path_factory.mktemp("demo")
    run = Office(folder)("demo", env={"RELAIS_CLOCK": ""})
    assert run.stderr == ""
    office = Office(folder / "relais-demo")
    del office.env["RELAIS_CLOCK"]  # the folder has its own
    return office, run.stdout


# -- the officer's sheets ----------------------------------------------------------------------------------------------


def siret(number: int) -> str:
    """Give a SIRET that its check digits allow."""
    siren = f"8{number:07}"
    siren += luhn.calc_check_digit(siren)
    return f"{siren}0001{luhn.calc_check_digit(f'{siren}0001')}"


def _greylisted() -> str:
    """Find an address that the demo's relay greets with 450 the first time."""
    names = (f"accueil{number}@example.org" for number in range(10_000))
    return next(name for name in names if crc32(name.encode()) % 1000 < GREYLISTED_IN_1000)


def _calm(number: int) -> str:
    """Find an address that the relay takes at once."""
    names = (f"contact{number}-{turn}@example.org" for turn in range(1000))
    return next(name for name in names if crc32(name.encode()) % 1000 >= GREYLISTED_IN_1000)


LATE = _greylisted()
DEAD = "parti@example.org"
QUERY = 'epci:CUA AND nature:"Aides financières"'
CONTACT_HEADER = (
    "SIRET", "Raison sociale", "Code NAF", "Effectif", "Code postal", "Commune", "Prénom", "Nom", "Email", "Opposition",
)  # fmt: skip
REQUEST_HEADER = ("N°", "Date", "Canal", "Nature", "Dispositif", "SIRET", "Raison sociale", "Email")


def contact(number: int, address: str, *, town: str = "Arras", postcode: str = "62000", opposed: str = "") -> Row:
    """Give a row of the contact sheet."""
    return (
        siret(number), f"Maison {number}", "56.10A", "4", postcode, town, "Camille", "Durand", address, opposed,
    )  # fmt: skip


def request(number: int, company: int, nature: str = "Aides financières") -> Row:
    """Give a row of the request sheet."""
    return (
        str(number), "07/04/2026", "Appel CCI", nature, "Fonds de solidarité", siret(company), f"Maison {company}", "",
    )  # fmt: skip


CONTACTS = [
    contact(1, _calm(1)),
    contact(2, _calm(2)),
    contact(3, LATE),
    contact(4, DEAD),
    contact(5, _calm(1).upper()),  # the mailbox of company 1
    contact(6, "non.merci@example.org", opposed="oui"),
    contact(7, ""),
    contact(8, _calm(8)),  # asked about something else
    contact(9, _calm(9), town="Lens", postcode="62300"),
]
REQUESTS = [request(n, n) for n in range(1, 8)] + [request(8, 8, "Chômage"), request(9, 9)]
RECIPIENTS = {_calm(1), _calm(2), LATE, DEAD}


def write_workbook(path: Path, header: Row, rows: Sequence[Row]) -> None:
    """Write a sheet as XLSX."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate([header, *rows]):
            sheet.write_row(at, 0, row)


def write_csv(path: Path, header: Row, rows: Sequence[Row], *, delimiter: str = ";", encoding: str = "utf-8") -> None:
    """Write a sheet as CSV, as one of the programs of an office does."""
    text = "".join(f"{delimiter.join(row)}\r\n" for row in [header, *rows])
    path.write_bytes(text.encode(encoding))


