"""Doubts settled by the relay's log: taken over is sent, not taken goes again, and what proves nothing changes nothing."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from audiences.database import writing
from campaigns import lifecycle
from campaigns.models import Campaign
from sends.claims import Claim, Outcome
from sends.postfix_log import RelayLog
from sends.reconcile import SETTLING, Reconciliation, reconcile
from sends.states import DeliveryStatus
from tests.factories import NOW, Clock
from tests.ledger_desk import OK, Desk

S = DeliveryStatus
HOUR = timedelta(hours=1)


class Doubts:
    """A campaign of four: the relay accepted the first, the other three are uncertain."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        desk.contacts(4)
        desk.campaign()
        claims = desk.mark(desk.claim())
        self.names = [f"<{each.id}@example.org>" for each in claims]
        self.settle(claims[0], S.SENT)
        desk.clock.advance(timedelta(minutes=1))
        for each in claims[1:]:
            self.settle(each, S.UNCERTAIN)
        self.doubted_at = desk.clock()
        desk.clock.advance(HOUR)

    def settle(self, claim: Claim, after: DeliveryStatus) -> None:
        reply = OK if after is S.SENT else None
        self.desk.settle(Outcome(claim, S.SENDING, after, reply=reply))

    def log(self, *, begins: datetime = NOW, ends: datetime | None = None, **names: str) -> RelayLog:
        """Make a log: for each list of it the numbers of the deliveries that it names, like taken="01"."""
        found = {kind: {self.names[int(number)] for number in numbers} for kind, numbers in names.items()}
        return RelayLog(begins=begins, ends=ends or self.doubted_at + SETTLING, **found)

    def reconcile(self, log: RelayLog) -> Reconciliation:
        with writing(self.desk.engine) as session:
            return reconcile(session, self.desk.campaign_id, log, now=self.desk.clock())

    def statuses(self) -> list[DeliveryStatus]:
        return list(self.desk.statuses().values())


@pytest.fixture
def doubts(engine: Engine, clock: Clock) -> Doubts:
    return Doubts(Desk(engine, clock))


def test_each_is_settled_by_what_the_log_says_of_it(doubts: Doubts) -> None:
    found = doubts.reconcile(doubts.log(taken="01", not_taken="2"))
    assert found == Reconciliation(sent=1, not_sent=2, open=0, half_seen=0, is_partial=False, needs=None)
    assert doubts.statuses() == [S.SENT, S.SENT, S.QUEUED, S.QUEUED]
    assert [status for _id, status in doubts.desk.events()][-3:] == [S.SENT, S.QUEUED, S.QUEUED]
    assert doubts.reconcile(doubts.log(taken="01")).open == 0


def test_of_a_cancelled_campaign_nothing_leaves_any_more(doubts: Doubts) -> None:
    desk = doubts.desk
    with writing(desk.engine) as session:
        lifecycle.cancel(session, session.get_one(Campaign, desk.campaign_id), now=desk.clock())
    doubts.reconcile(doubts.log(taken="01", not_taken="2"))
    with writing(desk.engine) as session:
        lifecycle.take_up(session, session.get_one(Campaign, desk.campaign_id), now=desk.clock())
    assert doubts.statuses() == [S.SENT, S.SENT, S.CANCELLED, S.CANCELLED]


def test_what_was_half_seen_stays_a_doubt(doubts: Doubts) -> None:
    """It may wait in a queue of the relay: sent again it would arrive twice."""
    found = doubts.reconcile(doubts.log(taken="0", unknown="12"))
    assert (found.not_sent, found.open, found.half_seen) == (1, 2, 2)
    assert doubts.statuses() == [S.SENT, S.UNCERTAIN, S.UNCERTAIN, S.QUEUED]


@pytest.mark.parametrize(
    ("begins", "ends"),
    [(timedelta(seconds=1), SETTLING), (timedelta(0), SETTLING - timedelta(seconds=1))],
    ids=["begins too late", "ends too early"],
)
def test_the_silence_of_a_log_that_is_too_short_proves_nothing(
    doubts: Doubts, begins: timedelta, ends: timedelta
) -> None:
    log = doubts.log(begins=NOW + begins, ends=doubts.doubted_at + ends, taken="01")
    found = doubts.reconcile(log)
    assert (found.sent, found.not_sent, found.open) == (1, 0, 2)
    assert found.needs == (NOW, doubts.doubted_at + SETTLING)
    assert doubts.statuses() == [S.SENT, S.SENT, S.UNCERTAIN, S.UNCERTAIN]


def test_the_silence_of_a_log_that_lacks_what_was_accepted_proves_nothing(doubts: Doubts) -> None:
    """That of another relay, of another time zone, with lost lines, or where the relay writes Message-IDs of its own."""
    found = doubts.reconcile(doubts.log(taken="1", not_taken="2"))
    assert found == Reconciliation(sent=1, not_sent=1, open=1, half_seen=0, is_partial=True, needs=None)
    assert doubts.statuses() == [S.SENT, S.SENT, S.QUEUED, S.UNCERTAIN]


def test_where_nothing_was_accepted_silence_proves_nothing(engine: Engine, clock: Clock) -> None:
    desk = Desk(engine, clock)
    desk.contacts(1)
    desk.campaign()
    [claim] = desk.mark(desk.claim())
    desk.settle(Outcome(claim, S.SENDING, S.UNCERTAIN))
    with writing(engine) as session:
        found = reconcile(session, desk.campaign_id, RelayLog(begins=NOW, ends=NOW + HOUR), now=clock())
    assert found.is_partial
    assert list(desk.statuses().values()) == [S.UNCERTAIN]


def test_another_campaign_is_not_touched(doubts: Doubts) -> None:
    first = doubts.desk.campaign_id
    doubts.desk.campaign("encore")
    [claim, *_rest] = doubts.desk.mark(doubts.desk.claim())
    doubts.settle(claim, S.UNCERTAIN)
    doubts.desk.campaign_id = first
    doubts.reconcile(RelayLog(taken={f"<{claim.id}@example.org>"}))
    doubts.desk.campaign_id = claim.campaign_id
    assert doubts.statuses().count(S.UNCERTAIN) == 1
