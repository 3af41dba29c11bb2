"""Long lists: the first rows on the screen, all of them in a file."""

from collections.abc import Iterable, Iterator, Sequence
from gettext import gettext as _
from gettext import ngettext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from campaigns.cli.output import emit_json, say, show_table

if TYPE_CHECKING:
    from audiences.exports import Cell

SHOWN = 50
"""How many rows the screen has; --out and --json have them all."""


def show_first(columns: Sequence[str], rows: Iterator[Sequence[object]]) -> None:
    """Print a table of the first rows, and how many more there are."""
    show_table(columns, list(islice(rows, SHOWN)), empty=_("There is none."))
    if more := sum(1 for _row in rows):
        say(_("… and {count} more: add --out FILE.xlsx, or --json.").format(count=more))


def write_list(
    out: Path, columns: Sequence[str], rows: "Iterable[Sequence[Cell]]", *, as_json: bool, name: str = "Relais"
) -> None:
    """Write a table to a new .xlsx or .csv, whose sheet has this name; say how many rows it has."""
    from audiences.exports import write_sheet

    count = write_sheet(out, columns, rows, name=name)
    if as_json:
        emit_json({"file": str(out), "rows": count})
        return
    text = ngettext("Written: {file}, {count} row.", "Written: {file}, {count} rows.", count)
    say(text.format(file=out, count=count))
