"""From a segment to its recipients: an ordered list of rules, each leaving out contacts for a stated reason."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from gettext import gettext as _
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, Select, Text, case, cast, desc, exists, func, literal, null, select
from sqlalchemy.orm import Session
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, Grouping, Null
from sqlalchemy.sql.visitors import iterate

from audiences.database import Base
from audiences.models import Company, Contact, Request

SAME_MAILBOX = "same_mailbox"

NARROW = 1_000
"""Up to so many matched contacts, a query is asked once and the rules see the contacts by their ids."""

Evidence = Callable[[Session, Sequence[int]], Mapping[int, str]]
"""Says for contacts (by id) that a rule leaves out what it goes by, in words."""


@dataclass(frozen=True)
class Rule:
    """Why a contact is left out: a stable name, what the officer reads, the condition, and what it goes by."""

    name: str
    label: str
    leaves_out: ColumnElement[bool]
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Step:
    """How many contacts one rule left out that no rule before it had."""

    name: str
    label: str
    count: int


@dataclass(frozen=True)
class Waterfall:
    """What a segment matched (companies, contacts), what each rule took away, and the recipients that remain."""

    companies: int
    contacts: int
    steps: tuple[Step, ...]
    recipients: int

    def as_dict(self) -> dict[str, Any]:
        """Give the figures as plain values, for JSON and for the campaign's record."""
        return {
            "companies": self.companies,
            "contacts": self.contacts,
            "left_out": {step.name: step.count for step in self.steps},
            "recipients": self.recipients,
        }


class Way(Enum):
    """How a statement comes to the contacts that a segment matches: to each at its best, SQLite would choose badly."""

    WALKED = auto()  # through all of them, company by company
    GIVEN = auto()  # another condition says which they may be, by their ids or mailboxes
    SOUGHT = auto()  # to the first few, from wherever it likes


def matching(
    condition: ColumnElement[bool], *columns: Any, rules: Iterable[Rule] = (), way: Way = Way.WALKED
) -> Select[Any]:
    """Select columns of the contacts that a segment matches; their companies are read only where something names them.

    WALKED, what is asked of companies gives a list of these. SQLite sorts such a list, and so reads the contacts, which
    stand in the order of their companies, side by side (measured: in half the time). GIVEN, it looks at the company of
    each contact.
    """
    asked, other = _divided(condition)
    held = [condition] if way is Way.SOUGHT else other
    statement = select(*columns).select_from(Contact).where(*held)
    if any(_names(Company, each) for each in (*held, *(rule.leaves_out for rule in rules), *columns)):
        statement = statement.join(Company, Company.id == Contact.company_id, isouter=not asked)
    if not asked or way is Way.SOUGHT:
        return statement
    companies = select(Company.id).where(*asked)
    if way is Way.GIVEN:
        return statement.where(exists(companies.where(Company.id == Contact.company_id).correlate(Contact)))
    return statement.where(Contact.company_id.in_(companies.correlate(None)))


def _divided(condition: ColumnElement[bool]) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
    """Divide what must hold into what is asked of a company, which therefore there must be, and the rest."""
    parts = _parts(condition)
    asked = [each for each in parts if not _names(Contact, each)]
    if not any(map(_needs_company, asked)):
        return [], parts
    return asked, [each for each in parts if _names(Contact, each)]


def _parts(condition: Any) -> list[ColumnElement[bool]]:
    match condition:
        case Grouping():
            return _parts(condition.element)
        case BooleanClauseList() if condition.operator is operators.and_:
            return [part for each in condition.clauses for part in _parts(each)]
    return [condition]


def _names(model: type[Base], expression: Any) -> bool:
    """Tell whether an expression has a column of this table itself, be it within a subquery; aliases do not count."""
    element: Any = expression.__clause_element__() if hasattr(expression, "__clause_element__") else expression
    return any(isinstance(each, ColumnClause) and each.table == model.__table__ for each in iterate(element))


_NULL_FAILS = frozenset(
    {operators.eq, operators.lt, operators.le, operators.gt, operators.ge, operators.in_op, operators.like_op}
)


def _needs_company(condition: Any) -> bool:
    """Tell whether a condition cannot hold for a contact without a company, all of whose columns are NULL.

    SQLite 3.40 sees that of a single comparison but of none within OR or IN.
    """
    match condition:
        case Grouping():
            return _needs_company(condition.element)
        case BooleanClauseList():
            quantifier = any if condition.operator is operators.and_ else all
            return quantifier(_needs_company(each) for each in condition.clauses)
        case BinaryExpression():
            left = condition.left
            is_known = condition.operator is operators.is_not and isinstance(condition.right, Null)
            fails = is_known or condition.operator in _NULL_FAILS
            return fails and isinstance(left, ColumnClause) and left.table == Company.__table__
    return False


def reason_of(rules: Iterable[Rule]) -> ColumnElement[Any]:
    """Give the name of the first rule that leaves a contact out, NULL where none does."""
    whens = [(rule.leaves_out, literal(rule.name, Text)) for rule in rules]
    return case(*whens, else_=null()) if whens else cast(null(), Text)


def candidates(
    condition: ColumnElement[bool], rules: Sequence[Rule], *, per_company: bool = False, way: Way = Way.WALKED
) -> Select[Any]:
    """Select every matched contact with the name of the rule that leaves it out, NULL for recipients.

    Columns: contact_id, company_id, address, address_key, part, reason. Of several contacts with one mailbox, one
    stays: the one whose company made the most recent request, then the oldest contact. With `per_company` each company
    of a mailbox keeps its own: `part` is the company's id then (0 for a contact without one), else 0.
    """
    reason = reason_of(rules)
    asked = select(func.max(Request.received_on)).where(Request.company_id == Contact.company_id)
    last = func.coalesce(asked.correlate(Contact).scalar_subquery(), date.min)
    place = func.row_number().over(partition_by=Contact.address_key, order_by=(desc(last), Contact.id))
    # Only the few mailboxes that occur twice are ranked: the last requests of everybody would take 6 s a million.
    ranked = matching(condition, Contact.id.label("contact_id"), place.label("place"), rules=rules, way=Way.GIVEN)
    contested = _contested(condition, per_company=per_company, way=way)
    ranked_few = ranked.where(*contested, reason.is_(None)).subquery()
    repeats = select(ranked_few.c.contact_id).where(ranked_few.c.place > 1)
    part = func.coalesce(Contact.company_id, 0) if per_company else literal(0)
    is_repeat = case((Contact.id.in_(repeats), literal(SAME_MAILBOX, Text)), else_=null())
    return matching(
        condition,
        Contact.id.label("contact_id"),
        Contact.company_id,
        Contact.address,
        Contact.address_key,
        part.label("part"),
        func.coalesce(reason, is_repeat).label("reason"),
        rules=rules,
        way=way,
    )


def _contested(
    condition: ColumnElement[bool], *, per_company: bool, way: Way = Way.WALKED
) -> list[ColumnElement[bool]]:
    """Hold for the matched contacts that may have to share one mail with another one."""
    # One company has a mailbox once (UNIQUE), so that per company only contacts without one can meet.
    alone = [Contact.company_id.is_(None)] if per_company else []
    keys = matching(condition, Contact.address_key, way=way).where(Contact.address_key.is_not(None), *alone)
    return [*alone, Contact.address_key.in_(keys.group_by(Contact.address_key).having(func.count() > 1))]


def explain(
    session: Session, condition: ColumnElement[bool], rules: Sequence[Rule], *, per_company: bool = False
) -> Waterfall:
    """Count what the segment matches and what each rule leaves out, without planning anything.

    The numbers are those of `candidates`, by cheaper ways: who stands for a mailbox is not asked, only how many repeat.
    """
    condition = narrowed(session, condition)
    counted = matching(condition, func.count(), func.count(Contact.company_id.distinct()))
    contacts, companies = session.execute(counted).one()
    # OFFSET 0 keeps SQLite from writing the reason, which is long, into each of the places that use it.
    judged = matching(condition, reason_of(rules).label("reason"), rules=rules).offset(0).subquery()
    grouped = select(judged.c.reason, func.count()).where(judged.c.reason.is_not(None)).group_by(judged.c.reason)
    counts: dict[str | None, int] = dict(session.execute(grouped).all())
    twice = matching(condition, func.count() - func.count(Contact.address_key.distinct()), rules=rules, way=Way.GIVEN)
    counts[SAME_MAILBOX] = (
        session.scalar(twice.where(*_contested(condition, per_company=per_company), reason_of(rules).is_(None))) or 0
    )
    counts[None] = contacts - sum(counts.values())
    return waterfall_of(counts, companies, labels(rules))


def narrowed(session: Session, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Give the condition, or where few contacts meet it, one that names these."""
    ids = session.scalars(matching(condition, Contact.id, way=Way.SOUGHT).limit(NARROW + 1)).all()
    return Contact.id.in_(ids) if len(ids) <= NARROW else condition


def waterfall_of(counts: Mapping[str | None, int], companies: int, named: Mapping[str, str]) -> Waterfall:
    """Arrange counts by reason (None: recipients) in the order of the rules, whose labels are given by name."""
    steps = tuple(Step(name, label, counts.get(name, 0)) for name, label in named.items())
    return Waterfall(companies, sum(counts.values()), steps, counts.get(None, 0))


def labels(rules: Iterable[Rule]) -> dict[str, str]:
    """Give what the officer reads, by the name of the rule, in order; the last is that of the waterfall itself."""
    return {**{rule.name: rule.label for rule in rules}, SAME_MAILBOX: _("same mailbox")}
