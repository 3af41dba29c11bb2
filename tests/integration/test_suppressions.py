"""The suppression list: who is on it, for what, and what that stops."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update

from audiences.database import reading, writing
from audiences.models import Suppression, SuppressionReason, SuppressionScope
from audiences.suppressions import find_suppressed, last_suppression, suppress

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
        pytest.param((LEFT, MARKETING), True, id="another-scope"),
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
        session.execute(update(Suppression).values(lifted_at=now + timedelta(days=1)))
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
