"""Names the contacts behind each number of a waterfall, with what the rule that left them out goes by."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from gettext import gettext as _
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session

from audiences.models import Company, Contact
from audiences.waterfall import SAME_MAILBOX, Rule, Way, candidates

BATCH = 500
"""Contacts whose evidence is read at a time."""


class Listed(NamedTuple):
    """A matched contact; `reason` is the rule that leaves it out (None: a recipient), `evidence` what that goes by."""

    contact_id: int
    address: str | None
    company: str | None
    siret: str | None
    reason: str | None
    evidence: str


Told = Callable[[Session, Mapping[str, Sequence[int]]], Mapping[int, str]]
"""Says for contacts, given by the rules that leave them out, what these go by."""


def list_contacts(
    session: Session, found: Select[Any], *, tell: Told | None = None, reasons: Sequence[str | None] | None = None
) -> Iterator[Listed]:
    """Give contacts in their order, those with these reasons only (None: recipients) if they are given.

    `found` is what `candidates` selects, or a selection with the same columns. The contacts come from the database as
    they are asked for, in batches.
    """
    each = found.subquery()
    rows = (
        select(each.c.contact_id, each.c.address, Company.name, Company.siret, each.c.reason)
        .outerjoin(Company, Company.id == each.c.company_id)
        .order_by(each.c.contact_id)
        .execution_options(yield_per=BATCH)
    )
    if reasons is not None:
        wanted = each.c.reason.in_([reason for reason in reasons if reason is not None])
        rows = rows.where(wanted | each.c.reason.is_(None) if None in reasons else wanted)
    waiting = iter(session.connection().execute(rows))
    while batch := list(islice(waiting, BATCH)):
        by_reason: dict[str, list[int]] = {}
        for row in batch:
            if row[4] is not None:
                by_reason.setdefault(row[4], []).append(row[0])
        told = tell(session, by_reason) if tell is not None and by_reason else {}
        for contact_id, address, company, siret, reason in batch:
            yield Listed(contact_id, address, company, siret, reason, told.get(contact_id, ""))


def telling(condition: ColumnElement[bool], rules: Sequence[Rule], *, per_company: bool = False) -> Told:
    """Give what says for each contact that `candidates` leaves out what its rule goes by."""

    def tell(session: Session, by_reason: Mapping[str, Sequence[int]]) -> dict[int, str]:
        told: dict[int, str] = {}
        for rule in rules:
            if rule.name in by_reason and rule.evidence is not None:
                told.update(rule.evidence(session, by_reason[rule.name]))
        if repeats := by_reason.get(SAME_MAILBOX):
            told.update(_standing(session, repeats, condition, rules, per_company=per_company))
        return told

    return tell


def _standing(
    session: Session, ids: Sequence[int], condition: ColumnElement[bool], rules: Sequence[Rule], *, per_company: bool
) -> dict[int, str]:
    """Say for contacts that share a mailbox which company's contact gets its mail."""
    keys = dict(session.execute(select(Contact.id, Contact.address_key).where(Contact.id.in_(ids))).all())
    shared = and_(condition, Contact.address_key.in_(set(keys.values())))
    found = candidates(shared, rules, per_company=per_company, way=Way.GIVEN).subquery()
    rows = (
        select(found.c.address_key, found.c.contact_id, Company.name)
        .outerjoin(Company, Company.id == found.c.company_id)
        .where(found.c.reason.is_(None), *([found.c.part == 0] if per_company else []))
    )
    stands = {
        key: _("its mail goes out for {company}").format(company=name)
        if name
        else _("its mail goes out for contact {number}, who has no company").format(number=contact_id)
        for key, contact_id, name in session.execute(rows)
    }
    return {contact_id: stands.get(key or "", "") for contact_id, key in keys.items()}
