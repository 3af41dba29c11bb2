"""The rules of every mailing: who cannot or may not be written to, and what in the store says so."""

from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from gettext import gettext as _

from sqlalchemy import ColumnElement, case, literal, select
from sqlalchemy.orm import Session, aliased

from audiences.addresses import parse_address
from audiences.errors import InvalidAddress
from audiences.models import (
    NOT_PROSPECTED,
    Company,
    Contact,
    ContactKind,
    LegalBasis,
    Suppression,
    SuppressionReason,
    SuppressionScope,
)
from audiences.suppressions import suppression_words
from audiences.waterfall import Rule


def standard_rules(*, is_marketing: bool, zone: tzinfo = UTC) -> tuple[Rule, ...]:
    """Give the rules of every mailing in their order; marketing has those of the law on prospecting as well.

    What the list has on a mailbox is told with its day in the officer's `zone`.
    A suppression of scope `marketing` does not stop public information or service mail (GDPR art. 21(2)); scope `all`
    and hard bounces always do. Marketing leaves out establishments of partial diffusion (code de commerce R123-232-1)
    and contacts without a basis (CPCE art. L34-5: a private person needs consent, a professional a stated basis).
    """

    def why_suppressed(session: Session, ids: Sequence[int]) -> Mapping[int, str]:
        return _suppressions(session, ids, is_marketing=is_marketing, zone=zone)

    rules = [
        Rule("no_address", _("no address"), Contact.address.is_(None)),
        Rule("invalid", _("invalid address"), Contact.address_key.is_(None), _fault),
        Rule(
            "opposed",
            _("opposed or unsubscribed"),
            suppressed(is_marketing=is_marketing, bounced=False),
            why_suppressed,
        ),
        Rule("bounced", _("bounced before"), suppressed(is_marketing=is_marketing, bounced=True), why_suppressed),
    ]
    if is_marketing:
        basis = case(
            (Contact.kind == ContactKind.INDIVIDUAL, Contact.legal_basis.is_distinct_from(LegalBasis.CONSENT)),
            (Contact.kind == ContactKind.ROLE, literal(False)),
            else_=Contact.legal_basis.is_(None),
        )
        closed = select(aliased(Company).id).where(NOT_PROSPECTED)
        rules += [
            Rule("not_prospected", _("not to be prospected (SIRENE)"), Contact.company_id.in_(closed), _diffusion),
            Rule("no_basis", _("no legal basis"), basis, _basis),
        ]
    return tuple(rules)


def suppressed(*, is_marketing: bool, bounced: bool | None = None) -> ColumnElement[bool]:
    """Hold for contacts whose mailbox is on the suppression list; `bounced` picks hard bounces only, or all others."""
    # The list is looked up among the contacts rather than each contact in the list: 0.25 s instead of 0.6 s a million.
    listed = aliased(Contact)
    found = select(listed.id).join(Suppression, Suppression.address_key == listed.address_key)
    return Contact.id.in_(found.where(*_on_list(is_marketing=is_marketing, bounced=bounced)))


def _on_list(*, is_marketing: bool, bounced: bool | None = None) -> list[ColumnElement[bool]]:
    on_list: list[ColumnElement[bool]] = [Suppression.lifted_at.is_(None)]
    if not is_marketing:
        on_list.append(Suppression.scope == SuppressionScope.ALL)
    if bounced is not None:
        is_bounce = Suppression.reason == SuppressionReason.HARD_BOUNCE
        on_list.append(is_bounce if bounced else ~is_bounce)
    return on_list


def _suppressions(session: Session, ids: Sequence[int], *, is_marketing: bool, zone: tzinfo) -> dict[int, str]:
    """Give for each contact the first entry of the list that stops its mailbox: reason, day, evidence."""
    words = suppression_words()
    found = (
        select(Contact.id, Suppression.reason, Suppression.created_at, Suppression.evidence)
        .join(Suppression, Suppression.address_key == Contact.address_key)
        .where(Contact.id.in_(ids), *_on_list(is_marketing=is_marketing))
        # An opposition says more than a bounce, as in the order of the rules.
        .order_by(Suppression.reason == SuppressionReason.HARD_BOUNCE, Suppression.id)
    )
    told: dict[int, str] = {}
    for contact_id, reason, at, evidence in session.execute(found):
        word = words.get(SuppressionReason(reason), str(reason))
        day = f"{at.astimezone(zone):%Y-%m-%d}"
        text = _("{reason}, {day}: {evidence}") if evidence else "{reason}, {day}"
        told.setdefault(contact_id, text.format(reason=word, day=day, evidence=evidence))
    return told


def _fault(session: Session, ids: Sequence[int]) -> dict[int, str]:
    told = {}
    for contact_id, address in session.execute(select(Contact.id, Contact.address).where(Contact.id.in_(ids))):
        try:
            parse_address(address or "")
        except InvalidAddress as error:
            told[contact_id] = str(error)
    return told


def _diffusion(session: Session, ids: Sequence[int]) -> dict[int, str]:
    found = select(Contact.id, Company.diffusion).join(Company).where(Contact.id.in_(ids))
    told = _("diffusion status {letter} in SIRENE")
    return {contact_id: told.format(letter=letter) for contact_id, letter in session.execute(found)}


def _basis(session: Session, ids: Sequence[int]) -> dict[int, str]:
    person, other = _("a private person without consent"), _("a person at work, and no basis is stated")
    found = select(Contact.id, Contact.kind).where(Contact.id.in_(ids))
    return {
        contact_id: person if kind == ContactKind.INDIVIDUAL else other for contact_id, kind in session.execute(found)
    }
