"""How things are shown: tables and bars for people, JSON for machines."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from gettext import gettext as _
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rich.progress import Progress
    from rich.table import Table

    from audiences.waterfall import Waterfall


GAP = 2
"""Spaces between two columns."""

NARROWEST = 16
"""The fewest characters that a column of text is narrowed to."""

UNBOUNDED = 1_000

FOUND = 3
"""The exit code of a check that found what has to be corrected."""

YES = frozenset({"y", "yes", "o", "oui"})

SILENT = frozenset({"", "0", "–"})
"""What a cell shows where there is nothing to say."""


def examples(*commands: str) -> str:
    """Give the end of a command's help: its examples, a line each."""
    return "\b\n" + _("Examples:") + "".join(f"\n  {command}" for command in commands)


def say(text: str) -> None:
    """Print a sentence."""
    typer.echo(text)


def wrap(text: str, *, indent: int) -> str:
    """Break a text at the end of the screen, each line indented by so many spaces."""
    margin = " " * indent
    return textwrap.fill(
        text, _room(), initial_indent=margin, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False
    )


def note(text: str) -> None:
    """Print a remark beside the result, on stderr, so that JSON stays alone on stdout."""
    typer.echo(text, err=True)


def emit_json(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


class Clipped(str):
    """A cell that stays on one line: its end is cut where the room is short."""

    __slots__ = ()


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    numbers: int = 0,
    empty: str | None = None,
) -> None:
    """Print a table; the last `numbers` columns hold figures and stand right; `empty` is said where there is no row.

    Where the room is short, columns that say nothing (zeros, blanks) give way first, then the texts wrap (a `Clipped`
    one is cut), and the first column, which names the row, wraps last. A table that cannot fit is wider than the screen.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    cells = [
        tuple(cell if isinstance(cell, str) else "–" if cell is None else str(cell) for cell in row) for row in rows
    ]
    if not cells and empty is not None:
        say(empty)
        return
    shown = list(range(len(columns)))
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    room = _room()
    if _span(widths) > room:
        shown = [at for at in shown if not at or any(row[at] not in SILENT for row in cells)]
    first_number = len(columns) - numbers
    floors = {at: widths[at] if at >= first_number else min(widths[at], NARROWEST) for at in shown}
    if _span([widths[0], *list(floors.values())[1:]]) <= room:
        floors[0] = widths[0]
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False
    )
    for at, floor in floors.items():
        is_number = at >= first_number
        table.add_column(
            columns[at],
            justify="right" if is_number else "left",
            overflow="fold",
            no_wrap=floor == widths[at],
            min_width=floor,
        )
    for row in cells:
        texts = (row[at] for at in shown)
        table.add_row(
            *(Text(text, no_wrap=True, overflow="ellipsis") if isinstance(text, Clipped) else text for text in texts)
        )
    _print(table, max(room, _span(floors.values())))


def show_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Print a list of labels and values, the values aligned."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in pairs:
        if value not in (None, ""):
            table.add_row(label, str(value))
    _print(table, _room())


def _room() -> int:
    """Give the width of the screen in characters; a file or a pipe has no end."""
    return shutil.get_terminal_size((UNBOUNDED, 0)).columns


def _span(widths: "Collection[int]") -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _print(table: "Table", width: int) -> None:
    """Print without the spaces that would fill each line up to its end."""
    from rich.console import Console

    console = Console(width=width, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        say(line.rstrip())


def show_waterfall(waterfall: "Waterfall") -> None:
    """Print how a segment comes down to its recipients; rules that take nobody are left out."""
    rows: list[tuple[str, object]] = [
        (_("companies matched"), waterfall.companies),
        (_("contacts"), waterfall.contacts),
    ]
    rows += [(_("– {label}").format(label=step.label), f"-{step.count}") for step in waterfall.steps if step.count]
    rows.append((_("recipients"), waterfall.recipients))
    width = max(len(label) for label, _number in rows)
    for label, number in rows[:-1]:
        say(f"  {label:<{width}}  {number:>8}")
    say(f"  {'':-<{width + 10}}")
    say(f"  {rows[-1][0]:<{width}}  {rows[-1][1]:>8}")


class Bar:
    """A progress bar on stderr; `start` says how much there is, `advance` how much more is done."""

    def __init__(self, progress: "Progress", label: str) -> None:
        self._progress = progress
        self._task = progress.add_task(label, total=None)

    def start(self, total: int) -> "Callable[[int], None]":
        """Set what there is to do; give the function that counts what is done."""
        self._progress.update(self._task, total=total)
        return self.advance

    def tell(self, text: str) -> None:
        """Print a line; on a screen that shows the bar, above it."""
        if self._progress.disable or not sys.stdout.isatty():
            say(text)
        else:
            self._progress.console.print(text, soft_wrap=True)

    def advance(self, done: int) -> None:
        """Count `done` more."""
        self._progress.update(self._task, advance=done)


@contextmanager
def progress_bar(label: str) -> Iterator[Bar]:
    """Show a bar while the block works, if stderr is a screen; it leaves nothing behind."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True, highlight=False, markup=False)
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, disable=not console.is_terminal
    ) as progress:
        yield Bar(progress, label)


def open_private(path: Path, mode: Literal["w", "a"]) -> IO[str]:
    """Open a text file to write or append what nobody else on the machine may read (GDPR art. 32): mode 0600."""
    from audiences.exports import MODE

    how = os.O_TRUNC if mode == "w" else os.O_APPEND
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | how, MODE), mode, encoding="utf-8")
    path.chmod(MODE)  # one that was there before may be open to all
    return file


def confirm(question: str) -> None:
    """Ask once; anything but yes (in English or French) ends the command with nothing done: Unconfirmed."""
    from campaigns.errors import Unconfirmed

    if not sys.stdin.isatty():
        raise Unconfirmed(
            _("Nobody is there to answer “{question}”. Add --yes to go on without asking.").format(question=question)
        )
    try:
        answer = input(_("{question} [y/N] ").format(question=question))
    except EOFError:
        answer = ""
    if answer.strip().lower() not in YES:
        raise Unconfirmed(_("Not confirmed: nothing was done."))
