"""What an import tells of opposition: the mailboxes of its rows that are opposed already, and those that become so."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from gettext import gettext as _

from sqlalchemy import Connection, select

from audiences.bulk import BulkInsert, Ids, among
from audiences.journal import Journal
from audiences.models import Suppression, SuppressionReason, SuppressionScope
from audiences.rows import ParsedRow
from audiences.sieve import Sieve

_TABLE = Suppression.__table__


class Opposition:
    """Adds a suppression for each mailbox that a sheet says is opposed; no import takes one away.

    Erased mailboxes and those that bounced stay on the list as well: an import never writes to a row that is there.
    """

    def __init__(
        self, connection: Connection, journal: Journal, made: Counter[str], *, file: str, rows: int, now: datetime
    ) -> None:
        self._connection = connection
        self._journal = journal
        self._made = made
        self._file = file
        self._now = now
        self._ids = Ids(connection, _TABLE)  # type: ignore[arg-type]
        self._sieve = Sieve(self._ids.last + rows)
        listed = select(Suppression.address_key).execution_options(yield_per=1_000)
        self._sieve.add(connection.scalars(listed))
        columns = ("id", "address_key", "reason", "scope", "evidence", "created_at")
        self._insert = BulkInsert(connection, _TABLE, columns)  # type: ignore[arg-type]
        self._new: list[tuple[int, str, SuppressionReason, SuppressionScope, str, datetime]] = []
        self._stopped: set[str] = set()
        self._whole: set[str] = set()
        self._added: set[str] = set()
        self.kept = 0
        """Rows whose mailbox was on the list before this import."""

    def begin_chunk(self, rows: Sequence[ParsedRow]) -> None:
        """Load which mailboxes of the rows are on the list."""
        self._stopped, self._whole = set(), set()
        keys = self._sieve.sift({row.address.key for row in rows if row.address is not None})
        if keys:
            active = select(Suppression.address_key, Suppression.scope).where(
                among(self._connection, Suppression.address_key, keys), Suppression.lifted_at.is_(None)
            )
            for key, scope in self._connection.execute(active):
                self._stopped.add(key)
                if scope == SuppressionScope.ALL:
                    self._whole.add(key)

    def put(self, row: ParsedRow) -> bool:
        """Add the row's mailbox to the list if the row says so; tell whether that is new."""
        if row.address is None or not (self._stopped or row.opposed):
            return False
        key = row.address.key
        if key in self._stopped and key not in self._added:
            self.kept += 1
        if not row.opposed or key in self._whole:
            return False
        self._whole.add(key)
        self._added.add(key)
        number = self._ids.take()
        evidence = _("{file}, row {row}").format(file=self._file, row=row.number)
        self._new.append((number, key, SuppressionReason.UNSUBSCRIBED, SuppressionScope.ALL, evidence, self._now))
        self._journal.created("suppression", [number])
        self._made["suppression"] += 1
        return True

    def end_chunk(self) -> None:
        """Write what the chunk added."""
        self._insert.run(self._new)
        self._sieve.add(key for _id, key, *_rest in self._new)
        self._new = []
