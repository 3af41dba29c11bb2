"""Finds the company and the contact that a row speaks of, or creates them: one chunk of rows, few statements."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from datetime import datetime

from sqlalchemy import Connection, or_, select

from audiences.bulk import BulkInsert, Ids, among
from audiences.columns import COMPANY_HEADERS, PEOPLE
from audiences.journal import Journal
from audiences.likeness import mended
from audiences.models import Company, Contact, Tag
from audiences.outlines import PLAIN, Outlines
from audiences.places import is_corrected
from audiences.records import CompanyRecord, ContactRecord, Shelf
from audiences.rows import SAID, ParsedRow
from audiences.spacious import LARGE
from audiences.values import guess_kind

_TAGS = Tag.__table__


class Registry:
    """The companies and contacts that a chunk of rows may mean.

    A company is recognised by SIRET; without one by folded name and place; without a name by the mailbox, if one
    company alone has it. Within a run the first row that speaks of a company decides, later ones only fill gaps, so
    that importing a file twice changes nothing the second time.
    """

    def __init__(
        self,
        connection: Connection,
        journal: Journal,
        made: Counter[str],
        *,
        fields: Set[str],
        is_base: bool,
        rows: int,
        now: datetime,
    ) -> None:
        """Expect about so many `rows` with these fields; those of `is_base` decide, others only fill gaps."""
        self._connection = connection
        self._journal = journal
        self._made = made
        self._companies = Shelf(connection, CompanyRecord, journal, now=now)
        self._contacts = Shelf(connection, ContactRecord, journal, now=now)
        self._has_people = bool(PEOPLE & fields)
        self._outlines: Outlines | None = None
        if is_base:
            self._companies.sift("siret", "name_key", rows=rows)
        elif not self._has_people and fields & COMPANY_HEADERS.keys() <= PLAIN and self._are_many(rows):
            self._outlines = Outlines(connection, self._companies.last)
        self._tag_ids = Ids(connection, _TAGS)  # type: ignore[arg-type]
        self._tag_insert = BulkInsert(connection, _TAGS, ("id", "company_id", "contact_id", "word"))  # type: ignore[arg-type]
        self._forget()
        self.is_new = self.is_contact_new = self.is_changed = False

    def _are_many(self, rows: int) -> bool:
        return rows >= LARGE and rows * 4 >= self._companies.last

    def _forget(self) -> None:
        self._by_id: dict[int, CompanyRecord] = {}
        self._by_siret: dict[str, CompanyRecord] = {}
        self._by_name: dict[str, list[CompanyRecord]] = defaultdict(list)
        self._by_key: dict[str, list[ContactRecord]] = defaultdict(list)
        self._new_tags: list[tuple[int, int | None, int | None, str]] = []

    def begin_chunk(self, rows: Sequence[ParsedRow]) -> None:
        """Load what the rows of the next chunk may mean; where the sheet tells of no people, no contact is asked for."""
        sirets = {row.siret for row in rows if row.siret}
        outlines: list[CompanyRecord] = []
        if self._outlines is not None and sirets:
            outlines, sirets = self._outlines.load(sirets)
        self._by_siret = {company.siret or "": company for company in outlines}
        if sirets:
            self._index_all(self._companies.load(Company.siret, sirets))
        names = {name.key for row in rows if (name := row.name) and row.siret not in self._by_siret}
        if names:
            self._index_all(self._companies.load(Company.name_key, names))
        keys = {row.address.key for row in rows if row.address and not (row.siret or row.name)}
        people: dict[int, ContactRecord] = {}
        if keys:
            people = {each.id: each for each in self._contacts.load(Contact.address_key, keys)}
            owners = {each.company_id for each in people.values() if each.company_id} - self._by_id.keys()
            self._index_all(self._companies.load(Company.id, owners) if owners else [])
        for same_name in self._by_name.values():
            same_name.sort(key=_by_id)  # of several that a row may mean, always the same one
        self._load_contacts(people)
        for company in outlines:
            self._by_id.setdefault(company.id, company)  # one that was found by its name, too, was read
            self._by_siret[company.siret or ""] = self._by_id[company.id]
        if any(row.tags for row in rows):
            self._load_tags(people)

    def _load_contacts(self, people: dict[int, ContactRecord]) -> None:
        if self._by_id and not self._has_people:
            owned = among(self._connection, Contact.company_id, self._by_id)
            owners = select(Contact.company_id).where(owned).distinct()
            for owner in self._connection.scalars(owners):
                if owner is not None:
                    self._by_id[owner].has_contact = True
        elif self._by_id:
            for each in self._contacts.load(Contact.company_id, self._by_id):
                people.setdefault(each.id, each)
        for each in sorted(people.values(), key=_by_id):
            if each.address_key:
                self._by_key[each.address_key].append(each)
            if each.company_id is not None and each.company_id in self._by_id:
                self._by_id[each.company_id].contacts.append(each)

    def _load_tags(self, people: dict[int, ContactRecord]) -> None:
        connection = self._connection
        owned = or_(among(connection, Tag.company_id, self._by_id), among(connection, Tag.contact_id, people))
        for company in self._by_id.values():
            company.tags = set()
        for contact in people.values():
            contact.tags = set()
        for company_id, contact_id, word in self._connection.execute(
            select(Tag.company_id, Tag.contact_id, Tag.word).where(owned)
        ):
            tags = people[contact_id or 0].tags if company_id is None else self._by_id[company_id].tags
            if tags is not None:
                tags.add(word)

    def _index_all(self, companies: Iterable[CompanyRecord]) -> None:
        for company in companies:
            if company.id not in self._by_id:
                self._by_id[company.id] = company
                self._by_name[company.name_key].append(company)
                if company.siret:
                    self._by_siret[company.siret] = company

    def begin_row(self) -> None:
        """Forget what the last row did: `is_new` tells of new rows of any table, `is_changed` of altered ones."""
        self.is_new = self.is_contact_new = self.is_changed = False

    def find_company(self, row: ParsedRow) -> CompanyRecord | None:
        """Find the company that the row means, or None."""
        if row.siret:
            found = self._by_siret.get(row.siret)
            if found is not None:
                return found
        name = row.name
        if name is not None:
            for company in self._by_name.get(name.key, ()):
                if _agree(row, company):
                    return company
            return None
        if row.address is not None and not row.siret:
            owners = {each.company_id for each in self._by_key.get(row.address.key, ())} - {None}
            if len(owners) == 1:
                return self._by_id[owners.pop() or 0]
        return None

    def put_company(
        self, row: ParsedRow, company: CompanyRecord | None, *, overwrite: bool, renames: bool
    ) -> CompanyRecord:
        """Give the company what the row knows, or create it; `overwrite` lets the row win over the store.

        Without `renames` a name is only given to a company that has none but its SIRET.
        """
        if company is None:
            return self._make_company(row)
        said = row[:SAID]
        if company.is_outline or company.said == said:
            self._companies.touch(company)
            return company
        company.said = said
        only_gaps = not overwrite or self._companies.is_decided(company)
        self._companies.touch(company)
        assign = company.assign
        is_changed = company.siret is None and assign("siret", row.siret)
        is_changed |= assign("naf_code", row.naf, only_gaps=only_gaps)
        is_changed |= assign("diffusion", row.diffusion, only_gaps=only_gaps)
        headcount = row.band or row.headcount
        if headcount is not None:
            is_changed |= assign("headcount_min", headcount.lowest, only_gaps=only_gaps)
            is_changed |= assign("headcount_max", headcount.highest, only_gaps=only_gaps)
        name = row.name
        if name is not None and name.key != company.name_key:
            is_named = company.name != company.siret  # one that was known by its SIRET alone bears that as its name
            if not is_named or (renames and not only_gaps):
                is_changed |= assign("name", name.text) | assign("name_key", name.key)
        is_changed |= self._place(company, row, only_gaps=only_gaps)
        if is_changed:
            self.is_changed = True
            self._index(company)
        return company

    def _make_company(self, row: ParsedRow) -> CompanyRecord:
        name = row.name
        text, key = name if name is not None else (row.siret or "", (row.siret or "").lower())
        lowest, highest = row.band or row.headcount or (None, None)
        place = row.placement
        commune, code, epci = (
            (place.commune, place.commune_code, place.epci_siren) if place else (row.commune, None, None)
        )
        company = self._companies.make(
            (
                row.siret,
                text,
                key,
                row.naf,
                lowest,
                highest,
                row.postcode,
                commune,
                code,
                epci,
                row.diffusion,
                row.commune,
                row.commune_code,
                None,
            )
        )
        company.said = row[:SAID]
        self._made["company"] += 1
        self.is_new = True
        self._by_id[company.id] = company
        self._index(company)
        return company

    def _index(self, company: CompanyRecord) -> None:
        same_name = self._by_name[company.name_key]
        if company not in same_name:
            same_name.append(company)
        if company.siret:
            self._by_siret[company.siret] = company

    @staticmethod
    def _place(company: CompanyRecord, row: ParsedRow, *, only_gaps: bool) -> bool:
        place = row.placement
        if place is None:
            if company.commune_code is not None:
                return False
            # What cannot be placed is kept as written, for the officer to mend.
            given = {
                "postcode": row.postcode,
                "commune_name": row.commune,
                "commune_given": row.commune,
                "commune_code_given": row.commune_code,
            }
            changes = [company.assign(name, value, only_gaps=only_gaps) for name, value in given.items()]
            return any(changes)
        if company.commune_code is not None and only_gaps:
            return False
        if _is_corrected(company, row):
            return False
        if company.placed_by is not None:  # `assign` never erases
            if company.before is not None:
                company.before.setdefault("placed_by", company.placed_by)
            company.placed_by = None
        return (
            company.assign("commune_code", place.commune_code)
            | company.assign("commune_name", place.commune)
            | company.assign("epci_siren", place.epci_siren)
            | company.assign("postcode", row.postcode)
            | company.assign("commune_given", row.commune)
            | company.assign("commune_code_given", row.commune_code)
        )

    def put_contact(self, company: CompanyRecord | None, row: ParsedRow, *, overwrite: bool) -> ContactRecord | None:
        """Find or create the contact of this company (or of none) that the row means, and fill in what it knows.

        None where the sheet tells of no people, and the company has a contact.
        """
        if company is not None and company.has_contact:
            return None
        contact = self._find_contact(company, row)
        if contact is None:
            return self._make_contact(company, row)
        # A row without an address does not say which contact it means: it overrules none that has one.
        is_vague = row.address is None and contact.address_key is not None
        only_gaps = not overwrite or is_vague or self._contacts.is_decided(contact)
        self._contacts.touch(contact)
        is_changed = False
        if row.address is not None and contact.address_key is None:
            is_stated = contact.kind != guess_kind(None, has_company=company is not None)
            is_changed |= contact.assign("address", row.address.text) | contact.assign("address_key", row.address.key)
            if row.kind is not None or not is_stated:
                guessed = guess_kind(row.address, has_company=company is not None)
                is_changed |= contact.assign("kind", row.kind or guessed)
            self._by_key[row.address.key].append(contact)
        is_changed |= contact.assign("address", row.unusable, only_gaps=True)
        for name in ("civility", "given_name", "family_name", "role", "kind", "legal_basis", "source"):
            is_changed |= contact.assign(name, getattr(row, name), only_gaps=only_gaps)
        if is_changed:
            self.is_changed = True
        return contact

    def _make_contact(self, company: CompanyRecord | None, row: ParsedRow) -> ContactRecord:
        text, key = row.address if row.address is not None else (row.unusable, None)
        kind = row.kind or guess_kind(row.address, has_company=company is not None)
        owner = None if company is None else company.id
        contact = self._contacts.make(
            (
                owner,
                text,
                key,
                row.civility,
                row.given_name,
                row.family_name,
                row.role,
                kind,
                row.legal_basis,
                row.source,
            )
        )
        self._made["contact"] += 1
        self.is_new = self.is_contact_new = True
        if company is not None:
            company.contacts.append(contact)
            company.has_contact = not self._has_people
        if key is not None:
            self._by_key[key].append(contact)
        return contact

    def _find_contact(self, company: CompanyRecord | None, row: ParsedRow) -> ContactRecord | None:
        address = row.address
        if company is None:
            owned = self._by_key.get(address.key, ()) if address else ()
            return next((each for each in owned if each.company_id is None), None)
        contacts = company.contacts
        if not contacts:
            return None
        if address is None and not row.unusable:
            # No address in this row: any contact will do, a company needs only one row to be counted.
            return contacts[0]
        key = address.key if address is not None else None
        placeholder: ContactRecord | None = None
        for each in contacts:
            if (each.address_key == key) if key is not None else (each.address == row.unusable):
                return each
            if each.address is None and placeholder is None:
                placeholder = each
        # A company that was known without an address now has one: its placeholder row becomes the contact.
        return placeholder or mended(contacts, row)

    def put_tags(self, company: CompanyRecord | None, contact: ContactRecord | None, words: Iterable[str]) -> None:
        """Put the words on the company, or on the contact without one; words are never taken away."""
        owner = contact if company is None else company
        if owner is None:
            return
        if owner.tags is None:
            owner.tags = set()
        for word in words:
            if word not in owner.tags:
                owner.tags.add(word)
                number = self._tag_ids.take()
                ids = (None, owner.id) if company is None else (owner.id, None)
                self._new_tags.append((number, *ids, word))
                self._journal.created("tag", [number])
                self._made["tag"] += 1
                self.is_new = True

    def end_chunk(self) -> None:
        """Write the chunk and forget it, so that memory stays flat."""
        self._companies.write()
        self._contacts.write()
        self._tag_insert.run(self._new_tags)
        self._forget()

    def end(self) -> None:
        """Note in the journal which rows of before the run stands on."""
        self._companies.note_seen()
        self._contacts.note_seen()


def _by_id(record: CompanyRecord | ContactRecord) -> int:
    return record.id


def _is_corrected(company: CompanyRecord, row: ParsedRow) -> bool:
    return is_corrected(company, postcode=row.postcode, commune=row.commune, code=row.commune_code)


def _agree(row: ParsedRow, company: CompanyRecord) -> bool:
    """Tell whether a row with the same company name may mean this company: nothing it says contradicts."""
    if row.siret and company.siret and row.siret != company.siret:
        return False
    if _is_corrected(company, row):
        return True
    if row.placement and company.commune_code:
        return bool(row.placement.commune_code == company.commune_code)
    if row.postcode and company.postcode:
        return bool(row.postcode == company.postcode)
    return True
