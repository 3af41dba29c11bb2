"""Whom a mailing is for: a query with a purpose and options, and the rules that leave contacts out of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from gettext import gettext as _
from typing import Any, Self

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select
from sqlalchemy.orm import Session

from audiences.models import Contact
from audiences.rules import standard_rules
from audiences.waterfall import Rule
from campaigns.models import Campaign, Per
from campaigns.pressure import pressure_rule
from campaigns.settings import Settings
from sends.models import Delivery
from sends.states import ARRIVED, PERHAPS_ARRIVED, DeliveryStatus
from templates import Purpose


@dataclass(frozen=True)
class Target:
    """A query with what decides which of its contacts are written to; `campaign_id` is that of the campaign, if any."""

    query: str
    purpose: Purpose
    per: Per = Per.MAILBOX
    except_received: tuple[str, ...] = ()
    campaign_id: int | None = None

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        """Give the target of a campaign: its query as frozen at the launch, before that its audience's of today."""
        return cls(
            campaign.query or campaign.audience.query,
            Purpose(campaign.purpose),
            Per(campaign.per),
            tuple(campaign.except_received or ()),
            campaign.id,
        )

    @property
    def is_per_company(self) -> bool:
        """Whether a mailbox gets a mail for each of its companies."""
        return self.per is Per.COMPANY


def rules_of(target: Target, settings: Settings, *, now: datetime) -> tuple[Rule, ...]:
    """Give the waterfall's rules for a target, in their order; `now` ends the days in which campaigns are counted."""
    rules = [*standard_rules(is_marketing=target.purpose is Purpose.MARKETING, zone=settings.zone)]
    if settings.pressure.max_campaigns is not None and target.purpose is not Purpose.SERVICE:
        rules.append(pressure_rule(settings.pressure, now=now, but=target.campaign_id))
    if target.except_received:
        rules.append(_received_rule(target.except_received, settings.zone))
    return tuple(rules)


def got(campaigns: ColumnElement[bool], statuses: Collection[DeliveryStatus] = ARRIVED) -> ColumnElement[bool]:
    """Hold for contacts who got a mail of one of these campaigns: the relay took it over, and it was no rehearsal.

    Other `statuses` than those ask for what became of it otherwise. A mail for one company of a mailbox (`part`) was got
    by the contact of that company alone.
    """
    ids = select(Campaign.id).where(campaigns, Campaign.redirect_to.is_(None))
    return exists(
        select(Delivery.id).where(
            Delivery.address_key == Contact.address_key,
            or_(Delivery.part == 0, Delivery.part == Contact.company_id),
            Delivery.campaign_id.in_(ids),
            Delivery.status.in_(statuses),
        )
    ).correlate(Contact)


def _received_rule(slugs: Sequence[str], zone: tzinfo) -> Rule:
    campaigns = Campaign.slug.in_(slugs)

    def evidence(session: Session, ids: Sequence[int]) -> Mapping[int, str]:
        return _told_campaigns(session, ids, select(Campaign.id).where(campaigns), zone)

    return Rule("already_received", _("already received"), got(campaigns, PERHAPS_ARRIVED), evidence)


def _told_campaigns(session: Session, ids: Sequence[int], campaigns: Select[Any], zone: tzinfo) -> dict[int, str]:
    """Name for each contact the campaigns, out of these, that it got or may have got, with the day in the officer's zone."""
    is_certain = func.max(case((Delivery.status == DeliveryStatus.UNCERTAIN, 0), else_=1))
    found = (
        select(Contact.id, Campaign.slug, func.max(Delivery.updated_at), is_certain)
        .join(Delivery, Delivery.address_key == Contact.address_key)
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .where(
            Contact.id.in_(ids),
            or_(Delivery.part == 0, Delivery.part == Contact.company_id),
            Campaign.id.in_(campaigns),
            Campaign.redirect_to.is_(None),
            Delivery.status.in_(PERHAPS_ARRIVED),
        )
        .group_by(Contact.id, Campaign.slug)
    )
    told: dict[int, list[str]] = {}
    for contact_id, slug, at, certain in session.execute(found.order_by(Contact.id, func.max(Delivery.updated_at))):
        day = f"{at.astimezone(zone):%Y-%m-%d}"
        told.setdefault(contact_id, []).append(
            f"{slug} ({day})" if certain else _("{campaign} (uncertain, {day})").format(campaign=slug, day=day)
        )
    return {contact_id: ", ".join(names) for contact_id, names in told.items()}


def rule_labels() -> dict[str, str]:
    """Give what the officer reads for each rule that there is, by its name: a campaign may have been left out by any."""
    return {
        "no_address": _("no address"),
        "invalid": _("invalid address"),
        "opposed": _("opposed or unsubscribed"),
        "bounced": _("bounced before"),
        "not_prospected": _("not to be prospected (SIRENE)"),
        "no_basis": _("no legal basis"),
        "too_often": _("contacted too often"),
        "already_received": _("already received"),
        "same_mailbox": _("same mailbox"),
    }
