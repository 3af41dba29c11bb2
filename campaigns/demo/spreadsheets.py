"""Writes the invented chamber as a chamber keeps it: a contact workbook, a list of project holders, cumulative request exports."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from campaigns.demo.dataset import Contact, Dataset, Request

CONTACT_HEADER = (
    "SIRET", "Raison sociale", "Code NAF", "Tranche effectifs", "Code postal", "Commune", "Civilité", "Prénom", "Nom",
    "Fonction", "Email", "Type", "Base légale", "Source", "Étiquettes", "Opposition",
)  # fmt: skip
REQUEST_HEADER = (
    "N°", "Date", "Canal", "Nature", "Dispositif", "SIRET", "Raison sociale", "Code postal", "Commune", "Email",
    "Conseiller", "Réponse",
)  # fmt: skip
HOLDER_HEADER = ("Civilité", "Prénom", "Nom", "Email", "Type", "Étiquettes")
HOLDER_TAG = "porteur-de-projet"

Cell = str | date


@dataclass(frozen=True)
class Spreadsheets:
    """Where the files are; `requests` by the day of the export, which has every request up to that day."""

    contacts: Path
    project_holders: Path
    requests: Mapping[date, Path]


def write_spreadsheets(dataset: Dataset, folder: Path) -> Spreadsheets:
    """Write the files into an existing folder, a request export for each of its days; the same bytes every time."""
    contacts = folder / "contacts.xlsx"
    _write_workbook(contacts, "Contacts", CONTACT_HEADER, map(_contact_cells, dataset.contacts))
    holders = folder / "porteurs-de-projet.csv"
    # What Excel saves as "CSV (séparateur : point-virgule)" on a French PC.
    with holders.open("w", encoding="cp1252", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(HOLDER_HEADER)
        writer.writerows((*h.person, h.address, "particulier", HOLDER_TAG) for h in dataset.project_holders)
    requests = {}
    for day in dataset.exports:
        path = requests[day] = folder / f"suivi-demandes-{day.isoformat()}.xlsx"
        known = (request for request in dataset.requests if request.received_on <= day)
        _write_workbook(path, "Demandes", REQUEST_HEADER, map(_request_cells, known))
    return Spreadsheets(contacts, holders, requests)


def _contact_cells(contact: Contact) -> tuple[Cell, ...]:
    company = contact.company
    person = contact.person or ("", "", "")
    return (
        company.siret, company.name, company.naf, company.band, company.postcode, company.commune, *person,
        contact.role, contact.address, contact.kind, contact.legal_basis, contact.source, contact.tags,
        "oui" if contact.is_opposed else "",
    )  # fmt: skip


def _request_cells(request: Request) -> tuple[Cell, ...]:
    company = request.company
    return (
        request.number, request.received_on, request.channel, request.nature, request.topic, company.siret,
        company.name, company.postcode, company.commune, request.address, request.adviser, request.answer,
    )  # fmt: skip


def _write_workbook(path: Path, title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write one sheet with a frozen, filtered header; codes stay text, days are real dates."""
    import xlsxwriter

    with xlsxwriter.Workbook(path) as book:
        book.set_properties({"created": datetime(2020, 3, 17)})  # noqa: DTZ001 - a fixed stamp keeps the bytes the same
        sheet = book.add_worksheet(title)
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write_row(0, 0, header, book.add_format({"bold": True}))
        at = 0
        for at, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(at, column, cell, day)
                elif cell:
                    sheet.write_string(at, column, cell)
        sheet.set_column(0, len(header) - 1, 18)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, at, len(header) - 1)
