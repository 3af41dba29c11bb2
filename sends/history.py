"""What became of a campaign's mail to one mailbox, step by step."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from sends.log import LogLine, line_of
from sends.models import Delivery, DeliveryEvent


class Step(NamedTuple):
    """Something that happened to a delivery."""

    at: datetime
    status: str
    reason: str | None
    reply: str | None


class History(NamedTuple):
    """A delivery with its steps, oldest first; `contact_id` is None once the contact is out of the store."""

    contact_id: int | None
    line: LogLine
    planned_at: datetime
    updated_at: datetime
    steps: tuple[Step, ...]


def mailbox_history(session: Session, campaign_id: int, address_key: str) -> list[History]:
    """Give the deliveries of a campaign to a mailbox: one, or one for each of its companies."""
    deliveries = session.scalars(
        select(Delivery)
        .where(Delivery.campaign_id == campaign_id, Delivery.address_key == address_key)
        .order_by(Delivery.id)
    ).all()
    found = []
    for delivery in deliveries:
        events = session.scalars(
            select(DeliveryEvent).where(DeliveryEvent.delivery_id == delivery.id).order_by(DeliveryEvent.id)
        )
        steps = tuple(Step(each.at, each.status, each.reason, each.reply) for each in events)
        found.append(
            History(delivery.contact_id, line_of(delivery, None), delivery.planned_at, delivery.updated_at, steps)
        )
    return found
