"""Campaigns, and what this installation keeps for itself."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from audiences.database import Base, UtcDateTime
from audiences.models import Audience
from templates import Purpose


class CampaignStatus(StrEnum):
    """Where a campaign stands; `lifecycle` is the only writer."""

    DRAFT = "draft"  # being prepared
    SCHEDULED = "scheduled"  # leaves at its time
    SENDING = "sending"  # planned, its deliveries may be claimed
    PAUSED = "paused"  # nothing is claimed until it is resumed
    FINISHED = "finished"  # every delivery is settled
    CANCELLED = "cancelled"  # given up


class WebinarChange(StrEnum):
    """What a campaign tells the calendars that have the webinar of another one."""

    UPDATE = "update"
    CANCEL = "cancel"


class Campaign(Base):
    """One mailing: what goes to whom and when; `content` is frozen when it is scheduled or launched.

    `give_up_hours` is how long after its first attempt a refused delivery is given up; None for the usual time.
    """

    __tablename__ = "campaign"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    status: Mapped[CampaignStatus] = mapped_column(String(12), index=True)
    purpose: Mapped[Purpose] = mapped_column(String(20))
    audience_id: Mapped[int] = mapped_column(ForeignKey("audience.id"))
    template: Mapped[str] = mapped_column(Text)
    variables: Mapped[dict[str, str]] = mapped_column(JSON)
    attachments: Mapped[list[str]] = mapped_column(JSON)
    subject: Mapped[str | None] = mapped_column(Text)
    redirect_to: Mapped[str | None] = mapped_column(Text)
    give_up_hours: Mapped[int | None]
    content: Mapped[dict[str, Any] | None] = mapped_column(JSON, deferred=True)  # megabytes, with attachments
    query: Mapped[str | None] = mapped_column(Text)
    waterfall: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    scheduled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    launched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    webinar_id: Mapped[int | None] = mapped_column(ForeignKey("campaign.id"))  # the campaign that invited first
    webinar_change: Mapped[WebinarChange | None] = mapped_column(String(6))
    webinar_sequence: Mapped[int | None]  # among the changes of one webinar, from 1
    audience: Mapped[Audience] = relationship()


class Installation(Base):
    """A value that this installation made for itself, such as the key of its unsubscribe links."""

    __tablename__ = "installation"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
