"""The ledger's statements that run for every message: what each expects of a delivery stands in its WHERE."""

from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import BindParameter, ColumnElement, Select, Table, bindparam, func, literal, null, select, update
from sqlalchemy.types import TypeEngine

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
            DELIVERY.c.campaign_id == _given("b_campaign_id"),
            DELIVERY.c.campaign_id.in_(sendable),
            DUE,
            DELIVERY.c.status == _given("b_status"),
            DELIVERY.c.not_before <= _given("b_now"),
            *others,
        )
        .order_by(DELIVERY.c.not_before, DELIVERY.c.id)
        .limit(_given("b_limit"))
        .with_for_update(skip_locked=True)
    )
    return HotStatement(
        update(DELIVERY)
        .where(DELIVERY.c.id.in_(due))
        .values(
            status=_said(DeliveryStatus.CLAIMED),
            owner=_given("b_owner"),
            lease_until=_given("b_until", type_=DELIVERY.c.lease_until.type),
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
        Suppression.id > _given("b_checked"),
    )
    # not IN: SQLite would list the sendable campaigns anew for each row
    [campaign_id] = sendable.selected_columns
    sending = sendable.where(campaign_id == DELIVERY.c.campaign_id)
    return HotStatement(
        update(DELIVERY)
        .where(
            DELIVERY.c.id == _given("b_id"),
            DELIVERY.c.fence == _given("b_fence"),
            DELIVERY.c.status == _said(DeliveryStatus.CLAIMED),
            sending.exists(),
            ~since_checked.exists(),
        )
        .values(status=_said(DeliveryStatus.SENDING), message_id=_given("b_message_id")),
        ("b_id", "b_fence", "b_message_id", "b_checked"),
    )


@lru_cache
def settling(before: DeliveryStatus, after: DeliveryStatus) -> HotStatement:
    """Write what became of deliveries that stand at `before`; `settle_row` gives the values."""
    attempted_at = _given("b_attempted_at", type_=DELIVERY.c.updated_at.type)
    return HotStatement(
        update(DELIVERY)
        .where(
            DELIVERY.c.id == _given("b_id"),
            DELIVERY.c.fence == _given("b_fence"),
            DELIVERY.c.status == _said(before),
        )
        .values(
            status=_said(after),
            reason=_given("b_reason"),
            reply_code=_given("b_code"),
            reply_enhanced=_given("b_enhanced"),
            reply_text=_given("b_text"),
            not_before=func.coalesce(_given("b_not_before", type_=DELIVERY.c.not_before.type), DELIVERY.c.not_before),
            attempts=DELIVERY.c.attempts + _given("b_attempt"),
            first_attempt_at=func.coalesce(DELIVERY.c.first_attempt_at, attempted_at),
            updated_at=_given("b_now", type_=DELIVERY.c.updated_at.type),
            owner=null(),
            lease_until=null(),
        ),
        (
            "b_id",
            "b_fence",
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


def settle_row(outcome: Outcome, now: datetime) -> tuple[Any, ...]:
    """Give the values of `settling` for an outcome."""
    reply = outcome.reply
    return (
        outcome.claim.id,
        outcome.claim.fence,
        outcome.reason,
        reply.code if reply else None,
        reply.enhanced if reply else None,
        reply.text[:500] if reply else None,
        outcome.not_before,
        int(outcome.is_attempt),
        now if outcome.is_attempt else None,
        now,
    )


def _given(name: str, type_: TypeEngine[Any] | None = None) -> BindParameter[Any]:
    return bindparam(name, None, type_=type_)  # a value, as statuses are written in for a whole set of values only


def _said(status: DeliveryStatus) -> ColumnElement[str]:
    """Write a status into the statement: SQLite then knows which partial indexes a row stays in, without a look."""
    return literal(status.value, literal_execute=True)


RELEASE = HotStatement(
    update(DELIVERY)
    .where(
        DELIVERY.c.id == _given("b_id"),
        DELIVERY.c.fence == _given("b_fence"),
        DELIVERY.c.status == _said(DeliveryStatus.CLAIMED),
    )
    .values(status=_said(DeliveryStatus.QUEUED), owner=null(), lease_until=null()),
    ("b_id", "b_fence"),
)
"""Give claimed deliveries back to the queue: (id, fence)."""
