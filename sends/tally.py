"""How a campaign's deliveries stand: counts by status, what is due next, whether anything is open."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sends.models import DUE, HELD, Delivery
from sends.states import DeliveryStatus


def count_by_status(session: Session, campaign_ids: Iterable[int]) -> dict[int, Counter[DeliveryStatus]]:
    """Count the deliveries of campaigns by status."""
    ids = list(campaign_ids)
    counts: dict[int, Counter[DeliveryStatus]] = {id_: Counter() for id_ in ids}
    grouped = select(Delivery.campaign_id, Delivery.status, func.count()).where(Delivery.campaign_id.in_(ids))
    for id_, status, count in session.execute(grouped.group_by(Delivery.campaign_id, Delivery.status)):
        counts[id_][DeliveryStatus(status)] = count
    return counts


def count_refusals(session: Session, campaign_id: int) -> Counter[str]:
    """Count what was refused of a campaign, by status and by reason: the words that `sends retry --only` takes."""
    grouped = (
        select(Delivery.status, Delivery.reason, func.count())
        .where(
            Delivery.campaign_id == campaign_id,
            Delivery.status.in_([DeliveryStatus.FAILED, DeliveryStatus.DEFERRED, DeliveryStatus.BOUNCED]),
        )
        .group_by(Delivery.status, Delivery.reason)
    )
    counts: Counter[str] = Counter()
    for status, reason, count in session.execute(grouped):
        counts[str(status)] += count
        if reason is not None:
            counts[reason] += count
    return counts


def next_due(session: Session, campaign_id: int) -> datetime | None:
    """Give the time at which the next waiting delivery of a campaign may go, or None when none waits."""
    return session.scalar(select(func.min(Delivery.not_before)).where(Delivery.campaign_id == campaign_id, DUE))


class Held(NamedTuple):
    """What workers hold of campaigns: how many deliveries, and when the last of these leases ends (None for none)."""

    messages: int
    until: datetime | None


def held(session: Session, campaign_ids: Iterable[int]) -> Held:
    """Count what workers hold, dead ones too: that comes free when its lease ends."""
    found = select(func.count(), func.max(Delivery.lease_until)).where(
        Delivery.campaign_id.in_(list(campaign_ids)), HELD
    )
    return Held(*session.execute(found).one())


def is_open(session: Session, campaign_id: int) -> bool:
    """Tell whether a campaign still waits for a delivery: one that is due some time, or one that a worker holds."""
    return any(
        session.scalar(select(Delivery.id).where(Delivery.campaign_id == campaign_id, condition).limit(1)) is not None
        for condition in (DUE, HELD)
    )
