"""What the providers of recipients take: slots, slow-downs, and forecasts."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sends.buckets import CLIMB, RELAY, Allowance
from sends.limits import DomainLimit, RateLimits
from sends.models import RateBucket
from tests.bucket_store import MINUTE, NOW, ORANGE, SECOND, TODAY, TOMORROW, UNHURRIED, Store, make_store, store_of

__all__ = ["make_store"]  # a fixture


# -- recipient domains ---------------------------------------------------------------------------------------------


def test_a_batch_is_spread_at_the_rate_of_its_domain(make_store):
    slots = make_store(domains=(ORANGE,)).spread(*["orange.fr", "wanadoo.fr"] * 8, "example.org", "free.fr")
    assert slots[:10] == [None] * 10, "the two domains share ten seconds' worth"
    assert slots[10:16] == [NOW + number * SECOND for number in range(1, 7)]
    assert slots[16:] == [None, None], "the others are nobody's business"


def test_the_next_batch_waits_behind_the_one_before(make_store):
    store = make_store(domains=(ORANGE,))
    store.spread(*["orange.fr"] * 15)
    assert store.spread(*["orange.fr"] * 3) == [NOW + number * SECOND for number in (6, 7, 8)]


def test_a_days_quota_used_up_means_tomorrow_evenly(make_store):
    store = make_store(domains=(DomainLimit(("laposte.net",), per_day=4),))
    assert store.spread(*["laposte.net"] * 7) == [None] * 4 + [
        TOMORROW + step * timedelta(hours=6) for step in range(3)
    ]


def test_slots_of_today_leave_room_for_the_quota(make_store):
    store = make_store(domains=(DomainLimit(("laposte.net",), per_minute=6, per_day=4),))
    slots = store.spread(*["laposte.net"] * 6)
    assert slots == [
        None,
        *(NOW + 10 * number * SECOND for number in (1, 2, 3)),
        TOMORROW,
        TOMORROW + timedelta(hours=6),
    ]


def test_a_long_queue_is_put_in_order_once(make_store):
    store = make_store(domains=(ORANGE,))
    queue = [NOW] * 600
    looked_at, left = 0, []
    while queue:
        queue.sort()
        store.now = max(store.now, queue[0])
        due = [time_ for time_ in queue if time_ <= store.now][:200]
        queue = queue[len(due) :]
        looked_at += len(due)
        slots = store.spread(*["orange.fr"] * len(due))
        left += [store.now for slot in slots if slot is None]
        queue += [slot for slot in slots if slot is not None]
    assert left[-1] == NOW + 590 * SECOND
    assert looked_at <= 2 * 600


# -- slow-downs ----------------------------------------------------------------------------------------------------


def rate_of(store: Store) -> int:
    """Count what leaves in the coming minute; moves the clock past it."""
    end, count = store.now + MINUTE, 0
    while store.now < end:
        count += store.take(100_000).count
        store.now += SECOND
    return count


def test_a_complaint_halves_the_rate_once_a_minute(make_store):
    store = make_store(per_minute=60)
    store.take(10)
    store.slow_down()
    assert store.take(1) == Allowance(0, NOW + 2 * SECOND, NOW, TODAY), "half the rate, and a pause"
    store.now += 59 * SECOND
    store.slow_down()
    assert rate_of(store) in range(30, 44), "the second complaint of the minute changed nothing"


def test_clean_minutes_climb_by_a_quarter_up_to_the_limit(make_store):
    store = make_store(per_minute=96)
    store.slow_down()
    store.now += 10 * MINUTE
    store.slow_down()
    measured = [rate_of(store) for _ in range(6)]
    expected = [48 * CLIMB**minute for minute in range(3)] + [96] * 3
    assert measured[0] in range(46, 49)
    assert all(abs(got - wanted) <= 9 for got, wanted in zip(measured, expected, strict=True))


@pytest.mark.parametrize(("per_minute", "least"), [(100, 1.0), (0.5, 0.5)], ids=["one a minute", "or the limit itself"])
def test_it_never_falls_below_one_a_minute(make_store, per_minute, least):
    store = make_store(per_minute=per_minute)
    for _ in range(20):
        store.slow_down()
        store.now += MINUTE
    with store.session() as session:
        assert session.get(RateBucket, RELAY).rate == least


def test_a_slowed_domain_holds_back_its_own_only(make_store):
    store = make_store(domains=(ORANGE,))
    store.slow_down("wanadoo.fr")
    assert store.spread("orange.fr", "free.fr") == [NOW + 2 * SECOND, None]
    assert store.take(100).count == 100


# -- forecasts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "waiting", "finish"),
    [
        (RateLimits(per_minute=30), 0, NOW),
        (RateLimits(per_minute=30), 5, NOW),
        (RateLimits(per_minute=30), 35, NOW + MINUTE),
        (RateLimits(per_day=100), 100, NOW),
        (RateLimits(per_day=100), 101, TOMORROW),
        (RateLimits(per_day=100), 301, TOMORROW + timedelta(days=2)),
        (RateLimits(warm_up_since=TODAY), 650, TOMORROW + timedelta(days=1)),
        (RateLimits(warm_up_since=TODAY - timedelta(days=30)), 10**6, NOW),
    ],
    ids=["nothing", "a burst", "a minute", "today", "one too many", "three days on", "warm-up", "long warm"],
)
def test_the_finish_is_forecast(limits, waiting, finish):
    with store_of(limits) as store:
        assert store.forecast(waiting) == finish


def test_a_forecast_knows_what_left_today_and_changes_nothing(make_store):
    store = make_store(per_day=100)
    store.take(60)
    assert [store.forecast(40), store.forecast(41)] == [NOW, TOMORROW]
    assert store.take(100).count == 40


def test_a_forecast_ends_somewhere(make_store):
    assert make_store(per_day=1).forecast(10**9).year == 2036


@UNHURRIED
@given(
    per_minute=st.none() | st.sampled_from([1, 3.3, 30, 600]),
    per_day=st.none() | st.integers(20, 100),
    is_new=st.booleans(),
    before=st.integers(0, 60),
    waiting=st.integers(1, 80),
)
def test_what_is_forecast_comes_true(per_minute, per_day, is_new, before, waiting):
    limits = RateLimits(per_minute=per_minute, per_day=per_day, warm_up_since=TODAY if is_new else None)
    with store_of(limits) as store:
        store.take(before)
        finish = store.forecast(waiting)
        if finish is None:
            assert limits.is_unlimited
            return
        while waiting:
            allowance = store.take(waiting)
            waiting -= allowance.count
            if waiting:
                store.now = allowance.resume_at
        assert abs(store.now - finish) <= 2 * SECOND
