"""Lets a campaign leave later: with it are kept what it says and whom it was for when the officer decided so."""

from datetime import datetime

from sqlalchemy.orm import Session

from campaigns import lifecycle
from campaigns.content import freeze
from campaigns.models import Campaign
from campaigns.settings import Settings
from campaigns.snapshots import forget_audience, keep_audience


def schedule(
    session: Session,
    campaign: Campaign,
    at: datetime,
    settings: Settings,
    *,
    redirect_to: str | None = None,
    now: datetime,
) -> None:
    """Let a draft leave at `at`, to one mailbox alone if it is a rehearsal; scheduling again begins anew.

    Raises WrongStatus, and what `freeze` raises of a content that cannot be sent.
    """
    lifecycle.schedule(campaign, at, freeze(campaign, settings, now=now))
    keep_audience(session, campaign, settings, now=now)
    campaign.redirect_to = redirect_to


def unschedule(session: Session, campaign: Campaign) -> None:
    """Make a scheduled campaign a draft again, of which nothing is kept. Raises WrongStatus."""
    lifecycle.unschedule(campaign)
    forget_audience(session, campaign)
