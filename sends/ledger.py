"""The delivery ledger, the only writer of a delivery's status: plan, claim, mark, settle, release, recover.

Each statement checks the status and the fence that it expects, so that a worker whose lease is lost changes nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from gettext import gettext as _
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from audiences.models import Contact, SuppressionReason
from audiences.suppressions import suppress
from sends.bounces import is_worn_out
from sends.claims import Claim, Mark, Outcome
from sends.models import DUE, HELD, Delivery, DeliveryEvent, Exclusion
from sends.statements import DELIVERY, RELEASE, claiming, marking, settle_row, settling
from sends.states import DeliveryStatus, may_become


class Planned(NamedTuple):
    """What a plan counted: candidates by the rule that leaves them out (None: recipients), and their companies."""

    counts: Counter[str | None]
    companies: int


PLANNED = Table(
    "planned",
    MetaData(),
    Column("contact_id", Integer, primary_key=True, autoincrement=False),
    Column("company_id", Integer),
    Column("part", Integer),
    Column("reason", Text),
    prefixes=["TEMPORARY"],
)
"""The candidates of the campaign being planned, of this transaction alone: who is written to and who is left out agree.

Their addresses are read again from `contact`, which is in the same order: cheaper than writing them twice.
"""


def plan(session: Session, campaign_id: int, candidates: Select[Any], *, now: datetime) -> Planned:
    """Write a queued delivery for every recipient and an exclusion for every other candidate; give what it counted.

    `candidates` is what the waterfall selects (contact_id, company_id, part, reason, and more). It is asked once, in
    the caller's one transaction; UNIQUE(campaign, mailbox, part) makes a repeat fail rather than send twice.
    """
    found = PLANNED
    found.create(session.connection())
    columns = list(found.c.keys())
    chosen = candidates.subquery()
    session.execute(insert(found).from_select(columns, select(*(chosen.c[name] for name in columns))))
    out = select(literal(campaign_id), found.c.contact_id, found.c.reason).where(found.c.reason.is_not(None))
    session.execute(insert(Exclusion).from_select(["campaign_id", "contact_id", "rule"], out))
    recipients = (
        select(
            literal(campaign_id),
            found.c.contact_id,
            Contact.address,
            Contact.address_key,
            found.c.part,
            literal(DeliveryStatus.QUEUED),
            literal(0),
            literal(0),
            literal(now, DELIVERY.c.not_before.type),
            literal(now, DELIVERY.c.planned_at.type),
            literal(now, DELIVERY.c.updated_at.type),
        )
        .join_from(found, Contact, Contact.id == found.c.contact_id)
        .where(found.c.reason.is_(None))
        .order_by(found.c.contact_id)
    )
    names = ["campaign_id", "contact_id", "address", "address_key", "part", "status", "attempts", "fence"]
    session.execute(insert(Delivery).from_select([*names, "not_before", "planned_at", "updated_at"], recipients))
    by_reason = select(found.c.reason, func.count()).group_by(found.c.reason)
    counts: Counter[str | None] = Counter(dict(session.execute(by_reason).all()))
    companies = session.scalar(select(func.count(found.c.company_id.distinct()))) or 0
    found.drop(session.connection())
    return Planned(counts, companies)


def claim(
    session: Session,
    campaign_id: int,
    *,
    sendable: Select[Any],
    now: datetime,
    limit: int,
    lease: timedelta,
    owner: str,
    avoiding: Collection[str] = (),
) -> list[Claim]:
    """Lease up to `limit` due deliveries of a campaign to `owner`, the deferred ones first, then in planned order.

    `sendable` selects the ids of the campaigns that may send now: a paused or cancelled one yields nothing. Mailboxes
    of the domains in `avoiding` are left to other workers.
    """
    claims: list[Claim] = []
    connection, taking = session.connection(), claiming(sendable, frozenset(avoiding))
    for status in (DeliveryStatus.DEFERRED, DeliveryStatus.QUEUED):
        wanted = limit - len(claims)
        if wanted:
            row = (campaign_id, status.value, now, wanted, owner, now + lease)
            claims += [Claim(*found) for found in taking.fetch(connection, row)]
    return sorted(claims)


def mark(connection: Connection, marks: Sequence[Mark], *, sendable: Select[Any]) -> set[Claim]:
    """Write the intent to send; give the claims whose bodies may go out now.

    One that is missing may not: its lease is lost, its campaign no longer sends, or its mailbox was suppressed
    meanwhile. What of these is still ours goes back to the queue, where the next claim judges it anew.
    """
    if not marks:
        return set()
    rows = [(each.claim.id, each.claim.fence, each.message_id, each.checked) for each in marks]
    claims = {each.claim for each in marks}
    if marking(sendable).run(connection, rows) == len(marks):
        return claims
    marked = {claim for claim, status in _standing(connection, claims) if status == DeliveryStatus.SENDING}
    release(connection, claims - marked)
    return marked


def _standing(connection: Connection, claims: Iterable[Claim]) -> set[tuple[Claim, str]]:
    """Give the claims that are still the last ones of their deliveries, with the status of these."""
    by_fence = {(each.id, each.fence): each for each in claims}
    columns = (DELIVERY.c.id, DELIVERY.c.fence, DELIVERY.c.status)
    rows = connection.execute(select(*columns).where(DELIVERY.c.id.in_({id_ for id_, _fence in by_fence})))
    return {(by_fence[id_, fence], status) for id_, fence, status in rows if (id_, fence) in by_fence}


_FINAL_REFUSALS = (DeliveryStatus.BOUNCED, DeliveryStatus.FAILED)


def settle(
    connection: Connection,
    outcomes: Sequence[Outcome],
    *,
    now: datetime,
    slugs: Mapping[int, str] = MappingProxyType({}),
) -> int:
    """Write what became of the deliveries, their events and the suppressions that follow; give how many were ours.

    `slugs` are how the officer calls the campaigns, by id: a suppression names the one in which the mailbox refused.
    A worker that was stopped for longer than its lease finds its messages uncertain. If nobody claimed them since (the
    fence tells), the reply that it read is the evidence that settles them.
    """
    if not outcomes:
        return 0
    settled = _write(connection, outcomes, now)
    if settled < len(outcomes):
        late = [
            replace(each, before=DeliveryStatus.UNCERTAIN)
            for each in outcomes
            if each.before is DeliveryStatus.SENDING and each.after is not DeliveryStatus.UNCERTAIN
        ]
        settled += _write(connection, late, now)
        standing = _standing(connection, [each.claim for each in outcomes])
        outcomes = [each for each in outcomes if (each.claim, each.after) in standing]
    told = [each for each in outcomes if each.after not in (DeliveryStatus.SENT, DeliveryStatus.QUEUED)]
    if told:
        connection.execute(
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
    refused = [each for each in told if each.reply is not None and each.after in _FINAL_REFUSALS]
    if refused:
        with Session(connection) as session:
            for each in refused:
                if each.is_hard_bounce or (
                    each.is_about_mailbox and is_worn_out(session, each.claim.address_key, now=now)
                ):
                    campaign = slugs.get(each.claim.campaign_id, str(each.claim.campaign_id))
                    evidence = _("campaign {campaign}: {reply}").format(campaign=campaign, reply=each.reply)
                    suppress(session, each.claim.address_key, SuppressionReason.HARD_BOUNCE, evidence=evidence, now=now)
            session.flush()
    return settled


def _write(connection: Connection, outcomes: Iterable[Outcome], now: datetime) -> int:
    ways: dict[tuple[DeliveryStatus, DeliveryStatus], list[tuple[Any, ...]]] = defaultdict(list)
    for each in outcomes:
        ways[each.before, each.after].append(settle_row(each, now))
    return sum(settling(*way).run(connection, rows) for way, rows in ways.items())


def release(connection: Connection, claims: Iterable[Claim]) -> None:
    """Give claimed deliveries back to the queue: nothing of them was accepted."""
    rows = [(each.id, each.fence) for each in claims]
    if rows:
        RELEASE.run(connection, rows)


def renew(connection: Connection, owner: str, *, now: datetime, lease: timedelta) -> None:
    """Prolong the lease of everything that this worker holds."""
    connection.execute(update(DELIVERY).where(DELIVERY.c.owner == owner, HELD).values(lease_until=now + lease))


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
            .where(HELD, DELIVERY.c.status == before, lapsed)
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
    statement = update(DELIVERY).where(DELIVERY.c.campaign_id == campaign_id, DUE)
    result = session.execute(statement.values(status=DeliveryStatus.CANCELLED, updated_at=now))
    return cast("CursorResult[Any]", result).rowcount


def requeue(session: Session, campaign_id: int, *, only: str | None, now: datetime) -> int:
    """Queue again what was refused: failed and deferred deliveries, or those of one status or reason; give their number.

    Each of them had a reply, so that none can arrive twice. Their time to give up begins anew.
    """
    refused = (DeliveryStatus.FAILED, DeliveryStatus.DEFERRED, DeliveryStatus.BOUNCED)
    wanted: ColumnElement[bool] = DELIVERY.c.status.in_(refused[:2])
    if only in refused:
        wanted = DELIVERY.c.status == only
    elif only is not None:
        wanted = DELIVERY.c.status.in_(refused) & (DELIVERY.c.reason == only)
    again = {"status": DeliveryStatus.QUEUED, "not_before": now, "first_attempt_at": None, "updated_at": now}
    statement = update(DELIVERY).where(DELIVERY.c.campaign_id == campaign_id, wanted).values(again)
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


def resolve(
    session: Session,
    campaign_id: int,
    after: DeliveryStatus,
    *,
    reason: str,
    now: datetime,
    ids: Sequence[int] | None = None,
) -> int:
    """Settle uncertain deliveries of a campaign (or those with these ids) as sent, or queue them again; give their number."""
    if not may_become(DeliveryStatus.UNCERTAIN, after):
        raise ValueError(f"an uncertain delivery cannot become {after}")
    statement = update(DELIVERY).where(
        DELIVERY.c.campaign_id == campaign_id, DELIVERY.c.status == DeliveryStatus.UNCERTAIN
    )
    if ids is not None:
        statement = statement.where(DELIVERY.c.id.in_(ids))
    values = {"status": after, "reason": reason, "not_before": now, "updated_at": now}
    settled = session.scalars(statement.values(values).returning(DELIVERY.c.id)).all()
    if settled:
        events = [{"delivery_id": id_, "at": now, "status": after, "reason": reason} for id_ in settled]
        session.execute(insert(DeliveryEvent), events)
    return len(settled)
