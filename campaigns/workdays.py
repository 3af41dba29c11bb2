"""Days on which the companies of a chamber are at work: French public holidays, by the library `holidays`."""

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from gettext import gettext as _
from typing import NamedTuple

from campaigns.errors import InvalidDate

WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MOST = 100


class Area(StrEnum):
    """Where the holidays are those of."""

    METROPOLE = "metropole"
    ALSACE_MOSELLE = "alsace-moselle"  # Good Friday and 26 December too (law of 16 August 1892)


class Proposal(NamedTuple):
    """A day in a series: `holiday` names the one it falls on, `instead` the working day before, where it does."""

    day: date
    holiday: str | None = None
    instead: date | None = None


def propose(weekday: str, start: date, count: int, *, area: Area = Area.METROPOLE) -> Iterator[Proposal]:
    """Give days until `count` of them are no holiday, those between that are holidays too.

    Raises InvalidDate for a weekday that there is not, or a count that is not 1 to 100.
    """
    if weekday not in WEEKDAYS:
        raise InvalidDate(
            _("“{word}” is no weekday. Write one of {words}.").format(word=weekday, words=", ".join(WEEKDAYS))
        )
    if not 1 <= count <= MOST:
        raise InvalidDate(_("Between 1 and {most} dates can be proposed.").format(most=MOST))
    day = start + timedelta(days=(WEEKDAYS.index(weekday) - start.weekday()) % 7)
    while count:
        name = _holiday(day, area)
        yield Proposal(day, name, _workday_before(day, area) if name else None)
        count -= name is None
        day += timedelta(days=7)


def _workday_before(day: date, area: Area) -> date:
    while _holiday(day, area) or day.weekday() > 4:
        day -= timedelta(days=1)
    return day


def _holiday(day: date, area: Area) -> str | None:
    from holidays import country_holidays

    subdivision = "57" if area is Area.ALSACE_MOSELLE else None
    found = country_holidays("FR", subdiv=subdivision, years=day.year, language="fr").get(day)
    return str(found) if found else None
