"""Campaigns from draft to their end: the only writer of a campaign's status."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from gettext import gettext as _
from types import MappingProxyType
from typing import Any

from sqlalchemy import Select, case, select
from sqlalchemy.orm import Session

from audiences.catalogue import get_audience
from audiences.text import SLUG, did_you_mean
from campaigns.errors import CampaignExists, UnknownCampaign, WrongStatus
from campaigns.models import Campaign, CampaignStatus, Per
from sends import ledger, tally
from templates import Purpose

_S = CampaignStatus

TRANSITIONS: Mapping[CampaignStatus, frozenset[CampaignStatus]] = MappingProxyType(
    {
        _S.DRAFT: frozenset({_S.SCHEDULED, _S.SENDING, _S.CANCELLED}),
        _S.SCHEDULED: frozenset({_S.SCHEDULED, _S.SENDING, _S.DRAFT, _S.CANCELLED}),
        _S.SENDING: frozenset({_S.PAUSED, _S.FINISHED, _S.CANCELLED}),
        _S.PAUSED: frozenset({_S.SENDING, _S.CANCELLED}),
        _S.FINISHED: frozenset({_S.SENDING}),  # what was refused, or uncertain, is tried again
        _S.CANCELLED: frozenset(),
    }
)

STATUS_ORDER = (_S.SENDING, _S.PAUSED, _S.SCHEDULED, _S.DRAFT, _S.FINISHED, _S.CANCELLED)
"""How lists are ordered: what goes on now, what is coming, then the past."""


def status_label(status: str) -> str:
    """Give a campaign's status in the officer's language."""
    labels = {
        "draft": _("draft"),
        "scheduled": _("scheduled"),
        "sending": _("sending"),
        "paused": _("paused"),
        "finished": _("finished"),
        "cancelled": _("cancelled"),
    }
    return labels[status]


def create_campaign(
    session: Session,
    slug: str,
    *,
    name: str,
    audience: str,
    template: str,
    variables: Mapping[str, str],
    purpose: Purpose,
    subject: str | None,
    attachments: Sequence[str] = (),
    give_up_hours: int | None = None,
    per: Per = Per.MAILBOX,
    except_received: Sequence[str] = (),
    now: datetime,
) -> Campaign:
    """Write a draft; the caller has checked template, variables and attachments (paths).

    Whoever got one of the campaigns `except_received` will be left out. Raises CampaignExists, UnknownAudience,
    UnknownCampaign.
    """
    if not SLUG.fullmatch(slug):
        raise UnknownCampaign(
            _("“{slug}” cannot be the name of a campaign. Use a-z, 0-9 and hyphens, like info-fonds-cua.").format(
                slug=slug
            )
        )
    if session.scalar(select(Campaign.id).where(Campaign.slug == slug)) is not None:
        raise CampaignExists(
            _(
                "There is a campaign {slug} already. Choose another name, or look at it: relais campaigns show {slug}."
            ).format(slug=slug)
        )
    campaign = Campaign(
        slug=slug,
        name=name,
        status=CampaignStatus.DRAFT,
        purpose=purpose,
        audience=get_audience(session, audience),
        template=template,
        variables=dict(variables),
        attachments=list(attachments),
        subject=subject,
        give_up_hours=give_up_hours,
        per=per,
        except_received=[get_campaign(session, each).slug for each in dict.fromkeys(except_received)] or None,
        created_at=now,
    )
    session.add(campaign)
    session.flush()
    return campaign


def get_campaign(session: Session, slug: str) -> Campaign:
    """Find a campaign by its short name; UnknownCampaign names the nearest."""
    campaign = session.scalar(select(Campaign).where(Campaign.slug == slug))
    if campaign is None:
        hint = did_you_mean(slug, session.scalars(select(Campaign.slug)), otherwise=_("See `relais campaigns list`."))
        raise UnknownCampaign(_("There is no campaign {slug}. {hint}").format(slug=slug, hint=hint))
    return campaign


def list_campaigns(session: Session) -> list[Campaign]:
    """List all campaigns: those that send, upcoming ones by date, drafts, then finished ones, the newest first."""
    place = case({status: at for at, status in enumerate(STATUS_ORDER)}, value=Campaign.status)
    ordered = session.scalars(select(Campaign).order_by(place, Campaign.scheduled_at, Campaign.id)).all()
    past = {CampaignStatus.FINISHED, CampaignStatus.CANCELLED}
    coming = [campaign for campaign in ordered if campaign.status not in past]
    done = [campaign for campaign in ordered if campaign.status in past]
    return coming + sorted(done, key=lambda campaign: campaign.launched_at or campaign.created_at, reverse=True)


def sendable_campaigns() -> Select[Any]:
    """Select the ids of the campaigns whose deliveries may be claimed."""
    return select(Campaign.id).where(Campaign.status == CampaignStatus.SENDING)


def move(campaign: Campaign, status: CampaignStatus) -> None:
    """Change a campaign's status; WrongStatus when there is no way from where it stands."""
    before = CampaignStatus(campaign.status)
    if status not in TRANSITIONS[before]:
        raise WrongStatus(
            _("The campaign {slug} is {status}: it cannot become {wanted}. See `relais campaigns show {slug}`.").format(
                slug=campaign.slug, status=status_label(before), wanted=status_label(status)
            )
        )
    campaign.status = status


def schedule(campaign: Campaign, at: datetime, content: dict[str, Any]) -> None:
    """Let a draft leave at `at` with this content, frozen now; scheduling again moves it."""
    move(campaign, CampaignStatus.SCHEDULED)
    campaign.scheduled_at = at
    campaign.content = content


def unschedule(campaign: Campaign) -> None:
    """Make a scheduled campaign a draft again."""
    if campaign.status != CampaignStatus.SCHEDULED:
        raise WrongStatus(
            _("The campaign {slug} is {status}, not scheduled.").format(
                slug=campaign.slug, status=status_label(campaign.status)
            )
        )
    move(campaign, CampaignStatus.DRAFT)
    campaign.scheduled_at = campaign.content = campaign.redirect_to = None


def pause(campaign: Campaign, note: str) -> None:
    """Let nothing more be claimed; `note` says why."""
    move(campaign, CampaignStatus.PAUSED)
    campaign.note = note


def resume(campaign: Campaign) -> None:
    """Let a paused campaign go on."""
    if campaign.status != CampaignStatus.PAUSED:
        raise WrongStatus(
            _("The campaign {slug} is {status}, not paused.").format(
                slug=campaign.slug, status=status_label(campaign.status)
            )
        )
    move(campaign, CampaignStatus.SENDING)
    campaign.note = None


def reopen(campaign: Campaign) -> None:
    """Let a finished campaign send again what was put back into its queue; a sending or paused one stays as it is."""
    if campaign.status == CampaignStatus.FINISHED:
        move(campaign, CampaignStatus.SENDING)
        campaign.finished_at = None
    elif campaign.status not in (CampaignStatus.SENDING, CampaignStatus.PAUSED):
        raise WrongStatus(
            _("The campaign {slug} is {status}: nothing of it was sent yet.").format(
                slug=campaign.slug, status=status_label(campaign.status)
            )
        )


def take_up(session: Session, campaign: Campaign, *, now: datetime) -> None:
    """Go on with what evidence put back into a campaign's queue: send it, or give it up with a cancelled campaign."""
    if campaign.status == CampaignStatus.CANCELLED:
        ledger.cancel(session, campaign.id, now=now)
    else:
        reopen(campaign)


def cancel(session: Session, campaign: Campaign, *, now: datetime) -> int:
    """Give a campaign up; give the number of deliveries that will not leave."""
    move(campaign, CampaignStatus.CANCELLED)
    campaign.finished_at = now
    return ledger.cancel(session, campaign.id, now=now)


def sweep_cancelled(session: Session, *, now: datetime) -> None:
    """Cancel the deliveries of cancelled campaigns that a worker held at the time and gave back since."""
    for campaign_id in session.scalars(select(Campaign.id).where(Campaign.status == CampaignStatus.CANCELLED)):
        ledger.cancel(session, campaign_id, now=now)


def finish_settled(session: Session, *, now: datetime) -> Sequence[Campaign]:
    """Finish the sending campaigns whose deliveries are all settled; give them."""
    sending = session.scalars(select(Campaign).where(Campaign.status == CampaignStatus.SENDING)).all()
    finished = [campaign for campaign in sending if not tally.is_open(session, campaign.id)]
    for campaign in finished:
        move(campaign, CampaignStatus.FINISHED)
        campaign.finished_at = now
    return finished
