"""The ledger on both databases: each way of a delivery, each refusal, and two workers that never share."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from audiences.database import reading, writing
from audiences.models import Suppression, SuppressionReason, SuppressionScope
from campaigns.models import CampaignStatus
from sends import ledger
from sends.claims import Claim, Outcome
from sends.models import Exclusion
from sends.states import DeliveryStatus, may_become
from tests.factories import Clock
from tests.ledger_desk import GREYLISTED, LEASE, OK, UNKNOWN, Desk, candidates, left_out

S = DeliveryStatus


@pytest.fixture
def desk(engine: Engine, clock: Clock) -> Desk:
    return Desk(engine, clock)


@pytest.fixture
def planned(desk: Desk) -> Desk:
    """A campaign to five contacts."""
    desk.contacts(5)
    desk.campaign()
    return desk


@pytest.fixture
def spread(desk: Desk) -> Desk:
    """A campaign with a delivery of each status, in the order of the enumeration."""
    desk.spread()
    return desk


@pytest.fixture
def claims(desk: Desk, planned: Desk) -> list[Claim]:
    return desk.claim()


def only(desk: Desk) -> DeliveryStatus:
    """Give the one status that all deliveries have."""
    [status] = set(desk.statuses().values())
    return status


# -- planning ----------------------------------------------------------------------------------------------------------


def test_planning_queues_recipients_and_keeps_why_the_others_are_left_out(desk: Desk) -> None:
    desk.contacts(5)
    desk.contacts(2, "opposed")
    desk.campaign(found=candidates("r").union_all(left_out("opposed", "opposed")).subquery().select())
    rows = desk.rows()
    assert [(row.address, row.status, row.fence, row.attempts) for row in rows] == [
        (f"r{number}@example.org", S.QUEUED, 0, 0) for number in range(5)
    ]
    assert {(row.not_before, row.planned_at) for row in rows} == {(desk.clock(), desk.clock())}
    with reading(desk.engine) as session:
        assert [rule for (rule,) in session.execute(select(Exclusion.rule))] == ["opposed", "opposed"]


def test_planning_counts_recipients_and_each_rule(desk: Desk) -> None:
    desk.contacts(5)
    desk.contacts(2, "opposed")
    desk.campaign(found=candidates("nobody"))
    found = candidates("r").union_all(left_out("opposed", "opposed")).subquery().select()
    with writing(desk.engine) as session:
        counts, _companies = ledger.plan(session, desk.campaign_id, found, now=desk.clock())
    assert counts == {None: 5, "opposed": 2}


def test_planning_twice_fails_and_leaves_the_first_plan(desk: Desk) -> None:
    desk.contacts(5)
    desk.campaign()
    with pytest.raises(IntegrityError), writing(desk.engine) as session:
        ledger.plan(session, desk.campaign_id, candidates(), now=desk.clock())
    assert len(desk.statuses()) == 5


# -- claiming ----------------------------------------------------------------------------------------------------------


def test_claims_are_leased_in_planned_order(planned: Desk) -> None:
    first, second = planned.claim(2), planned.claim(2, owner="two")
    assert [each.address for each in first + second] == [f"r{number}@example.org" for number in range(4)]
    assert {each.fence for each in first} == {1}
    held = [(row.status, row.owner, row.lease_until) for row in planned.rows()]
    end = planned.clock() + LEASE
    one, two, waiting = (S.CLAIMED, "one", end), (S.CLAIMED, "two", end), (S.QUEUED, None, None)
    assert held == [one, one, two, two, waiting]


def test_what_was_deferred_goes_first_and_not_before_its_time(planned: Desk) -> None:
    later = planned.clock() + timedelta(minutes=30)
    [late] = planned.mark(planned.claim(1))
    planned.settle(Outcome(late, S.SENDING, S.DEFERRED, reason="greylisted", reply=GREYLISTED, not_before=later))
    assert late.id not in {each.id for each in planned.claim(2)}
    planned.clock.advance(timedelta(minutes=31))
    [again, other] = planned.claim(2, owner="two")
    assert (again.id, again.fence, again.attempts, again.first_attempt_at) == (
        late.id, 2, 1, planned.clock() - timedelta(minutes=31),
    )  # fmt: skip
    assert other.attempts == 0


@pytest.mark.parametrize("status", [each for each in CampaignStatus if each is not CampaignStatus.SENDING])
def test_only_a_campaign_that_sends_is_claimed(planned: Desk, status: CampaignStatus) -> None:
    planned.set_campaign(status)
    assert planned.claim() == []


def test_only_what_waits_is_claimed(spread: Desk) -> None:
    assert [claim.address for claim in spread.claim()] == ["r0@example.org", "r4@example.org"]
    assert spread.changes() == {S.QUEUED: S.CLAIMED, S.DEFERRED: S.CLAIMED}


def test_another_campaign_is_not_touched(desk: Desk) -> None:
    desk.contacts(5)
    first = desk.campaign("first")
    second = desk.campaign("second")
    assert {each.campaign_id for each in desk.claim()} == {second}
    assert len(desk.claim(campaign_id=first)) == 5


def test_workers_at_the_same_time_never_share(desk: Desk) -> None:
    desk.contacts(200)
    desk.campaign()

    def work(owner: str) -> list[int]:
        taken: list[int] = []
        while claims := desk.claim(7, owner=owner):
            taken += [each.id for each in desk.mark(claims)]
        return taken

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, ("one", "two", "three", "four")))
    taken = sorted(id_ for share in shares for id_ in share)
    assert taken == list(desk.statuses())
    assert only(desk) is S.SENDING


# -- marking -----------------------------------------------------------------------------------------------------------


def test_a_mark_is_the_intent_with_its_message_id(desk: Desk, claims: list[Claim]) -> None:
    assert desk.mark(claims[:2]) == claims[:2]
    assert [(row.status, row.message_id) for row in desk.rows()[:3]] == [
        (S.SENDING, f"<{claims[0].id}@example.org>"),
        (S.SENDING, f"<{claims[1].id}@example.org>"),
        (S.CLAIMED, None),
    ]
    assert desk.mark([]) == []


def test_a_mark_made_twice_is_one(desk: Desk, claims: list[Claim]) -> None:
    """A commit whose answer was lost is made again."""
    assert desk.mark(claims) == claims
    assert desk.mark(claims) == claims


@pytest.mark.parametrize("status", [CampaignStatus.PAUSED, CampaignStatus.CANCELLED])
def test_nothing_is_marked_for_a_campaign_that_stopped(desk: Desk, claims: list[Claim], status: CampaignStatus) -> None:
    desk.set_campaign(status)
    assert desk.mark(claims) == []
    assert only(desk) is S.QUEUED


def test_a_mailbox_suppressed_since_it_was_checked_is_not_marked(desk: Desk, claims: list[Claim]) -> None:
    checked = desk.checked()
    desk.suppress(claims[1].address_key)
    assert desk.mark(claims, checked) == [claims[0], *claims[2:]]
    assert list(desk.statuses().values()) == [S.SENDING, S.QUEUED, S.SENDING, S.SENDING, S.SENDING]


def test_a_suppression_that_was_judged_already_does_not_stop_a_mark(desk: Desk, claims: list[Claim]) -> None:
    """One of scope `marketing` was seen at the claim, and does not concern public information."""
    desk.suppress(claims[0].address_key, SuppressionScope.MARKETING)
    assert desk.mark(claims, desk.checked()) == claims


def test_a_lost_lease_is_not_marked(desk: Desk, claims: list[Claim]) -> None:
    desk.lapse()
    assert desk.mark(claims) == []
    assert only(desk) is S.QUEUED
    [*again] = desk.claim(owner="two")
    assert desk.mark(claims) == []
    assert only(desk) is S.CLAIMED
    assert desk.mark(again) == again


def test_a_stale_claim_is_not_marked_beside_the_new_one(desk: Desk, claims: list[Claim]) -> None:
    """A worker that slept through its lease may hold a delivery twice; only the newer claim counts."""
    desk.lapse()
    [*again] = desk.claim()
    assert desk.mark([*claims, *again]) == again


def test_only_a_claim_becomes_a_mark(desk: Desk) -> None:
    claims = desk.spread()
    assert desk.mark(list(claims.values())) == [claims[S.CLAIMED], claims[S.SENDING]]
    assert desk.changes() == {S.CLAIMED: S.SENDING}


# -- settling ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [S.CLAIMED, S.SENDING])
def test_a_worker_settles_what_it_holds(desk: Desk, before: DeliveryStatus) -> None:
    claims = {after: claim for after, claim in desk.spread().items() if may_become(before, after)}
    desk.put(before, list(claims.values()))
    outcomes = [Outcome(each, before, after, reason="why", reply=GREYLISTED) for after, each in claims.items()]
    assert desk.settle(*outcomes) == len(claims)
    rows = {row.id: row for row in desk.rows()}
    for after, claim in claims.items():
        row = rows[claim.id]
        assert (row.status, row.reason, row.attempts, row.first_attempt_at) == (after, "why", 1, desk.clock())
        assert (row.reply_code, row.reply_enhanced, row.reply_text) == (450, "4.2.0", "come back later")
        assert (row.owner, row.lease_until) == (None, None)


def test_a_reply_changes_only_what_was_on_the_wire(desk: Desk) -> None:
    claims = desk.spread()
    assert desk.settle(*(Outcome(each, S.SENDING, S.BOUNCED, reply=UNKNOWN) for each in claims.values())) == 2
    assert desk.changes() == {S.SENDING: S.BOUNCED, S.UNCERTAIN: S.BOUNCED}


def test_a_late_worker_that_read_the_reply_settles_the_doubt(desk: Desk, claims: list[Claim]) -> None:
    desk.mark(claims)
    assert desk.lapse() == {S.QUEUED: 0, S.UNCERTAIN: 5}
    read = [S.SENT, S.DEFERRED, S.BOUNCED, S.FAILED, S.UNCERTAIN]
    outcomes = [Outcome(each, S.SENDING, after, reply=OK) for each, after in zip(claims, read, strict=True)]
    assert desk.settle(*outcomes) == 4
    assert list(desk.statuses().values()) == read


def test_a_late_worker_settles_nothing_that_was_claimed_again(desk: Desk, claims: list[Claim]) -> None:
    desk.mark(claims)
    desk.lapse()
    desk.resolve(S.QUEUED)
    [*again] = desk.claim(owner="two")
    assert desk.settle(*(Outcome(each, S.SENDING, S.SENT, reply=OK) for each in claims)) == 0
    desk.mark(again)
    assert desk.settle(*(Outcome(each, S.SENDING, S.BOUNCED, reply=UNKNOWN) for each in claims)) == 0
    assert only(desk) is S.SENDING


def test_only_what_was_settled_has_an_event(desk: Desk, claims: list[Claim]) -> None:
    late, ours = claims[0], claims[1]
    desk.mark([late, ours])
    desk.put(S.SENT, [late])
    outcomes = [Outcome(each, S.SENDING, S.BOUNCED, reply=UNKNOWN) for each in (late, ours)]
    assert desk.settle(*outcomes) == 1
    assert desk.events() == [(ours.id, "bounced")]


def test_a_hard_bounce_goes_to_the_suppression_list_once(desk: Desk, claims: list[Claim]) -> None:
    for _time in range(2):
        desk.put(S.SENDING, claims)
        desk.settle(Outcome(claims[0], S.SENDING, S.BOUNCED, reply=UNKNOWN, is_hard_bounce=True))
    with reading(desk.engine) as session:
        [found] = session.scalars(select(Suppression))
        assert (found.address_key, found.reason) == (claims[0].address_key, SuppressionReason.HARD_BOUNCE)
        assert found.evidence == "campaign info: 550 5.1.1 no such user"


def test_nothing_to_settle_is_nothing(desk: Desk) -> None:
    assert desk.settle() == 0


# -- giving back and taking back ---------------------------------------------------------------------------------------


def test_only_claims_are_given_back(desk: Desk) -> None:
    desk.release(list(desk.spread().values()))
    assert desk.changes() == {S.CLAIMED: S.QUEUED}


def test_a_stale_claim_is_not_given_back(desk: Desk, claims: list[Claim]) -> None:
    desk.lapse()
    desk.claim(owner="two")
    desk.release(claims)
    assert only(desk) is S.CLAIMED


def test_a_lapsed_claim_waits_again_and_a_lapsed_intent_is_uncertain(desk: Desk, claims: list[Claim]) -> None:
    desk.mark(claims[:2])
    desk.clock.advance(LEASE)
    assert desk.recover() == {S.QUEUED: 0, S.UNCERTAIN: 0}
    desk.clock.advance(timedelta(seconds=1))
    assert desk.recover() == {S.QUEUED: 3, S.UNCERTAIN: 2}
    assert list(desk.statuses().values()) == [S.UNCERTAIN, S.UNCERTAIN, S.QUEUED, S.QUEUED, S.QUEUED]
    assert desk.events() == [(claims[0].id, "uncertain"), (claims[1].id, "uncertain")]
    assert not any(row.owner or row.lease_until for row in desk.rows())


def test_nothing_else_lapses(spread: Desk) -> None:
    spread.lapse()
    assert spread.changes() == {S.CLAIMED: S.QUEUED, S.SENDING: S.UNCERTAIN}


def test_a_renewed_lease_does_not_lapse(desk: Desk, claims: list[Claim]) -> None:
    [other] = desk.mark(claims[4:])
    desk.put(S.QUEUED, [other])
    [*others] = desk.claim(owner="two")
    desk.clock.advance(LEASE - timedelta(seconds=1))
    desk.renew("one")
    desk.clock.advance(timedelta(seconds=2))
    assert desk.recover() == {S.QUEUED: 1, S.UNCERTAIN: 0}
    assert desk.statuses()[others[0].id] is S.QUEUED


def test_cancelling_takes_only_what_waits(spread: Desk) -> None:
    assert spread.cancel() == 2
    assert spread.changes() == {S.QUEUED: S.CANCELLED, S.DEFERRED: S.CANCELLED}


# -- what a person decides ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "refused"),
    [
        (None, {S.FAILED, S.DEFERRED}),
        ("failed", {S.FAILED}),
        ("deferred", {S.DEFERRED}),
        ("bounced", {S.BOUNCED}),
        ("why", {S.FAILED, S.DEFERRED, S.BOUNCED}),
        ("sent", set()),
    ],
)
def test_only_what_was_refused_is_queued_again(desk: Desk, wanted: str | None, refused: set[DeliveryStatus]) -> None:
    claims = desk.spread()
    for status, claim in claims.items():
        desk.put(S.SENDING, [claim])
        desk.settle(Outcome(claim, S.SENDING, S.FAILED, reason="why", reply=UNKNOWN))
        desk.put(status, [claim])
    assert desk.requeue(wanted) == len(refused)
    assert desk.changes() == dict.fromkeys(refused, S.QUEUED)


def test_queued_again_its_time_to_give_up_begins_anew(desk: Desk, claims: list[Claim]) -> None:
    desk.mark(claims)
    later = desk.clock() + timedelta(days=1)
    desk.settle(*(Outcome(each, S.SENDING, S.DEFERRED, reply=GREYLISTED, not_before=later) for each in claims))
    desk.requeue()
    [first, *_others] = desk.claim()
    assert (first.attempts, first.first_attempt_at, first.fence) == (1, None, 2)


@pytest.mark.parametrize("after", [S.SENT, S.QUEUED])
def test_only_what_is_uncertain_is_resolved(spread: Desk, after: DeliveryStatus) -> None:
    assert spread.resolve(after) == 1
    assert spread.changes() == {S.UNCERTAIN: after}
    assert [status for _id, status in spread.events()] == [after]


def test_some_of_the_uncertain_are_resolved(desk: Desk, claims: list[Claim]) -> None:
    desk.put(S.UNCERTAIN, claims)
    assert desk.resolve(S.SENT, [claims[1].id, claims[3].id]) == 2
    assert list(desk.statuses().values()) == [S.UNCERTAIN, S.SENT, S.UNCERTAIN, S.SENT, S.UNCERTAIN]
    assert desk.resolve(S.QUEUED, []) == 0


@pytest.mark.parametrize("after", [each for each in S if not may_become(S.UNCERTAIN, each)])
def test_a_doubt_is_not_settled_against_the_table(sqlite_engine: Engine, clock: Clock, after: DeliveryStatus) -> None:
    with pytest.raises(ValueError, match="uncertain delivery cannot become"):
        Desk(sqlite_engine, clock).resolve(after)
