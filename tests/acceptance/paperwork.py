"""The officer's sheets: nine invented companies, and what they asked."""

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import xlsxwriter
from stdnum import luhn

from campaigns.demo.relay import GREYLISTED_IN_1000

Row = Sequence[str]


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
