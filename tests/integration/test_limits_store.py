"""Token buckets on SQLite and PostgreSQL: what survives a restart, and workers that take at the same time."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from audiences.database import open_engine, reading, writing
from sends.buckets import RELAY, forecast, give_back, slow_down, spread, take
from sends.limits import DomainLimit, RateLimits
from sends.models import Delivery, RateBucket
from sends.states import DeliveryStatus
from tests.factories import Clock
from tests.ledger_desk import Desk

PARIS = ZoneInfo("Europe/Paris")
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
WORKERS = 2
ORANGE = DomainLimit(("orange.fr", "wanadoo.fr"), per_minute=60)


def in_parallel(engine: Engine, work: Callable[[Engine], Any]) -> list[Any]:
    """Run `work` in threads that start together, each with connections of its own, and give its results."""
    barrier = Barrier(WORKERS)

    def start(_number: int) -> Any:
        own = open_engine(engine.url.render_as_string(hide_password=False))
        try:
            barrier.wait(timeout=30)
            return work(own)
        finally:
            own.dispose()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(start, range(WORKERS)))


@pytest.fixture
def add_deliveries(engine: Engine, clock: Clock) -> Callable[..., None]:
    """Write deliveries of one campaign: `add_deliveries({("a@example.org", SENT): at})`."""

    def add(rows: dict[tuple[str, DeliveryStatus], datetime]) -> None:
        campaign_id = Desk(engine, clock).campaign()
        with writing(engine) as session:
            for (address, status), at in rows.items():
                session.add(
                    Delivery(
                        campaign_id=campaign_id,
                        address=address,
                        address_key=address,
                        status=status,
                        not_before=at,
                        planned_at=at,
                        updated_at=at,
                    )
                )

    return add


def test_what_left_is_remembered_after_a_restart(engine, now):
    limits = RateLimits(per_minute=30, per_day=8)
    with writing(engine) as session:
        assert take(session, limits, now=now, zone=PARIS, wanted=200).count == 5
    engine.dispose()
    with writing(engine) as session:
        assert take(session, limits, now=now, zone=PARIS, wanted=200).count == 0
    with writing(engine) as session:
        assert take(session, limits, now=now + MINUTE, zone=PARIS, wanted=200).count == 3
    with reading(engine) as session:
        finish = forecast(session, limits, waiting=1, now=now + MINUTE, zone=PARIS)
    assert finish.astimezone(PARIS).isoformat() == "2020-04-02T00:01:00+02:00"


def test_what_is_rolled_back_was_not_taken(engine, now):
    limits = RateLimits(per_minute=30)
    with Session(engine) as session:
        take(session, limits, now=now, zone=PARIS, wanted=5)
    with writing(engine) as session:
        allowance = take(session, limits, now=now, zone=PARIS, wanted=5)
        give_back(session, allowance, 2)
        assert (allowance.count, take(session, limits, now=now, zone=PARIS, wanted=5).count) == (5, 2)


def test_workers_together_never_exceed_the_rate_nor_the_day(engine, now):
    limits = RateLimits(per_minute=600, per_day=170)

    def work(own: Engine) -> Counter[int]:
        taken: Counter[int] = Counter()
        for step in range(30):
            with writing(own) as session:
                at = now + step // 6 * SECOND  # five seconds in all: a burst of 100 and 40 more
                taken[step // 6] += take(session, limits, now=at, zone=PARIS, wanted=7).count
        return taken

    taken = sum(in_parallel(engine, work), Counter())
    assert sum(taken.values()) == 100 + 40
    with writing(engine) as session:
        assert take(session, limits, now=now + MINUTE, zone=PARIS, wanted=200).count == 170 - 140


def test_workers_may_make_the_first_bucket_at_once_and_share_a_domain(engine, now):
    limits = RateLimits(domains=(ORANGE, DomainLimit(("free.fr",), per_minute=6)))

    def work(own: Engine) -> list[datetime | None]:
        slots = []
        for domains in (("orange.fr", "free.fr"), ("free.fr", "wanadoo.fr")) * 5:
            with writing(own) as session:
                slots += zip(domains, spread(session, limits, domains, now=now, zone=PARIS), strict=True)
        return slots

    slots = [each for result in in_parallel(engine, work) for each in result]
    at_once = Counter(domain for domain, slot in slots if slot is None)
    assert at_once["orange.fr"] + at_once["wanadoo.fr"] == 10
    assert at_once["free.fr"] == 1
    booked = sorted(slot for domain, slot in slots if domain != "free.fr" and slot is not None)
    assert booked == [now + number * SECOND for number in range(1, 11)], "no slot is given twice"


def test_without_a_limit_half_of_what_was_really_sent_is_left(engine, now, add_deliveries):
    rows = {(f"{number}@orange.fr", DeliveryStatus.SENT): now - 20 * SECOND for number in range(80)}
    rows |= {(f"{number}@wanadoo.fr", DeliveryStatus.DELIVERED): now - 40 * SECOND for number in range(40)}
    rows |= {(f"{number}@notorange.fr", DeliveryStatus.SENT): now - 20 * SECOND for number in range(80)}
    rows |= {("old@orange.fr", DeliveryStatus.SENT): now - 2 * MINUTE, ("no@orange.fr", DeliveryStatus.FAILED): now}
    add_deliveries(rows)
    limits = RateLimits(domains=(DomainLimit(("orange.fr", "wanadoo.fr"), per_day=5_000),))
    with writing(engine) as session:
        slow_down(session, limits, "wanadoo.fr", now=now)
        slow_down(session, limits, "free.fr", now=now)
        slow_down(session, limits, None, now=now)
    with reading(engine) as session:
        rates = {key: session.get_one(RateBucket, key).rate for key in ("domain:orange.fr", "domain:free.fr", RELAY)}
    assert rates == {"domain:orange.fr": 60, "domain:free.fr": 30, RELAY: 100}


def test_who_has_no_limit_is_free_again_in_the_end(engine, now):
    limits = RateLimits()
    with writing(engine) as session:
        slow_down(session, limits, None, now=now)
        slow_down(session, limits, "free.fr", now=now)
    with writing(engine) as session:
        assert take(session, limits, now=now, zone=PARIS, wanted=200).count == 0
        assert spread(session, limits, ["free.fr", "sfr.fr"], now=now, zone=PARIS) == [now + 2 * SECOND, None]
    with writing(engine) as session:
        allowance = take(session, limits, now=now + 3 * MINUTE, zone=PARIS, wanted=200)
        assert 1 < allowance.count < 200
    later = now + 60 * MINUTE
    with writing(engine) as session:
        assert take(session, limits, now=later, zone=PARIS, wanted=200).count == 200
        assert spread(session, limits, ["free.fr"] * 200, now=later, zone=PARIS) == [None] * 200
    with reading(engine) as session:
        assert session.query(RateBucket).count() == 0
