"""The journal of one import: which rows it made, altered and named, in ranges of ids, so that it can be taken back."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection

from audiences.bulk import BulkInsert
from audiences.models import ChangeAction, ImportChange

_RUN = re.compile(rb"\x01+")


class IdSet:
    """A set of ids that are dense: one byte each up to the largest (a million take 1 MB, as a set of numbers 60)."""

    def __init__(self, largest: int = 0) -> None:
        self._marks = bytearray(largest + 1)

    def add(self, number: int) -> None:
        """Add an id."""
        try:
            self._marks[number] = 1
        except IndexError:
            self.add_range(number, number)

    def add_range(self, first: int, last: int) -> None:
        """Add the ids from `first` to `last`."""
        if last >= len(self._marks):
            self._marks.extend(bytes(max(last + 1 - len(self._marks), len(self._marks))))
        self._marks[first : last + 1] = b"\x01" * (last + 1 - first)

    def discard(self, number: int) -> None:
        """Take an id away, if it is there."""
        if number < len(self._marks):
            self._marks[number] = 0

    def __contains__(self, number: int) -> bool:
        return number < len(self._marks) and self._marks[number] == 1

    def __len__(self) -> int:
        return self._marks.count(1)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges():
            yield from range(first, last + 1)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Yield (first, last) of each run of ids that follow one another."""
        for match in _RUN.finditer(self._marks):
            yield match.start(), match.end() - 1


class Journal:
    """Collects what a run does; `flush` writes it in the run's own transaction."""

    def __init__(self, connection: Connection, run_id: int) -> None:
        self._run_id = run_id
        columns = ("run_id", "entity", "action", "first_id", "last_id", "values")
        self._insert = BulkInsert(connection, ImportChange.__table__, columns)  # type: ignore[arg-type]
        self._created: dict[str, list[list[int]]] = {}
        self._rows: list[tuple[Any, ...]] = []

    def created(self, entity: str, numbers: Iterable[int]) -> None:
        """Note new rows; ids that follow one another make one range."""
        ranges = self._created.setdefault(entity, [])
        for number in numbers:
            if ranges and ranges[-1][1] + 1 == number:
                ranges[-1][1] = number
            else:
                ranges.append([number, number])

    def changed(self, entity: str, number: int, values: dict[str, list[Any]]) -> None:
        """Note an altered row: column -> [before, after]."""
        self._rows.append((self._run_id, entity, ChangeAction.CHANGED, number, number, values))

    def seen(self, entity: str, ids: IdSet) -> None:
        """Note the rows that the run named and that were there before it."""
        for first, last in ids.ranges():
            self._rows.append((self._run_id, entity, ChangeAction.SEEN, first, last, None))

    def flush(self, *, is_last: bool = False) -> None:
        """Write what was noted; ranges of new rows may go on growing until the last time."""
        self._insert.run(self._rows)
        self._rows = []
        if is_last:
            for entity, ranges in self._created.items():
                self._rows += [(self._run_id, entity, ChangeAction.CREATED, *each, None) for each in ranges]
            self._insert.run(self._rows)
            self._created, self._rows = {}, []
