"""The table of a delivery's ways keeps the promises: nothing may arrive twice, nothing is lost."""

import pytest

from sends.claims import Claim, Outcome
from sends.states import TRANSITIONS, DeliveryStatus, may_become

S = DeliveryStatus

FINAL = {S.SUPPRESSED, S.CANCELLED}
TAKEN = {S.SENT, S.DELIVERED}
"""The relay owns the message."""


def test_the_table_names_every_status() -> None:
    assert set(TRANSITIONS) == set(DeliveryStatus)


@pytest.mark.parametrize("before", DeliveryStatus)
@pytest.mark.parametrize("after", DeliveryStatus)
def test_a_way_exists_only_where_the_table_has_it(before: DeliveryStatus, after: DeliveryStatus) -> None:
    assert may_become(before, after) is (after in TRANSITIONS[before])


def test_only_a_claim_leads_to_the_wire() -> None:
    assert [before for before in S if may_become(before, S.SENDING)] == [S.CLAIMED]


def test_only_what_waits_can_be_claimed() -> None:
    assert {before for before in S if may_become(before, S.CLAIMED)} == {S.QUEUED, S.DEFERRED}


def test_what_may_be_with_the_relay_never_goes_back_by_itself() -> None:
    assert not TRANSITIONS[S.SENDING] & {S.QUEUED, S.CLAIMED, S.CANCELLED, S.SUPPRESSED}


def test_a_message_that_was_taken_is_never_sent_again() -> None:
    reachable, new = set(), set(TAKEN)
    while new:
        reachable |= new
        # a bounce says that it did not arrive: a person may send it again
        new = {after for each in new if each is not S.BOUNCED for after in TRANSITIONS[each]} - reachable
    assert reachable == {*TAKEN, S.BOUNCED}


@pytest.mark.parametrize("status", sorted(FINAL))
def test_the_end_is_the_end(status: DeliveryStatus) -> None:
    assert not TRANSITIONS[status]


@pytest.mark.parametrize("status", sorted(set(S) - FINAL))
def test_every_other_status_has_a_way_to_an_end(status: DeliveryStatus) -> None:
    reachable, new = set(), {status}
    while new:
        reachable |= new
        new = {after for each in new for after in TRANSITIONS[each]} - reachable
    assert reachable & (FINAL | TAKEN | {S.BOUNCED, S.FAILED})


@pytest.mark.parametrize("status", DeliveryStatus)
def test_nothing_stays_by_changing(status: DeliveryStatus) -> None:
    assert not may_become(status, status)


@pytest.mark.parametrize("before", DeliveryStatus)
def test_an_outcome_against_the_table_cannot_be_said(before: DeliveryStatus) -> None:
    claim = Claim(1, 1, None, "a@example.org", "a@example.org", 1, 0, None)
    for after in set(S) - TRANSITIONS[before]:
        with pytest.raises(ValueError, match=f"from {before} to {after}"):
            Outcome(claim, before, after)
