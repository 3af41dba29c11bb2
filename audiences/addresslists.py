"""Sheets that are lists of addresses, with a few columns beside them: who opposed, who enrolled."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from audiences.columns import PERSON_HEADERS, header_finder, require_columns
from audiences.sheets import Row, Sheet, read_sheet

ADDRESS_HEADERS = (*PERSON_HEADERS["address"], "adresse", "adresses", "emails", "contact email")
"""What names the column of addresses, folded."""


@dataclass(frozen=True)
class AddressList:
    """A list: its file's name, the header of each known field, the headers that nobody knows, and how many rows it has."""

    name: str
    columns: Mapping[str, str]
    ignored: tuple[str, ...]
    size: int
    _sheet: Sheet

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header that are not empty: their number, and their known fields as text."""
        return self._sheet.rows()


def open_list(path: Path, headers: Mapping[str, tuple[str, ...]]) -> AddressList:
    """Open a CSV or workbook with a column of addresses; `headers` are the folded names of the fields beside it.

    Raises UnreadableSheet, and MissingColumn where there is no header or no address.
    """
    fields = {"address": ADDRESS_HEADERS, **headers}
    sheet = read_sheet(path, header_finder(fields))
    require_columns(sheet, fields, ("address",))
    return AddressList(path.name, sheet.columns, sheet.ignored, len(sheet), sheet)
