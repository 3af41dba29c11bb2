"""Settles uncertain deliveries by evidence: what the relay's own log says of their Message-IDs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from sends import ledger
from sends.models import Delivery
from sends.postfix_log import RelayLog
from sends.states import DeliveryStatus

SETTLING = timedelta(minutes=5)
"""How long after the loss of a connection a relay may still take what it had read of it (Postfix: smtpd_timeout)."""


@dataclass(frozen=True)
class Reconciliation:
    """How many uncertain deliveries the log settled each way; `open` of them stay, for one of three reasons.

    `half_seen`: they came in, and nothing says what became of them. `is_partial`: the log lacks messages that the
    relay is known to have, so that its silence means nothing. `needs`: the time that it would have to cover.
    """

    sent: int
    not_sent: int
    open: int
    half_seen: int
    is_partial: bool
    needs: tuple[datetime, datetime] | None


def reconcile(session: Session, campaign_id: int, log: RelayLog, *, now: datetime) -> Reconciliation:
    """Settle a campaign's uncertain deliveries by the relay's log.

    One whose Message-ID the relay took over was sent. One that it broke off or refused was not: it goes back to the
    queue. So does one that a whole log never names: such a log names every message of the campaign that the relay
    accepted (that of another relay, of another zone, or with lost lines does not), and reaches from the planning to
    SETTLING after the doubt.
    """
    columns = (Delivery.id, Delivery.message_id, Delivery.planned_at, Delivery.updated_at)
    rows = session.execute(
        select(*columns).where(Delivery.campaign_id == campaign_id, Delivery.status == DeliveryStatus.UNCERTAIN)
    ).all()
    sent = [row.id for row in rows if row.message_id in log.taken]
    not_sent = [row.id for row in rows if row.message_id in log.not_taken]
    silent = [row for row in rows if row.message_id and log.is_silent_about(row.message_id)]
    is_partial = bool(silent) and not _names_what_was_accepted(session, campaign_id, log)
    uncovered = [row for row in silent if not log.covers(row.planned_at, row.updated_at + SETTLING)]
    if not is_partial:
        not_sent += [row.id for row in silent if row not in uncovered]
    needs = None
    if uncovered:
        needs = min(row.planned_at for row in uncovered), max(row.updated_at for row in uncovered) + SETTLING
    ledger.resolve(session, campaign_id, DeliveryStatus.SENT, reason="relay log: taken over", now=now, ids=sent)
    ledger.resolve(session, campaign_id, DeliveryStatus.QUEUED, reason="relay log: not taken", now=now, ids=not_sent)
    return Reconciliation(
        sent=len(sent),
        not_sent=len(not_sent),
        open=len(rows) - len(sent) - len(not_sent),
        half_seen=sum(row.message_id in log.unknown for row in rows),
        is_partial=is_partial,
        needs=needs,
    )


def _names_what_was_accepted(session: Session, campaign_id: int, log: RelayLog) -> bool:
    """Tell whether the log names all that the relay said it accepted of a campaign, and that there is such a thing."""
    accepted = session.scalars(
        select(Delivery.message_id).where(
            Delivery.campaign_id == campaign_id, Delivery.message_id.is_not(None), Delivery.reply_code.between(200, 299)
        )
    ).all()
    return bool(accepted) and not any(log.is_silent_about(each) for each in accepted if each)
