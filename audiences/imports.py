"""Imports spreadsheets of contacts and of requests into the store: all rows or none, each fault named, repeatable."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from gettext import gettext as _
from itertools import chain, filterfalse, islice
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from audiences.columns import CONTACT_FIELDS, REQUEST_FIELDS, header_finder, require_columns
from audiences.errors import AudienceError
from audiences.models import Company, Contact, ImportRun, Request, Suppression, SuppressionReason, SuppressionScope
from audiences.registry import Registry
from audiences.rows import ParsedRow, Rejection, RowParser, SheetKind
from audiences.sheets import Row, read_sheet, sha256_of
from audiences.territory import Territory
from audiences.values import Terms

CHUNK = 1_000
"""Rows written together: large enough to share statements, small enough to keep memory flat."""

Progress = Callable[[int], None]


class RejectedRows(AudienceError, ValueError):
    """Some rows cannot be imported, hence none was; `rejections` names each cell."""

    def __init__(self, path: Path, rejections: Sequence[Rejection], accepted: int) -> None:
        self.rejections = tuple(rejections)
        rows = len({rejection.row for rejection in rejections})
        super().__init__(
            _(
                "{file}: {rows} row(s) rejected, so nothing was imported. Mend them, or add --skip-rejected to import the other {accepted}."
            ).format(file=path.name, rows=rows, accepted=accepted)
        )


@dataclass
class ImportSummary:
    """What one import did; the counts are rows of the sheet, `new` counts rows of each table."""

    file: str
    kind: SheetKind
    rows: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    unplaced: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    ignored_columns: tuple[str, ...] = ()
    new: Counter[str] = field(default_factory=Counter)


def import_sheet(
    session: Session,
    path: Path,
    kind: SheetKind,
    *,
    territory: Territory,
    natures: Terms,
    channels: Terms,
    now: datetime,
    skip_rejected: bool = False,
    keep_invalid: bool = False,
    progress: Callable[[int], Progress] | None = None,
) -> ImportSummary:
    """Import one file in the caller's transaction; raise RejectedRows, for the caller to roll back, if a row is faulty.

    With `skip_rejected` the faulty rows are left out and named in the summary. With `keep_invalid` an address that
    cannot be written to is no fault: it is kept as written and its contact never becomes a recipient. `progress` is
    called once with the number of rows and gives a function that is told how many are done.
    """
    fields = REQUEST_FIELDS if kind is SheetKind.REQUESTS else CONTACT_FIELDS
    sheet = read_sheet(path, header_finder(fields))
    if kind is SheetKind.REQUESTS:
        require_columns(sheet, fields, ("received_on",), ("channel",), ("nature",), ("siret", "name", "address"))
    else:
        require_columns(sheet, fields, ("address",))
    advance = progress(len(sheet)) if progress else lambda _done: None
    parser = RowParser(sheet, territory, natures, channels, keep_invalid=keep_invalid)
    summary = ImportSummary(path.name, kind, rows=len(sheet), ignored_columns=sheet.ignored)
    importer = _Importer(session, kind, summary, now=now)
    # Rows that name no company come last: by then it is known whose mailboxes they hold, however the sheet is sorted.
    rows = chain(filter(_names_company, sheet.rows()), filterfalse(_names_company, sheet.rows()))
    while chunk := list(islice(rows, CHUNK)):
        parsed = [done for row in chunk if (done := parser.parse(row, kind)) is not None]
        importer.put(parsed)
        advance(len(chunk))
    summary.rejections = sorted(parser.rejections, key=lambda rejection: rejection.row)
    rejected = len({rejection.row for rejection in summary.rejections})
    if rejected and not skip_rejected:
        raise RejectedRows(path, summary.rejections, len(sheet) - rejected)
    session.add(
        ImportRun(
            kind=kind,
            file_name=path.name,
            sha256=sha256_of(path),
            started_at=now,
            rows=summary.rows,
            created=summary.created,
            changed=summary.changed,
            unchanged=summary.unchanged,
            rejected=rejected,
        )
    )
    return summary


def _names_company(row: Row) -> bool:
    return bool(row.values.get("siret") or row.values.get("name"))


class _Importer:
    """Puts chunks of typed rows into the store and counts what they did."""

    def __init__(self, session: Session, kind: SheetKind, summary: ImportSummary, *, now: datetime) -> None:
        self._session = session
        self._kind = kind
        self._summary = summary
        self._now = now
        self._registry = Registry(session, now=now)
        self._occurrences: Counter[str] = Counter()

    def put(self, rows: Sequence[ParsedRow]) -> None:
        """Write one chunk: companies and contacts first, so that their ids tell whose requests are known already."""
        registry = self._registry
        with self._session.no_autoflush:
            registry.begin_chunk((row.company for row in rows), (row.person for row in rows))
            opposed = self._opposed_keys(rows)
            done = [self._put_row(row, opposed) for row in rows]
            if self._kind is SheetKind.REQUESTS:
                self._put_requests(done)
            for each in done:
                self._count(each)
            registry.end_chunk()

    def _put_row(self, row: ParsedRow, opposed: set[str]) -> "_Done":
        self._registry.begin_row()
        company, contact = self._put_parties(row)
        self._put_opposition(row, opposed)
        return _Done(row, company, contact, self._registry.made, self._registry.is_changed)

    def _put_parties(self, row: ParsedRow) -> tuple[Company | None, Contact]:
        is_base = self._kind is SheetKind.CONTACTS  # the contact base decides, the request sheet only fills gaps
        company = None
        if row.company.is_known or self._registry.find_company(row.company, row.person.address):
            company = self._registry.put_company(row.company, row.person.address, overwrite=is_base)
        contact = self._registry.put_contact(company, row.person, overwrite=is_base)
        self._registry.put_tags(company, contact, row.tags)
        return company, contact

    def _put_opposition(self, row: ParsedRow, opposed: set[str]) -> None:
        key = row.person.address.key if row.person.address else None
        if row.is_opposed and key and key not in opposed:
            opposed.add(key)
            suppression = Suppression(
                address_key=key,
                reason=SuppressionReason.UNSUBSCRIBED,
                scope=SuppressionScope.ALL,
                evidence=f"{self._summary.file}, row {row.number}",
                created_at=self._now,
            )
            self._registry.add(suppression)

    def _put_requests(self, rows: Sequence["_Done"]) -> None:
        self._session.flush()
        fingerprints = [self._fingerprint(each) for each in rows]
        found = self._session.scalars(select(Request).where(Request.fingerprint.in_(fingerprints)))
        requests = {request.fingerprint: request for request in found}
        for each, fingerprint in zip(rows, fingerprints, strict=True):
            self._registry.begin_row()
            request = requests.get(fingerprint)
            if request is None:
                owner = {"company": each.company} if each.company is not None else {"contact": each.contact}
                requests[fingerprint] = request = Request(fingerprint=fingerprint, **owner)
                self._registry.add(request)
            self._registry.assign(request, each.row.request)
            each.made.update(self._registry.made)
            each.is_changed |= self._registry.is_changed

    def _fingerprint(self, done: "_Done") -> str:
        """Recognise a request in a later export: by its number, day and asker, else by its content and its rank among equals.

        A number alone is not trusted: two advisers' sheets both begin at 1.
        """
        asked = done.row.request
        asker = f"company {done.company.id}" if done.company is not None else f"contact {done.contact.id}"
        day: date = asked["received_on"]
        content = (
            [asked["reference"]] if asked["reference"] else [asked["channel"], asked["nature"], asked["topic"] or ""]
        )
        plain = "\x1f".join([asker, day.isoformat(), *content])
        if not asked["reference"]:
            self._occurrences[plain] += 1
            plain += f"\x1f{self._occurrences[plain]}"
        return hashlib.blake2b(plain.encode(), digest_size=16).hexdigest()

    def _opposed_keys(self, rows: Sequence[ParsedRow]) -> set[str]:
        keys = {row.person.address.key for row in rows if row.is_opposed and row.person.address}
        if not keys:
            return set()
        active = select(Suppression.address_key).where(
            Suppression.address_key.in_(keys),
            Suppression.lifted_at.is_(None),
            Suppression.scope == SuppressionScope.ALL,
        )
        return set(self._session.scalars(active))

    def _count(self, done: "_Done") -> None:
        self._summary.new.update(done.made)
        if done.made["request" if self._kind is SheetKind.REQUESTS else "contact"]:
            self._summary.created += 1
        elif done.made or done.is_changed:
            self._summary.changed += 1
        else:
            self._summary.unchanged += 1
        facts = done.row.company
        if facts.placement is None and (facts.postcode or facts.commune_name):
            self._summary.unplaced += 1


@dataclass
class _Done:
    """A row with what it became: new rows by table, and whether known ones were altered."""

    row: ParsedRow
    company: Company | None
    contact: Contact
    made: Counter[str]
    is_changed: bool
