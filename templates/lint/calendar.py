"""Dates as French texts write them: in full, with slashes, two together, with or without weekday and year."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import NamedTuple

from babel.dates import get_day_names, get_month_names

MONTHS = {name: number for number, name in get_month_names("wide", locale="fr").items()}
DAYS = {name: number for number, name in get_day_names("wide", locale="fr").items()}

_BARE = str.maketrans("éû", "eu")
_SHORT_MONTHS = "janv févr fevr avr juil sept oct nov déc dec"
_MONTH_OF = {
    **MONTHS,
    **{name.translate(_BARE): number for name, number in MONTHS.items()},
    **{short: next(number for name, number in MONTHS.items() if name.translate(_BARE).startswith(short.translate(_BARE)))
       for short in _SHORT_MONTHS.split()},
}  # fmt: skip
_MONTH = "|".join(sorted(map(re.escape, _MONTH_OF), key=len, reverse=True))
_WEEKDAY = "|".join(DAYS)
_SPACE = r"[\s\u00a0\u202f]+"
_WRITTEN = re.compile(
    rf"(?:\b(?P<weekday>{_WEEKDAY}),?{_SPACE})?(?:le{_SPACE})?"
    rf"(?:(?<![\d/.,])(?P<first>\d{{1,2}}|1er)(?P<joint>{_SPACE}(?:au|et|à|ou){_SPACE}|\s?[-–]\s?)"
    rf"(?:(?P<other_weekday>{_WEEKDAY}){_SPACE})?)?"
    rf"(?<![\d/.,])\b(?P<day>\d{{1,2}}|1er){_SPACE}(?P<month>{_MONTH})\b\.?(?:{_SPACE}(?P<year>\d{{4}})\b(?!\s?€))?",
    re.IGNORECASE,
)
_SLASHED = re.compile(
    rf"(?:\b(?P<weekday>{_WEEKDAY}),?{_SPACE})?(?:le{_SPACE})?"
    r"(?<![\d/.])(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4}|\d{2})(?![\d/])",
    re.IGNORECASE,
)


class Mention(NamedTuple):
    """A date in a text: how it is written, where, and what day it is.

    `day` is None where there is no such day; `begin` is the first day of a range. `weekday` (Monday is 0) is the written
    one, `has_year` tells whether the year is written; without it, it is the year in which the day is nearest.
    """

    written: str
    span: tuple[int, int]
    day: dt.date | None
    begin: dt.date | None
    weekday: int | None
    has_year: bool


def find_dates(text: str, today: dt.date) -> Iterator[Mention]:
    """Find every date of a text, in order of how it is written: in full, then with slashes."""
    for match in _WRITTEN.finditer(text):
        month = _MONTH_OF[match["month"].lower()]
        number = _number(match["day"])
        year = int(match["year"]) if match["year"] else None
        weekday = DAYS.get((match["weekday"] or "").lower())
        first = match["first"]
        ends_with = DAYS.get((match["other_weekday"] or "").lower()) if first else weekday
        day = _day(number, month, year, ends_with, today)
        begin = _day(_number(first), month, day.year if day else year, None, today) if first else None
        if first and begin is None:
            day = None
        yield Mention(match[0].strip(), match.span(), day, begin, ends_with, year is not None)
        if first and weekday is not None and begin is not None:
            yield Mention(match[0].strip(), match.span(), begin, None, weekday, year is not None)
    for match in _SLASHED.finditer(text):
        year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
        day = _day(int(match["day"]), int(match["month"]), year, None, today)
        yield Mention(
            match[0].strip(), match.span(), day, None, DAYS.get((match["weekday"] or "").lower()), has_year=True
        )


def _number(written: str) -> int:
    return int(written.lower().removesuffix("er"))


def _day(number: int, month: int, year: int | None, weekday: int | None, today: dt.date) -> dt.date | None:
    """Give the day; without a year the nearest one, a neighbouring year where only that fits the weekday."""
    if year is not None:
        return _exact(year, month, number)
    near = [day for offset in (0, -1, 1) if (day := _exact(today.year + offset, month, number))]
    near.sort(key=lambda day: abs(day - today))
    fitting = [day for day in near if weekday is None or day.weekday() == weekday]
    return next(iter(fitting or near), None)


def _exact(year: int, month: int, number: int) -> dt.date | None:
    try:
        return dt.date(year, month, number)
    except ValueError:
        return None
