"""The invitation that a campaign carries: one webinar, and the later campaigns that move or cancel it."""

from collections.abc import Mapping
from datetime import datetime
from gettext import gettext as _
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, object_session

from campaigns.errors import WrongStatus
from campaigns.lifecycle import get_campaign
from campaigns.models import Campaign, CampaignStatus, WebinarChange
from campaigns.settings import Settings
from sends.attachments import Attachment
from sends.headers import ascii_domain
from templates import Template
from templates.invites import FILENAME, Method, Organiser, Webinar, read_webinar, write_invitation

_NOT_SENT = {CampaignStatus.DRAFT, CampaignStatus.SCHEDULED}


def find_webinar(session: Session, slug: str) -> Campaign:
    """Find the campaign that invited to a webinar first. Raises UnknownCampaign, or WrongStatus where it did not."""
    campaign = get_campaign(session, slug)
    if campaign.webinar_id is not None:
        campaign = session.get_one(Campaign, campaign.webinar_id)
    if campaign.status in _NOT_SENT:
        raise WrongStatus(
            _("The campaign {slug} has not left yet: correct it, or cancel it, instead of sending a change.").format(
                slug=campaign.slug
            )
        )
    if not (campaign.content or {}).get("invitation"):
        raise WrongStatus(_("The campaign {slug} carried no invitation.").format(slug=campaign.slug))
    return campaign


def follow(session: Session, campaign: Campaign, webinar: Campaign, change: WebinarChange) -> None:
    """Make a draft a change of another campaign's webinar, the newest one."""
    newest = select(func.max(Campaign.webinar_sequence)).where(Campaign.webinar_id == webinar.id)
    campaign.webinar_sequence = (session.scalar(newest) or 0) + 1
    campaign.webinar_id = webinar.id
    campaign.webinar_change = change


def inherited(webinar: Campaign, template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """Give a change the values of the campaign that it changes, where the template knows them and none is given."""
    known = {name: value for name, value in webinar.variables.items() if name in template.variables}
    return {**known, **given}


def freeze_invitation(
    campaign: Campaign, template: Template, variables: Mapping[str, Any], settings: Settings, *, now: datetime
) -> dict[str, Any] | None:
    """Give what the campaign's invitation says, as plain JSON; None without one.

    A cancellation says again what the calendars know, whatever its own template holds. Raises WrongStatus for a change
    whose template makes no invitation.
    """
    organiser = Organiser(settings.chamber.short_name, settings.sender.reply_to or settings.sender.address)
    session = object_session(campaign)
    domain = ascii_domain(settings.sender.address).partition("@")[2]
    uid, sequence, method = f"{campaign.slug}.{campaign.created_at:%Y%m%dT%H%M%S}@{domain}", 0, Method.PUBLISH
    webinar = read_webinar(template.invite, variables, settings.zone) if template.invite else None
    if campaign.webinar_id is not None and session is not None:
        before = _known(session, campaign)
        uid, sequence = before["uid"], campaign.webinar_sequence or 1
        if campaign.webinar_change == WebinarChange.CANCEL:
            method = Method.CANCEL
            webinar = Webinar.from_dict(before["webinar"], settings.zone)
        elif webinar is None:
            raise WrongStatus(
                _("The template {template} has no [invite], so it cannot move a webinar.").format(
                    template=campaign.template
                )
            )
    if webinar is None:
        return None
    stream = write_invitation(webinar, uid=uid, sequence=sequence, method=method, organiser=organiser, now=now)
    return {
        "uid": uid,
        "sequence": sequence,
        "method": str(method),
        "webinar": webinar.to_dict(),
        "stream": stream.decode(),
    }


def _known(session: Session, campaign: Campaign) -> dict[str, Any]:
    """Give what the calendars were told last before this campaign."""
    family = or_(Campaign.id == campaign.webinar_id, Campaign.webinar_id == campaign.webinar_id)
    place = func.coalesce(Campaign.webinar_sequence, 0)
    earlier = select(Campaign.content).where(
        family, place < (campaign.webinar_sequence or 1), Campaign.launched_at.is_not(None)
    )
    told = [content["invitation"] for content in session.scalars(earlier.order_by(place)) if content]
    invitation: dict[str, Any] = told[-1]
    return invitation


def as_attachment(invitation: Mapping[str, Any]) -> Attachment:
    """Make the file that the messages carry."""
    parameters = (f"method={invitation['method']}", "charset=utf-8")
    return Attachment(FILENAME, "text/calendar", invitation["stream"].encode(), parameters)
