"""The rejected rows of a file as a workbook of their own: the original columns, and why; mended, it is imported as it is."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from gettext import gettext as _
from pathlib import Path

from audiences.columns import REASONS
from audiences.exports import write_sheet
from audiences.rows import Rejection
from audiences.sheets import Table
from audiences.text import fold


def free_name(path: Path) -> Path:
    """Give the name beside a file under which its rejected rows can be written: the first that is not taken."""
    stem = path.with_name(f"{path.stem}-{_('rejects')}")
    number = 1
    while True:
        found = stem.with_name(f"{stem.name}{'' if number == 1 else f'-{number}'}.xlsx")
        if not found.exists():
            return found
        number += 1


def write_rejects(path: Path, table: Table, rejections: Iterable[Rejection]) -> int:
    """Write the rows that were rejected, each with its reasons in the last column; give their number.

    A reason that an earlier import wrote is replaced. UnwritableFile if the file exists or cannot be written.
    """
    reasons: dict[int, list[str]] = defaultdict(list)
    for each in rejections:
        reasons[each.row].append(f"{each.column}: {each.reason}" if each.column else each.reason)
    kept = [at for at, header in enumerate(table.headers) if fold(header) not in REASONS]
    columns = [*(table.headers[at] for at in kept), _("Reason for the rejection")]

    def rows() -> Iterator[list[str]]:
        for number, cells in table.rows():
            if number in reasons:
                texts = [cells[at].strip() if at < len(cells) else "" for at in kept]
                yield [*texts, " ; ".join(reasons[number])]

    return write_sheet(path, columns, rows(), name=table.path.stem)
