"""How many connections are open at a time, to the relay and with mail for one provider, over all workers together.

A worker leases numbered slots in the database. What a dead one held is free as soon as its lease lapses; what a living
one gives back, at once.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from functools import partial
from typing import cast

from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sends.buckets import SKEW
from sends.limits import RateLimits
from sends.models import ConnectionSlot

SLOT_LEASE = timedelta(seconds=30)
"""How long a slot is held without renewal: short, lest who starts again after a crash wait for its own ghost."""

SLOT_PAUSE = timedelta(seconds=5)
"""How long a worker that found no free slot waits before it looks again."""

_SLOT = cast(Table, ConnectionSlot.__table__)


class Slots:
    """The slots that one worker, `owner`, holds of each key: the relay's, or that of a provider's limit."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._held: Counter[str] = Counter()
        self._refused_at: dict[str, datetime] = {}

    def held(self, key: str) -> int:
        """Give how many slots of `key` this worker holds."""
        return self._held[key]

    def may_get(self, key: str, wanted: int, *, now: datetime) -> bool:
        """Tell whether asking for `wanted` slots in all could bring more: not again soon after they were refused."""
        refused_at = self._refused_at.get(key)
        return self._held[key] < wanted and (refused_at is None or abs(now - refused_at) >= SLOT_PAUSE)

    def lease(self, rows: Connection, key: str, *, limit: int, wanted: int, now: datetime) -> int:
        """Lease slots of `key` until `wanted` are held or none of its `limit` is free; give how many are held now."""
        if not self.may_get(key, min(wanted, limit), now=now):
            return self._held[key]
        found = rows.execute(
            select(_SLOT.c.number, _SLOT.c.lease_until)
            .where(_SLOT.c.key == key)
            .order_by(_SLOT.c.number)
            .with_for_update()
        ).all()
        # a lease far ahead is of a clock that was set back since
        lapsed = [number for number, until in found if not now <= until <= now + SLOT_LEASE + SKEW and number < limit]
        never = sorted(set(range(limit)) - {number for number, _until in found})
        missing = min(wanted, limit) - self._held[key]
        mine = {"owner": self._owner, "lease_until": now + SLOT_LEASE}
        again = lapsed[:missing]
        if again:
            rows.execute(update(_SLOT).where(_SLOT.c.key == key, _SLOT.c.number.in_(again)).values(mine))
        new = [{"key": key, "number": number, **mine} for number in never[: missing - len(again)]]
        if new:
            insert = postgresql.insert if rows.dialect.name == "postgresql" else sqlite.insert
            # two workers may find the same number free: one of them gets it
            taken = rows.execute(insert(_SLOT).values(new).on_conflict_do_nothing().returning(_SLOT.c.number))
            self._held[key] += len(taken.all())
        self._held[key] += len(again)
        if self._held[key] < wanted:
            self._refused_at[key] = now
        return self._held[key]

    def renew(self, rows: Connection, *, now: datetime) -> None:
        """Prolong every lease; one that others took while this worker slept is held no more."""
        if not self._held:
            return
        kept = rows.execute(
            update(_SLOT)
            .where(_SLOT.c.owner == self._owner)
            .values(lease_until=now + SLOT_LEASE)
            .returning(_SLOT.c.key)
        )
        self._held = Counter(kept.scalars())

    def give_back(self, rows: Connection) -> None:
        """Free every slot for the others."""
        if self._held:
            rows.execute(delete(_SLOT).where(_SLOT.c.owner == self._owner))
            self._held.clear()


class Lanes:
    """Which connections of a worker carry mail of a provider that takes few at a time: no more than its slots."""

    def __init__(self, limits: RateLimits, slots: Slots) -> None:
        self._limits = limits
        self._slots = slots
        self._carriers: defaultdict[str, Counter[Hashable]] = defaultdict(Counter)

    def admission(self, connection: Hashable) -> Callable[[str | None], bool] | None:
        """Give what tells whether `connection` may carry mail for a domain now; None where it may carry any."""
        return partial(self.admits, connection=connection) if self._limits.has_lanes else None

    def admits(self, domain: str | None, connection: Hashable) -> bool:
        """Tell whether `connection` may carry mail for a domain now; None is a rehearsal's, which has no limit."""
        lane = self._of(domain)
        if lane is None:
            return True
        carriers = self._carriers[lane]
        return connection in carriers or len(carriers) < self._slots.held(lane)

    def enter(self, domain: str | None, connection: Hashable) -> None:
        """Note that `connection` carries a message from now on."""
        lane = self._of(domain)
        if lane is not None:
            self._carriers[lane][connection] += 1

    def leave(self, domain: str | None, connection: Hashable) -> None:
        """Note that what became of a message is known."""
        lane = self._of(domain)
        if lane is not None:
            self._carriers[lane] -= Counter([connection])  # what falls to zero is dropped

    def _of(self, domain: str | None) -> str | None:
        """Give the key of the limit that a message is under; None for no limit."""
        if not self._limits.has_lanes or domain is None:
            return None
        limit = self._limits.of(domain)
        return limit.key if limit.connections else None
