"""Commands about webinars: on which days they can be."""

from gettext import gettext as _
from typing import Annotated

import typer

from campaigns.cli.options import Json
from campaigns.cli.output import emit_json, examples, show_table

app = typer.Typer()


@app.command(
    epilog=examples("relais campaigns dates --weekday jeudi --from 2020-05-01 --count 6"),
    help=_("Propose dates for a series of webinars. French public holidays are left out, and named."),
)
def dates(
    weekday: Annotated[str, typer.Option(help=_("In French, like jeudi."))] = "jeudi",
    start: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help=_("The first day; today without it."))
    ] = None,
    count: Annotated[int, typer.Option(help=_("How many."))] = 6,
    move: Annotated[
        bool, typer.Option("--move", help=_("Take the working day before a holiday, instead of none in that week."))
    ] = False,
    area: Annotated[str, typer.Option(help=_("Whose holidays: metropole or alsace-moselle."))] = "metropole",
    as_json: Json = False,
) -> None:
    from campaigns.calendar import parse_day
    from campaigns.cli.context import make_clock
    from campaigns.errors import InvalidDate
    from campaigns.settings import load_settings
    from campaigns.workdays import Area, propose
    from templates.typography import date as in_french

    settings = load_settings()
    if area not in set(Area):
        raise InvalidDate(
            _("“{area}” has no holidays of its own here. Write metropole or alsace-moselle.").format(area=area)
        )
    first = parse_day(start) if start else make_clock(settings.clock)().astimezone(settings.zone).date()
    found = list(propose(weekday.casefold(), first, count, area=Area(area)))
    if move:
        found = [each._replace(day=each.instead or each.day, instead=None) for each in found][:count]
    if as_json:
        emit_json([{"day": each.day, "holiday": each.holiday, "is_left_out": bool(each.instead)} for each in found])
        return
    rows = [
        (each.day.isoformat(), in_french(each.day), _remark(each.holiday, is_moved=not each.instead)) for each in found
    ]
    show_table([_("Date"), _("In full"), _("Remark")], rows)


def _remark(holiday: str | None, *, is_moved: bool) -> str:
    if holiday is None:
        return ""
    return (
        _("moved: {holiday}").format(holiday=holiday) if is_moved else _("left out: {holiday}").format(holiday=holiday)
    )
