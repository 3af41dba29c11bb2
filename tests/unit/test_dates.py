"""Days as queries write them: from today, in French and English, and how they are spoken."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.dates import read_days, read_period
from audiences.errors import InvalidQuery
from audiences.tree import Range, Span, Text

TODAY = date(2020, 3, 31)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2020-03-17", date(2020, 3, 17), date(2020, 3, 17)),
        ("17/03/2020", date(2020, 3, 17), date(2020, 3, 17)),
        ("1/3/2020", date(2020, 3, 1), date(2020, 3, 1)),
        ("2020-02", date(2020, 2, 1), date(2020, 2, 29)),
        ("02/2020", date(2020, 2, 1), date(2020, 2, 29)),
        ("2020", date(2020, 1, 1), date(2020, 12, 31)),
    ],
)
def test_days_of_the_calendar(text: str, first: date, last: date):
    assert read_days(Text(text), TODAY) == (first, last, "")


@pytest.mark.parametrize(
    ("text", "day", "spoken"),
    [
        ("now", date(2020, 3, 31), "aujourd’hui"),
        ("NOW", date(2020, 3, 31), "aujourd’hui"),
        ("today", date(2020, 3, 31), "aujourd’hui"),
        ("aujourdhui", date(2020, 3, 31), "aujourd’hui"),
        ("aujourd'hui", date(2020, 3, 31), "aujourd’hui"),
        ("aujourd’hui", date(2020, 3, 31), "aujourd’hui"),
        ("maintenant/j", date(2020, 3, 31), "aujourd’hui"),
        ("now/d", date(2020, 3, 31), "aujourd’hui"),
        ("hier", date(2020, 3, 30), "hier"),
        ("now-1d", date(2020, 3, 30), "hier"),
        ("now-30d", date(2020, 3, 1), "il y a 30 jours"),
        ("now-30j", date(2020, 3, 1), "il y a 30 jours"),
        ("now-30jours/d", date(2020, 3, 1), "il y a 30 jours"),
        ("today-2w", date(2020, 3, 17), "il y a 2 semaines"),
        ("now-2sem", date(2020, 3, 17), "il y a 2 semaines"),
        ("now-1m", date(2020, 2, 29), "il y a 1 mois"),
        ("now-13mois", date(2019, 2, 28), "il y a 13 mois"),
        ("now+1m", date(2020, 4, 30), "dans 1 mois"),
        ("now-1y", date(2019, 3, 31), "il y a 1 an"),
        ("aujourdhui-2ans", date(2018, 3, 31), "il y a 2 ans"),
        ("now-2année", date(2018, 3, 31), "il y a 2 ans"),
        ("now-1y-1m", date(2019, 2, 28), "il y a 1 an et 1 mois"),
        ("now-1y+2d", date(2019, 4, 2), "aujourd’hui moins 1 an plus 2 jours"),
    ],
)
def test_days_from_today(text: str, day: date, spoken: str):
    assert read_days(Text(text), TODAY) == (day, day, spoken)


@pytest.mark.parametrize(
    "text",
    ["", "30/02/2020", "2020-13", "2020-00-01", "17/03/20", "20200317", "now-", "now-30", "now-d", "now-30q", "later",
     "now--1d", "now-99999y", "now+99999y", "0000", "-30d", "now - 3d", "٢٠٢٠"],
)  # fmt: skip
def test_what_is_no_day(text: str):
    with pytest.raises(InvalidQuery) as caught:
        read_days(Text(text, span=Span(3, 9)), TODAY)
    assert caught.value.span == (3, 9)


@given(st.integers(0, 2_000), st.sampled_from("dwmy"))
def test_a_step_back_lies_before_today(number: int, unit: str):
    found = read_days(Text(f"now-{number}{unit}"), TODAY)
    assert found.first == found.last <= TODAY
    days = {"d": 1, "w": 7, "m": 365.2425 / 12, "y": 365.2425}[unit] * number
    assert abs((TODAY - found.first).days - days) <= 3


@given(st.text(max_size=12))
def test_whatever_is_written_is_a_period_or_refused(text: str):
    try:
        first, last, words = read_period(Text(text), TODAY)
    except InvalidQuery:
        return
    assert first is not None
    assert last is not None
    assert first <= last
    assert words


@pytest.mark.parametrize(
    ("bounds", "period"),
    [
        (Range(Text("now-7d"), Text("now")), (date(2020, 3, 24), date(2020, 3, 31))),
        (Range(Text("now-7d"), Text("now"), with_low=False, with_high=False), (date(2020, 3, 25), date(2020, 3, 30))),
        (Range(Text("2020-02"), Text("2020-03")), (date(2020, 2, 1), date(2020, 3, 31))),
        (
            Range(Text("2020-02"), Text("2020-04"), with_low=False, with_high=False),
            (date(2020, 3, 1), date(2020, 3, 31)),
        ),
        (Range(None, Text("2020")), (None, date(2020, 12, 31))),
        (Range(Text("2020"), None), (date(2020, 1, 1), None)),
    ],
    ids=lambda value: "" if isinstance(value, tuple) and not isinstance(value, Range) else str(value)[:60],
)
def test_periods(bounds: Range, period: tuple[date | None, date | None]):
    assert read_period(bounds, TODAY)[:2] == period
