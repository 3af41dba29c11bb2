"""What became of every contact of a campaign, a line each."""

from typing import Any, NamedTuple

from sqlalchemy import Select, literal, null, select, union_all
from sqlalchemy.orm import Session

from audiences.models import Company, Contact
from sends.models import Delivery, Exclusion
from sends.transports import Reply

LEFT_OUT = "left_out"
"""Stands for a contact that the segment matched and a rule left out: it has no delivery."""


class LogLine(NamedTuple):
    """One contact of a campaign; `reply` is the relay's last word."""

    address: str | None
    company: str | None
    status: str
    reason: str | None
    reply: str | None
    attempts: int
    message_id: str | None = None


def read_log(session: Session, campaign_id: int, *, status: str | None = None) -> list[LogLine]:
    """List the deliveries of a campaign in their order, then who was left out by which rule."""
    lines: list[LogLine] = []
    if status != LEFT_OUT:
        planned = (
            select(Delivery, Company.name)
            .outerjoin(Contact, Contact.id == Delivery.contact_id)
            .outerjoin(Company, Company.id == Contact.company_id)
            .where(Delivery.campaign_id == campaign_id)
            .order_by(Delivery.id)
        )
        if status is not None:
            planned = planned.where(Delivery.status == status)
        lines += [line_of(delivery, company) for delivery, company in session.execute(planned)]
    if status in (None, LEFT_OUT):
        out = (
            select(Contact.address, Company.name, Exclusion.rule)
            .join(Contact, Contact.id == Exclusion.contact_id)
            .outerjoin(Company, Company.id == Contact.company_id)
            .where(Exclusion.campaign_id == campaign_id)
            .order_by(Exclusion.id)
        )
        lines += [LogLine(address, company, LEFT_OUT, rule, None, 0) for address, company, rule in session.execute(out)]
    return lines


def line_of(delivery: Delivery, company: str | None) -> LogLine:
    """Give a delivery, of this company, as a line of the log."""
    reply = None
    if delivery.reply_code is not None:
        reply = str(Reply(delivery.reply_code, delivery.reply_enhanced, delivery.reply_text or ""))
    return LogLine(
        delivery.address, company, delivery.status, delivery.reason, reply, delivery.attempts, delivery.message_id
    )


def planned(campaign_id: int) -> Select[Any]:
    """Select what a campaign's plan was, with the columns of the candidates; whoever is out of the store is missing."""
    written_to = select(
        Delivery.contact_id,
        Contact.company_id,
        Delivery.address,
        Delivery.address_key,
        Delivery.part,
        null().label("reason"),
    ).join(Contact, Contact.id == Delivery.contact_id)
    left_out = select(
        Exclusion.contact_id, Contact.company_id, Contact.address, Contact.address_key, literal(0), Exclusion.rule
    ).join(Contact, Contact.id == Exclusion.contact_id)
    return (
        union_all(
            written_to.where(Delivery.campaign_id == campaign_id), left_out.where(Exclusion.campaign_id == campaign_id)
        )
        .subquery()
        .select()
    )


def planned_recipients(campaign_id: int) -> Select[Any]:
    """Select whom a campaign's plan writes to (contact_id, address), in the order of the contacts."""
    columns: tuple[Any, ...] = (Delivery.contact_id, Delivery.address)
    return select(*columns).where(Delivery.campaign_id == campaign_id).order_by(Delivery.contact_id)
