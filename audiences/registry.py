"""Finds the company and the contact that a row speaks of, or creates them: one chunk of rows, few statements."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from audiences.addresses import Address
from audiences.models import Company, Contact, ContactKind, LegalBasis, Request, Suppression, Tag
from audiences.places import is_corrected
from audiences.territory import Placement
from audiences.text import fold
from audiences.values import Headcount, guess_kind


@dataclass(frozen=True)
class CompanyFacts:
    """What a row says of a company; empty fields say nothing."""

    siret: str | None = None
    name: str = ""
    naf_code: str | None = None
    headcount: Headcount | None = None
    postcode: str | None = None
    commune_name: str | None = None
    commune_code: str | None = None
    placement: Placement | None = None
    diffusion: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether the row names a company at all."""
        return bool(self.siret or self.name)


@dataclass(frozen=True)
class PersonFacts:
    """What a row says of the person or mailbox to write to; `unusable` keeps an address that cannot be written to."""

    address: Address | None = None
    unusable: str | None = None
    civility: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    role: str | None = None
    kind: ContactKind | None = None
    legal_basis: LegalBasis | None = None
    source: str | None = None


class Registry:
    """The companies and contacts that a chunk of rows may mean.

    A company is recognised by SIRET; without one by folded name and place; without a name by the mailbox, if one
    company alone has it. Within a run the first row that speaks of a company decides, later ones only fill gaps, so
    that importing a file twice changes nothing the second time.
    """

    def __init__(self, session: Session, *, now: datetime) -> None:
        self._session = session
        self._now = now
        self._decided: set[int] = set()
        self._decided_contacts: set[int] = set()
        self.begin_chunk([], [])
        self.begin_row()

    def begin_chunk(self, companies: Iterable[CompanyFacts], people: Iterable[PersonFacts]) -> None:
        """Load what the rows of the next chunk may mean."""
        self._by_siret: dict[str, Company] = {}
        self._by_name: dict[str, list[Company]] = defaultdict(list)
        self._by_key: dict[str, list[Contact]] = defaultdict(list)
        self._contacts: dict[Company, list[Contact]] = defaultdict(list)
        self._tags: dict[Company | Contact, set[str]] = defaultdict(set)
        self._in_chunk: set[Company | Contact] = set()
        keys = {person.address.key for person in people if person.address}
        known = list(companies)
        self._load(Contact.address_key, keys)
        self._load_companies(Company.id.in_({c.company_id for cs in self._by_key.values() for c in cs if c.company_id}))
        self._load_companies(Company.siret.in_({facts.siret for facts in known if facts.siret}))
        self._load_companies(Company.name_key.in_({fold(facts.name) for facts in known if facts.name}))
        for same_name in self._by_name.values():
            same_name.sort(key=lambda company: company.id)  # of several that a row may mean, always the same one
        loaded = {company.id: company for companies in self._by_name.values() for company in companies}
        seen = {contact.id for contacts in self._by_key.values() for contact in contacts}
        if loaded:
            of_companies = select(Contact).where(Contact.company_id.in_(loaded)).order_by(Contact.id)
            for contact in self._session.scalars(of_companies):
                if contact.id not in seen and contact.address_key:
                    self._by_key[contact.address_key].append(contact)
                if contact.company_id is not None:
                    self._contacts[loaded[contact.company_id]].append(contact)
        self._load_tags(loaded)

    def _load_tags(self, companies: Mapping[int, Company]) -> None:
        people = {contact.id: contact for contacts in self._by_key.values() for contact in contacts}
        if companies or people:
            for tag in self._session.execute(
                select(Tag.company_id, Tag.contact_id, Tag.word).where(
                    or_(Tag.company_id.in_(companies), Tag.contact_id.in_(people))
                )
            ):
                owner = people[tag.contact_id] if tag.company_id is None else companies[tag.company_id]
                self._tags[owner].add(tag.word)

    def _load(self, column: InstrumentedAttribute[str | None], values: set[str]) -> None:
        if values:
            for contact in self._session.scalars(select(Contact).where(column.in_(values))):
                if contact.address_key:
                    self._by_key[contact.address_key].append(contact)

    def _load_companies(self, condition: ColumnElement[bool]) -> None:
        for company in self._session.scalars(select(Company).where(condition)):
            if company not in self._by_name[company.name_key]:
                self._index(company)

    def _index(self, company: Company) -> None:
        self._by_name[company.name_key].append(company)
        if company.siret:
            self._by_siret[company.siret] = company

    def begin_row(self) -> None:
        """Forget what the last row did: `made` counts new rows by table, `is_changed` tells of altered ones."""
        self.made: Counter[str] = Counter()
        self.is_changed = False

    def add(self, row: Company | Contact | Request | Suppression | Tag) -> None:
        """Add a new row to the store."""
        self._session.add(row)
        self.made[type(row).__name__.lower()] += 1

    def find_company(self, facts: CompanyFacts, address: Address | None) -> Company | None:
        """Find the company that the row means, or None."""
        if facts.siret and facts.siret in self._by_siret:
            return self._by_siret[facts.siret]
        if facts.name:
            for company in self._by_name.get(fold(facts.name), []):
                if _agree(facts, company):
                    return company
            return None
        if address is not None and not facts.siret:
            owners = {contact.company for contact in self._by_key.get(address.key, ())} - {None}
            if len(owners) == 1:
                return owners.pop()
        return None

    def put_company(self, facts: CompanyFacts, address: Address | None, *, overwrite: bool) -> Company:
        """Find or create the row's company and give it what the row knows; `overwrite` lets the row win over the store."""
        company = self.find_company(facts, address)
        if company is None:
            company = Company(
                name=facts.name or facts.siret, name_key=fold(facts.name or facts.siret or ""), siret=facts.siret
            )
            company.created_at = company.updated_at = self._now
            self.add(company)
            is_decided = False
        else:
            is_decided = not overwrite or company in self._in_chunk or company.id in self._decided
        values: dict[str, Any] = {
            "siret": facts.siret if company.siret is None else None,
            "naf_code": facts.naf_code,
            "diffusion": facts.diffusion,
        }
        if facts.headcount is not None:
            values |= {"headcount_min": facts.headcount.lowest, "headcount_max": facts.headcount.highest}
        self.assign(company, values, only_gaps=is_decided)
        if facts.name and fold(facts.name) != company.name_key:
            is_named = company.name != company.siret  # one that was known by its SIRET alone bears that as its name
            names = {"name": facts.name, "name_key": fold(facts.name)}
            self.assign(company, names, only_gaps=is_decided and is_named)
        self._place(company, facts, only_gaps=is_decided)
        if company not in self._by_name[company.name_key]:
            self._index(company)
        if company.siret:
            self._by_siret[company.siret] = company
        self._in_chunk.add(company)
        return company

    def _place(self, company: Company, facts: CompanyFacts, *, only_gaps: bool) -> None:
        given = {"commune_given": facts.commune_name, "commune_code_given": facts.commune_code}
        if facts.placement is None:
            if company.commune_code is None:  # what cannot be placed is kept as written, for the officer to mend
                values = {"postcode": facts.postcode, "commune_name": facts.commune_name, **given}
                self.assign(company, values, only_gaps=only_gaps)
        elif company.commune_code is None or not (only_gaps or _is_corrected(company, facts)):
            place = facts.placement
            values = {"commune_code": place.commune_code, "commune_name": place.commune, "epci_siren": place.epci_siren}
            self.assign(company, values | {"postcode": facts.postcode, **given}, only_gaps=False)
            company.placed_by = None

    def put_contact(self, company: Company | None, facts: PersonFacts, *, overwrite: bool) -> Contact:
        """Find or create the contact of this company (or of none) with this mailbox, and fill in what the row knows."""
        contact = self._find_contact(company, facts)
        if contact is None:
            contact = Contact(
                company=company, kind=facts.kind or guess_kind(facts.address, has_company=company is not None)
            )
            contact.created_at = contact.updated_at = self._now
            self.add(contact)
            if company is not None:
                self._contacts[company].append(contact)
            only_gaps = False
        else:
            is_decided = contact in self._in_chunk or contact.id in self._decided_contacts
            # A row without an address does not say which contact it means: it overrules none that has one.
            is_vague = facts.address is None and contact.address_key is not None
            only_gaps = not overwrite or is_decided or is_vague
        if facts.address is not None and contact.address_key is None:
            found: dict[str, Any] = {"address": facts.address.text, "address_key": facts.address.key}
            is_stated = contact.kind != guess_kind(None, has_company=company is not None)
            if facts.kind is not None or not is_stated:
                found["kind"] = facts.kind or guess_kind(facts.address, has_company=company is not None)
            self.assign(contact, found, only_gaps=False)
            self._by_key[facts.address.key].append(contact)
        self.assign(contact, {"address": facts.unusable}, only_gaps=True)
        names = ("civility", "given_name", "family_name", "role", "kind", "legal_basis", "source")
        self.assign(contact, {name: getattr(facts, name) for name in names}, only_gaps=only_gaps)
        self._in_chunk.add(contact)
        return contact

    def _find_contact(self, company: Company | None, facts: PersonFacts) -> Contact | None:
        if company is None:
            owned = self._by_key.get(facts.address.key, []) if facts.address else []
            return next((contact for contact in owned if contact.company is None), None)
        contacts = self._contacts[company]
        if facts.address is not None:
            key = facts.address.key
            same = next((contact for contact in contacts if contact.address_key == key), None)
            # A company that was known without an address now has one: its placeholder row becomes the contact.
            return same or next((contact for contact in contacts if contact.address is None), None)
        if facts.unusable:
            same = next((contact for contact in contacts if contact.address == facts.unusable), None)
            return same or next((contact for contact in contacts if contact.address is None), None)
        # No address in this row: any contact will do, a company needs only one row to be counted.
        return contacts[0] if contacts else None

    def assign(
        self, target: Company | Contact | Request, values: Mapping[str, Any], *, only_gaps: bool = False
    ) -> None:
        """Give `target` the values that say something new; an empty value never erases one."""
        is_changed = False
        for name, value in values.items():
            current = getattr(target, name)
            if value in (None, "") or value == current or (only_gaps and current is not None):
                continue
            setattr(target, name, value)
            is_changed = True
        if is_changed:
            self.is_changed = True
            if not isinstance(target, Request):
                target.updated_at = self._now

    def put_tags(self, company: Company | None, contact: Contact, words: Sequence[str]) -> None:
        """Put the words on the company, or on the contact without one; words are never taken away."""
        owner = contact if company is None else company
        for word in words:
            if word not in self._tags[owner]:
                self._tags[owner].add(word)
                self.add(Tag(word=word, company=company, contact=contact if company is None else None))

    def end_chunk(self) -> None:
        """Write the chunk and forget it, so that memory stays flat."""
        self._session.flush()
        self._decided.update(row.id for row in self._in_chunk if isinstance(row, Company))
        self._decided_contacts.update(row.id for row in self._in_chunk if isinstance(row, Contact))
        self._session.expunge_all()


def _is_corrected(company: Company, facts: CompanyFacts) -> bool:
    return is_corrected(company, postcode=facts.postcode, commune=facts.commune_name, code=facts.commune_code)


def _agree(facts: CompanyFacts, company: Company) -> bool:
    """Tell whether a row with the same company name may mean this company: nothing it says contradicts."""
    if facts.siret and company.siret and facts.siret != company.siret:
        return False
    if _is_corrected(company, facts):
        return True
    if facts.placement and company.commune_code:
        return facts.placement.commune_code == company.commune_code
    if facts.postcode and company.postcode:
        return facts.postcode == company.postcode
    return True
