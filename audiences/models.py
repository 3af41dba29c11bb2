"""The contact store: companies, contacts, requests, suppressions, audiences, and the runs that imported them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from audiences.database import Base, UtcDateTime


class ContactKind(StrEnum):
    """What an address stands for; the law treats the three differently (CPCE art. L34-5, CNIL)."""

    PROFESSIONAL = "professional"  # a person at work
    ROLE = "role"  # a mailbox of the company: contact@, info@
    INDIVIDUAL = "individual"  # a private person, a project holder


class LegalBasis(StrEnum):
    """Why a contact may be written to for marketing (GDPR art. 6)."""

    CONSENT = "consent"
    LEGITIMATE_INTEREST = "legitimate_interest"
    CONTRACT = "contract"
    PUBLIC_TASK = "public_task"


class SuppressionReason(StrEnum):
    """Why an address is not written to any more."""

    UNSUBSCRIBED = "unsubscribed"
    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    MANUAL = "manual"
    ERASED = "erased"


class SuppressionScope(StrEnum):
    """What a suppression covers."""

    ALL = "all"
    MARKETING = "marketing"


STORE = ("company", "contact", "tag", "request", "suppression")
"""The tables that an import fills."""

# SQLite takes a partial index only for a query that repeats its condition to the letter.
NOT_PROSPECTED = text("diffusion IN ('P', 'N')")


class Company(Base):
    """An establishment, known by its SIRET or by its name and place."""

    __tablename__ = "company"
    __table_args__ = (
        Index(None, "epci_siren", "naf_code"),
        # Partial: the few that are never prospected are found without reading the others.
        Index("ix_company_not_prospected", "diffusion", sqlite_where=NOT_PROSPECTED, postgresql_where=NOT_PROSPECTED),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    siret: Mapped[str | None] = mapped_column(String(14), unique=True)
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text, index=True)
    naf_code: Mapped[str | None] = mapped_column(String(6), index=True)
    headcount_min: Mapped[int | None]
    headcount_max: Mapped[int | None]
    postcode: Mapped[str | None] = mapped_column(String(5), index=True)
    commune_name: Mapped[str | None] = mapped_column(Text, index=True)
    commune_code: Mapped[str | None] = mapped_column(String(5), index=True)
    epci_siren: Mapped[str | None] = mapped_column(String(9))
    diffusion: Mapped[str | None] = mapped_column(String(1))
    # As the sheet wrote them, beside what they were taken for; `placed_by` is who corrected that by hand.
    commune_given: Mapped[str | None] = mapped_column(Text)
    commune_code_given: Mapped[str | None] = mapped_column(String(5))
    placed_by: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Contact(Base):
    """An address we may know, of a company or of a project holder; a company without one has a row without address."""

    __tablename__ = "contact"
    __table_args__ = (UniqueConstraint("company_id", "address_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"))
    address: Mapped[str | None] = mapped_column(Text)
    # Without a key the address cannot be written to: it is kept as given, for the officer to mend.
    address_key: Mapped[str | None] = mapped_column(Text, index=True)
    civility: Mapped[str | None] = mapped_column(Text)
    given_name: Mapped[str | None] = mapped_column(Text)
    family_name: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[ContactKind] = mapped_column(String(20))
    legal_basis: Mapped[LegalBasis | None] = mapped_column(String(20))
    source: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    company: Mapped[Company | None] = relationship()


class Tag(Base):
    """A word that the officer put on a company, or on a contact without one."""

    __tablename__ = "tag"
    __table_args__ = (UniqueConstraint("company_id", "word"), UniqueConstraint("contact_id", "word"))

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    word: Mapped[str] = mapped_column(Text, index=True)
    company: Mapped[Company | None] = relationship()
    contact: Mapped[Contact | None] = relationship()


class Request(Base):
    """What a company, or a contact without one, asked the chamber ("sollicitation")."""

    __tablename__ = "request"
    # With the company, so that the companies of an answer are read from the index alone.
    __table_args__ = (
        Index("ix_request_nature_received_on", "nature", "received_on", "company_id", "contact_id"),
        *(Index(None, word, "company_id") for word in ("received_on", "channel", "topic", "adviser")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int | None] = mapped_column(ForeignKey("company.id"), index=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(String(32), unique=True)
    reference: Mapped[str | None] = mapped_column(Text)
    received_on: Mapped[date]
    channel: Mapped[str] = mapped_column(Text)
    nature: Mapped[str] = mapped_column(Text)
    topic: Mapped[str | None] = mapped_column(Text)
    adviser: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[str | None] = mapped_column(Text)
    company: Mapped[Company | None] = relationship()
    contact: Mapped[Contact | None] = relationship()


class Suppression(Base):
    """An address that is not written to, why, and how far that goes; lifting keeps the row as history.

    `evidence` tells where the wish or the failure is recorded: a sheet's row, a relay's reply, a mail.
    """

    __tablename__ = "suppression"

    id: Mapped[int] = mapped_column(primary_key=True)
    address_key: Mapped[str] = mapped_column(Text, index=True)
    reason: Mapped[SuppressionReason] = mapped_column(String(20))
    scope: Mapped[SuppressionScope] = mapped_column(String(20))
    evidence: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lifted_by: Mapped[str | None] = mapped_column(Text)
    lifted_why: Mapped[str | None] = mapped_column(Text)


class Audience(Base):
    """A saved segment: a query that is evaluated at launch."""

    __tablename__ = "audience"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    query: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ImportRun(Base):
    """One import of one file, with what it did to the store."""

    __tablename__ = "import_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    rows: Mapped[int]
    created: Mapped[int]
    changed: Mapped[int]
    unchanged: Mapped[int]
    rejected: Mapped[int]
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    source_date: Mapped[date | None]  # the day that a register (SIRENE) tells of


class ChangeAction(StrEnum):
    """What an import did to rows of the store."""

    CREATED = "created"
    CHANGED = "changed"  # one row; `values` has column -> [before, after]
    SEEN = "seen"  # it named rows that were there: it stands on them


class ImportChange(Base):
    """What one import did to the rows of one table from `first_id` to `last_id`, so that it can be taken back."""

    __tablename__ = "import_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"), index=True)
    entity: Mapped[str] = mapped_column(String(12))
    action: Mapped[ChangeAction] = mapped_column(String(8))
    first_id: Mapped[int]
    last_id: Mapped[int]
    values: Mapped[dict[str, list[Any]] | None] = mapped_column(JSON)


class ImportLayout(Base):
    """The columns of a sheet as they were confirmed once, recognised by a hash of the headers."""

    __tablename__ = "import_layout"

    id: Mapped[int] = mapped_column(primary_key=True)
    headers_hash: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    columns: Mapped[dict[str, str | None]] = mapped_column(
        JSON
    )  # header as written -> field, null where it is not read
    file_name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime)
