"""Rows of the store while an import works on them: plain objects that know what they were, and are written in bulk."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import Column, Connection, select

from audiences.bulk import BulkInsert, Ids, among, update_by_id
from audiences.database import Base
from audiences.hot import HotStatement
from audiences.journal import IdSet, Journal
from audiences.sieve import Sieve
from audiences.spacious import LARGE


class Record:
    """One row: its columns are attributes, `before` is what the changed ones were (None for a row that is new)."""

    __slots__ = ("before", "id")
    TABLE: ClassVar[str] = ""
    COLUMNS: ClassVar[tuple[str, ...]] = ()
    WORDS: ClassVar[tuple[str, ...]] = ()  # those whose values are a StrEnum's

    id: int
    before: dict[str, Any] | None

    def assign(self, name: str, value: Any, *, only_gaps: bool = False) -> bool:
        """Set a column; an empty value never erases one. Tell whether it says something new."""
        current = getattr(self, name)
        if value in (None, "", current) or (only_gaps and current is not None):
            return False
        if self.before is not None and name not in self.before:
            self.before[name] = current
        setattr(self, name, value)
        return True


class CompanyRecord(Record):
    """A row of `company`, with its contacts as far as they are loaded, and what the last row of the sheet said of it."""

    TABLE = "company"
    COLUMNS = (
        "siret", "name", "name_key", "naf_code", "headcount_min", "headcount_max", "postcode", "commune_name",
        "commune_code", "epci_siren", "diffusion", "commune_given", "commune_code_given", "placed_by",
    )  # fmt: skip
    __slots__ = (*COLUMNS, "contacts", "has_contact", "is_outline", "said", "tags")

    def __init__(self, number: int, values: Sequence[Any], *, is_new: bool) -> None:
        self.id = number
        (
            self.siret, self.name, self.name_key, self.naf_code, self.headcount_min, self.headcount_max, self.postcode,
            self.commune_name, self.commune_code, self.epci_siren, self.diffusion, self.commune_given,
            self.commune_code_given, self.placed_by,
        ) = values  # fmt: skip
        self.before = None if is_new else {}
        self.contacts: list[ContactRecord] = []
        self.has_contact = self.is_outline = False
        self.said: tuple[Any, ...] | None = None
        self.tags: set[str] | None = None


class ContactRecord(Record):
    """A row of `contact`."""

    TABLE = "contact"
    COLUMNS = (
        "company_id", "address", "address_key", "civility", "given_name", "family_name", "role", "kind", "legal_basis",
        "source",
    )  # fmt: skip
    WORDS = ("kind", "legal_basis")
    __slots__ = (*COLUMNS, "tags")

    def __init__(self, number: int, values: Sequence[Any], *, is_new: bool) -> None:
        self.id = number
        (
            self.company_id, self.address, self.address_key, self.civility, self.given_name, self.family_name,
            self.role, self.kind, self.legal_basis, self.source,
        ) = values  # fmt: skip
        self.before = None if is_new else {}
        self.tags: set[str] | None = None


class RequestRecord(Record):
    """A row of `request`."""

    TABLE = "request"
    COLUMNS = (
        "company_id", "contact_id", "fingerprint", "reference", "received_on", "channel", "nature", "topic", "adviser",
        "answer",
    )  # fmt: skip
    __slots__ = COLUMNS

    def __init__(self, number: int, values: Sequence[Any], *, is_new: bool) -> None:
        self.id = number
        (
            self.company_id, self.contact_id, self.fingerprint, self.reference, self.received_on, self.channel,
            self.nature, self.topic, self.adviser, self.answer,
        ) = values  # fmt: skip
        self.before = None if is_new else {}


T = TypeVar("T", bound=Record)


class Shelf(Generic[T]):
    """The records of one table that a run makes or names: gives ids to new ones, writes all that changed."""

    def __init__(self, connection: Connection, record: type[T], journal: Journal, *, now: datetime) -> None:
        self._connection = connection
        self._record = record
        self._journal = journal
        self._now = now
        table = Base.metadata.tables[record.TABLE]
        self._stamps = ("created_at", "updated_at") if "created_at" in table.c else ()
        self._table = table
        self._entity = table.name
        self._ids = Ids(connection, table)
        self._insert = BulkInsert(connection, table, ("id", *record.COLUMNS, *self._stamps), words=record.WORDS)
        self._update: HotStatement = update_by_id(table, (*record.COLUMNS, *self._stamps[1:]))
        self._decided = IdSet(self._ids.last)
        self._seen = IdSet(self._ids.last)
        self._values = attrgetter("id", *record.COLUMNS)
        self._new: list[T] = []
        self._touched: dict[int, T] = {}
        self._sieves: dict[str, Sieve] = {}

    @property
    def last(self) -> int:
        """The largest id before the run."""
        return self._ids.last

    def sift(self, *names: str, rows: int) -> None:
        """Expect so many new rows: where they at least double the table, `load` knows what these columns lack.

        What the columns hold is read once for it: 0.5 us a row.
        """
        if rows < LARGE or self.last * 2 > rows:
            return
        for name in names:
            sieve = self._sieves[name] = Sieve(self.last + rows)
            held = select(self._table.c[name]).execution_options(yield_per=1_000)
            sieve.add(self._connection.scalars(held))

    def load(self, column: Any, values: Collection[Any]) -> list[T]:
        """Give the rows of the store whose column is one of these values."""
        if column.key in self._sieves:
            values = self._sieves[column.key].sift(values)
        if not values:
            return []
        columns: list[Column[Any]] = [self._table.c.id, *(self._table.c[name] for name in self._record.COLUMNS)]
        statement = select(*columns).where(among(self._connection, column, values))
        make = self._record
        return [make(row[0], row[1:], is_new=False) for row in self._connection.execute(statement).all()]  # type: ignore[call-arg]

    def make(self, values: Sequence[Any]) -> T:
        """Make a new row."""
        record = self._record(self._ids.take(), values, is_new=True)  # type: ignore[call-arg]
        self._new.append(record)
        return record

    def is_decided(self, record: T) -> bool:
        """Tell whether a row of this run has spoken of this one before, or made it."""
        return record.id > self._ids.last or record.id in self._decided

    def touch(self, record: T) -> None:
        """Note that a row of the file speaks of this one."""
        if record.before is not None:
            self._touched[record.id] = record
            self._decided.add(record.id)

    def write(self) -> None:
        """Write what is new or has changed since the last time."""
        stamps = (self._now, self._now)[: len(self._stamps)]
        values_of = self._values
        self._insert.run([values_of(each) + stamps for each in self._new])
        self._journal.created(self._entity, [each.id for each in self._new])
        for name, sieve in self._sieves.items():
            sieve.add(map(attrgetter(name), self._new))
            sieve.add(getattr(each, name) for each in self._touched.values() if each.before and name in each.before)
        updates: list[tuple[Any, ...]] = []
        for each in self._touched.values():
            if each.before:
                updates.append((each.id, *values_of(each)[1:], *stamps[1:]))
                self._note(each, each.before)
            if each.id <= self._ids.last:
                self._seen.add(each.id)
        if updates:
            self._update.run(self._connection, updates)
        self._new, self._touched = [], {}

    def _note(self, record: T, before: dict[str, Any]) -> None:
        if record.id <= self._ids.last:  # what this run made needs no second note
            changes = {name: [_plain(value), _plain(getattr(record, name))] for name, value in before.items()}
            self._journal.changed(self._entity, record.id, changes)

    def note_seen(self) -> None:
        """Note in the journal which rows of before the run stands on."""
        self._journal.seen(self._entity, self._seen)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
