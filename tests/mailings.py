"""Campaigns and what became of them, written straight into the store: what rules on earlier campaigns look at."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from audiences.catalogue import save_audience
from audiences.database import writing
from audiences.models import Contact
from campaigns import lifecycle, planning
from campaigns.models import Campaign, Per
from campaigns.settings import Settings
from campaigns.targets import Target
from sends.models import Delivery, Exclusion
from sends.states import DeliveryStatus
from templates import Purpose
from tests.factories import NOW

INFORMATION, SERVICE, MARKETING = Purpose.PUBLIC_INFORMATION, Purpose.SERVICE, Purpose.MARKETING


def draft(session: Session, slug: str, query: str = "*:*", **options: Any) -> Campaign:
    """Add a draft to an audience of its own."""
    save_audience(session, slug, query, description=None, now=NOW)
    facts: dict[str, Any] = {"name": slug, "template": "fonds", "variables": {}, "subject": None, "now": NOW}
    return lifecycle.create_campaign(session, slug, audience=slug, **facts | {"purpose": INFORMATION} | options)


def launch(session: Session, campaign: Campaign, settings: Settings, now: datetime = NOW) -> None:
    """Plan a campaign, without content."""
    planning.launch(session, campaign, settings, content={}, now=now)


def sent_to(
    session: Session,
    slug: str,
    contacts: Sequence[int],
    *,
    at: datetime = NOW - timedelta(days=1),
    status: DeliveryStatus = DeliveryStatus.SENT,
    per: Per = Per.MAILBOX,
    **options: Any,
) -> Campaign:
    """Add a finished campaign whose deliveries went to these contacts and stand so since `at`."""
    redirect_to = options.pop("redirect_to", None)
    campaign = draft(session, slug, per=per, **options)
    campaign.status = lifecycle.CampaignStatus.FINISHED
    campaign.launched_at = campaign.finished_at = at
    campaign.redirect_to = redirect_to
    campaign.waterfall = {"companies": 0, "contacts": 0, "left_out": {}, "recipients": len(contacts)}
    for contact in session.scalars(select(Contact).where(Contact.id.in_(contacts)).order_by(Contact.id)):
        part = (contact.company_id or 0) if per is Per.COMPANY else 0
        row = {"address": contact.address, "address_key": contact.address_key, "part": part, "status": status}
        times = {"not_before": at, "planned_at": at, "updated_at": at}
        session.add(Delivery(campaign_id=campaign.id, contact_id=contact.id, **row, **times))
    session.flush()
    return campaign


def reasons(
    engine: Engine,
    settings: Settings,
    *,
    query: str = "*:*",
    purpose: Purpose = INFORMATION,
    now: datetime = NOW,
    **options: Any,
) -> dict[int, str | None]:
    """Give why each contact is left out of a target, None for recipients."""
    with writing(engine) as session:
        return reasons_in(session, Target(query, purpose, **options), settings, now=now)


def reasons_in(session: Session, target: Target, settings: Settings, *, now: datetime = NOW) -> dict[int, str | None]:
    """Give why each contact is left out of a target, None for recipients, as this session sees it."""
    found = planning.explanation_of(session, target, settings, now=now).found.subquery()
    return dict(session.execute(select(found.c.contact_id, found.c.reason)).all())


def planned_in(session: Session, campaign: Campaign) -> dict[int, str | None]:
    """Give what a launch wrote: the rule of each contact that it left out, None for each that it writes to."""
    written = select(Delivery.contact_id).where(Delivery.campaign_id == campaign.id)
    out = select(Exclusion.contact_id, Exclusion.rule).where(Exclusion.campaign_id == campaign.id)
    excluded = session.execute(out).all()
    recipients = session.scalars(written).all()
    assert len({*recipients, *(row[0] for row in excluded)}) == len(recipients) + len(excluded)
    return {**dict.fromkeys(recipients), **dict(excluded)}
