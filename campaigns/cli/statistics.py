"""Commands about what companies asked: figures by criterion, and the companies themselves as a file."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.options import Json
from campaigns.cli.output import GAP, emit_json, examples, progress_bar, say, show_table

if TYPE_CHECKING:
    from audiences.exports import Cell
    from audiences.statistics import Criterion

app = typer.Typer()

Counts = Mapping[str, int]
Sheet = tuple[str, list[str], "list[list[Cell]]"]

HEADINGS = {
    "channel": "Source des contacts",
    "epci": "EPCI",
    "nature": "Objet de la demande",
    "topic": "Dispositif",
    "week": "Semaine",
    "day": "Jour",
}
"""The criteria in the order in which they are shown, as a French report calls them."""

TOTAL = "Total"

NARROW = 5
"""The fewest characters of a column's title in a cross table: its figures need as much."""


@dataclass(frozen=True)
class _Figures:
    """What was counted: the period, its total, and the counts by criterion, or by two at once."""

    since: date
    until: date
    total: int
    by: "dict[Criterion, dict[str, int]]"
    crossed: "dict[tuple[str, str], int] | None" = None


@app.command(
    epilog=examples(
        "relais audiences stats --since 2020-03-17 --until 2020-04-30 --chart",
        "relais audiences stats --by channel --by epci --xlsx avril.xlsx",
        "relais audiences stats sector:hcr --by nature",
    ),
    help=_("Count requests by channel, EPCI, nature, topic, day and week. Two --by give a cross table."),
)
def stats(
    query: Annotated[
        str | None, typer.Argument(help=_("Only requests of these companies: a query, or an audience's name."))
    ] = None,
    since: Annotated[str | None, typer.Option(help=_("First day; thirty days ago without it."))] = None,
    until: Annotated[str | None, typer.Option(help=_("Last day; today without it."))] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CRITERION", help=_("channel, epci, nature, topic, day or week; one, or two to cross them.")
        ),
    ] = None,
    chart: Annotated[bool, typer.Option("--chart", help=_("Draw the figures."))] = False,
    csv: Annotated[Path | None, typer.Option(help=_("Write the tables to this CSV file."))] = None,
    xlsx: Annotated[Path | None, typer.Option(help=_("Write the tables to this workbook, a sheet each."))] = None,
    as_json: Json = False,
) -> None:
    criteria = _criteria(by or [])
    figures = _count(query, since, until, criteria, is_crossed=len(by or []) == 2)
    for path, suffix, option in ((csv, ".csv", "--csv"), (xlsx, ".xlsx", "--xlsx")):
        if path is not None and path.suffix.lower() != suffix:
            raise typer.BadParameter(_("Name the file {suffix}.").format(suffix=suffix), param_hint=option)
    if chart and as_json:
        raise typer.BadParameter(
            _("A chart is for people, JSON for programs: ask for one of them."), param_hint="--chart"
        )
    for path in filter(None, (csv, xlsx)):
        _write(path, figures)
        if not as_json:
            say(_("Written: {file}.").format(file=path))
    if as_json:
        emit_json(_record(figures))
    elif chart or (csv is None and xlsx is None):
        _show(figures, chart=chart)


def _criteria(by: list[str]) -> "list[Criterion]":
    from audiences.statistics import Criterion

    unknown = [word for word in by if word not in set(Criterion)]
    if unknown:
        raise typer.BadParameter(
            _("“{text}” is not one of {words}.").format(text=unknown[0], words=", ".join(HEADINGS)), param_hint="--by"
        )
    if len(by) > 2 or len(set(by)) < len(by):
        raise typer.BadParameter(_("Write one criterion, or two different ones to cross them."), param_hint="--by")
    return [Criterion(word) for word in by or HEADINGS]


def _count(
    query: str | None, since: str | None, until: str | None, criteria: "list[Criterion]", *, is_crossed: bool
) -> _Figures:
    from audiences.catalogue import query_of
    from audiences.database import reading
    from audiences.statistics import count_requests, cross_requests
    from campaigns.calendar import parse_day
    from campaigns.cli.context import open_context
    from campaigns.planning import compile_query
    from campaigns.reports import default_period

    context = open_context()
    settings = context.settings
    first, last = default_period(context.now().astimezone(settings.zone).date())
    first, last = parse_day(since) if since else first, parse_day(until) if until else last
    if first > last:
        raise typer.BadParameter(_("The first day is after the last one: change them."), param_hint="--since")
    crossed = None
    with reading(context.engine) as session:
        condition = compile_query(session, query_of(session, query), settings, now=context.now()) if query else None
        period: dict[str, Any] = {"since": first, "until": last, "outside": settings.outside_label}
        counts = {
            criterion: count_requests(session, settings.places, criterion, condition=condition, **period)
            for criterion in criteria
        }
        if is_crossed:
            rows, columns = criteria
            crossed = cross_requests(session, settings.places, rows, columns, condition=condition, **period)
    return _Figures(first, last, sum(counts[criteria[0]].values()), counts, crossed)


def _record(figures: _Figures) -> dict[str, Any]:
    record: dict[str, Any] = {"since": figures.since, "until": figures.until, "total": figures.total}
    record |= {f"by_{criterion}": counts for criterion, counts in figures.by.items()}
    if figures.crossed is not None:
        names = list(figures.by)
        record["crossed"] = [
            {**dict(zip(names, pair, strict=True)), "count": count} for pair, count in figures.crossed.items()
        ]
    return record


def _tables(figures: _Figures) -> list[Sheet]:
    """Give the tables as a file has them: one a criterion with its total, or the cross table alone."""
    if figures.crossed is not None:
        return [_cross(figures)]
    tables: list[Sheet] = []
    for criterion, counts in figures.by.items():
        lines: list[list[Cell]] = [[label, count, _share(count, figures.total)] for label, count in counts.items()]
        tables.append(
            (HEADINGS[criterion], [HEADINGS[criterion], "Nombre", "%"], [*lines, [TOTAL, figures.total, None]])
        )
    return tables


def _share(count: int, total: int) -> float | None:
    return round(100 * count / total, 1) if total else None


def _cross(figures: _Figures) -> Sheet:
    """Arrange the pairs as rows and columns with their sums."""
    (rows, row_counts), (columns, column_counts) = figures.by.items()
    crossed = figures.crossed or {}
    lines: list[list[Cell]] = [
        [row, *(crossed.get((row, column), 0) for column in column_counts), count] for row, count in row_counts.items()
    ]
    lines.append([TOTAL, *column_counts.values(), figures.total])
    title = f"{HEADINGS[rows]} × {HEADINGS[columns]}"
    return title, [title, *column_counts, TOTAL], lines


def _write(path: Path, figures: _Figures) -> None:
    from audiences.exports import write_sheets

    write_sheets(path, _tables(figures))


def _show(figures: _Figures, *, chart: bool) -> None:
    from campaigns.reports import day_fr

    say(f"Sollicitations du {day_fr(figures.since)} au {day_fr(figures.until)} : {figures.total}\n")
    if not figures.total:
        return
    if figures.crossed is not None and not chart:
        _title, header, lines = _cross(_turned(figures))
        show_table(_fitted(header, lines), lines, numbers=len(header) - 1)
        return
    for criterion, counts in figures.by.items():
        if chart:
            _draw(criterion, counts)
        elif criterion != "day" or len(figures.by) == 1:  # many days make a long table: --by day shows it
            rows = [
                (label, count, f"{_share(count, figures.total)}".replace(".", ",")) for label, count in counts.items()
            ]
            show_table([HEADINGS[criterion], "Nombre", "%"], rows, numbers=2)
            say("")


def _width() -> int:
    from campaigns.cli.charts import WIDEST

    return shutil.get_terminal_size((WIDEST, 0)).columns


def _turned(figures: _Figures) -> _Figures:
    """Exchange rows and columns where only that fits the screen."""

    def span(rows: Counts, columns: Counts) -> int:
        return max(map(len, rows)) + (len(columns) + 1) * (NARROW + GAP)

    (rows, row_counts), (columns, column_counts) = figures.by.items()
    if span(row_counts, column_counts) <= _width() or span(column_counts, row_counts) > _width():
        return figures
    crossed = {(column, row): count for (row, column), count in (figures.crossed or {}).items()}
    return replace(figures, by={columns: column_counts, rows: row_counts}, crossed=crossed)


def _fitted(header: list[str], lines: "list[list[Cell]]") -> list[str]:
    """Cut the column titles so that the table fits the screen; figures are never cut."""
    first = max(len(header[0]), *(len(str(line[0])) for line in lines))
    each = max((_width() - first) // (len(header) - 1) - GAP, NARROW)
    return [header[0], *(title if len(title) <= each else f"{title[: each - 1]}…" for title in header[1:])]


def _draw(criterion: "Criterion", counts: Counts) -> None:
    from campaigns.cli import charts

    draw = charts.columns if criterion.is_of_time and len(counts) > 1 else charts.bars
    say(HEADINGS[criterion])
    for line in draw(counts, width=_width()):
        say(line)
    say("")


@app.command(
    epilog=examples(
        "relais audiences export 'epci:CUA AND requested:*' --out cua.xlsx",
        "relais audiences export epci:CUA --requests --no-contacts --out demandes.csv",
    ),
    help=_("Write the companies of a query to a file. What they are, whom to ask for, and what they asked."),
)
def export(
    query: Annotated[str, typer.Argument(help=_("A query, like epci:CUA, or the name of a saved audience."))],
    out: Annotated[Path, typer.Option(help=_("The file to write, .xlsx or .csv."))],
    requests: Annotated[
        bool, typer.Option("--requests", help=_("One row a request instead of one a company."))
    ] = False,
    no_contacts: Annotated[
        bool, typer.Option("--no-contacts", help=_("Leave out who they are, and the addresses."))
    ] = False,
    as_json: Json = False,
) -> None:
    from audiences.catalogue import query_of
    from audiences.database import reading
    from audiences.dossiers import load_dossiers, write_dossiers
    from campaigns.cli.context import open_context
    from campaigns.planning import compile_query

    context = open_context()
    settings = context.settings
    with reading(context.engine) as session, progress_bar(_("Writing")):
        dossiers = load_dossiers(session, compile_query(session, query_of(session, query), settings, now=context.now()))
        written = write_dossiers(
            out, dossiers, settings.places, settings.sectors, by_request=requests, with_contacts=not no_contacts
        )
    if as_json:
        emit_json({"file": str(out), **vars(written)})
        return
    say(ngettext("{file}: {count} row.", "{file}: {count} rows.", written.rows).format(file=out, count=written.rows))
    say(_("{companies} companies, {people} project holders, {requests} requests.").format(**vars(written)))
