"""Token buckets under a virtual clock: rates, day quotas, warm-up, slots, slow-downs, forecasts, and the presets."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from audiences.database import Base, open_engine, writing
from campaigns.errors import InvalidSettings
from campaigns.settings import SETTINGS_FILE, Settings, SmtpSection, load_settings
from sends.buckets import BURST, CLIMB, RELAY, Allowance, forecast, give_back, slow_down, spread, take
from sends.limits import WARM_UP, DomainLimit, RateLimits
from sends.models import RateBucket
from sends.presets import HINTS, Preset
from sends.transports import Security
from tests.factories import EXAMPLE

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)  # a Monday, 9:00 in Paris
TODAY = date(2026, 3, 2)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
TOMORROW = datetime(2026, 3, 2, 23, 1, tzinfo=UTC)  # 0:01 in Paris
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

UNHURRIED = hypothesis_settings(deadline=None, max_examples=60)
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


# -- presets and settings ------------------------------------------------------------------------------------------


@pytest.fixture
def settings_of(settings: Settings) -> Callable[..., Settings]:
    """Make settings with these lines under [smtp] and no others."""
    return lambda **smtp: settings.model_copy(update={"smtp": SmtpSection(**smtp)})


@pytest.mark.parametrize("preset", Preset)
def test_a_preset_is_enough_to_reach_its_relay(settings_of, preset):
    settings = settings_of(preset=preset.value, host="")
    hints, relay = HINTS[preset], settings.relay()
    assert (relay.host, relay.port, relay.security) == (hints.host, hints.port, hints.security)
    assert settings.smtp.connections == hints.connections
    assert settings.limits() == RateLimits(hints.per_minute, hints.per_day, None, hints.domains)


def test_what_is_set_wins_over_the_preset(make_settings):
    smtp = {
        "preset": "brevo",
        "host": "smtp.example.org",
        "port": 465,
        "security": "tls",
        "per_day": "",
        "per_minute": 9,
    }
    settings = make_settings(smtp=smtp)
    assert (settings.relay().host, settings.relay().security) == ("smtp.example.org", Security.TLS)
    assert settings.limits() == RateLimits(per_minute=9)


def test_without_a_preset_nothing_is_limited(settings):
    assert settings.limits() == RateLimits()


def test_a_group_of_domains_replaces_those_it_touches(settings_of):
    group = {"names": ["wanadoo.fr"], "per_minute": 5}
    domains = settings_of(preset="postfix", domains=[group]).limits().domains
    assert domains[0] == DomainLimit(("wanadoo.fr",), per_minute=5)
    assert [limit.names[0] for limit in domains[1:]] == ["free.fr", "sfr.fr", "laposte.net"]


def test_the_environment_sets_the_preset_too(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    SETTINGS_FILE.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setenv("RELAIS_SMTP__PRESET", "ovh")
    monkeypatch.setenv("RELAIS_SMTP__PER_DAY", "500")
    settings = load_settings()
    assert (settings.relay().host, settings.limits().per_day) == ("ssl0.ovh.net", 500)


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ('preset = "acme"', "smtp.preset"),
        ('preset = ["ovh"]', "smtp.preset"),
        ("per_minute = 0", "smtp.per_minute"),
        ("per_day = 0", "smtp.per_day"),
        ('warm_up_since = "soon"', "smtp.warm_up_since"),
        ("[[smtp.domains]]\nnames = []", "smtp.domains.0.names"),
        ('[[smtp.domains]]\nnames = ["Orange"]', "smtp.domains.0.names.0"),
        ('[[smtp.domains]]\nnames = ["a.fr"]\n[[smtp.domains]]\nnames = ["b.fr", "a.fr"]', "a.fr stands in two groups"),
    ],
    ids=["preset", "preset list", "rate", "quota", "date", "no domain", "no domain name", "twice"],
)
def test_a_wrong_limit_is_named(monkeypatch, tmp_path, lines, place):
    monkeypatch.chdir(tmp_path)
    text = EXAMPLE.read_text(encoding="utf-8").replace("\n[territory]", f"\n{lines}\n[territory]", 1)
    SETTINGS_FILE.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidSettings, match=place.replace(".", r"\.")):
        load_settings()
