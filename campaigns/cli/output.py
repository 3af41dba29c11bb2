"""How things are shown: tables and bars for people, JSON for machines."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from gettext import gettext as _
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

    from audiences.waterfall import Waterfall


def examples(*commands: str) -> str:
    """Give the end of a command's help: its examples, a line each."""
    return "\b\n" + _("Examples:") + "".join(f"\n  {command}" for command in commands)


def say(text: str) -> None:
    """Print a sentence."""
    typer.echo(text)


def note(text: str) -> None:
    """Print a remark beside the result, on stderr, so that JSON stays alone on stdout."""
    typer.echo(text, err=True)


def emit_json(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None, numbers: int = 0
) -> None:
    """Print a table; the last `numbers` columns hold figures and stand right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for at, column in enumerate(columns):
        is_number = at >= len(columns) - numbers
        table.add_column(column, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
    for row in rows:
        table.add_row(*("–" if cell is None else str(cell) for cell in row))
    Console(highlight=False, markup=False).print(table)


def show_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Print a list of labels and values, the values aligned."""
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in pairs:
        if value not in (None, ""):
            table.add_row(label, str(value))
    Console(highlight=False, markup=False).print(table)


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
        """Print a line above the bar."""
        self._progress.stop()
        typer.echo(text)
        self._progress.start()

    def advance(self, done: int) -> None:
        """Count `done` more."""
        self._progress.update(self._task, advance=done)


@contextmanager
def progress_bar(label: str) -> Iterator[Bar]:
    """Show a bar while the block works; it leaves nothing behind."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress, label)


def confirm(question: str) -> None:
    """Ask once; anything but yes ends the command with nothing done."""
    if not sys.stdin.isatty():
        from campaigns.errors import Unconfirmed

        raise Unconfirmed(
            _("Nobody is there to answer “{question}”. Add --yes to go on without asking.").format(question=question)
        )
    typer.confirm(question, abort=True)
