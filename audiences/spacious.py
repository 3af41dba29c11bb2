"""Makes room for a large import: a wider page cache, no look-out for cycles, and indexes built once at the end (SQLite)."""

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

CACHE_MB = 40
"""SQLite's page cache while an import runs: of a sheet in no order (measured for a million), 76 MB gain nothing more."""

SORT_MB = 2
"""What SQLite sorts at a time for an index, the rest goes to a file: in the processor's cache it takes two thirds of the time."""

SORTERS = 2
"""Threads that help SQLite to sort (measured for a million on two cores: a quarter less time)."""

LARGE = 20_000
"""Rows from which building an index once takes less than growing it row by row."""


@contextmanager
def spacious(
    connection: Connection, tables: Iterable[str], *, rows: int, keep: frozenset[str]
) -> Iterator[Callable[[str], None]]:
    """Work on `tables` with room, about `rows` of which are new; `keep` are the columns that the work looks up.

    Plain objects hold no cycles, so the garbage collector rests (measured: a tenth of the time). On SQLite the indexes
    of tables that at least double are dropped and built again from their own text, in the caller's transaction: a
    failure leaves them as they were (measured for a million requests: a quarter of the time). What is yielded makes
    the index of a column (table.column) before the end, for work that now begins to look it up.
    """
    was_collecting = gc.isenabled()
    gc.disable()
    is_sqlite = connection.dialect.name == "sqlite"
    cache = connection.scalar(text("PRAGMA cache_size")) if is_sqlite else None
    try:
        if is_sqlite:
            connection.exec_driver_sql(f"PRAGMA cache_size = {-CACHE_MB * 1000}")
        dropped = _drop(connection, tables, rows, keep) if is_sqlite and rows >= LARGE else []

        def build(column: str) -> None:
            for each in [each for each in dropped if each[0] == column]:
                connection.exec_driver_sql(each[1])
                dropped.remove(each)

        yield build
        if dropped:
            connection.exec_driver_sql(f"PRAGMA cache_size = {-SORT_MB * 1000}")
            connection.exec_driver_sql(f"PRAGMA threads = {SORTERS}")
        for _column, statement in dropped:
            connection.exec_driver_sql(statement)
    finally:
        if was_collecting:
            gc.enable()
        if is_sqlite:
            connection.exec_driver_sql(f"PRAGMA cache_size = {cache}")
            connection.exec_driver_sql("PRAGMA threads = 0")


def _drop(connection: Connection, tables: Iterable[str], rows: int, keep: frozenset[str]) -> list[tuple[str, str]]:
    """Drop the plain indexes of tables that are small beside what comes; give (first column, what makes it again)."""
    found = []
    for table in tables:
        largest = connection.scalar(text(f"SELECT max(rowid) FROM {table}")) or 0  # noqa: S608 - a name of ours
        if largest * 2 > rows:
            continue
        listed = text(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = :table"
        )
        for name, sql in connection.execute(listed, {"table": table}).all():
            columns = connection.exec_driver_sql(f'PRAGMA index_info("{name}")').all()
            column = f"{table}.{columns[0][2]}"
            if sql.upper().startswith("CREATE INDEX") and column not in keep:
                connection.exec_driver_sql(f'DROP INDEX "{name}"')
                found.append((column, sql))
    return found
