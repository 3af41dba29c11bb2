"""The delivery ledger, the only writer of a delivery's status: plan, claim, mark, settle, release, recover.

Each statement checks the status and the fence that it expects, so that a worker whose lease is lost changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import CursorResult, Select, Table, bindparam, func, insert, literal, select, update
from sqlalchemy.orm import Session

from audiences.models import Suppression, SuppressionReason
from audiences.suppressions import suppress
from sends.models import Delivery, DeliveryEvent, Exclusion
from sends.states import OPEN, DeliveryStatus, may_become
from sends.transports.reply import Reply

DELIVERY = cast(Table, Delivery.__table__)


class Claim(NamedTuple):
    """A delivery that this worker leases; `fence` proves it."""

    id: int
    campaign_id: int
    contact_id: int | None
    address: str
    address_key: str
    fence: int
    attempts: int
    first_attempt_at: datetime | None


@dataclass(frozen=True)
class Outcome:
    """What became of a claimed delivery: the status it leaves, the one it gets, and what the relay said."""

    claim: Claim
    before: DeliveryStatus
    after: DeliveryStatus
    reason: str | None = None
    reply: Reply | None = None
    not_before: datetime | None = None
    is_attempt: bool = True
    is_hard_bounce: bool = False

    def __post_init__(self) -> None:
        if not may_become(self.before, self.after):
            raise ValueError(f"a delivery cannot go from {self.before} to {self.after}")


def plan(session: Session, campaign_id: int, candidates: Select[Any], *, now: datetime) -> Counter[str | None]:
    """Write a queued delivery for every recipient and an exclusion for every other candidate; give counts by reason.

    `candidates` is what the waterfall selects (contact_id, address, address_key, reason). Two statements in the
    caller's one transaction; UNIQUE(campaign, mailbox) makes a repeat fail rather than send twice.
    """
    found = candidates.subquery()
    out = select(literal(campaign_id), found.c.contact_id, found.c.reason).where(found.c.reason.is_not(None))
    session.execute(insert(Exclusion).from_select(["campaign_id", "contact_id", "rule"], out))
    recipients = select(
        literal(campaign_id),
        found.c.contact_id,
        found.c.address,
        found.c.address_key,
        literal(DeliveryStatus.QUEUED),
        literal(0),
        literal(0),
        literal(now, DELIVERY.c.not_before.type),
        literal(now, DELIVERY.c.planned_at.type),
        literal(now, DELIVERY.c.updated_at.type),
    ).where(found.c.reason.is_(None))
    names = ["campaign_id", "contact_id", "address", "address_key", "status", "attempts", "fence"]
    session.execute(
        insert(Delivery).from_select(
            [*names, "not_before", "planned_at", "updated_at"], recipients.order_by(found.c.contact_id)
        )
    )
    counts: Counter[str | None] = Counter()
    rules = select(Exclusion.rule, func.count()).where(Exclusion.campaign_id == campaign_id).group_by(Exclusion.rule)
    for rule, count in session.execute(rules):
        counts[rule] = count
    counts[None] = session.scalar(select(func.count()).where(Delivery.campaign_id == campaign_id)) or 0
    return counts


def claim(
    session: Session,
    campaign_id: int,
    *,
    sendable: Select[Any],
    now: datetime,
    limit: int,
    lease: timedelta,
    owner: str,
) -> list[Claim]:
    """Lease up to `limit` due deliveries of a campaign to `owner`, the deferred ones first, then in planned order.

    `sendable` selects the ids of the campaigns that may send now: a paused or cancelled one yields nothing.
    """
    claims: list[Claim] = []
    for status in (DeliveryStatus.DEFERRED, DeliveryStatus.QUEUED):
        if len(claims) >= limit:
            break
        due = (
            select(DELIVERY.c.id)
            .where(
                DELIVERY.c.campaign_id == campaign_id,
                DELIVERY.c.campaign_id.in_(sendable),
                DELIVERY.c.status == status,
                DELIVERY.c.not_before <= now,
            )
            .order_by(DELIVERY.c.not_before, DELIVERY.c.id)
            .limit(limit - len(claims))
            .with_for_update(skip_locked=True)
        )
        values = {
            "status": DeliveryStatus.CLAIMED,
            "owner": owner,
            "lease_until": now + lease,
            "fence": DELIVERY.c.fence + 1,
        }
        taken = (
            update(DELIVERY)
            .where(DELIVERY.c.id.in_(due))
            .values(values)
            .returning(*(DELIVERY.c[name] for name in Claim._fields))
        )
        claims += [Claim(*row) for row in session.execute(taken)]
    return sorted(claims)


_MARK = (
    update(DELIVERY)
    .where(
        DELIVERY.c.id == bindparam("b_id"),
        DELIVERY.c.fence == bindparam("b_fence"),
        DELIVERY.c.status == DeliveryStatus.CLAIMED,
        ~select(Suppression.id)
        .where(
            Suppression.address_key == DELIVERY.c.address_key,
            Suppression.lifted_at.is_(None),
            Suppression.id > bindparam("b_checked"),
        )
        .exists(),
    )
    .values(status=DeliveryStatus.SENDING, lease_until=bindparam("b_lease"), message_id=bindparam("b_message_id"))
)


class Mark(NamedTuple):
    """The intent to write a body, committed before it goes out; `checked` is the last suppression row known by then."""

    claim: Claim
    message_id: str
    checked: int


def mark(
    session: Session, marks: Sequence[Mark], *, sendable: Select[Any], now: datetime, lease: timedelta
) -> set[int]:
    """Write the intent to send; give the ids that may go out now.

    An id that is missing may not: its lease is lost, its campaign no longer sends, or its mailbox was suppressed
    meanwhile. What of these is still ours goes back to the queue, where the next claim judges it anew.
    """
    if not marks:
        return set()
    rows = [
        {
            "b_id": each.claim.id,
            "b_fence": each.claim.fence,
            "b_lease": now + lease,
            "b_message_id": each.message_id,
            "b_checked": each.checked,
        }
        for each in marks
    ]
    statement = _MARK.where(DELIVERY.c.campaign_id.in_(sendable))
    ids = {each.claim.id for each in marks}
    if _rowcount(session, statement, rows) == len(marks):
        return ids
    fences = {each.claim.id: each.claim.fence for each in marks}
    now_sending = select(DELIVERY.c.id, DELIVERY.c.fence).where(
        DELIVERY.c.id.in_(ids), DELIVERY.c.status == DeliveryStatus.SENDING
    )
    marked = {id_ for id_, fence in session.execute(now_sending) if fences[id_] == fence}
    release(session, [each.claim for each in marks if each.claim.id not in marked])
    return marked


_SETTLE = (
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
            DELIVERY.c.first_attempt_at, bindparam("b_now", type_=DELIVERY.c.updated_at.type)
        ),
        updated_at=bindparam("b_now", type_=DELIVERY.c.updated_at.type),
        owner=None,
        lease_until=None,
    )
)


def settle(session: Session, outcomes: Sequence[Outcome], *, now: datetime) -> int:
    """Write what became of the deliveries, their events and the suppressions that follow; give how many were ours."""
    if not outcomes:
        return 0
    rows = [
        {
            "b_id": each.claim.id,
            "b_fence": each.claim.fence,
            "b_before": each.before,
            "b_after": each.after,
            "b_reason": each.reason,
            "b_code": each.reply.code if each.reply else None,
            "b_enhanced": each.reply.enhanced if each.reply else None,
            "b_text": each.reply.text[:500] if each.reply else None,
            "b_not_before": each.not_before,
            "b_attempt": int(each.is_attempt),
            "b_now": now,
        }
        for each in outcomes
    ]
    settled = _rowcount(session, _SETTLE, rows)
    told = [each for each in outcomes if each.after not in (DeliveryStatus.SENT, DeliveryStatus.QUEUED)]
    if told:
        session.execute(
            insert(DeliveryEvent),
            [
                {
                    "delivery_id": each.claim.id,
                    "at": now,
                    "status": each.after,
                    "reason": each.reason,
                    "reply": str(each.reply) if each.reply else None,
                }
                for each in told
            ],
        )
    for each in told:
        if each.is_hard_bounce:
            evidence = f"campaign {each.claim.campaign_id}: {each.reply}"
            suppress(session, each.claim.address_key, SuppressionReason.HARD_BOUNCE, evidence=evidence, now=now)
    return settled


def release(session: Session, claims: Iterable[Claim]) -> None:
    """Give claimed deliveries back to the queue: nothing of them was accepted."""
    rows = [{"b_id": each.id, "b_fence": each.fence} for each in claims]
    if rows:
        session.execute(
            update(DELIVERY)
            .where(
                DELIVERY.c.id == bindparam("b_id"),
                DELIVERY.c.fence == bindparam("b_fence"),
                DELIVERY.c.status == DeliveryStatus.CLAIMED,
            )
            .values(status=DeliveryStatus.QUEUED, owner=None, lease_until=None),
            rows,
        )


def renew(session: Session, owner: str, *, now: datetime, lease: timedelta) -> None:
    """Prolong the lease of everything that this worker holds."""
    held = DELIVERY.c.status.in_([DeliveryStatus.CLAIMED, DeliveryStatus.SENDING])
    session.execute(update(DELIVERY).where(DELIVERY.c.owner == owner, held).values(lease_until=now + lease))


def recover(session: Session, *, now: datetime) -> Counter[DeliveryStatus]:
    """Take back what a dead worker held: claimed goes to the queue, sending becomes uncertain and never goes by itself."""
    lapsed = DELIVERY.c.lease_until < now
    recovered: Counter[DeliveryStatus] = Counter()
    for before, after in (
        (DeliveryStatus.CLAIMED, DeliveryStatus.QUEUED),
        (DeliveryStatus.SENDING, DeliveryStatus.UNCERTAIN),
    ):
        ids = session.scalars(
            update(DELIVERY)
            .where(DELIVERY.c.status == before, lapsed)
            .values(status=after, owner=None, lease_until=None, updated_at=now)
            .returning(DELIVERY.c.id)
        ).all()
        recovered[after] = len(ids)
        if ids and after is DeliveryStatus.UNCERTAIN:
            events = [
                {"delivery_id": id_, "at": now, "status": after, "reason": "worker died while sending"} for id_ in ids
            ]
            session.execute(insert(DeliveryEvent), events)
    return recovered


def cancel(session: Session, campaign_id: int, *, now: datetime) -> int:
    """Cancel what has not left: queued and deferred deliveries; give their number."""
    waiting = DELIVERY.c.status.in_([DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED])
    statement = update(DELIVERY).where(DELIVERY.c.campaign_id == campaign_id, waiting)
    result = session.execute(statement.values(status=DeliveryStatus.CANCELLED, updated_at=now))
    return cast("CursorResult[Any]", result).rowcount


def tally(session: Session, campaign_ids: Iterable[int]) -> dict[int, Counter[DeliveryStatus]]:
    """Count the deliveries of campaigns by status."""
    ids = list(campaign_ids)
    counts: dict[int, Counter[DeliveryStatus]] = {id_: Counter() for id_ in ids}
    grouped = select(DELIVERY.c.campaign_id, DELIVERY.c.status, func.count()).where(DELIVERY.c.campaign_id.in_(ids))
    for id_, status, count in session.execute(grouped.group_by(DELIVERY.c.campaign_id, DELIVERY.c.status)):
        counts[id_][DeliveryStatus(status)] = count
    return counts


def next_due(session: Session, campaign_id: int) -> datetime | None:
    """Give the time at which the next open delivery of a campaign may go, or None when all are settled."""
    waiting = [DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED]
    return session.scalar(
        select(func.min(Delivery.not_before)).where(Delivery.campaign_id == campaign_id, Delivery.status.in_(waiting))
    )


def is_open(session: Session, campaign_id: int) -> bool:
    """Tell whether a campaign still waits for a delivery."""
    found = select(DELIVERY.c.id).where(DELIVERY.c.campaign_id == campaign_id, DELIVERY.c.status.in_(OPEN)).limit(1)
    return session.scalar(found) is not None


def _rowcount(session: Session, statement: Any, rows: Sequence[dict[str, Any]]) -> int:
    return cast("CursorResult[Any]", session.connection().execute(statement, rows)).rowcount
