"""A large import takes short cuts (sieves, outlines, indexes built at the end): what it does is what a small one does."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from audiences.sieve import Sieve
from campaigns.settings import Settings
from tests.factories import Factory
from tests.integration.test_imports_rows import OTHER_SIRET, SIRET, everything, import_into
from tests.sheets import CONTACTS
from tests.store import ask

SIRETS = st.sampled_from(["", SIRET, OTHER_SIRET, "90000002700012", "90000002700020", "0"])
NAMES = st.sampled_from(["", "Café", "CAFE", "Garage", "Bar", SIRET])
ADDRESSES = st.sampled_from(["", "a@example.org", "A@EXAMPLE.ORG", "b@example.org", "c@", "d@example.org"])
PLACES = st.sampled_from([("", ""), ("62000", "Arras"), ("62300", "Lens"), ("", "Atlantide")])
CONTACT_ROWS = st.lists(
    st.tuples(SIRETS, NAMES, PLACES, ADDRESSES, st.sampled_from(["", "Leroy"]), st.sampled_from(["", "oui"])),
    max_size=14,
)
REQUEST_ROWS = st.lists(
    st.tuples(st.sampled_from(["", "1", "2"]), st.sampled_from(["17/03/2020", "18/03/2020"]), SIRETS, NAMES),
    max_size=14,
)


def contacts(rows: list[Any]) -> str:
    lines = (f"{siret};{name};{';'.join(place)};{';'.join(rest)}" for siret, name, place, *rest in rows)
    return "\n".join(["SIRET;Raison sociale;Code postal;Commune;Email;Nom;Opposition", *lines])


def requests(rows: list[Any]) -> str:
    lines = (f"{number};{day};Appel CCI;Autre;{siret};{name}" for number, day, siret, name in rows)
    return "\n".join(["N°;Date;Canal;Nature;SIRET;Raison sociale", *lines])


@given(first=CONTACT_ROWS, asked=REQUEST_ROWS, second=CONTACT_ROWS, again=REQUEST_ROWS)
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_short_cuts_of_a_large_import_change_nothing(
    sqlite_engine: Engine, settings: Settings, tmp_path: Path, **drawn: list[Any]
):
    files = []
    for at, (name, rows) in enumerate(drawn.items()):
        kind = "contacts" if name in {"first", "second"} else "requests"
        path = tmp_path / f"{at}.csv"
        path.write_text(contacts(rows) if kind == "contacts" else requests(rows), encoding="utf-8")
        files.append((path, kind))

    def outcome(large: int) -> list[Any]:
        found: list[Any] = []
        with pytest.MonkeyPatch.context() as patch, Session(sqlite_engine) as session:  # never committed
            patch.setattr("audiences.imports.CHUNK", 3)
            for module in ("records", "registry", "spacious"):
                patch.setattr(f"audiences.{module}.LARGE", large)
            for path, kind in files:
                summary = import_into(session, path, kind, settings, keep_invalid=True)
                counts = (summary.created, summary.changed, summary.unchanged, summary.rejected, summary.opposed)
                found += [counts, summary.unplaced, summary.rejections, summary.new, everything(session)]
                changes = text('SELECT run_id, entity, action, first_id, last_id, "values" FROM import_change')
                found.append(sorted(map(str, session.execute(changes))))
        return found

    assert outcome(large=0) == outcome(large=1_000_000)


def test_a_large_import_leaves_every_index_as_it_was(engine: Engine, factory: Factory, monkeypatch: pytest.MonkeyPatch):
    is_sqlite = engine.dialect.name == "sqlite"  # elsewhere none is built anew
    listed = text(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name"
        if is_sqlite
        else "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
    )
    before = ask(engine, listed)
    monkeypatch.setattr("audiences.spacious.LARGE", 0)

    assert factory.import_csv(CONTACTS).created == 5

    assert ask(engine, listed) == before
    if is_sqlite:
        assert ask(engine, text("PRAGMA integrity_check")) == [("ok",)]


@given(added=st.sets(st.text(max_size=4), max_size=50), others=st.sets(st.text(max_size=4), max_size=50))
def test_a_sieve_lets_through_all_that_was_added_and_holds_most_others_back(added: set[str], others: set[str]):
    sieve = Sieve(1_000)
    sieve.add(added)

    assert set(sieve.sift(added)) == added
    assert len(sieve.sift(others - added)) <= 20
