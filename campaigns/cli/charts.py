"""Charts for the terminal: bars for categories, columns for a series of days."""

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO

WIDEST = 100
"""Beyond so many characters a bar says nothing more; a pipe has no end at all."""

HEIGHT = 8
"""Lines of the columns; each line has eighths."""

_EIGHTHS = " ▁▂▃▄▅▆▇█"


def bars(counts: Mapping[str, int], *, width: int) -> list[str]:
    """Draw a horizontal bar for each label, its number behind it, in lines of at most `width` characters."""
    from rich.bar import Bar
    from rich.console import Console
    from rich.table import Table

    if not counts:
        return []
    room = min(width, WIDEST)
    most = max(*counts.values(), 1)
    digits = len(str(most))
    longest = min(max(map(len, counts)), room // 3)
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=longest, no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", width=digits)
    table.add_column(width=room - longest - digits - 3)
    for label, count in counts.items():
        table.add_row(label, str(count), Bar(size=most, begin=0, end=count))
    console = Console(
        width=room, file=StringIO(), highlight=False, markup=False, color_system=None, force_terminal=False
    )
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]


def columns(series: Mapping[str, int], *, width: int) -> list[str]:
    """Draw a column for each label of a series of time, an axis, and the first and last label below it.

    Where the room is short, neighbours are taken together, so that the series fits in `width` characters.
    """
    if not series:
        return []
    margin = len(str(max(series.values()))) + 2
    room = max(min(width, WIDEST) - margin, 1)
    labels = list(series)
    together = -(-len(labels) // room)
    sums = _sums(list(series.values()), together)
    margin = len(str(max(sums))) + 2
    wide = max(min(room // len(sums), 4), 1)
    most = max(*sums, 1)
    lines = []
    for level in range(HEIGHT, 0, -1):
        cells = (_cell(count * HEIGHT * 8 / most - (level - 1) * 8) for count in sums)
        axis = str(most) if level == HEIGHT else ""
        gap = " " if wide > 1 else ""
        lines.append(f"{axis:>{margin - 2}} │" + "".join(cell * (wide - len(gap)) + gap for cell in cells).rstrip())
    span = wide * len(sums)
    lines.append(f"{0:>{margin - 2}} └" + "─" * span)
    between = max(span - len(labels[0]) - len(labels[-1]), 1)
    lines.append(" " * margin + (labels[0] + " " * between + labels[-1] if len(labels) > 1 else labels[0]))
    return lines


def _sums(counts: Sequence[int], together: int) -> list[int]:
    return [sum(counts[at : at + together]) for at in range(0, len(counts), together)]


def _cell(eighths: float) -> str:
    """Give the block that fills so many eighths of a line; something above nothing is seen."""
    return _EIGHTHS[max(0, min(8, round(eighths) if eighths <= 0 or eighths >= 1 else 1))]


def joined(parts: Iterable[Sequence[str]]) -> str:
    """Put charts below each other, a blank line between two."""
    return "\n\n".join("\n".join(part) for part in parts if part)
