"""The suppression list: who is on it, for what, and what that stops."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from audiences.database import reading, writing
from audiences.errors import NotSuppressed, ProtectedSuppression
from audiences.models import Suppression, SuppressionReason, SuppressionScope
from audiences.suppressions import (
    find_suppressed,
    history,
    last_suppression,
    lift,
    list_suppressions,
    stopped_by,
    suppress,
    suppression_words,
)

KEY = "contact@example.org"
BOUNCE, LEFT = SuppressionReason.HARD_BOUNCE, SuppressionReason.UNSUBSCRIBED
ALL, MARKETING = SuppressionScope.ALL, SuppressionScope.MARKETING


@pytest.fixture
def put(engine: Engine, now: datetime) -> Callable[..., bool]:
    def put(reason: SuppressionReason, scope: SuppressionScope = ALL, key: str = KEY) -> bool:
        with writing(engine) as session:
            return suppress(session, key, reason, evidence="a test", now=now, scope=scope)

    return put


def suppressed(engine: Engine, *, is_marketing: bool) -> dict[str, SuppressionReason]:
    with reading(engine) as session:
        return find_suppressed(session, [KEY, "other@example.org"], is_marketing=is_marketing)


@pytest.mark.parametrize(
    ("reason", "scope", "stops_information", "stops_marketing"),
    [
        pytest.param(LEFT, ALL, True, True, id="opposed-to-everything"),
        pytest.param(LEFT, MARKETING, False, True, id="opposed-to-marketing"),
        pytest.param(BOUNCE, ALL, True, True, id="bounced"),
        pytest.param(SuppressionReason.COMPLAINT, ALL, True, True, id="complained"),
    ],
)
def test_scope_says_which_mail_is_stopped(
    engine: Engine,
    put: Callable[..., bool],
    reason: SuppressionReason,
    scope: SuppressionScope,
    stops_information: bool,
    stops_marketing: bool,
):
    assert put(reason, scope)
    assert suppressed(engine, is_marketing=False) == ({KEY: reason} if stops_information else {})
    assert suppressed(engine, is_marketing=True) == ({KEY: reason} if stops_marketing else {})


@pytest.mark.parametrize(
    ("second", "is_new"),
    [
        pytest.param((LEFT, ALL), False, id="same"),
        pytest.param((BOUNCE, ALL), True, id="another-reason"),
        pytest.param((LEFT, MARKETING), False, id="a-part-of-it"),
        pytest.param((BOUNCE, MARKETING), True, id="another-reason-for-a-part"),
        pytest.param((LEFT, ALL, "other@example.org"), True, id="another-mailbox"),
    ],
)
def test_the_same_again_changes_nothing(engine: Engine, put: Callable[..., bool], second: tuple, is_new: bool):
    assert put(LEFT)
    assert put(*second) is is_new
    with reading(engine) as session:
        assert len(session.scalars(select(Suppression)).all()) == 1 + is_new


def test_a_lifted_suppression_stops_nothing_and_a_new_one_counts_again(
    engine: Engine, put: Callable[..., bool], now: datetime
):
    put(LEFT)
    with writing(engine) as session:
        lift(session, KEY, why="her mail of 2 April", by="camille", now=now + timedelta(days=1))
    assert suppressed(engine, is_marketing=True) == {}
    assert put(LEFT)
    assert suppressed(engine, is_marketing=False) == {KEY: LEFT}


def test_the_newest_row_tells_that_something_came(engine: Engine, put: Callable[..., bool]):
    def last() -> int:
        with reading(engine) as session:
            return last_suppression(session)

    assert last() == 0
    put(LEFT)
    first = last()
    put(LEFT)
    assert last() == first
    put(BOUNCE)
    assert last() > first


def kept(engine: Engine) -> list[Suppression]:
    with reading(engine) as session:
        rows = history(session, [KEY]).get(KEY, [])
        session.expunge_all()
        return rows


def test_a_wider_scope_is_a_row_of_its_own(engine: Engine, put: Callable[..., bool]):
    put(LEFT, MARKETING)
    assert stopped_by(kept(engine)) == MARKETING
    assert suppressed(engine, is_marketing=False) == {}
    assert put(LEFT, ALL)
    assert suppressed(engine, is_marketing=False) == {KEY: LEFT}
    assert [(row.scope, row.lifted_at) for row in kept(engine)] == [(MARKETING, None), (ALL, None)]
    assert stopped_by(kept(engine)) == ALL


def test_of_several_reasons_the_first_is_told(engine: Engine, put: Callable[..., bool]):
    put(BOUNCE, MARKETING)
    put(SuppressionReason.COMPLAINT)
    put(LEFT)
    assert suppressed(engine, is_marketing=True) == {KEY: BOUNCE}
    assert suppressed(engine, is_marketing=False) == {KEY: SuppressionReason.COMPLAINT}


def test_lifting_keeps_the_rows_with_who_when_and_why(engine: Engine, put: Callable[..., bool], now: datetime):
    put(LEFT, MARKETING)
    put(BOUNCE)
    with writing(engine) as session:
        assert len(lift(session, KEY, why="her mail of 2 April", by="camille", now=now)) == 2
    assert suppressed(engine, is_marketing=True) == {}
    rows = kept(engine)
    assert [(row.reason, row.lifted_at, row.lifted_by, row.lifted_why) for row in rows] == [
        (LEFT, now, "camille", "her mail of 2 April"),
        (BOUNCE, now, "camille", "her mail of 2 April"),
    ]
    assert stopped_by(rows) is None
    with writing(engine) as session, pytest.raises(NotSuppressed, match="nothing was lifted"):
        lift(session, KEY, why="again", by="camille", now=now)


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINT, SuppressionReason.ERASED])
def test_a_complaint_and_an_erasure_are_lifted_only_when_asked_for(
    engine: Engine, put: Callable[..., bool], now: datetime, reason: SuppressionReason
):
    put(LEFT)
    put(reason, MARKETING)
    with (
        writing(engine) as session,
        pytest.raises(ProtectedSuppression, match=f"{suppression_words()[reason]}: add --force"),
    ):
        lift(session, KEY, why="a call", by="camille", now=now)
    assert [row.lifted_at for row in kept(engine)] == [None, None]
    with writing(engine) as session:
        assert len(lift(session, KEY, why="a letter", by="camille", now=now, is_forced=True)) == 2
    assert suppressed(engine, is_marketing=True) == {}


def test_the_list_is_searched(engine: Engine, put: Callable[..., bool], now: datetime):
    put(LEFT)
    put(BOUNCE, ALL, "other@example.org")
    put(LEFT, MARKETING, "some_one@example.com")
    with writing(engine) as session:
        lift(session, "other@example.org", why="a new server", by="camille", now=now)

    def found(**wanted: object) -> list[str]:
        with reading(engine) as session:
            return [row.address_key.partition("@")[0] for row in list_suppressions(session, **wanted)]

    assert found() == ["some_one", "contact"]
    assert found(with_lifted=True) == ["some_one", "other", "contact"]
    assert found(with_lifted=True, reasons=[BOUNCE]) == ["other"]
    assert found(scope=MARKETING) == ["some_one"]
    assert found(since=now) == ["some_one", "contact"]
    assert found(since=now + timedelta(seconds=1)) == []
    assert found(search="EXAMPLE.ORG") == ["contact"]
    assert found(search="e_o") == ["some_one"]  # no wildcards
    assert found(search="A Test") == ["some_one", "contact"]
    assert found(search="%") == []
