"""Tables in files: CSV in the encodings and separators that Excel writes, XLSX, XLS and ODS, as rows of text."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from gettext import gettext as _
from itertools import islice
from pathlib import Path

from audiences.errors import MissingColumn, UnreadableSheet

HEADER_WITHIN = 20
"""A title or a logo may stand above the header row: it is looked for in this many rows."""

WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"})
TEXTS = frozenset({".csv", ".tsv", ".txt"})

FindField = Callable[[str], str | None]


@dataclass(frozen=True)
class Row:
    """One row: its number as the spreadsheet shows it (from 1), and its known fields as stripped text ("" if empty)."""

    number: int
    values: Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """A table with its known columns (field -> header as written), the headers that nobody knows, and its rows."""

    path: Path
    columns: Mapping[str, str]
    ignored: tuple[str, ...]
    cells: list[tuple[int, list[str]]]
    positions: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.cells)

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header that are not empty."""
        for number, cells in self.cells:
            width = len(cells)
            yield Row(number, {field: cells[at] if at < width else "" for field, at in self.positions.items()})


def read_sheet(path: Path, find_field: FindField) -> Sheet:
    """Read the first sheet of a workbook, or a CSV; `find_field` turns a header into a field name, or None.

    The header is the row, among the first ones, with the most known fields. Raises UnreadableSheet (no such file, not
    a table, damaged) and MissingColumn (no header found).
    """
    rows = list(_read_rows(path, find_field))
    if not rows:
        raise UnreadableSheet(_("{file} is empty. Export it again with its header row.").format(file=path.name))
    scores = [
        (sum(find_field(cell) is not None for cell in cells), -at)
        for at, (_n, cells) in enumerate(rows[:HEADER_WITHIN])
    ]
    score, negative = max(scores)
    if score == 0:
        shown = ", ".join(cell for cell in rows[0][1] if cell)[:120]
        raise MissingColumn(
            _(
                "{file} has no header row that can be recognised (its first row: {shown}). Put the column names in the first row."
            ).format(file=path.name, shown=shown or "-")
        )
    header = rows[-negative][1]
    positions: dict[str, int] = {}
    ignored: list[str] = []
    for at, text in enumerate(header):
        field = find_field(text)
        if field is not None and field not in positions:
            positions[field] = at
        elif text:
            ignored.append(text)
    columns = {field: header[at] for field, at in positions.items()}
    return Sheet(path, columns, tuple(ignored), rows[-negative + 1 :], positions)


def sha256_of(path: Path) -> str:
    """Hash a file's bytes, to recognise a file that was imported before."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_rows(path: Path, find_field: FindField) -> Iterator[tuple[int, list[str]]]:
    if not path.is_file():
        raise UnreadableSheet(_("There is no file {file}. Check the name and the folder.").format(file=path))
    suffix = path.suffix.lower()
    if suffix in WORKBOOKS:
        return _read_workbook(path)
    if suffix in TEXTS:
        return _read_csv(path, find_field)
    raise UnreadableSheet(
        _("{file} is of a kind that cannot be read ({suffix}). Save it as .xlsx or .csv.").format(
            file=path.name, suffix=suffix or _("no extension")
        )
    )


def _read_workbook(path: Path) -> Iterator[tuple[int, list[str]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_path(str(path))
        sheet = workbook.get_sheet_by_index(0)
        start = sheet.start[0] if sheet.start else 0
        table = sheet.to_python(skip_empty_area=True)
    except (CalamineError, OSError, ValueError, IndexError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableSheet(
            _("{file} is damaged or not a workbook ({cause}). Open it in Excel, save it again, and retry.").format(
                file=path.name, cause=cause
            )
        ) from error
    for number, cells in enumerate(table, start=start + 1):
        texts = [_text_of(cell) for cell in cells]
        if any(texts):
            yield number, texts


def _text_of(cell: object) -> str:
    """Give a workbook's cell as the text that a person reads; whole numbers have no decimals (a SIRET stored as number)."""
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


def _read_csv(path: Path, find_field: FindField) -> Iterator[tuple[int, list[str]]]:
    text = _decode(path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, find_field), strict=True)
    number = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield number, stripped
            number = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableSheet(
            _("{file}, line {line}: the CSV cannot be read ({cause}). Check the quotation marks of that line.").format(
                file=path.name, line=number, cause=error
            )
        ) from error


def _delimiter(text: str, find_field: FindField) -> str:
    """Give the mark that sets the most headers apart: a title above them, or text below, may hold other marks."""
    lines = list(islice((line for line in io.StringIO(text, newline=None) if line.strip()), HEADER_WITHIN))

    def headers(mark: str) -> int:
        return max((sum(find_field(cell) is not None for cell in line.split(mark)) for line in lines), default=0)

    return max(";,\t|", key=headers)


def _decode(path: Path) -> str:
    """Decode UTF-8 (with or without mark), UTF-16 with a mark, else cp1252, which is what a French Excel writes."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-16") if data.startswith((b"\xff\xfe", b"\xfe\xff")) else data.decode("utf-8-sig")
    except OSError as error:
        raise UnreadableSheet(
            _("{file} cannot be read ({cause}). Close it in other programs, or copy it into your folder.").format(
                file=path.name, cause=error.strerror
            )
        ) from error
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise UnreadableSheet(_("{file} is not a text file. Save it as CSV or XLSX.").format(file=path.name))
    return text
