"""Figures about requests, as a chamber publishes them."""

from collections import Counter
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from audiences.database import reading
from audiences.statistics import (
    Criterion,
    RequestStatistics,
    count_requests,
    cross_requests,
    iso_week,
    request_statistics,
)
from campaigns.planning import compile_query
from campaigns.settings import Settings
from tests.factories import NOW, Factory

OUTSIDE = "Hors territoire Artois"


@pytest.fixture
def filled(engine: Engine, factory: Factory) -> Engine:
    arras, lens = factory.company(commune="Arras"), factory.company(commune="Lens")
    lille, nowhere = factory.company(commune="Lille"), factory.company(commune=None)
    person = factory.contact("zoe@example.org")
    for company in (arras, lens, lille, nowhere):
        factory.contact(None, company)
    for day in (1, 2, 30):
        factory.request(arras, received_on=date(2020, 4, day))
    factory.request(lens, received_on=date(2020, 4, 30), nature="Chômage", channel="Mail COVID-19")
    factory.request(lille, received_on=date(2020, 4, 15), nature="Chômage")
    factory.request(nowhere, received_on=date(2020, 4, 15), nature="Autre")
    factory.request(contact=person, received_on=date(2020, 4, 15), nature="Autre")
    factory.request(arras, received_on=date(2020, 3, 31))
    factory.request(arras, received_on=date(2020, 5, 1))
    return engine


def count(engine: Engine, settings: Settings, since: date, until: date) -> RequestStatistics:
    with reading(engine) as session:
        return request_statistics(session, settings.places, outside=OUTSIDE, since=since, until=until)


def test_a_month(filled: Engine, settings: Settings):
    found = count(filled, settings, date(2020, 4, 1), date(2020, 4, 30))
    assert found.total == 7
    assert found.by_channel == {"Appel CCI": 6, "Mail COVID-19": 1}
    assert found.by_nature == {"Aides financières": 3, "Chômage": 2, "Autre": 2}
    assert found.by_epci == {"CUA": 3, "Non précisé": 2, "CALL": 1, OUTSIDE: 1}


def test_each_criterion_counts_every_request_and_the_largest_comes_first(filled: Engine, settings: Settings):
    found = count(filled, settings, date(2020, 1, 1), date(2020, 12, 31))
    assert found.total == 9
    for counts in (found.by_channel, found.by_epci, found.by_nature):
        assert sum(counts.values()) == found.total
        assert list(counts.values()) == sorted(counts.values(), reverse=True)


@pytest.mark.parametrize(
    ("since", "until", "total"),
    [
        pytest.param(date(2020, 4, 30), date(2020, 4, 30), 2, id="one-day"),
        pytest.param(date(2020, 3, 31), date(2020, 4, 1), 2, id="both-ends-count"),
        pytest.param(date(2021, 1, 1), date(2021, 12, 31), 0, id="nothing"),
        pytest.param(date(2020, 4, 30), date(2020, 4, 1), 0, id="upside-down"),
    ],
)
def test_periods(filled: Engine, settings: Settings, since: date, until: date, total: int):
    found = count(filled, settings, since, until)
    assert (found.total, sum(found.by_epci.values())) == (total, total)


def test_equal_counts_come_in_the_same_order_on_both_databases(filled: Engine, settings: Settings):
    found = count(filled, settings, date(2020, 4, 15), date(2020, 4, 30))
    assert list(found.by_epci.items()) == [("Non précisé", 2), ("CALL", 1), ("CUA", 1), (OUTSIDE, 1)]


def by(engine: Engine, settings: Settings, criterion: Criterion, **options: Any) -> dict[str, int]:
    period: dict[str, Any] = {"since": date(2020, 4, 1), "until": date(2020, 4, 30), "outside": OUTSIDE, **options}
    with reading(engine) as session:
        if "query" in period:
            period["condition"] = compile_query(session, period.pop("query"), settings, now=NOW)
        return count_requests(session, settings.places, criterion, **period)


def test_days_and_weeks_come_in_their_order_without_a_gap(filled: Engine, settings: Settings):
    days = by(filled, settings, Criterion.DAY)
    assert list(days) == [f"2020-04-{day:02}" for day in range(1, 31)]
    assert {day: count for day, count in days.items() if count} == {
        "2020-04-01": 1, "2020-04-02": 1, "2020-04-15": 3, "2020-04-30": 2,
    }  # fmt: skip
    assert by(filled, settings, Criterion.WEEK) == {
        "2020-W14": 2, "2020-W15": 0, "2020-W16": 3, "2020-W17": 0, "2020-W18": 2,
    }  # fmt: skip


def test_a_week_belongs_to_the_year_of_its_thursday():
    assert iso_week(date(2021, 1, 3)) == "2020-W53"
    assert iso_week(date(2024, 12, 30)) == "2025-W01"


@pytest.mark.parametrize("criterion", Criterion)
def test_whatever_is_counted_the_sum_is_that_of_the_requests(filled: Engine, settings: Settings, criterion: Criterion):
    assert sum(by(filled, settings, criterion).values()) == 7
    assert by(filled, settings, criterion, since=date(2022, 1, 1), until=date(2022, 1, 2)) == {}
    assert sum(by(filled, settings, criterion, query="epci:CUA").values()) == 3


def test_requests_without_a_topic_are_counted(engine: Engine, factory: Factory, settings: Settings):
    company = factory.company()
    for topic in ("Masques", "Masques", None, ""):
        factory.request(company, received_on=date(2020, 4, 3), topic=topic)
    assert by(engine, settings, Criterion.TOPIC) == {"Masques": 2, "Non précisé": 2}


def test_a_query_keeps_the_requests_of_who_it_matches(filled: Engine, settings: Settings):
    assert by(filled, settings, Criterion.NATURE, query="epci:CALL") == {"Chômage": 1}
    assert by(filled, settings, Criterion.NATURE, query="NOT epci:*") == {"Autre": 2}  # the person and the unplaced one
    assert by(filled, settings, Criterion.NATURE, query="epci:CAHC") == {}


@pytest.mark.parametrize("rows", Criterion)
@pytest.mark.parametrize("columns", Criterion)
def test_a_cross_table_has_the_sums_of_its_criteria(
    filled: Engine, settings: Settings, rows: Criterion, columns: Criterion
):
    period: dict[str, Any] = {"since": date(2020, 4, 1), "until": date(2020, 4, 30), "outside": OUTSIDE}
    with reading(filled) as session:
        crossed = cross_requests(session, settings.places, rows, columns, **period)
    for at, criterion in enumerate((rows, columns)):
        sums: Counter[str] = Counter()
        for pair, count in crossed.items():
            sums[pair[at]] += count
        assert sums == Counter({label: count for label, count in by(filled, settings, criterion).items() if count})
