"""Contact pressure: a mailbox or a company that got so many campaigns of late is left alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from gettext import gettext as _
from gettext import ngettext
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased

from audiences.models import Contact
from audiences.waterfall import Rule
from campaigns.models import Campaign
from sends.models import Delivery
from sends.states import PERHAPS_ARRIVED
from templates import Purpose

if TYPE_CHECKING:
    from campaigns.settings import PressureSection


def pressure_rule(pressure: "PressureSection", *, now: datetime, but: int | None = None) -> Rule:
    """Leave out whoever got as many campaigns in the last days as `pressure` allows, as a mailbox or as a company.

    Counted is what the relay took over for real, or may have taken over; rehearsals, service mail and the campaign
    `but` are not.
    """
    lately = _lately(now - timedelta(days=pressure.days), but)

    def evidence(session: Session, ids: Sequence[int]) -> Mapping[int, str]:
        return _told(session, ids, lately, pressure.days)

    few = pressure.max_campaigns or 0
    is_many = func.count(Delivery.campaign_id.distinct()) >= few
    mailboxes = select(Delivery.address_key).where(*lately).group_by(Delivery.address_key).having(is_many)
    reached = aliased(Contact)  # those whom the deliveries went to
    companies = (
        select(reached.company_id)
        .join(Delivery, Delivery.contact_id == reached.id)
        .where(reached.company_id.is_not(None), *lately)
        .group_by(reached.company_id)
        .having(is_many)
    )
    tired = or_(Contact.address_key.in_(mailboxes), func.coalesce(Contact.company_id, 0).in_(companies))
    return Rule("too_often", _("contacted too often"), tired, evidence)


def _lately(since: datetime, but: int | None) -> list[ColumnElement[bool]]:
    """Hold for the deliveries that count since then."""
    campaigns = select(Campaign.id).where(
        Campaign.redirect_to.is_(None),
        Campaign.purpose != Purpose.SERVICE,
        # A campaign that was over by then has nothing to look through.
        or_(Campaign.finished_at.is_(None), Campaign.finished_at >= since),
    )
    if but is not None:
        campaigns = campaigns.where(Campaign.id != but)
    return [Delivery.campaign_id.in_(campaigns), Delivery.status.in_(PERHAPS_ARRIVED), Delivery.updated_at >= since]


def _told(session: Session, ids: Sequence[int], lately: list[ColumnElement[bool]], days: int) -> dict[int, str]:
    """Name for each contact the campaigns that its mailbox or its company got."""
    reached = aliased(Contact)
    got: dict[int, dict[str, Any]] = {}
    by_mailbox = select(Contact.id, Campaign.slug).join(Delivery, Delivery.address_key == Contact.address_key)
    by_company = (
        select(Contact.id, Campaign.slug)
        .join(reached, reached.company_id == Contact.company_id)
        .join(Delivery, Delivery.contact_id == reached.id)
    )
    for statement in (by_mailbox, by_company):
        named = statement.join(Campaign, Campaign.id == Delivery.campaign_id).where(Contact.id.in_(ids), *lately)
        for contact_id, slug in session.execute(named.distinct().order_by(Contact.id, Campaign.slug)):
            got.setdefault(contact_id, {})[slug] = None
    told = {}
    for contact_id, slugs in got.items():
        text = ngettext(
            "{count} campaign in {days} days: {names}", "{count} campaigns in {days} days: {names}", len(slugs)
        )
        told[contact_id] = text.format(count=len(slugs), days=days, names=", ".join(slugs))
    return told
