"""Saved audiences: their names, what saving again does, and what an unknown one is told."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from audiences.catalogue import (
    get_audience,
    list_audiences,
    remove_audience,
    rename_audience,
    save_audience,
    users_of,
    written_out,
)
from audiences.database import reading, writing
from audiences.errors import AudienceExists, AudienceInUse, InvalidQuery, UnknownAudience, UnknownValue
from campaigns.queries import read_query
from campaigns.settings import Settings
from tests.factories import Clock, dump


@pytest.fixture
def saved(engine: Engine, now: datetime) -> Engine:
    with writing(engine) as session:
        save_audience(session, "cua-aides", "epci:CUA", description="Arras", now=now)
    return engine


def test_saved_and_found(saved: Engine, now: datetime):
    with reading(saved) as session:
        audience = get_audience(session, "cua-aides")
        assert (audience.query, audience.description) == ("epci:CUA", "Arras")
        assert audience.created_at == audience.updated_at == now


def test_listed_by_name(saved: Engine, now: datetime):
    with writing(saved) as session:
        save_audience(session, "base", "*:*", description=None, now=now)
    with reading(saved) as session:
        assert [(each.slug, each.description) for each in list_audiences(session)] == [
            ("base", ""),
            ("cua-aides", "Arras"),
        ]


@pytest.mark.parametrize("description", ["Arras", None], ids=["same-description", "none-given"])
def test_saving_the_same_again_changes_nothing(saved: Engine, clock: Clock, description: str | None):
    before = dump(saved)
    with writing(saved) as session:
        now = clock.advance(timedelta(days=1))
        save_audience(session, "cua-aides", "epci:CUA", description=description, now=now)
    assert dump(saved) == before


@pytest.mark.parametrize(
    ("query", "description", "replace", "expected"),
    [
        pytest.param("epci:CUA", "Lens", False, ("epci:CUA", "Lens"), id="another-description"),
        pytest.param("epci:CALL", None, True, ("epci:CALL", "Arras"), id="another-query"),
        pytest.param("epci:CALL", "Lens", True, ("epci:CALL", "Lens"), id="both"),
    ],
)
def test_a_change_is_dated(
    saved: Engine, clock: Clock, query: str, description: str | None, replace: bool, expected: tuple[str, str]
):
    later = clock.advance(timedelta(days=1))
    with writing(saved) as session:
        save_audience(session, "cua-aides", query, description=description, now=later, replace=replace)
    with reading(saved) as session:
        audience = get_audience(session, "cua-aides")
        assert (audience.query, audience.description) == expected
        assert audience.updated_at == later > audience.created_at


def test_another_query_under_the_same_name_is_refused(saved: Engine, now: datetime):
    before = dump(saved)
    with pytest.raises(AudienceExists) as caught, writing(saved) as session:
        save_audience(session, "cua-aides", "epci:CALL", description=None, now=now)
    assert "another query: epci:CUA" in str(caught.value)
    assert "--replace" in str(caught.value)
    assert dump(saved) == before


@pytest.mark.parametrize(
    "slug", ["", "CUA", "cua aides", "cua_aides", "-cua", "cua-", "cua--aides", "épci", "a:b", "a\n"]
)
def test_a_name_that_cannot_be_one(sqlite_engine: Engine, now: datetime, slug: str):
    with pytest.raises(UnknownAudience, match="like cua-aides"), writing(sqlite_engine) as session:
        save_audience(session, slug, "*:*", description=None, now=now)


def test_an_unknown_audience_names_the_nearest(saved: Engine):
    with (
        reading(saved) as session,
        pytest.raises(UnknownAudience, match=r"no audience cua-aide\. Did you mean cua-aides"),
    ):
        get_audience(session, "cua-aide")


@pytest.fixture
def nested(saved: Engine, now: datetime) -> Engine:
    with writing(saved) as session:
        for name, query in {
            "aides": 'audience:cua-aides AND nature:"Aides financières"',
            "autres": "epci:CAHC OR NOT audience:(aides OR cua-aides)",
            "seule": "epci:CALL",
        }.items():
            save_audience(session, name, query, description=None, now=now)
    return saved


def test_an_audience_is_written_out_with_all_that_it_names(nested: Engine):
    with reading(nested) as session:
        assert written_out(session, "epci:CALL") == "epci:CALL"
        assert written_out(session, "audience:seule") == "(epci:CALL)"
        assert written_out(session, "tag:a -ciblage : seule") == "tag:a -(epci:CALL)"
        assert written_out(session, "audience:autres tag:b") == (
            '(epci:CAHC OR NOT (((epci:CUA) AND nature:"Aides financières") OR (epci:CUA))) tag:b'
        )


def test_renaming_follows_into_the_queries_that_name_it(nested: Engine, clock: Clock):
    later = clock.advance(timedelta(days=1))
    with writing(nested) as session:
        users = rename_audience(session, "cua-aides", "arras", now=later)
        assert [user.slug for user in users] == ["aides", "autres"]
    with reading(nested) as session:
        queries = {each.slug: each.query for each in list_audiences(session)}
        assert queries == {
            "arras": "epci:CUA",
            "aides": 'audience:arras AND nature:"Aides financières"',
            "autres": "epci:CAHC OR NOT audience:(aides OR arras)",
            "seule": "epci:CALL",
        }
        assert get_audience(session, "aides").updated_at == later
        assert get_audience(session, "seule").updated_at < later


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        pytest.param("cua-aides", "seule", AudienceExists, id="taken"),
        pytest.param("cua-aides", "Seule !", UnknownAudience, id="no-name"),
        pytest.param("nulle", "autre", UnknownAudience, id="unknown"),
    ],
)
def test_a_rename_that_is_refused(nested: Engine, now: datetime, old: str, new: str, error: type[Exception]):
    before = dump(nested)
    with pytest.raises(error), writing(nested) as session:
        rename_audience(session, old, new, now=now)
    assert dump(nested) == before


def test_only_an_audience_that_no_other_names_can_be_removed(nested: Engine):
    with reading(nested) as session:
        assert [user.slug for user in users_of(session, "cua-aides")] == ["aides", "autres"]
    with pytest.raises(AudienceInUse, match="part of others: aides, autres"), writing(nested) as session:
        remove_audience(session, "cua-aides")
    with writing(nested) as session:
        for name in ("autres", "aides", "cua-aides"):
            remove_audience(session, name)
        assert [each.slug for each in list_audiences(session)] == ["seule"]


def test_an_audience_that_would_contain_itself(nested: Engine, settings: Settings, now: datetime):
    with reading(nested) as session:
        with pytest.raises(InvalidQuery) as caught:
            read_query(session, "epci:* audience:autres", settings, now=now, name="cua-aides")
        circle = "cua-aides → autres → aides → cua-aides"
        assert f"The audience cua-aides would contain itself: {circle}. Take it out." in str(caught.value)
        assert caught.value.audience == "aides"
        assert caught.value.query == 'audience:cua-aides AND nature:"Aides financières"'
        assert caught.value.span == (9, 18)
        with pytest.raises(InvalidQuery, match="would contain itself: x → x"):
            read_query(session, "audience:x", settings, now=now, name="x")


def test_a_fault_inside_a_named_audience_is_shown_there(nested: Engine, settings: Settings, now: datetime):
    with writing(nested) as session:
        save_audience(session, "fautive", "epci:CUA AND tag:disparue", description=None, now=now)
    with reading(nested) as session, pytest.raises(UnknownValue) as caught:
        read_query(session, "epci:CALL OR audience:fautive", settings, now=now)
    assert "(character 18 of the query of the audience fautive)" in str(caught.value)
    assert caught.value.excerpt().splitlines() == ["epci:CUA AND tag:disparue", " " * 17 + "^" * 8]


def test_audiences_that_grow_out_of_all_bounds(engine: Engine, settings: Settings, now: datetime):
    with writing(engine) as session:
        save_audience(session, "a0", "epci:(CUA OR CALL)", description=None, now=now)
        save_audience(session, "b0", "epci:CUA", description=None, now=now)
        for level in range(1, 25):
            doubled = f"audience:a{level - 1} OR audience:a{level - 1}"
            save_audience(session, f"a{level}", doubled, description=None, now=now)
            save_audience(session, f"b{level}", f"audience:b{level - 1}", description=None, now=now)
    with reading(engine) as session:
        assert read_query(session, "audience:a6", settings, now=now)
        assert read_query(session, "audience:b19", settings, now=now)
        with pytest.raises(InvalidQuery, match="more than 2000 values"):
            read_query(session, "audience:a15", settings, now=now)
        with pytest.raises(InvalidQuery, match="More than 20 audiences"):
            read_query(session, "audience:b24", settings, now=now)
