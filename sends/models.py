"""The delivery ledger: one row a recipient and campaign, its events, who was left out, and how mail may leave."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from audiences.database import Base, UtcDateTime
from sends.states import DeliveryStatus

# SQLite takes a partial index only for a query that repeats its condition to the letter.
DUE = text("status IN ('queued', 'deferred')")
HELD = text("status IN ('claimed', 'sending')")


class Delivery(Base):
    """One campaign to one mailbox, from planning to its end; `fence` grows with every claim.

    `part` is 0, or the company's id in a campaign that writes to each company of a mailbox.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("campaign_id", "address_key", "part"),
        # Partial, so that the two updates of a message that leaves touch no index but a tiny one (half the WAL).
        Index("ix_delivery_due", "campaign_id", "status", "not_before", "id", sqlite_where=DUE, postgresql_where=DUE),
        Index("ix_delivery_held", "lease_until", sqlite_where=HELD, postgresql_where=HELD),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), index=True)
    address: Mapped[str] = mapped_column(Text)
    address_key: Mapped[str] = mapped_column(Text, index=True)
    part: Mapped[int] = mapped_column(default=0, server_default="0")
    status: Mapped[DeliveryStatus] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    first_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(String(36))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    message_id: Mapped[str | None] = mapped_column(Text)
    reply_code: Mapped[int | None]
    reply_enhanced: Mapped[str | None] = mapped_column(String(12))
    reply_text: Mapped[str | None] = mapped_column(Text)
    planned_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DeliveryEvent(Base):
    """Something other than plain success that happened to a delivery; append-only."""

    __tablename__ = "delivery_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[DeliveryStatus] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(Text)
    reply: Mapped[str | None] = mapped_column(Text)


class Exclusion(Base):
    """A contact that a campaign's segment matched and a rule of the waterfall left out."""

    __tablename__ = "exclusion"
    __table_args__ = (UniqueConstraint("campaign_id", "contact_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"), index=True)
    rule: Mapped[str] = mapped_column(String(30))


class ConnectionSlot(Base):
    """One of the connections that the relay, or a provider of recipients, takes at a time; `slots` writes it."""

    __tablename__ = "connection_slot"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    owner: Mapped[str] = mapped_column(String(36))
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime)


class RateBucket(Base):
    """What the relay or a recipient's provider still takes; `buckets` is its only reader and writer.

    `tokens` are messages, as of `refilled_at`; `day_count` is what left on the local `day`. `rate` is in messages a
    minute, as a complaint at `slowed_at` left it (None: that of the limit). `booked_until` is the last slot given out.
    """

    __tablename__ = "rate_bucket"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    tokens: Mapped[float]
    refilled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    rate: Mapped[float | None]
    slowed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    day: Mapped[date]
    day_count: Mapped[int]
    booked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
