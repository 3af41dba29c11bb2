"""Days as a query writes them: 17/03/2020, 2020-03, 2020, or counted from today; and how they read in French."""

import re
from datetime import date, timedelta
from gettext import gettext as _
from typing import NamedTuple

from audiences.errors import InvalidQuery
from audiences.fields import check_order
from audiences.text import fold
from audiences.tree import Range, Text

MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()

_ANCHORS = {"now": 0, "maintenant": 0, "today": 0, "aujourdhui": 0, "aujourd hui": 0, "yesterday": -1, "hier": -1}
_UNITS = {
    "day": "d days j jour jours",
    "week": "w week weeks s sem semaine semaines",
    "month": "m month months mois",
    "year": "y year years a an ans annee annees",
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in (unit, *words.split())}
_FRENCH = {
    "day": ("jour", "jours"),
    "week": ("semaine", "semaines"),
    "month": ("mois", "mois"),
    "year": ("an", "ans"),
}
_RELATIVE = re.compile(r"(?P<anchor>[^\W\d_][^\d+\-/]*)(?P<steps>(?:[+-]\d{1,5}[^\W\d_]+)*)(?:/[dj])?")
_STEP = re.compile(r"([+-])(\d+)([^\W\d_]+)")
_ABSOLUTE = (
    re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?)?", re.ASCII),
    re.compile(r"(?:(?P<day>\d{1,2})/)?(?P<month>\d{1,2})/(?P<year>\d{4})", re.ASCII),
)


class Days(NamedTuple):
    """A day, month or year: its first and last day; `spoken` says what a relative date counts ("il y a 30 jours")."""

    first: date
    last: date
    spoken: str = ""


def read_days(text: Text, today: date) -> Days:
    """Read a day, a month, a year, or a relative date; InvalidQuery says how they are written.

    Relative: now, today, hier, and steps like -30d, +2w, -1m, -1y, in French -30j, -2sem, -1mois, -1an. A step of
    months that leads beyond the end of a month stops at its last day.
    """
    for pattern in _ABSOLUTE:
        if match := pattern.fullmatch(text.text):
            try:
                return _absolute(**match.groupdict())
            except (ValueError, OverflowError):  # the latter beyond the year 9999
                raise InvalidQuery(
                    _("There is no day {value} in the calendar. Correct it.").format(value=text.text), text.span
                ) from None
    if found := _relative(text, today):
        return found
    raise InvalidQuery(
        _("“{value}” is not a date. Write 2020-03-17, 17/03/2020, 2020-03, or now-30d.").format(value=text.text),
        text.span,
    )


def _absolute(year: str, month: str | None, day: str | None) -> Days:
    if month is None:
        return Days(date(int(year), 1, 1), date(int(year), 12, 31))
    if day is not None:
        exact = date(int(year), int(month), int(day))
        return Days(exact, exact)
    first = date(int(year), int(month), 1)
    return Days(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))


def _relative(text: Text, today: date) -> Days | None:
    match = _RELATIVE.fullmatch(text.text.strip())
    if match is None or (anchor := _ANCHORS.get(fold(match["anchor"]))) is None:
        return None
    day = today + timedelta(days=anchor)
    counts: dict[str, int] = {"day": anchor} if anchor else {}
    for sign, digits, word in _STEP.findall(match["steps"]):
        unit = _UNIT_OF.get(fold(word))
        if unit is None:
            cause = _("“{unit}” is no unit of time. Write d, w, m or y (in French j, sem, mois, an), as in now-30d.")
            raise InvalidQuery(cause.format(unit=word), text.span)
        number = int(sign + digits)
        try:
            day = _step(day, unit, number)
        except (ValueError, OverflowError):
            raise InvalidQuery(
                _("“{value}” is no year that a calendar has.").format(value=text.text), text.span
            ) from None
        counts[unit] = counts.get(unit, 0) + number
    return Days(day, day, _speak(counts))


def _step(day: date, unit: str, number: int) -> date:
    if unit in {"day", "week"}:
        return day + timedelta(days=number * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 + number * (12 if unit == "year" else 1)
    first = date(months // 12, months % 12 + 1, 1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def _speak(counts: dict[str, int]) -> str:
    steps = [(number, unit) for unit, number in counts.items() if number]
    if not steps:
        return "aujourd’hui"
    if steps == [(-1, "day")]:
        return "hier"
    signs = {number > 0 for number, _unit in steps}
    if len(signs) > 1:
        return "aujourd’hui " + " ".join(
            f"{'plus' if number > 0 else 'moins'} {_amount(number, u)}" for number, u in steps
        )
    amounts = " et ".join(_amount(number, unit) for number, unit in steps)
    return f"dans {amounts}" if signs == {True} else f"il y a {amounts}"


def _amount(number: int, unit: str) -> str:
    one, many = _FRENCH[unit]
    return f"{abs(number)} {one if abs(number) == 1 else many}"


def read_period(value: Text | Range, today: date) -> tuple[date | None, date | None, str]:
    """Read a date or range of dates: the first and the last day inside, None where open, and the French words."""
    if isinstance(value, Text):
        days = read_days(value, today)
        return days.first, days.last, _one(days)
    low = read_days(value.low, today) if value.low else None
    high = read_days(value.high, today) if value.high else None
    if low and high:
        check_order(value, low.first, high.last)
    try:
        first = low and (low.first if value.with_low else low.last + timedelta(days=1))
        last = high and (high.last if value.with_high else high.first - timedelta(days=1))
    except OverflowError:
        raise InvalidQuery(_("The range ends outside of the calendar. Correct it."), value.span) from None
    begin = low and first and _show(first, low.spoken, "" if value.with_low else "après ")
    end = high and last and _show(last, high.spoken, "" if value.with_high else "avant ")
    if begin and end:
        return first, last, f"le {begin}" if begin == end else f"du {begin} au {end}"
    if begin:
        return first, last, f"à partir du {begin}"
    return first, last, f"jusqu’au {end}" if end else "à une date quelconque"


def _one(days: Days) -> str:
    if days.first == days.last:
        return f"le {_show(days.first, days.spoken)}"
    if days.first.month == days.last.month:
        return f"en {MONTHS[days.first.month - 1]} {days.first.year}"
    return f"en {days.first.year}"


def _show(day: date, spoken: str, relation: str = "") -> str:
    shown = day.strftime("%d/%m/") + f"{day.year:04}"
    return f"{shown} ({relation}{spoken})" if spoken else shown
