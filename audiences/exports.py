"""Tables written as files for a spreadsheet, XLSX or CSV: no cell can become a formula, no file is written over."""

import csv
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from gettext import gettext as _
from pathlib import Path

from audiences.errors import UnwritableFile

Cell = str | int | float | date | None

FORMULA_MARKS = "=+-@＝＋－＠"
"""What begins a formula in Excel, LibreOffice or Google Sheets, also in full width (OWASP, CSV injection)."""

CONTROL_MARKS = "\t\r\n"

SHEET_NAME_MAX = 31
"""Excel names no sheet longer."""

WIDEST = 48
"""Characters that a column is widened to by its longest text."""

MODE = 0o600
"""An export holds personal data: nobody else on the machine reads it (GDPR art. 32)."""


def harmless(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula: an apostrophe before it, which imports take away again."""
    starts_so = text.lstrip()[:1] in FORMULA_MARKS if text.strip() else False
    return f"'{text}" if starts_so or text.startswith(tuple(CONTROL_MARKS)) else text


def write_sheet(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, name: str = "Relais") -> int:
    """Write a table as XLSX or, with the suffix .csv, as CSV for a French Excel; give the number of rows.

    Texts are made `harmless`, numbers and days stay what they are. The file appears whole or not at all, with mode
    0600; UnwritableFile if it exists, cannot be written or has another suffix.
    """
    return write_sheets(path, [(name, columns, rows)])


def write_sheets(path: Path, sheets: Sequence[tuple[str, Sequence[str], Iterable[Sequence[Cell]]]]) -> int:
    """Write several tables: a sheet each in XLSX, one below the other in CSV; otherwise as `write_sheet`."""
    suffix = path.suffix.lower()
    if suffix not in {".xlsx", ".csv"}:
        raise UnwritableFile(
            _("{file} is of a kind that is not written. Name the file .xlsx or .csv.").format(file=path)
        )
    with _new_file(path) as part:
        return _write_xlsx(part, sheets) if suffix == ".xlsx" else _write_csv(part, sheets)


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """Give a file beside `path` to write into, which takes its name at the end, unless that exists by then."""
    taken = _("{file} exists and was not changed. Choose another name.").format(file=path)
    if path.exists():
        raise UnwritableFile(taken)
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 0600
        os.close(handle)
        try:
            yield Path(part)
            Path(part).chmod(MODE)
            # The same file system: a link refuses an existing name, which a replace would not.
            try:
                os.link(part, path)
            except FileExistsError:
                raise UnwritableFile(taken) from None
            except OSError:  # a file system without links (FAT, some shares)
                Path(part).replace(path)
        finally:
            with suppress(FileNotFoundError):
                Path(part).unlink()
    except OSError as error:
        if isinstance(error, UnwritableFile):
            raise
        raise UnwritableFile(
            _("{file} cannot be written ({cause}). Check the folder and the space on the disk.").format(
                file=path, cause=error.strerror or error
            )
        ) from error


def _write_csv(path: Path, sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Cell]]]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark tells Excel that it is UTF-8
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        for number, (_name, columns, rows) in enumerate(sheets):
            if number:
                writer.writerow([])
            writer.writerow(map(_csv_text, columns))
            for row in rows:
                writer.writerow(map(_csv_text, row))
                count += 1
    return count


def _csv_text(cell: Cell) -> str:
    if isinstance(cell, str):
        return harmless(cell)
    if isinstance(cell, date):
        return cell.strftime("%d/%m/%Y")
    if isinstance(cell, float):
        return str(cell).replace(".", ",")
    return "" if cell is None else str(cell)


def _write_xlsx(path: Path, sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Cell]]]]) -> int:
    import xlsxwriter

    count = 0
    with xlsxwriter.Workbook(path, {"constant_memory": True, "default_date_format": "dd/mm/yyyy"}) as book:
        bold = book.add_format({"bold": True})
        for name, columns, rows in sheets:
            sheet = book.add_worksheet(_sheet_name(name))
            sheet.freeze_panes(1, 0)
            widths = [max(12, len(title) + 2) for title in columns]
            for at, title in enumerate(columns):
                sheet.write_string(0, at, harmless(title), bold)
            number = 0
            for number, row in enumerate(rows, start=1):
                for at, cell in enumerate(row):
                    if isinstance(cell, str):
                        widths[at] = max(widths[at], min(len(cell) + 2, WIDEST))
                        # never `write`, which makes formulas, links and numbers of texts
                        sheet.write_string(number, at, harmless(cell))
                    elif isinstance(cell, date):
                        sheet.write_datetime(number, at, cell)
                    elif cell is not None:
                        sheet.write_number(number, at, cell)
            for at, width in enumerate(widths):
                sheet.set_column(at, at, width)
            if number:
                sheet.autofilter(0, 0, number, len(columns) - 1)
            count += number
    return count


def _sheet_name(name: str) -> str:
    return "".join(" " if char in "[]:*?/\\'" else char for char in name)[:SHEET_NAME_MAX].strip() or "Relais"
