"""From a segment to its recipients: an ordered list of rules, each leaving out contacts for a stated reason."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from gettext import gettext as _
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, desc, func, literal, null, select
from sqlalchemy.orm import Session

from audiences.models import (
    Company,
    Contact,
    ContactKind,
    LegalBasis,
    Request,
    Suppression,
    SuppressionReason,
    SuppressionScope,
)

SAME_MAILBOX = "same_mailbox"


@dataclass(frozen=True)
class Rule:
    """Why a contact is left out: a stable name, what the officer reads, and the condition that leaves it out."""

    name: str
    label: str
    leaves_out: ColumnElement[bool]


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


def standard_rules(*, is_marketing: bool) -> tuple[Rule, ...]:
    """Give the rules of every mailing in their order; marketing has those of the law on prospecting as well.

    A suppression of scope `marketing` does not stop public information or service mail (GDPR art. 21(2)); scope `all`
    and hard bounces always do. Marketing leaves out establishments of partial diffusion (code de commerce R123-232-1)
    and contacts without a basis (CPCE art. L34-5: a private person needs consent, a professional a stated basis).
    """
    rules = [
        Rule("no_address", _("no address"), Contact.address.is_(None)),
        Rule("invalid", _("invalid address"), Contact.address_key.is_(None)),
        Rule("opposed", _("opposed or unsubscribed"), suppressed(is_marketing=is_marketing, bounced=False)),
        Rule("bounced", _("bounced before"), suppressed(is_marketing=is_marketing, bounced=True)),
    ]
    if is_marketing:
        basis = case(
            (Contact.kind == ContactKind.INDIVIDUAL, Contact.legal_basis.is_distinct_from(LegalBasis.CONSENT)),
            (Contact.kind == ContactKind.ROLE, literal(False)),
            else_=Contact.legal_basis.is_(None),
        )
        rules += [
            Rule("not_prospected", _("not to be prospected (SIRENE)"), Company.diffusion.in_(["P", "N"])),
            Rule("no_basis", _("no legal basis"), basis),
        ]
    return tuple(rules)


def suppressed(*, is_marketing: bool, bounced: bool | None = None) -> ColumnElement[bool]:
    """Hold for contacts whose mailbox is on the suppression list; `bounced` picks hard bounces only, or all others."""
    on_list: list[ColumnElement[bool]] = [Suppression.lifted_at.is_(None)]
    if not is_marketing:
        on_list.append(Suppression.scope == SuppressionScope.ALL)
    if bounced is not None:
        is_bounce = Suppression.reason == SuppressionReason.HARD_BOUNCE
        on_list.append(is_bounce if bounced else ~is_bounce)
    return Contact.address_key.in_(select(Suppression.address_key).where(*on_list))


def candidates(condition: ColumnElement[bool], rules: Iterable[Rule]) -> Select[Any]:
    """Select every matched contact with the name of the rule that leaves it out, NULL for recipients.

    Columns: contact_id, company_id, address, address_key, reason. Of several contacts with one mailbox, one stays: the
    one whose company made the most recent request, then the oldest contact.
    """
    asked = (
        select(Request.company_id, func.max(Request.received_on).label("last"))
        .where(Request.company_id.is_not(None))
        .group_by(Request.company_id)
        .subquery()
    )
    whens = [(rule.leaves_out, literal(rule.name, Text)) for rule in rules]
    judged = (
        select(
            Contact.id.label("contact_id"),
            Contact.company_id,
            Contact.address,
            Contact.address_key,
            func.coalesce(asked.c.last, date.min).label("last"),
            (case(*whens, else_=null()) if whens else null()).label("reason"),
        )
        .select_from(Contact)
        .outerjoin(Company, Company.id == Contact.company_id)
        .outerjoin(asked, asked.c.company_id == Contact.company_id)
        .where(condition)
        .cte("judged")
    )
    rank = func.row_number().over(
        partition_by=(judged.c.address_key, judged.c.reason),
        order_by=(desc(judged.c.last), judged.c.contact_id),
    )
    is_repeat = and_(judged.c.reason.is_(None), rank > 1)
    reason = case((is_repeat, literal(SAME_MAILBOX, Text)), else_=judged.c.reason).label("reason")
    return select(judged.c.contact_id, judged.c.company_id, judged.c.address, judged.c.address_key, reason)


def explain(session: Session, condition: ColumnElement[bool], rules: Sequence[Rule]) -> Waterfall:
    """Count what the segment matches and what each rule leaves out, without planning anything."""
    found = candidates(condition, rules).cte("found")
    grouped = session.execute(select(found.c.reason, func.count()).group_by(found.c.reason))
    counts: dict[str | None, int] = dict(grouped.all())
    companies = session.scalar(select(func.count(found.c.company_id.distinct()))) or 0
    return waterfall_of(counts, companies, rules)


def waterfall_of(counts: dict[str | None, int], companies: int, rules: Iterable[Rule]) -> Waterfall:
    """Arrange counts by reason (None: recipients) in the order of the rules."""
    labels = [(rule.name, rule.label) for rule in rules] + [(SAME_MAILBOX, _("same mailbox"))]
    steps = tuple(Step(name, label, counts.get(name, 0)) for name, label in labels)
    return Waterfall(companies, sum(counts.values()), steps, counts.get(None, 0))
