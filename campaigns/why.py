"""Says of one address whether it is in an audience or a campaign, and by which rule."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from audiences.addresses import parse_address
from audiences.errors import InvalidAddress
from audiences.listing import list_contacts, telling
from audiences.models import Company, Contact, Suppression
from audiences.waterfall import Way, candidates
from campaigns.models import Campaign
from campaigns.planning import compile_target
from campaigns.settings import Settings
from campaigns.snapshots import NOT_MATCHED
from campaigns.targets import Target
from sends.history import History, mailbox_history
from sends.models import Exclusion


class Verdict(NamedTuple):
    """One contact with the address: in, or out by `reason` (a rule, or NOT_MATCHED), and what that goes by."""

    contact_id: int
    company: str | None
    siret: str | None
    reason: str | None
    evidence: str

    @property
    def is_in(self) -> bool:
        """Whether the contact gets, or got, a mail."""
        return self.reason is None


class Answer(NamedTuple):
    """All that is known of an address: its contacts, its suppressions that hold, and a launched campaign's mail to it."""

    address: str
    verdicts: tuple[Verdict, ...]
    suppressions: tuple[Suppression, ...]
    history: tuple[History, ...]


def why(
    session: Session,
    address: str,
    target: Target,
    settings: Settings,
    *,
    now: datetime,
    campaign: Campaign | None = None,
) -> Answer:
    """Judge every contact with this address by the rules of a target as of now, or as a launched campaign did."""
    key = _key_of(address)
    mine = Contact.address_key == key if key else Contact.address == address
    is_launched = campaign is not None and campaign.launched_at is not None
    if campaign is not None and is_launched:
        verdicts, history = _past(session, campaign, mine, key)
    else:
        verdicts, history = _present(session, target, mine, settings, now), ()
    stops = select(Suppression).where(Suppression.address_key == key, Suppression.lifted_at.is_(None))
    suppressions = session.scalars(stops.order_by(Suppression.id)).all() if key else ()
    return Answer(address, verdicts, tuple(suppressions), history)


def _key_of(address: str) -> str | None:
    """Give the mailbox's key; an address that is none may be in the store as it was given."""
    try:
        return parse_address(address).key
    except InvalidAddress:
        return None


def _contacts(session: Session, mine: ColumnElement[bool]) -> list[tuple[int, str | None, str | None]]:
    found = select(Contact.id, Company.name, Company.siret).outerjoin(Company, Company.id == Contact.company_id)
    return list(session.execute(found.where(mine).order_by(Contact.id)))


def _present(
    session: Session, target: Target, mine: ColumnElement[bool], settings: Settings, now: datetime
) -> tuple[Verdict, ...]:
    condition, rules = compile_target(session, target, settings, now=now)
    few, is_per_company = and_(condition, mine), target.is_per_company
    found = candidates(few, rules, per_company=is_per_company, way=Way.GIVEN)
    listed = list_contacts(session, found, tell=telling(few, rules, per_company=is_per_company))
    judged = {each.contact_id: (each.reason, each.evidence) for each in listed}
    return tuple(
        Verdict(contact_id, name, siret, *judged.get(contact_id, (NOT_MATCHED, "")))
        for contact_id, name, siret in _contacts(session, mine)
    )


def _past(
    session: Session, campaign: Campaign, mine: ColumnElement[bool], key: str | None
) -> tuple[tuple[Verdict, ...], tuple[History, ...]]:
    """Tell what the launch decided: it stays as it was, whatever the store says since."""
    history = tuple(mailbox_history(session, campaign.id, key)) if key else ()
    written_to = {each.contact_id for each in history}
    out = select(Exclusion.contact_id, Exclusion.rule).join(Contact, Contact.id == Exclusion.contact_id)
    rules = dict(session.execute(out.where(Exclusion.campaign_id == campaign.id, mine)).all())
    verdicts = tuple(
        Verdict(contact_id, name, siret, None if contact_id in written_to else rules.get(contact_id, NOT_MATCHED), "")
        for contact_id, name, siret in _contacts(session, mine)
    )
    return verdicts, history
