"""The schema of the store: made and brought up to date by Alembic, without the officer having to know."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, inspect, select, text

from audiences.database import reading, writing
from audiences.errors import DatabaseUnavailable
from audiences.exports import MODE
from campaigns.models import Installation

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0010"
"""The newest revision; a test checks that it is what the migrations say."""

SECRET = "unsubscribe_secret"  # noqa: S105 - the name of the row, not its value


def upgrade(engine: Engine) -> None:
    """Bring the store to the newest revision, in one transaction; a new store gets its own secret.

    A new SQLite file is its owner's alone to read: it holds addresses (GDPR art. 32).
    """
    from alembic import command

    if file := _new_file(engine):
        file.touch(MODE)
    with _references_unchecked(engine) as connection, connection.begin():
        command.upgrade(alembic_config(connection), "head")
        if engine.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise DatabaseUnavailable(
                _("The database has rows that refer to missing ones, so it was not upgraded. Restore a backup of it.")
            )
    with writing(engine) as session:
        if session.get(Installation, SECRET) is None:
            session.add(Installation(key=SECRET, value=secrets.token_hex(32)))


@contextmanager
def _references_unchecked(engine: Engine) -> Iterator[Connection]:
    """Open a connection on which SQLite lets a table be made anew that others refer to (sqlite.org/lang_altertable.html).

    Only before BEGIN does SQLite listen; PostgreSQL alters tables in place and needs nothing.
    """
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            yield connection
            return
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            yield connection
        finally:
            driver.execute("PRAGMA foreign_keys = ON")


def ensure_current(engine: Engine) -> None:
    """Check that the store is there and upgrade it if it is older than this program; DatabaseUnavailable if it is newer."""
    revision = _revision(engine)
    if revision == HEAD:
        return
    if revision is None:
        raise DatabaseUnavailable(_("The database has no Relais tables. Run `relais init` in this folder first."))
    if revision > HEAD:
        raise DatabaseUnavailable(
            _(
                "The database was written by a newer Relais (schema {revision}). Update Relais: pip install -U relais."
            ).format(revision=revision)
        )
    upgrade(engine)


def has_tables(engine: Engine) -> bool:
    """Tell whether the store was set up, by this version of Relais or another."""
    return _revision(engine) is not None


def secret_of(engine: Engine) -> bytes:
    """Give the key that signs this installation's unsubscribe links and message ids."""
    with reading(engine) as session:
        return bytes.fromhex(session.scalars(select(Installation.value).where(Installation.key == SECRET)).one())


def alembic_config(connection: Connection) -> "Config":
    """Give the Alembic configuration that runs this package's migrations on `connection`."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _new_file(engine: Engine) -> Path | None:
    """Give the file that a new store is to be written to, None for one that is there, and for PostgreSQL."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name.startswith((":", "file:")):
        return None
    file = Path(name)
    return file if file.parent.is_dir() and not file.exists() else None


def _revision(engine: Engine) -> str | None:
    if _new_file(engine) is not None:
        return None  # to look into it would make an empty one
    with reading(engine) as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return None
        found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
        return found
