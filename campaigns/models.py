"""Campaigns, and what this installation keeps for itself."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, Text
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


class Per(StrEnum):
    """What gets one mail of a campaign where a mailbox serves several companies."""

    MAILBOX = "mailbox"  # one mail, with the data of the company that asked most recently
    COMPANY = "company"  # one mail for each company, with its data


class Campaign(Base):
    """One mailing: what goes to whom and when; `content` is frozen when it is scheduled or launched.

    `give_up_hours` is how long after its first attempt a refused delivery is given up; None for the usual time.
    `except_received` names the campaigns whose recipients are left out.
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
    per: Mapped[Per] = mapped_column(String(10), default=Per.MAILBOX, server_default=Per.MAILBOX)
    except_received: Mapped[list[str] | None] = mapped_column(JSON)
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


class AudienceSnapshot(Base):
    """The contacts of a campaign's audience when it was scheduled: a row for each reason ("" for recipients).

    `contact_ids` holds the ids in their order, packed by `snapshots`: a million of them take about a megabyte.
    """

    __tablename__ = "audience_snapshot"

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(String(30), primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)
    contacts: Mapped[int]
    contact_ids: Mapped[bytes] = mapped_column(LargeBinary)


class Installation(Base):
    """A value that this installation made for itself, such as the key of its unsubscribe links."""

    __tablename__ = "installation"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
