"""When a delivery that was refused for now is tried again, and when it is given up."""

from datetime import datetime, timedelta

RETRY_AFTER = (timedelta(minutes=30), timedelta(minutes=30), timedelta(hours=2))
"""Pauses after the first, second and every later attempt (RFC 5321 4.5.4.1: 30 minutes at least, then 2 to 3 hours)."""

GIVE_UP_AFTER = timedelta(days=4)
"""How long after its first attempt a delivery is given up (RFC 5321 4.5.4.1: 4 to 5 days)."""


def next_attempt(
    attempts: int, *, first_attempt: datetime, now: datetime, give_up_after: timedelta = GIVE_UP_AFTER
) -> datetime | None:
    """Give the time of the attempt after `attempts` failed ones, or None when the delivery is given up."""
    due = now + RETRY_AFTER[min(attempts, len(RETRY_AFTER)) - 1]
    return due if due <= first_attempt + give_up_after else None
