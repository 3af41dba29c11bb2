"""Token buckets in memory under a virtual clock, for the tests of the limits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings as hypothesis_settings
from sqlalchemy.orm import Session

from audiences.database import Base, open_engine, writing
from sends.buckets import Allowance, forecast, give_back, slow_down, spread, take
from sends.limits import DomainLimit, RateLimits
from sends.models import RateBucket

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday, 9:00 in Paris
TODAY = date(2026, 3, 2)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
TOMORROW = datetime(2026, 3, 2, 23, 1, tzinfo=UTC)  # 0:01 in Paris
UNHURRIED = hypothesis_settings(deadline=None, max_examples=60)
ORANGE = DomainLimit(("orange.fr", "wanadoo.fr"), per_minute=60)


class Store:
    """Buckets in memory, and a clock; each call is a transaction and a session of its own, as after a restart."""

    def __init__(self, limits: RateLimits) -> None:
        self.engine = open_engine("sqlite://")
        Base.metadata.create_all(self.engine, tables=[RateBucket.__table__])
        self.limits = limits
        self.now = NOW

    @contextmanager
    def session(self) -> Iterator[Session]:
        with writing(self.engine) as session:
            yield session

    def take(self, wanted: int) -> Allowance:
        with self.session() as session:
            return take(session, self.limits, now=self.now, zone=PARIS, wanted=wanted)

    def give_back(self, allowance: Allowance, unused: int) -> None:
        with self.session() as session:
            give_back(session, allowance, unused)

    def spread(self, *domains: str) -> list[datetime | None]:
        with self.session() as session:
            return spread(session, self.limits, domains, now=self.now, zone=PARIS)

    def slow_down(self, domain: str | None = None) -> None:
        with self.session() as session:
            slow_down(session, self.limits, domain, now=self.now)

    def forecast(self, waiting: int) -> datetime | None:
        with self.session() as session:
            return forecast(session, self.limits, waiting=waiting, now=self.now, zone=PARIS)

    def keys(self) -> set[str]:
        with self.session() as session:
            return {bucket.key for bucket in session.query(RateBucket)}


@pytest.fixture
def make_store() -> Iterator[Callable[..., Store]]:
    stores = []

    def make(**limits: object) -> Store:
        stores.append(Store(RateLimits(**limits)))
        return stores[-1]

    yield make
    for store in stores:
        store.engine.dispose()


@contextmanager
def store_of(limits: RateLimits) -> Iterator[Store]:
    store = Store(limits)
    try:
        yield store
    finally:
        store.engine.dispose()
