"""The schema of the store: migrations and models agree, upgrades are harmless, and what is not ours is refused."""

import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError

import campaigns.models  # noqa: F401 - its tables register with the metadata
import sends.models  # noqa: F401
from audiences.database import Base, open_engine, reading, writing
from audiences.errors import AudienceError, DatabaseUnavailable
from campaigns.schema import HEAD, alembic_config, ensure_current, secret_of, upgrade
from tests.factories import Factory, dump
from tests.store import ask


def stamp(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_models_equal_migrations(empty_engine: Engine):
    upgrade(empty_engine)
    with empty_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_an_error_of_the_database_names_no_address(sqlite_engine: Engine):
    with sqlite_engine.connect() as connection, pytest.raises(OperationalError) as raised:
        connection.execute(text("SELECT nothing WHERE :address = ''"), {"address": "zoe@example.org"})
    assert "zoe@" not in str(raised.value)


def test_head_is_the_newest_revision(sqlite_engine: Engine):
    with sqlite_engine.connect() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
        assert script.get_heads() == [HEAD]
        revisions = [each.revision for each in script.walk_revisions()]
        assert revisions == sorted(revisions, reverse=True)  # `ensure_current` tells newer from older by the order


def test_going_down_leaves_no_table(empty_engine: Engine):
    from alembic import command

    upgrade(empty_engine)
    with empty_engine.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    assert inspect(empty_engine).get_table_names() == ["alembic_version"]


def test_requests_of_before_0009_are_recognised_afterwards(engine: Engine, factory: Factory):
    from alembic import command

    numbers = ("7", "-12", "2020-000123", "É/1", "")
    rows = "\n".join(f"{number};17/03/2020;Appel CCI;Autre;Garage" for number in numbers)
    sheet = f"N°;Date;Canal;Nature;Entreprise\n{rows}\n"
    assert factory.import_csv(sheet, "requests").created == len(numbers)
    prints = text("SELECT id, fingerprint FROM request ORDER BY id")
    after = ask(engine, prints)

    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), "0008")
    assert all(re.fullmatch("[0-9a-f]{32}", each[1]) for each in ask(engine, prints))
    upgrade(engine)

    assert ask(engine, prints) == after
    assert factory.import_csv(sheet, "requests").unchanged == len(numbers)


def test_a_second_upgrade_changes_nothing_and_keeps_the_secret(empty_engine: Engine):
    upgrade(empty_engine)
    before, secret = dump(empty_engine, without=()), secret_of(empty_engine)
    upgrade(empty_engine)
    ensure_current(empty_engine)
    assert dump(empty_engine, without=()) == before
    assert secret_of(empty_engine) == secret
    assert len(secret) == 32


def test_each_installation_has_a_secret_of_its_own(tmp_path: Path):
    secrets = set()
    for name in ("one", "two"):
        engine = open_engine(f"sqlite:///{tmp_path / name}.db")
        upgrade(engine)
        secrets.add(secret_of(engine))
        engine.dispose()
    assert len(secrets) == 2


def test_a_store_of_a_newer_program_is_refused_and_stays_as_it_was(empty_engine: Engine):
    upgrade(empty_engine)
    stamp(empty_engine, "9999")
    before = dump(empty_engine, without=())
    with pytest.raises(DatabaseUnavailable) as caught:
        ensure_current(empty_engine)
    assert str(caught.value) == (
        "The database was written by a newer Relais (schema 9999). Update Relais: pip install -U relais."
    )
    assert dump(empty_engine, without=()) == before


def test_a_database_without_tables_is_told_in_one_line(empty_engine: Engine):
    with pytest.raises(DatabaseUnavailable) as caught:
        ensure_current(empty_engine)
    assert str(caught.value) == "The database has no Relais tables. Run `relais init` in this folder first."
    assert inspect(empty_engine).get_table_names() == []


def test_a_query_without_tables_is_told_in_one_line(empty_engine: Engine):
    with pytest.raises(AudienceError) as caught:
        dump(empty_engine)
    assert str(caught.value) == "The database has no Relais tables. Run `relais init` in this folder first."


@pytest.mark.parametrize(
    ("url", "cause", "remedy"),
    [
        pytest.param("relais.db", "cannot be used", "Write it like sqlite:///relais.db", id="a-path"),
        pytest.param("mongodb://localhost/x", "cannot be used", "postgresql://user@host/relais", id="another-database"),
        pytest.param("sqlite:////no/such/folder/relais.db", "unable to open", "[database] url", id="no-such-folder"),
        pytest.param("postgresql://nobody@127.0.0.1:1/x", "onnection", "[database] url", id="server-that-is-down"),
    ],
)
def test_a_database_that_cannot_be_opened_is_told_in_one_line(url: str, cause: str, remedy: str):
    with pytest.raises(DatabaseUnavailable) as caught:
        ensure_current(open_engine(url))
    assert cause in str(caught.value)
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database(tmp_path: Path):
    (tmp_path / "relais.db").write_bytes(b"Entreprise;Courriel\n" * 100)
    engine = open_engine(f"sqlite:///{tmp_path / 'relais.db'}")
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        ensure_current(engine)
    engine.dispose()


def test_what_fails_is_undone_as_a_whole(engine: Engine):
    before = dump(engine, without=())
    insert = text("INSERT INTO installation (key, value) VALUES ('once', 'x')")
    with pytest.raises(IntegrityError), writing(engine) as session:  # noqa: PT012 - the end of the session is meant
        session.execute(insert)
        session.execute(insert)
    assert dump(engine, without=()) == before


def test_a_reading_session_keeps_nothing(engine: Engine):
    before = dump(engine, without=())
    with reading(engine) as session:
        session.execute(text("INSERT INTO installation (key, value) VALUES ('once', 'x')"))
    assert dump(engine, without=()) == before


def test_a_store_with_deliveries_is_upgraded_with_all_that_refers_to_them(empty_engine: Engine):
    from alembic import command

    with empty_engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0002")
    rows = (
        "INSERT INTO audience VALUES (1, 'a', '*:*', '', :at, :at)",
        "INSERT INTO campaign (id, slug, name, status, purpose, audience_id, template, variables, attachments, created_at)"
        " VALUES (1, 'c', 'c', 'finished', 'service', 1, 't', '{}', '[]', :at)",
        "INSERT INTO delivery (id, campaign_id, address, address_key, status, attempts, not_before, fence, planned_at,"
        " updated_at) VALUES (1, 1, 'a@example.org', 'a@example.org', 'bounced', 1, :at, 1, :at, :at)",
        "INSERT INTO delivery_event (id, delivery_id, at, status) VALUES (1, 1, :at, 'bounced')",
    )
    with empty_engine.begin() as connection:
        for row in rows:
            connection.execute(text(row), {"at": "2020-04-01 08:00:00"})
    upgrade(empty_engine)
    kept = dump(empty_engine)
    assert len(kept["delivery"]) == len(kept["delivery_event"]) == 1
    with empty_engine.connect() as connection:
        assert connection.execute(text("SELECT part FROM delivery")).scalar() == 0
        assert connection.execute(text("SELECT per FROM campaign")).scalar() == "mailbox"
    with pytest.raises(IntegrityError), empty_engine.begin() as connection:  # references are checked again
        connection.execute(text("DELETE FROM delivery"))
