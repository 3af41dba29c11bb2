"""Mailboxes that are written to no more although no single bounce said so: disabled twice, or full for months."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sends.models import Delivery
from sends.providers import Reason
from sends.states import DeliveryStatus

EXPIRED = "expired"
"""Why a delivery failed that was refused for now until its time to give up."""

DISABLED_CAMPAIGNS = 2
"""Campaigns answered with “mailbox disabled” (5.2.1) after which it is believed: the first may be a provider's mistake."""

FULL_CAMPAIGNS = 3
FULL_FOR = timedelta(days=30)
"""A mailbox that stayed full through so many campaigns over so long a time is nobody's any more."""

_FULL = ("4.2.2", "5.2.2")  # RFC 3463 3.3: mailbox full


def is_worn_out(session: Session, address_key: str, *, now: datetime) -> bool:
    """Tell whether what became of a mailbox's deliveries, the last one included, asks for its suppression."""
    of_mailbox = Delivery.address_key == address_key
    disabled = session.scalar(
        select(func.count(Delivery.campaign_id.distinct())).where(
            of_mailbox, Delivery.status == DeliveryStatus.BOUNCED, Delivery.reason == Reason.MAILBOX_DISABLED
        )
    )
    if (disabled or 0) >= DISABLED_CAMPAIGNS:
        return True
    full, first = session.execute(
        select(func.count(Delivery.campaign_id.distinct()), func.min(Delivery.planned_at)).where(
            of_mailbox,
            Delivery.status == DeliveryStatus.FAILED,
            Delivery.reason == EXPIRED,
            Delivery.reply_enhanced.in_(_FULL),
        )
    ).one()
    return bool(full >= FULL_CAMPAIGNS and first <= now - FULL_FOR)
