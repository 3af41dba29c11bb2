"""What the relay and the recipients' providers take, in messages; no more than that leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

WARM_UP = (50, 100, 500, 1_000, 5_000, 10_000, 20_000, 40_000)
"""Messages on the first, second ... day of a new sender; after the last of these days there is no such cap."""


@dataclass(frozen=True, slots=True)
class DomainLimit:
    """What the mailbox provider behind some recipient domains takes; they share one bucket, named by the first.

    `connections` is how many may carry mail for it at a time, of all workers together.
    """

    names: tuple[str, ...]
    per_minute: float | None = None
    per_day: int | None = None
    connections: int | None = None

    @property
    def key(self) -> str:
        """The key of the bucket, `domain:orange.fr`."""
        return f"domain:{self.names[0]}"


@dataclass(frozen=True)
class RateLimits:
    """What the relay and the recipients' providers take, in messages; None is no limit.

    Days are the officer's local ones. `warm_up_since` is the first day of the warm-up table.
    """

    per_minute: float | None = None
    per_day: int | None = None
    warm_up_since: date | None = None
    domains: tuple[DomainLimit, ...] = ()

    @property
    def is_unlimited(self) -> bool:
        """Whether nothing holds back the relay."""
        return self.per_minute is None and self.per_day is None and self.warm_up_since is None

    @cached_property
    def has_lanes(self) -> bool:
        """Whether some provider takes only so many connections at a time."""
        return any(limit.connections for limit in self.domains)

    def quota(self, day: date) -> int | None:
        """Give how many messages the relay takes on `day`: the smaller of its own limit and the warm-up table."""
        caps = [] if self.per_day is None else [self.per_day]
        if self.warm_up_since is not None:
            age = max((day - self.warm_up_since).days, 0)
            caps += WARM_UP[age : age + 1]
        return min(caps, default=None)

    def of(self, domain: str) -> DomainLimit:
        """Give the limit of a recipient domain; one that nobody set has no figures."""
        return self._groups.get(domain) or DomainLimit((domain,))

    @cached_property
    def _groups(self) -> Mapping[str, DomainLimit]:
        return {name: limit for limit in self.domains for name in limit.names}
