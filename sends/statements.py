"""The ledger's statements that run for every message: what each expects of a delivery stands in its WHERE."""

from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Select, Table, bindparam, func, select, update

from audiences.hot import HotStatement
from audiences.models import Suppression
from sends.claims import Claim, Outcome
from sends.models import DUE, Delivery
from sends.states import DeliveryStatus

DELIVERY = cast(Table, Delivery.__table__)


@lru_cache(maxsize=8)
def claiming(sendable: Select[Any], avoiding: frozenset[str]) -> HotStatement:
    """Lease due deliveries of one status, but those of some domains: (campaign, status, now, limit, owner, until)."""
    others = [~DELIVERY.c.address_key.endswith(f"@{domain}", autoescape=True) for domain in sorted(avoiding)]
    due = (
        select(DELIVERY.c.id)
        .where(
            DELIVERY.c.campaign_id == bindparam("b_campaign_id"),
            DELIVERY.c.campaign_id.in_(sendable),
            DUE,
            DELIVERY.c.status == bindparam("b_status"),
            DELIVERY.c.not_before <= bindparam("b_now"),
            *others,
        )
        .order_by(DELIVERY.c.not_before, DELIVERY.c.id)
        .limit(bindparam("b_limit"))
        .with_for_update(skip_locked=True)
    )
    return HotStatement(
        update(DELIVERY)
        .where(DELIVERY.c.id.in_(due))
        .values(
            status=DeliveryStatus.CLAIMED,
            owner=bindparam("b_owner"),
            lease_until=bindparam("b_until", type_=DELIVERY.c.lease_until.type),
            fence=DELIVERY.c.fence + 1,
        )
        .returning(*(DELIVERY.c[name] for name in Claim._fields)),
        ("b_campaign_id", "b_status", "b_now", "b_limit", "b_owner", "b_until"),
    )


@lru_cache(maxsize=4)
def marking(sendable: Select[Any]) -> HotStatement:
    """Write the intent to send, where the campaign may send and nobody opposed since: (id, fence, Message-ID, checked)."""
    since_checked = select(Suppression.id).where(
        Suppression.address_key == DELIVERY.c.address_key,
        Suppression.lifted_at.is_(None),
        Suppression.id > bindparam("b_checked"),
    )
    # not IN: SQLite would list the sendable campaigns anew for each row
    [campaign_id] = sendable.selected_columns
    sending = sendable.where(campaign_id == DELIVERY.c.campaign_id)
    return HotStatement(
        update(DELIVERY)
        .where(
            DELIVERY.c.id == bindparam("b_id"),
            DELIVERY.c.fence == bindparam("b_fence"),
            DELIVERY.c.status == DeliveryStatus.CLAIMED,
            sending.exists(),
            ~since_checked.exists(),
        )
        .values(status=DeliveryStatus.SENDING, message_id=bindparam("b_message_id")),
        ("b_id", "b_fence", "b_message_id", "b_checked"),
    )


SETTLE = HotStatement(
    update(DELIVERY)
    .where(
        DELIVERY.c.id == bindparam("b_id"),
        DELIVERY.c.fence == bindparam("b_fence"),
        DELIVERY.c.status == bindparam("b_before"),
    )
    .values(
        status=bindparam("b_after"),
        reason=bindparam("b_reason"),
        reply_code=bindparam("b_code"),
        reply_enhanced=bindparam("b_enhanced"),
        reply_text=bindparam("b_text"),
        not_before=func.coalesce(bindparam("b_not_before", type_=DELIVERY.c.not_before.type), DELIVERY.c.not_before),
        attempts=DELIVERY.c.attempts + bindparam("b_attempt"),
        first_attempt_at=func.coalesce(
            DELIVERY.c.first_attempt_at, bindparam("b_attempted_at", type_=DELIVERY.c.updated_at.type)
        ),
        updated_at=bindparam("b_now", type_=DELIVERY.c.updated_at.type),
        owner=None,
        lease_until=None,
    ),
    (
        "b_id",
        "b_fence",
        "b_before",
        "b_after",
        "b_reason",
        "b_code",
        "b_enhanced",
        "b_text",
        "b_not_before",
        "b_attempt",
        "b_attempted_at",
        "b_now",
    ),
)
"""Write what became of deliveries, whose values `settle_row` gives."""


def settle_row(outcome: Outcome, before: DeliveryStatus, now: datetime) -> tuple[Any, ...]:
    """Give the values of SETTLE for an outcome, of a delivery that is expected to stand at `before`."""
    reply = outcome.reply
    return (
        outcome.claim.id,
        outcome.claim.fence,
        before.value,
        outcome.after.value,
        outcome.reason,
        reply.code if reply else None,
        reply.enhanced if reply else None,
        reply.text[:500] if reply else None,
        outcome.not_before,
        int(outcome.is_attempt),
        now if outcome.is_attempt else None,
        now,
    )


RELEASE = HotStatement(
    update(DELIVERY)
    .where(
        DELIVERY.c.id == bindparam("b_id"),
        DELIVERY.c.fence == bindparam("b_fence"),
        DELIVERY.c.status == DeliveryStatus.CLAIMED,
    )
    .values(status=DeliveryStatus.QUEUED, owner=None, lease_until=None),
    ("b_id", "b_fence"),
)
"""Give claimed deliveries back to the queue: (id, fence)."""
