"""Imports spreadsheets of contacts, requests and SIRENE into the store: all rows or none, each fault named, repeatable."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from gettext import gettext as _
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from audiences.asked import AskedBook
from audiences.columns import SheetKind
from audiences.errors import AudienceError
from audiences.journal import Journal
from audiences.layouts import columns_of, find_layout, kind_of, known_hashes, remember
from audiences.mapping import ColumnMapping, guess, guess_kind_of, header_score, layout_hash, parse_maps
from audiences.models import ImportRun
from audiences.opposition import Opposition
from audiences.records import CompanyRecord, ContactRecord
from audiences.registry import Registry
from audiences.rows import ParsedRow, Rejection, RowParser
from audiences.sheets import Table, open_table
from audiences.sirene import Register
from audiences.spacious import spacious
from audiences.territory import Territory
from audiences.values import Terms

CHUNK = 4_000
"""Rows written together: large enough to share statements, small enough to keep memory flat."""

LOOKED_UP = frozenset({"company.name_key"})
"""The column by which an import finds what is there, beside those that are unique."""

NAMELESS = "contact.address_key"
"""The column by which it finds whose mailbox a row that names no company holds."""

Progress = Callable[[int], None]


class RejectedRows(AudienceError, ValueError):
    """Some rows cannot be imported, hence none was; `rejections` names each cell."""

    def __init__(self, path: Path, rejections: Sequence[Rejection], rejected: int, accepted: int) -> None:
        self.rejections = tuple(rejections)
        super().__init__(
            _(
                "{file}: {rows} row(s) rejected, so nothing was imported. Mend them, or add --skip-rejected to import the other {accepted}."
            ).format(file=path.name, rows=rejected, accepted=accepted)
        )


@dataclass
class ImportSummary:
    """What one import did; the counts are rows of the sheet, `new` counts rows of each table.

    Every row is one of created, changed, unchanged, aside (an establishment of SIRENE that the store does not know) and
    rejected. `opposed` rows name a mailbox that is on the suppression list already, and stays there.
    `source_date` is the day that a SIRENE file tells of.
    """

    file: str
    kind: SheetKind
    run: int = 0
    rows: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    aside: int = 0
    rejected: int = 0
    unplaced: int = 0
    opposed: int = 0
    closed: list[tuple[str, str]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    mapping: ColumnMapping | None = None
    source_date: date | None = None
    ignored_columns: tuple[str, ...] = ()
    other_sheets: tuple[str, ...] = ()
    new: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Prepared:
    """A file whose columns are mapped: what an import needs beside the store."""

    table: Table
    mapping: ColumnMapping

    def require(self) -> None:
        """Raise MissingColumn or AmbiguousColumn unless every needed column is certain."""
        self.mapping.require(self.table.path.name)

    def confirmed(self) -> "Prepared":
        """Give the same file with the guesses about its columns taken."""
        return Prepared(self.table, self.mapping.confirmed())


def prepare(
    session: Session,
    path: Path,
    kind: SheetKind | None = None,
    *,
    maps: Sequence[str] = (),
    sheet: str | None = None,
) -> Prepared:
    """Open a file and map its columns: by `maps` ("Header=field"), as the layout was confirmed before, by their names.

    Without `kind` the layout or the headers tell it. Raises UnreadableSheet, MissingColumn (no header), UnknownColumn.
    """
    hashes = known_hashes(session)
    given = {word.rpartition("=")[0].strip() for word in maps} - {""}

    def is_header(cells: Sequence[str]) -> bool:
        return bool(given & set(cells)) or layout_hash(cells) in hashes

    table = open_table(path, header_score(is_header), sheet=sheet)
    layout = find_layout(session, table.headers)
    kind = kind or kind_of(layout) or guess_kind_of(table.headers)
    remembered = columns_of(layout) if layout is not None and layout.kind == kind else None
    return Prepared(
        table, guess(table.headers, kind, given=parse_maps(maps, table.headers, kind), remembered=remembered)
    )


def import_sheet(
    session: Session,
    path: Path,
    kind: SheetKind | None = None,
    *,
    territory: Territory,
    natures: Terms,
    channels: Terms,
    now: datetime,
    maps: Sequence[str] = (),
    sheet: str | None = None,
    skip_rejected: bool = False,
    keep_invalid: bool = False,
    create: bool = False,
    progress: Callable[[int], Progress] | None = None,
) -> ImportSummary:
    """Import one file whose columns are all certain: `prepare` and `import_table` at once."""
    prepared = prepare(session, path, kind, maps=maps, sheet=sheet)
    return import_table(
        session,
        prepared,
        territory=territory,
        natures=natures,
        channels=channels,
        now=now,
        skip_rejected=skip_rejected,
        keep_invalid=keep_invalid,
        create=create,
        progress=progress,
    )


def import_table(
    session: Session,
    prepared: Prepared,
    *,
    territory: Territory,
    natures: Terms,
    channels: Terms,
    now: datetime,
    skip_rejected: bool = False,
    keep_invalid: bool = False,
    create: bool = False,
    progress: Callable[[int], Progress] | None = None,
) -> ImportSummary:
    """Import a file in the caller's transaction; raise RejectedRows, for the caller to roll back, if a row is faulty.

    With `skip_rejected` the faulty rows are left out and named in the summary. With `keep_invalid` an address that
    cannot be written to is no fault: it is kept as written and its contact never becomes a recipient. `create` adds
    the establishments of a SIRENE file that the store does not know. `progress` is called once with about the number
    of rows and gives a function that is told how many are done.
    """
    prepared.require()
    table, mapping = prepared.table, prepared.mapping
    advance = progress(table.size) if progress else lambda _done: None
    parser = RowParser(mapping, territory, natures, channels, keep_invalid=keep_invalid)
    summary = ImportSummary(
        table.path.name,
        mapping.kind,
        mapping=mapping,
        ignored_columns=mapping.ignored,
        other_sheets=table.other_sheets,
    )
    run = ImportRun(kind=mapping.kind, file_name=table.path.name, sha256=table.sha256, started_at=now)
    run.rows = run.created = run.changed = run.unchanged = run.rejected = 0
    session.add(run)
    session.flush()
    summary.run = run.id
    connection = session.connection()
    grows = ("request",) if mapping.kind is SheetKind.REQUESTS else ("company", "contact")
    with spacious(connection, grows, rows=table.size, keep=LOOKED_UP) as build:
        importer = _Importer(connection, parser, summary, mapping, size=table.size, create=create, now=now)
        importer.run(table, advance, build)
    summary.rejections = sorted(parser.rejections, key=lambda rejection: rejection.row)
    summary.rejected = parser.rejected
    if summary.rejected and not skip_rejected:
        raise RejectedRows(table.path, summary.rejections, summary.rejected, summary.rows - summary.rejected)
    run.source_date = summary.source_date
    run.rows, run.created, run.changed = summary.rows, summary.created, summary.changed
    run.unchanged, run.rejected = summary.unchanged + summary.aside, summary.rejected
    remember(session, mapping, table.path.name, now=now)
    session.flush()
    return summary


class _Importer:
    """Puts chunks of typed rows into the store and counts what they did."""

    def __init__(
        self,
        connection: Connection,
        parser: RowParser,
        summary: ImportSummary,
        mapping: ColumnMapping,
        *,
        size: int,
        create: bool,
        now: datetime,
    ) -> None:
        self._parser = parser
        self._summary = summary
        self._kind = summary.kind
        self._has_nameless = False
        self._journal = Journal(connection, summary.run)
        is_asked = self._kind is SheetKind.REQUESTS
        self._registry = Registry(
            connection,
            self._journal,
            summary.new,
            fields=mapping.positions.keys(),
            is_base=not is_asked,
            rows=size,
            now=now,
        )
        self._opposition = Opposition(connection, self._journal, summary.new, file=summary.file, rows=size, now=now)
        self._asked = AskedBook(connection, self._journal, summary.new, rows=size if is_asked else 0, now=now)
        self._register = Register(connection, mapping, create=create) if self._kind is SheetKind.SIRENE else None

    def run(self, table: Table, advance: Progress, build: Callable[[str], None]) -> None:
        """Go through the table; `build` makes an index that is needed from now on.

        Rows that name no company come last: by then it is known whose mailboxes they hold, however the sheet is sorted.
        """
        self._pass(table, advance, is_named=True)
        if self._has_nameless:
            build(NAMELESS)
            self._pass(table, advance, is_named=False)
        if self._register is not None:
            self._summary.source_date = self._register.day_of(table.path)
        self._registry.end()
        self._asked.end()
        self._journal.flush(is_last=True)

    def _pass(self, table: Table, advance: Progress, *, is_named: bool) -> None:
        parse, divide, register = self._parser.parse, self._parser.divide, self._register
        rows = table.rows()
        while read := list(islice(rows, CHUNK)):
            named, nameless = divide(read)
            self._has_nameless = self._has_nameless or bool(nameless)
            chunk = named if is_named else nameless
            if not chunk:
                continue
            wanted = chunk if register is None else [row for row in chunk if register.wants(row[1])]
            parsed = parse(wanted)
            self._summary.rows += len(chunk)
            self._summary.aside += len(chunk) - len(wanted)
            self._put(parsed)
            advance(len(chunk))

    def _put(self, rows: Sequence[ParsedRow]) -> None:
        """Write one chunk: companies and contacts first, so that their ids tell whose requests are known already."""
        registry = self._registry
        registry.begin_chunk(rows)
        self._opposition.begin_chunk(rows)
        done = [each for row in rows if (each := self._put_row(row)) is not None]
        if self._kind is SheetKind.REQUESTS:
            self._asked.put([(each.row, each.company, each.contact) for each in done], done)
        self._count(done)
        registry.end_chunk()
        self._opposition.end_chunk()
        self._asked.end_chunk()
        self._journal.flush()

    def _put_row(self, row: ParsedRow) -> "_Done | None":
        registry, kind = self._registry, self._kind
        registry.begin_row()
        company = registry.find_company(row)
        if self._register is not None and not self._register.takes(row, company):
            self._summary.aside += 1
            return None
        is_base = kind is not SheetKind.REQUESTS  # the base decides, the request sheet only fills gaps
        if company is not None or row.siret or row.name:
            company = registry.put_company(row, company, overwrite=is_base, renames=kind is not SheetKind.SIRENE)
        is_company_new = registry.is_new
        contact = registry.put_contact(company, row, overwrite=is_base)
        if row.tags:
            registry.put_tags(company, contact, row.tags)
        is_added = self._opposition.put(row)
        if self._register is not None and row.is_closed and company is not None:
            self._summary.closed.append((company.siret or "", company.name))
        is_main = is_company_new if kind is SheetKind.SIRENE else registry.is_contact_new
        return _Done(row, company, contact, is_main, registry.is_new or is_added, registry.is_changed)

    def _count(self, done: "Sequence[_Done]") -> None:
        summary = self._summary
        created = sum(each.is_main_new for each in done)
        changed = sum(not each.is_main_new and (each.is_new or each.is_changed) for each in done)
        summary.created += created
        summary.changed += changed
        summary.unchanged += len(done) - created - changed
        rows = (each.row for each in done)
        summary.unplaced += sum(row.placement is None and bool(row.postcode or row.commune) for row in rows)
        summary.opposed = self._opposition.kept


class _Done:
    """A row with what it became: whether its main row is new (a contact, or a request), others are, or known ones changed."""

    __slots__ = ("company", "contact", "is_changed", "is_main_new", "is_new", "row")

    def __init__(
        self,
        row: ParsedRow,
        company: CompanyRecord | None,
        contact: ContactRecord | None,
        is_main_new: bool,
        is_new: bool,
        is_changed: bool,
    ) -> None:
        self.row, self.company, self.contact = row, company, contact
        self.is_main_new, self.is_new, self.is_changed = is_main_new, is_new, is_changed
