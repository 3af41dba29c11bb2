"""Tables in files: where the header stands, and the rows below it, streamed as often as they are wanted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from gettext import gettext as _
from itertools import dropwhile, islice
from pathlib import Path

from audiences.errors import MissingColumn, UnreadableSheet
from audiences.textfiles import TextFile, TextRow
from audiences.workbooks import Workbook, WorkbookSheet

HEADER_WITHIN = 20
"""A title or a logo may stand above the header row: it is looked for in this many rows."""

WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"})
TEXTS = frozenset({".csv", ".tsv", ".txt"})

Score = Callable[[Sequence[str]], int]
"""Tells how much a row of cells looks like a header: 0 for not at all."""


@dataclass(frozen=True)
class Table:
    """A table of a file: its header, and its rows; `size` is about how many there are (a cell may hold line breaks)."""

    path: Path
    headers: tuple[str, ...]
    size: int
    sha256: str
    sheet: str | None
    other_sheets: tuple[str, ...]
    _source: TextFile | WorkbookSheet
    _header_at: int

    def rows(self) -> Iterator[TextRow]:
        """Yield (number as the spreadsheet shows it, cells) of every row below the header that is not blank."""
        return dropwhile(lambda row: row[0] <= self._header_at, self._source.rows())


def open_table(path: Path, score: Score, *, sheet: str | None = None) -> Table:
    """Open a CSV, or one sheet of a workbook: the one of this name, else the first that has a header.

    The header is the row, among the first ones, that scores highest. Raises UnreadableSheet (no such file, not a
    table, damaged, no such sheet) and MissingColumn (no header found).
    """
    if not path.is_file():
        raise UnreadableSheet(_("There is no file {file}. Check the name and the folder.").format(file=path))
    suffix = path.suffix.lower()
    if suffix in TEXTS:
        if sheet is not None:
            raise UnreadableSheet(_("{file} is no workbook: leave --sheet out.").format(file=path.name))
        text = TextFile(path, score)
        return _table(path, text, score, sha256=text.sha256)
    if suffix not in WORKBOOKS:
        raise UnreadableSheet(
            _("{file} is of a kind that cannot be read ({suffix}). Save it as .xlsx or .csv.").format(
                file=path.name, suffix=suffix or _("no extension")
            )
        )
    book = Workbook(path)
    error: Exception | None = None
    for name in book.names if sheet is None else [sheet]:
        try:
            others = tuple(each for each in book.names if each != name)
            return _table(path, book.sheet(name), score, sha256=book.sha256, sheet=name, others=others)
        except (MissingColumn, UnreadableSheet) as caught:
            error = error or caught
    raise error or _empty(path)


def _table(
    path: Path,
    source: TextFile | WorkbookSheet,
    score: Score,
    *,
    sha256: str,
    sheet: str | None = None,
    others: tuple[str, ...] = (),
) -> Table:
    first = [(number, [cell.strip() for cell in cells]) for number, cells in islice(source.rows(), HEADER_WITHIN)]
    if not first:
        raise _empty(path)
    scores = [(score(cells), -at) for at, (_number, cells) in enumerate(first)]
    best, negative = max(scores)
    if not best:
        shown = ", ".join(cell for cell in first[0][1] if cell)[:120]
        raise MissingColumn(
            _(
                "{file} has no header row that can be recognised (its first row: {shown}). Put the column names in the first row."
            ).format(file=path.name, shown=shown or "-")
        )
    number, cells = first[-negative]
    return Table(path, tuple(cells), max(0, source.lines - number), sha256, sheet, others, source, number)


def _empty(path: Path) -> UnreadableSheet:
    return UnreadableSheet(_("{file} is empty. Export it again with its header row.").format(file=path.name))
