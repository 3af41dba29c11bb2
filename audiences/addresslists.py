"""Sheets that are lists of addresses, with a few columns beside them: who opposed, who enrolled."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path
from typing import NamedTuple

from audiences.columns import PERSON_HEADERS
from audiences.errors import MissingColumn
from audiences.sheets import Table, open_table
from audiences.text import fold

ADDRESS_HEADERS = (*PERSON_HEADERS["address"], "adresse", "adresses", "emails", "contact email")
"""What names the column of addresses, folded."""


class Row(NamedTuple):
    """One row: its number as the spreadsheet shows it (from 1), and its known fields as stripped text ("" if empty)."""

    number: int
    values: Mapping[str, str]


@dataclass(frozen=True)
class AddressList:
    """A list: its file's name, the header of each known field, the headers that nobody knows, and how many rows it has."""

    name: str
    columns: Mapping[str, str]
    ignored: tuple[str, ...]
    size: int
    _table: Table
    _positions: Mapping[str, int]

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header that are not empty: their number, and their known fields as text."""
        for number, cells in self._table.rows():
            width = len(cells)
            yield Row(
                number,
                {field: cells[at].strip() if at < width else "" for field, at in self._positions.items()},
            )


def open_list(path: Path, headers: Mapping[str, tuple[str, ...]]) -> AddressList:
    """Open a CSV or workbook with a column of addresses; `headers` are the folded names of the fields beside it.

    Raises UnreadableSheet, and MissingColumn where there is no header or no address.
    """
    names = {name: field for field, known in ({"address": ADDRESS_HEADERS} | dict(headers)).items() for name in known}
    table = open_table(path, lambda cells: sum(fold(cell) in names for cell in cells))
    positions: dict[str, int] = {}
    ignored = []
    for at, header in enumerate(table.headers):
        field = names.get(fold(header))
        if field is not None and field not in positions:
            positions[field] = at
        elif header:
            ignored.append(header)
    if "address" not in positions:
        raise MissingColumn(
            _("{file} lacks a column: {wanted}. It has: {present}. Rename a header or add the column.").format(
                file=path.name, wanted="“Email”", present=", ".join(filter(None, table.headers))
            )
        )
    columns = {field: table.headers[at] for field, at in positions.items()}
    return AddressList(path.name, columns, tuple(ignored), table.size, table, positions)
