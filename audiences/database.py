"""The declarative base of every table, the engine, and the two kinds of session: reading and writing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from gettext import gettext as _
from typing import Any

from sqlalchemy import Connection, DateTime, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, ProgrammingError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from audiences.errors import DatabaseUnavailable

BUSY_TIMEOUT = 30.0
"""How long a writer waits for another writer of the same SQLite file, in seconds."""

SAMPLED = 1_000
"""Rows of each index that SQLite looks at for its statistics."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The one metadata of all rooms, so that one migration history covers them."""

    metadata = MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored as naive UTC because SQLite keeps no zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn an aware value into naive UTC; a naive one is a mistake of the caller (ValueError)."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the stored value back as aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


def open_engine(url: str, *, busy_timeout: float = BUSY_TIMEOUT) -> Engine:
    """Open the store at an SQLAlchemy `url`; SQLite gets WAL, full durability and write locks taken at BEGIN.

    `busy_timeout` is in seconds, for SQLite only: PostgreSQL has its own lock_timeout.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql" and "+" not in parsed.drivername:
            parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed, hide_parameters=True)  # an error names no address
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        cause = _("The database URL cannot be used ({error}).").format(error=str(error).splitlines()[0])
        remedy = _(
            "Write it like sqlite:///relais.db, or postgresql://user@host/relais after `pip install relais[postgres]`."
        )
        raise DatabaseUnavailable(f"{cause} {remedy}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", partial(_configure_sqlite, busy_timeout=busy_timeout))
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: object, *, busy_timeout: float) -> None:
    # The driver must not open transactions of its own: `_begin_sqlite` does (IMMEDIATE, so that a writer waits for the
    # lock at BEGIN instead of failing in the middle).
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {round(busy_timeout * 1000)}",
        "journal_mode = WAL",
        "wal_autocheckpoint = 4000",  # 16 MB: fewer pauses while a campaign leaves
        "synchronous = FULL",  # a commit survives a power cut: a sent message is never forgotten
        "foreign_keys = ON",
        "cache_size = -16000",
        "temp_store = FILE",  # what outgrows the cache: a million rows are sorted as fast, in a tenth of the memory
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    is_reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")


def gather_statistics(session: Session, *tables: str) -> None:
    """Let the database count what its tables hold, after much was written: its planner chooses by these figures.

    SQLite then leaps from one distinct value of an index to the next: the words of a million requests in 1 ms, not 150.
    """
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text(f"PRAGMA analysis_limit = {SAMPLED}"))
    for table in tables:
        session.execute(text(f"ANALYZE {table}"))


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a session that sees one consistent state and never waits for a writer; nothing it does is kept."""
    with _translated(), Session(engine.execution_options(reading=True), autoflush=False) as session:
        yield session
        session.rollback()


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Open a session that holds the write lock (SQLite) from its first statement, and commits at the end or not at all."""
    with _translated(), Session(engine) as session, session.begin():
        yield session


@contextmanager
def writing_rows(engine: Engine) -> Iterator[Connection]:
    """As `writing`, without an ORM session."""
    with _translated(), engine.connect() as connection:
        yield connection
        connection.commit()


class RowWriter:
    """Writes rows again and again on a connection that it keeps: opening one takes as long as writing ten rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    @contextmanager
    def writing(self, *, commits: bool = True) -> Iterator[Connection]:
        """Begin a transaction as `writing` does, and commit it at the end.

        With `commits` off the caller calls `commit` of the connection, in another thread if it likes.
        """
        with _translated():
            connection = self._connection or self._engine.connect()
            self._connection = None
            try:
                yield connection
                if commits:
                    connection.commit()
            except BaseException:
                connection.close()
                raise
            self._connection = connection

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        # psycopg calls a missing table a ProgrammingError; SQLite calls a file that is no database a plain DatabaseError.
        is_missing = isinstance(error, ProgrammingError) and "does not exist" in str(error.orig)
        if not (isinstance(error, OperationalError) or is_missing or type(error) is DatabaseError):
            raise
        raise DatabaseUnavailable(_explain(str(error.orig))) from error


def _explain(cause: str) -> str:
    if "locked" in cause:
        return _("The database is held by another program. Close it (a database browser, a backup) and try again.")
    if "full" in cause:
        return _("The disk is full: nothing more can be written. Free some space and try again.")
    if "disk I/O error" in cause:  # a quota, a file size limit, a USB key or network drive that is gone
        return _(
            "The disk does not let the database be written ({cause}): it may be full, over its quota, or gone. Look at it and try again."
        ).format(cause=cause.splitlines()[0])
    if "no such table" in cause or "does not exist" in cause:
        return _("The database has no Relais tables. Run `relais init` in this folder first.")
    return _("The database cannot be used ({cause}). Check [database] url in relais.toml.").format(
        cause=cause.splitlines()[0]
    )
