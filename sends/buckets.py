"""How fast mail may leave: token buckets in the database, shared by all workers and restarts.

A bucket fills at the rate of its limit and never holds more than ten seconds' worth (at least one message), so that in
any stretch of time no more leave than its rate allows plus one such burst. The clock is always the caller's. One that
runs a little behind (another machine's) waits for the time already reached; one that was set back starts anew from
what the bucket holds. Neither earns anything.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audiences.hot import HotStatement, one_of
from sends.limits import DomainLimit, RateLimits
from sends.models import Delivery, RateBucket
from sends.states import DeliveryStatus

RELAY = "relay"
"""The key of the relay's own bucket."""

BURST = timedelta(seconds=10)
"""How much of its rate a bucket holds at most."""

CLIMB = 1.25
"""What a slowed rate grows by in each minute without a complaint."""

FASTEST = 60_000.0
"""Messages a minute at which a slowed key without a limit of its own is free again."""

SKEW = timedelta(minutes=5)
"""How far the clocks of two workers may differ; a larger step back is a clock that was set."""

PAUSE = timedelta(seconds=1)
"""The shortest wait for the next token: a fast rate is taken in handfuls, not one message a transaction."""

HORIZON = timedelta(days=3660)
"""Where a forecast ends that would go on."""

SLOWEST = 30.0
"""The rate, in messages a minute, below which no slow-down of what has no limit goes: one reply must not stop a campaign."""

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_DAY_BEGINS = time(0, 1)  # a little after midnight, for a relay whose clock is behind ours
_WHOLE = 1e-9  # what a token may lack by rounding


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many messages may leave now and, where that is fewer than wanted, when the next may.

    `refilled_at` and `day` say from what they were taken, so that `give_back` can put them there; None: from nothing.
    """

    count: int
    resume_at: datetime | None
    refilled_at: datetime | None = None
    day: date | None = None


def take(session: Session, limits: RateLimits, *, now: datetime, zone: tzinfo, wanted: int) -> Allowance:
    """Take up to `wanted` messages from what the relay allows at `now`.

    Holds the relay's bucket until the caller's transaction ends, so that two workers never share a token. With no
    limit set and nobody complaining it only looks, and locks nothing.
    """
    bucket = _lock(session, () if limits.is_unlimited else (RELAY,), {RELAY}, now=now).get(RELAY)
    if bucket is None:
        return Allowance(wanted, None)
    rate = _refill(bucket, limits.per_minute, now=now, zone=zone)
    if rate is None and limits.is_unlimited:
        session.delete(bucket)
        return Allowance(wanted, None)
    quota = limits.quota(bucket.day)
    count = _spend(bucket, rate, quota, wanted)
    resume_at = None
    if count < wanted:
        is_used_up = quota is not None and bucket.day_count >= quota
        resume_at = _next_day(bucket.day, zone) if is_used_up else max(_next_token(bucket, rate), now + PAUSE)
    return Allowance(count, resume_at, bucket.refilled_at, bucket.day)


def give_back(session: Session, allowance: Allowance, unused: int) -> None:
    """Put back `unused` of the messages that `allowance` gave, because they did not leave.

    The day's count is restored on the same day. Tokens are restored only while nobody has taken since: a bucket that
    went on filling has replaced them, and twice the same token would make a burst twice.
    """
    if unused <= 0 or allowance.refilled_at is None:
        return
    bucket = session.get(RateBucket, RELAY, with_for_update=True, populate_existing=True)
    if bucket is None:
        return
    if bucket.refilled_at == allowance.refilled_at:
        bucket.tokens += unused
    if bucket.day == allowance.day:
        bucket.day_count = max(bucket.day_count - unused, 0)


def spread(
    session: Session, limits: RateLimits, domains: Sequence[str], *, now: datetime, zone: tzinfo
) -> list[datetime | None]:
    """Give for each message of a batch, by its recipient domain, None where it may leave now, else when to try it again.

    The later times are slots at the rate of the domain, each after the last one given out, so that a long queue is
    put in order once instead of being claimed over and over. A slot promises nothing: at its time the message is
    judged again. Once the day's quota is used up, the slots are spaced evenly over the coming days. What may leave now
    counts as having left. Holds the buckets concerned until the caller's transaction ends; there are none where no
    limit is set and nobody complained.
    """
    limit_of = {domain: limits.of(domain) for domain in set(domains)}
    by_key = {limit.key: limit for limit in limit_of.values()}
    limited = [key for key, limit in by_key.items() if limit.per_minute is not None or limit.per_day is not None]
    buckets = _lock(session, limited, by_key, now=now)
    rates = {key: _refill(bucket, by_key[key].per_minute, now=now, zone=zone) for key, bucket in buckets.items()}
    slots: list[datetime | None] = []
    for domain in domains:
        limit = limit_of[domain]
        bucket = buckets.get(limit.key)
        if bucket is None or _spend(bucket, rates[limit.key], limit.per_day, 1):
            slots.append(None)
        else:
            slots.append(_book(bucket, rates[limit.key], limit.per_day, zone))
    for key, bucket in buckets.items():
        if rates[key] is None and key not in limited:
            session.delete(bucket)
    return slots


def slow_down(session: Session, limits: RateLimits, domain: str | None, *, now: datetime) -> None:
    """Halve the rate of a recipient domain, or with None of the relay, that answered 421 or 4.7.x: once a minute at most.

    One without a limit gets half of what the ledger says was sent to it in the last minute. The rate never falls
    under one a minute, or under SLOWEST where nobody set a limit, and grows by a quarter in each minute without a complaint, up to its limit or, without one,
    until it is free again.
    """
    limit = DomainLimit((), limits.per_minute) if domain is None else limits.of(domain)
    key = RELAY if domain is None else limit.key
    bucket = _lock(session, (key,), {key}, now=now)[key]
    _mend(bucket, now)
    if bucket.slowed_at is not None and now - bucket.slowed_at < _MINUTE:
        return
    current = _rate(bucket, limit.per_minute, now)
    if current is None:
        current = _sent_in_last_minute(session, limit.names, now=now)
    bucket.rate = max(current / 2, min(1.0, limit.per_minute) if limit.per_minute else SLOWEST)
    bucket.slowed_at = now
    bucket.tokens = 0.0
    bucket.refilled_at = max(now, bucket.refilled_at)


def forecast(session: Session, limits: RateLimits, *, waiting: int, now: datetime, zone: tzinfo) -> datetime | None:
    """Give when the last of `waiting` messages leaves the relay, or None when nothing holds it back.

    Counts with the rate, with what is left of today's quota and with the quotas and warm-up caps of the days to come;
    a slowed rate counts as regained. Changes nothing, so that a reading session will do.
    """
    if limits.is_unlimited:
        return None
    kept = session.get(RateBucket, RELAY)
    bucket = RateBucket(**_fresh(RELAY, now))
    if kept is not None:
        bucket.tokens, bucket.refilled_at, bucket.day, bucket.day_count = (
            kept.tokens,
            kept.refilled_at,
            kept.day,
            kept.day_count,
        )
    rate = _refill(bucket, limits.per_minute, now=now, zone=zone)
    start, day, used, tokens = now, bucket.day, bucket.day_count, bucket.tokens
    while start < now + HORIZON:
        end, quota = _next_day(day, zone), limits.quota(day)
        room = waiting if quota is None else max(quota - used, 0)
        if rate is not None:
            earned = rate * ((end - start) / _MINUTE)
            room = min(room, math.floor(tokens + earned + _WHOLE))
        if waiting <= room:
            return start if rate is None else start + max(waiting - tokens, 0) / rate * _MINUTE
        waiting -= room
        if rate is not None:
            tokens = min(_burst(rate), tokens + earned - room)
        start, day, used = end, day + _DAY, 0
    return start


# -- buckets -----------------------------------------------------------------------------------------------------------


def _of_keys(dialect: str) -> Select[Any]:
    return select(RateBucket.key).where(one_of(RateBucket.key, "b_keys", dialect))


_KNOWN = HotStatement(_of_keys, ("b_keys",))


def _lock(session: Session, create: Collection[str], keys: Collection[str], *, now: datetime) -> dict[str, RateBucket]:
    """Read the buckets of `keys` for writing, in one order so that no two workers wait for each other; create those of `create`."""
    if not create and not _KNOWN.fetch(session.connection(), (list(keys),)):
        return {}  # for every batch of most campaigns, at a tenth of the time
    reading = (
        select(RateBucket)
        .where(RateBucket.key.in_(keys))
        .order_by(RateBucket.key)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {bucket.key: bucket for bucket in session.scalars(reading)}
    missing = sorted(set(create) - found.keys())
    if not missing:
        return found
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(insert(RateBucket).on_conflict_do_nothing(), [_fresh(key, now) for key in missing])
    return {bucket.key: bucket for bucket in session.scalars(reading)}


def _fresh(key: str, now: datetime) -> dict[str, Any]:
    """Give the values of a bucket nobody took from: full (the first refill cuts it to its burst), its day not yet begun."""
    return {"key": key, "tokens": FASTEST, "refilled_at": now, "day": date.min, "day_count": 0}


def _mend(bucket: RateBucket, now: datetime) -> None:
    """Forget times that a clock set back has made impossible; what the bucket holds stays."""
    if bucket.refilled_at - now > SKEW:
        bucket.refilled_at = now
        bucket.booked_until = None
        if bucket.slowed_at is not None:
            bucket.slowed_at = min(bucket.slowed_at, now)


def _refill(bucket: RateBucket, nominal: float | None, *, now: datetime, zone: tzinfo) -> float | None:
    """Bring a bucket to `now` and give its rate, in messages a minute (None: as fast as can be)."""
    _mend(bucket, now)
    rate = _rate(bucket, nominal, now)
    if rate == nominal:
        bucket.rate = bucket.slowed_at = None
    if rate is not None:
        earned = rate * (max(now - bucket.refilled_at, timedelta(0)) / _MINUTE)
        bucket.tokens = min(_burst(rate), bucket.tokens + earned)
    bucket.refilled_at = max(now, bucket.refilled_at)
    today = now.astimezone(zone).date()
    if today > bucket.day:
        bucket.day, bucket.day_count = today, 0
    elif bucket.day - today > _DAY:
        bucket.day = today  # the clock was set back: what left counts for this day
    return rate


def _rate(bucket: RateBucket, nominal: float | None, now: datetime) -> float | None:
    if bucket.rate is None or bucket.slowed_at is None:
        return nominal
    clean_minutes = min(max((now - bucket.slowed_at) // _MINUTE, 0), 100)
    rate = bucket.rate * CLIMB**clean_minutes
    return nominal if rate >= (FASTEST if nominal is None else nominal) else rate


def _burst(rate: float) -> float:
    return max(1.0, rate * (BURST / _MINUTE))


def _spend(bucket: RateBucket, rate: float | None, quota: int | None, wanted: int) -> int:
    """Take up to `wanted` messages out of a refilled bucket and give their number."""
    count = max(wanted, 0)
    if quota is not None:
        count = min(count, max(quota - bucket.day_count, 0))
    if rate is not None:
        count = min(count, math.floor(bucket.tokens + _WHOLE))
        bucket.tokens = max(bucket.tokens - count, 0.0)
    bucket.day_count += count
    return count


def _next_token(bucket: RateBucket, rate: float | None) -> datetime:
    if rate is None:
        return bucket.refilled_at
    wait = max(1 - bucket.tokens, 0) / rate * (_MINUTE / _MICROSECOND)
    return bucket.refilled_at + math.ceil(wait - _WHOLE) * _MICROSECOND


def _next_day(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day + _DAY, _DAY_BEGINS, tzinfo=zone).astimezone(UTC)


def _book(bucket: RateBucket, rate: float | None, quota: int | None, zone: tzinfo) -> datetime:
    """Give the next free slot of a bucket that has nothing left for now."""
    step = timedelta(0) if rate is None else _MINUTE / rate
    first = _next_token(bucket, rate)
    last = bucket.booked_until
    slot = first if last is None else max(first, last + step)
    if quota is not None:
        ahead = (slot - first) / step if step else 0
        tomorrow = _next_day(bucket.day, zone)
        if slot >= tomorrow or bucket.day_count + ahead >= quota:
            slot = max(tomorrow, first if last is None else last + max(step, _DAY / quota))
    bucket.booked_until = slot
    return slot


def _sent_in_last_minute(session: Session, domains: Sequence[str], *, now: datetime) -> int:
    """Count what the relay took in the last minute, for some domains or for all; reads the whole ledger, once a slow-down."""
    taken = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED)
    counting = (
        select(func.count())
        .select_from(Delivery)
        .where(Delivery.status.in_(taken), Delivery.updated_at > now - _MINUTE)
    )
    if domains:
        counting = counting.where(
            or_(*(Delivery.address_key.endswith(f"@{name}", autoescape=True) for name in domains))
        )
    return session.scalar(counting) or 0
