"""Token buckets under a virtual clock: rates, day quotas, warm-up, and what never happens."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sends.buckets import BURST, Allowance
from sends.limits import WARM_UP, RateLimits
from tests.bucket_store import MINUTE, NOW, PARIS, SECOND, TODAY, TOMORROW, UNHURRIED, make_store, store_of

__all__ = ["make_store"]  # a fixture

# -- the relay -----------------------------------------------------------------------------------------------------


def test_without_limits_everything_may_leave_and_nothing_is_written(make_store):
    store = make_store()
    assert store.take(10_000) == Allowance(10_000, None)
    assert store.spread("example.org", "orange.fr") == [None, None]
    assert store.forecast(1_000_000) is None
    assert store.keys() == set()


@pytest.mark.parametrize(
    ("per_minute", "burst"), [(600, 100), (30, 5), (6, 1), (1, 1), (0.5, 1)], ids=lambda value: f"{value}"
)
def test_a_burst_is_ten_seconds_worth_and_at_least_one(make_store, per_minute, burst):
    store = make_store(per_minute=per_minute)
    assert store.take(1_000).count == burst
    assert store.take(1_000).count == 0


@pytest.mark.parametrize(
    ("per_minute", "resume_after"),
    [(30, 2 * SECOND), (6, 10 * SECOND), (0.5, 120 * SECOND), (6_000, SECOND)],
    ids=["two seconds", "ten seconds", "two minutes", "a fast rate in handfuls"],
)
def test_it_says_when_the_next_may_leave(make_store, per_minute, resume_after):
    store = make_store(per_minute=per_minute)
    allowance = store.take(100_000)
    assert allowance.resume_at == NOW + resume_after
    store.now = allowance.resume_at
    assert store.take(1).count == 1


def test_who_gets_all_that_was_wanted_need_not_wait(make_store):
    assert make_store(per_minute=30).take(5).resume_at is None


def test_the_day_ends_at_local_midnight(make_store):
    store = make_store(per_day=10)
    assert store.take(4).count == 4
    assert store.take(10) == Allowance(6, TOMORROW, NOW, TODAY)
    assert store.take(1) == Allowance(0, TOMORROW, NOW, TODAY)
    store.now = TOMORROW - 2 * MINUTE
    assert store.take(1).count == 0
    store.now = TOMORROW
    assert store.take(100).count == 10


def test_midnight_is_found_on_the_days_when_the_clocks_change(make_store):
    store = make_store(per_day=1)
    store.now = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # Sunday 29 March, 0:30; the day has 23 hours
    store.take(1)
    assert store.take(1).resume_at == datetime(2026, 3, 29, 22, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days_since", "per_day", "quota"),
    [
        (-3, None, 50),
        (0, None, 50),
        (1, None, 100),
        (4, None, 5_000),
        (4, 300, 300),
        (7, None, 40_000),
        (8, None, None),
    ],
    ids=["not begun", "first day", "second", "fifth", "the relay's limit is smaller", "last", "over"],
)
def test_the_warm_up_table_caps_the_day(days_since, per_day, quota):
    limits = RateLimits(per_day=per_day, warm_up_since=TODAY)
    assert limits.quota(TODAY + timedelta(days=days_since)) == quota


def test_a_new_sender_is_warmed_up_day_by_day(make_store):
    store = make_store(warm_up_since=TODAY)
    sent = []
    for _ in WARM_UP:
        sent.append(store.take(1_000_000).count)
        store.now = store.take(1).resume_at
    assert tuple(sent) == WARM_UP
    assert store.take(1_000_000).count == 1_000_000


def test_unused_messages_go_back(make_store):
    store = make_store(per_minute=30, per_day=10)
    store.give_back(store.take(5), 5)
    assert store.take(5).count == 5


def test_tokens_that_were_replaced_meanwhile_do_not_come_back_but_the_day_does(make_store):
    store = make_store(per_minute=30, per_day=10)
    early = store.take(5)
    store.now += 10 * SECOND
    assert store.take(5).count == 5
    store.give_back(early, 5)
    assert store.take(5).count == 0
    store.now += 10 * SECOND
    assert store.take(5).count == 5


def test_yesterdays_messages_do_not_come_back_today(make_store):
    store = make_store(per_day=10)
    yesterday = store.take(10)
    store.now = TOMORROW
    assert store.take(10).count == 10
    store.give_back(yesterday, 10)
    assert store.take(10).count == 0


# -- what never happens --------------------------------------------------------------------------------------------

RATES = st.sampled_from([0.5, 1, 3.3, 30, 600, 10_000])
STEPS = st.lists(
    st.tuples(
        st.floats(0, 90, allow_nan=False),  # seconds since the step before
        st.integers(0, 400),  # messages wanted
        st.floats(0, 1, allow_nan=False),  # the part of them that does not leave
        st.booleans(),  # given back at the end of the step, or later
    ),
    max_size=25,
)


@UNHURRIED
@given(per_minute=RATES, steps=STEPS)
def test_no_stretch_of_time_has_more_than_its_rate_and_one_burst(per_minute, steps):
    with store_of(RateLimits(per_minute=per_minute)) as store:
        left, late = [], []
        for seconds, wanted, part, is_at_once in steps:
            store.now += seconds * SECOND
            for allowance, unused in late[:1]:
                store.give_back(allowance, unused)
            late = late[1:]
            allowance = store.take(wanted)
            unused = int(allowance.count * part)
            if is_at_once:
                store.give_back(allowance, unused)
            else:
                late.append((allowance, unused))
            left.append((store.now, allowance.count - unused))
    burst = max(1, per_minute * (BURST / MINUTE))
    for first, (start, _) in enumerate(left):
        for last in range(first, len(left)):
            allowed = burst + per_minute * ((left[last][0] - start) / MINUTE)
            assert sum(count for _, count in left[first : last + 1]) <= allowed + 1e-6


@UNHURRIED
@given(
    per_minute=RATES,
    steps=st.lists(st.tuples(st.floats(-7_200, 90, allow_nan=False), st.integers(0, 400)), max_size=25),
)
def test_a_clock_that_jumps_back_earns_nothing(per_minute, steps):
    with store_of(RateLimits(per_minute=per_minute, per_day=10**6)) as store:
        taken, travelled = 0, 0.0
        for seconds, wanted in steps:
            store.now += seconds * SECOND
            travelled += max(seconds, 0)
            taken += store.take(wanted).count
    assert taken <= max(1, per_minute / 6) + per_minute * travelled / 60 + 1e-6


@UNHURRIED
@given(
    per_day=st.integers(1, 500),
    per_minute=st.none() | RATES,
    steps=st.lists(
        st.tuples(st.floats(-120, 20_000, allow_nan=False), st.integers(0, 400), st.floats(0, 1, allow_nan=False)),
        max_size=25,
    ),
)
def test_no_local_day_has_more_than_its_quota(per_day, per_minute, steps):
    with store_of(RateLimits(per_minute=per_minute, per_day=per_day)) as store:
        left = Counter()
        given_back = None
        for seconds, wanted, part in steps:
            store.now += seconds * SECOND
            if given_back:
                store.give_back(*given_back)
            allowance = store.take(wanted)
            unused = int(allowance.count * part)
            given_back = (allowance, unused)
            left[store.now.astimezone(PARIS).date()] += allowance.count - unused
    assert max(left.values(), default=0) <= per_day


def test_a_clock_a_little_behind_waits_and_one_that_was_set_back_goes_on(make_store):
    store = make_store(per_minute=30)
    store.take(5)
    store.now -= 4 * MINUTE
    assert store.take(1).resume_at == NOW + 2 * SECOND
    store.now -= 60 * MINUTE
    assert store.take(1).resume_at == store.now + 2 * SECOND
