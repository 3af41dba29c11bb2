"""Workbooks (XLSX, XLS, XLSB, ODS) as rows of text, each cell as a person reads it."""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime, time
from gettext import gettext as _
from pathlib import Path

from audiences.errors import UnreadableSheet
from audiences.textfiles import TextRow


class Workbook:
    """One workbook; `names` are its sheets. Whole sheets are held by the reader, rows are made one at a time."""

    def __init__(self, path: Path) -> None:
        """Open it; raises UnreadableSheet when it is damaged, or no workbook."""
        from python_calamine import CalamineError, CalamineWorkbook

        self.path = path
        self._errors = (CalamineError, OSError, ValueError, IndexError)
        try:
            self._book = CalamineWorkbook.from_path(str(path))
            self.names: list[str] = list(self._book.sheet_names)
            with path.open("rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except self._errors as error:
            raise self._damaged(error) from error

    def sheet(self, name: str) -> "WorkbookSheet":
        """Give the sheet of this name, case aside; UnreadableSheet names those that there are."""
        found = next((each for each in self.names if each.casefold() == name.strip().casefold()), None)
        if found is None:
            raise UnreadableSheet(
                _("{file} has no sheet “{name}”. It has: {names}.").format(
                    file=self.path.name, name=name, names=", ".join(self.names)
                )
            )
        try:
            return WorkbookSheet(self._book.get_sheet_by_name(found))
        except self._errors as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> UnreadableSheet:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        return UnreadableSheet(
            _("{file} is damaged or not a workbook ({cause}). Open it in Excel, save it again, and retry.").format(
                file=self.path.name, cause=cause
            )
        )


class WorkbookSheet:
    """One sheet, whose rows can be gone through as often as wanted."""

    def __init__(self, sheet: object) -> None:
        self._sheet = sheet
        # The reader gives the index of the last row, and no start for a sheet without cells.
        self.lines: int = 0 if sheet.start is None else sheet.end[0] + 1  # type: ignore[attr-defined]

    def rows(self) -> Iterator[TextRow]:
        """Yield every row that is not blank, numbered as Excel numbers it."""
        if not self.lines:
            return
        for number, cells in enumerate(self._sheet.iter_rows(), start=1):  # type: ignore[attr-defined]
            texts = [_text_of(cell) for cell in cells]
            if any(texts):
                yield number, texts


def _text_of(cell: object) -> str:
    """Give a cell as the text that a person reads; whole numbers have no decimals (a SIRET stored as number)."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "oui" if cell else "non"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return "" if cell is None else str(cell)
