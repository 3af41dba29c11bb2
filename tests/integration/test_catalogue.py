"""Saved audiences: their names, what saving again does, and what an unknown one is told."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from audiences.catalogue import get_audience, list_audiences, save_audience
from audiences.database import reading, writing
from audiences.errors import AudienceExists, UnknownAudience
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
