"""Figures about requests, as a chamber publishes them."""

from datetime import date

import pytest
from sqlalchemy import Engine

from audiences.database import reading
from audiences.statistics import RequestStatistics, request_statistics
from campaigns.settings import Settings
from tests.factories import Factory

OUTSIDE = "Hors territoire Artois"


@pytest.fixture
def filled(engine: Engine, factory: Factory) -> Engine:
    arras, lens = factory.company(commune="Arras"), factory.company(commune="Lens")
    lille, nowhere = factory.company(commune="Lille"), factory.company(commune=None)
    person = factory.contact("zoe@example.org")
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
