"""The ledger under every order of events, beside a model of what the relay really took: no repeat, no silent loss."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from audiences.database import Base, open_engine
from campaigns.models import CampaignStatus
from sends.claims import Claim, Outcome
from sends.states import DeliveryStatus, may_become
from tests.factories import NOW, Clock
from tests.ledger_desk import GREYLISTED, LEASE, OK, UNKNOWN, Desk

S = DeliveryStatus
RECIPIENTS = 3
WORKERS = ("one", "two")
REFUSALS = {S.DEFERRED: GREYLISTED, S.BOUNCED: UNKNOWN, S.FAILED: UNKNOWN}
HALF_HOUR = timedelta(minutes=30)


class Stage(Enum):
    """How far a message has come, as nobody but the model knows."""

    CLAIMED = auto()  # nothing of it counts
    OUT = auto()  # its body left; the relay has not looked at it
    TAKEN = auto()  # the relay owns it, and its 250 was not read
    REFUSED = auto()  # the relay refused it, and its reply was not read


@dataclass
class Flight:
    """One claim in the hands of one worker."""

    claim: Claim
    owner: str
    stage: Stage = Stage.CLAIMED
    refusal: DeliveryStatus = S.DEFERRED


class LedgerMachine(RuleBasedStateMachine):
    """Two workers, one relay, one officer, three recipients, and power cuts."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = open_engine("sqlite://")
        Base.metadata.create_all(self.engine)
        self.desk = Desk(self.engine, Clock())
        self.flights: list[Flight] = []
        self.taken: Counter[int] = Counter()
        self.refused: set[int] = set()
        self.left: set[int] = set()
        self.resent: Counter[int] = Counter()
        self.trusted: set[int] = set()
        self.is_cancelled = self.is_paused = False
        self.before: dict[int, DeliveryStatus] = {}

    @initialize()
    def plan(self) -> None:
        self.desk.contacts(RECIPIENTS)
        self.desk.campaign()
        self.before = self.desk.statuses()
        self.desk.clock.advance(timedelta(hours=3))

    def pick(self, data: st.DataObject, *stages: Stage, owned: bool = True) -> list[Flight]:
        """Choose some flights at these stages; without `owned` those of dead workers too."""
        found = [each for each in self.flights if each.stage in stages and (each.owner or not owned)]
        if not found:
            return []
        chosen = data.draw(st.sets(st.sampled_from(range(len(found))), min_size=1))
        return [found[at] for at in sorted(chosen)]

    def settle(self, *pairs: tuple[Flight, Outcome]) -> None:
        self.desk.settle(*(outcome for _flight, outcome in pairs))
        for flight, _outcome in pairs:
            self.flights.remove(flight)

    def has(self, *stages: Stage) -> bool:
        return any(each.stage in stages for each in self.flights)

    # -- workers -------------------------------------------------------------------------------------------------------

    @rule(owner=st.sampled_from(WORKERS), limit=st.integers(1, RECIPIENTS), is_fast=st.booleans())
    def claim(self, owner: str, limit: int, is_fast: bool) -> None:
        """Claim, and mark at once where `is_fast`."""
        claims = self.desk.claim(limit, owner)
        if self.is_paused or self.is_cancelled:
            assert not claims
        opposed = [each for each in claims if each.address_key in self.suppressed]
        self.desk.settle(*(Outcome(each, S.CLAIMED, S.SUPPRESSED, is_attempt=False) for each in opposed))
        flights = [Flight(each, owner) for each in claims if each not in opposed]
        self.flights += flights
        if is_fast:
            self.mark_flights(flights)

    @precondition(lambda self: self.has(Stage.CLAIMED))
    @rule(data=st.data())
    def mark(self, data: st.DataObject) -> None:
        """The intents of several workers are given to one commit: it must tell them apart."""
        self.mark_flights(self.pick(data, Stage.CLAIMED))

    def mark_flights(self, flights: list[Flight]) -> None:
        marked = self.desk.mark([each.claim for each in flights], 0 if self.suppressed else None)
        for flight in flights:
            id_ = flight.claim.id
            if flight.claim in marked:
                assert not self.is_paused
                assert not self.is_cancelled
                assert flight.claim.address_key not in self.suppressed
                assert self.taken[id_] <= self.resent[id_], "what the relay has would go out again"
                self.left.add(id_)
                flight.stage = Stage.OUT
            else:
                self.flights.remove(flight)

    @precondition(lambda self: self.has(Stage.OUT))
    @rule(data=st.data(), after=st.sampled_from([S.SENT, *sorted(REFUSALS)]))
    def relay_answers(self, data: st.DataObject, after: DeliveryStatus) -> None:
        """What the relay decides; it may look at a body whose worker is dead."""
        for flight in self.pick(data, Stage.OUT, owned=False):
            if after is S.SENT:
                self.taken[flight.claim.id] += 1
                flight.stage = Stage.TAKEN
            else:
                flight.stage, flight.refusal = Stage.REFUSED, after
            if not flight.owner:
                self.flights.remove(flight)

    @precondition(lambda self: self.has(Stage.TAKEN, Stage.REFUSED))
    @rule(data=st.data())
    def read_reply(self, data: st.DataObject) -> None:
        pairs = []
        for flight in self.pick(data, Stage.TAKEN, Stage.REFUSED):
            if flight.stage is Stage.TAKEN:
                pairs.append((flight, Outcome(flight.claim, S.SENDING, S.SENT, reply=OK)))
            else:
                pairs.append((flight, self.refusal(flight, S.SENDING)))
        self.settle(*pairs)

    @precondition(lambda self: self.has(Stage.CLAIMED))
    @rule(data=st.data(), after=st.sampled_from(sorted(REFUSALS)))
    def refuse_recipient(self, data: st.DataObject, after: DeliveryStatus) -> None:
        """A refusal before the body."""
        pairs = []
        for flight in self.pick(data, Stage.CLAIMED):
            flight.refusal = after
            pairs.append((flight, self.refusal(flight, S.CLAIMED)))
        self.settle(*pairs)

    def refusal(self, flight: Flight, before: DeliveryStatus) -> Outcome:
        after = flight.refusal
        is_hard = after is S.BOUNCED
        self.refused.add(flight.claim.id)
        not_before = self.desk.clock() + HALF_HOUR if after is S.DEFERRED else None
        return Outcome(
            flight.claim, before, after, reply=REFUSALS[after], not_before=not_before, is_hard_bounce=is_hard
        )

    # -- accidents -----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.has(*Stage))
    @rule(data=st.data())
    def lose_connection(self, data: st.DataObject) -> None:
        pairs = []
        for flight in self.pick(data, *Stage):
            if flight.stage is Stage.CLAIMED:
                outcome = Outcome(flight.claim, S.CLAIMED, S.QUEUED, is_attempt=False)
            else:
                outcome = Outcome(flight.claim, S.SENDING, S.UNCERTAIN, reason="lost")
            pairs.append((flight, outcome))
            self.leave_on_wire(flight)
        self.settle(*pairs)

    @precondition(lambda self: self.has(*Stage))
    @rule(owner=st.sampled_from(WORKERS), is_gentle=st.booleans())
    def stop(self, owner: str, is_gentle: bool) -> None:
        """A worker dies; a gentle end gives back what is not on the wire."""
        mine = [each for each in self.flights if each.owner == owner]
        if is_gentle:
            self.desk.release([each.claim for each in mine if each.stage is Stage.CLAIMED])
        for flight in mine:
            self.flights.remove(flight)
            self.leave_on_wire(flight)

    def leave_on_wire(self, flight: Flight) -> None:
        """Keep a body that nobody waits for any more, for the relay to take or not."""
        if flight.stage is Stage.OUT:
            self.flights.append(Flight(flight.claim, "", Stage.OUT))

    @precondition(lambda self: self.has(*Stage))
    @rule(awake=st.sampled_from(["", *WORKERS]), hours=st.sampled_from([0, 0, 1, -1]))
    def lapse(self, awake: str, hours: int) -> None:
        """Workers that live sleep through this, but for one: they keep their flights and find out later."""
        if self.desk.clock() > NOW + timedelta(hours=2):  # before its planning nothing is due
            self.desk.clock.advance(timedelta(hours=hours))
        self.desk.clock.advance(LEASE + timedelta(seconds=1))
        if awake:
            self.desk.renew(awake)
        self.desk.recover()

    # -- the officer ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.is_cancelled)
    @rule(
        status=st.sampled_from([CampaignStatus.SENDING] * 8 + [CampaignStatus.PAUSED] * 4 + [CampaignStatus.CANCELLED])
    )
    def change_campaign(self, status: CampaignStatus) -> None:
        self.is_paused, self.is_cancelled = status is CampaignStatus.PAUSED, status is CampaignStatus.CANCELLED
        self.desk.set_campaign(status)
        if self.is_cancelled:
            self.desk.cancel()

    @precondition(lambda self: not self.suppressed)
    @rule()
    def suppress(self) -> None:
        """The other mailboxes stay, lest a run of this leave nothing to do."""
        self.desk.suppress("r0@example.org")

    @precondition(lambda self: self.refused)
    @rule(only=st.sampled_from([None, "failed", "deferred", "bounced"]))
    def requeue(self, only: str | None) -> None:
        self.desk.requeue(only)

    @precondition(lambda self: self.uncertain())
    @rule(how=st.sampled_from(["sent", "resend", "log"]))
    def resolve(self, how: str) -> None:
        """A person decides, and one that resends accepts a repeat; or the relay's log does, of what has left the wire."""
        doubts = self.uncertain()
        if how == "sent":
            self.trusted |= doubts
            self.desk.resolve(S.SENT)
        elif how == "resend":
            self.resent.update(doubts)
            self.desk.resolve(S.QUEUED)
        else:
            doubts -= {each.claim.id for each in self.flights if each.stage is not Stage.CLAIMED}
            self.desk.resolve(S.SENT, [id_ for id_ in doubts if self.taken[id_]])
            self.desk.resolve(S.QUEUED, [id_ for id_ in doubts if not self.taken[id_]])

    @property
    def suppressed(self) -> set[str]:
        return self.desk.suppressed()

    def uncertain(self) -> set[int]:
        return {id_ for id_, status in self.desk.statuses().items() if status is S.UNCERTAIN}

    # -- what holds always ---------------------------------------------------------------------------------------------

    @invariant()
    def nobody_gets_it_twice(self) -> None:
        assert all(count <= 1 + self.resent[id_] for id_, count in self.taken.items())

    @invariant()
    def nothing_disappears_and_each_change_is_in_the_table(self) -> None:
        now = self.desk.statuses()
        assert now.keys() == self.before.keys()
        for id_, after in now.items():
            before = self.before[id_]
            assert before is after or may_become(before, after) or may_become_by_two(before, after), (before, after)
        self.before = now

    @invariant()
    def what_was_taken_is_sent_or_may_have_been(self) -> None:
        for id_, status in self.before.items():
            if self.taken[id_] and not self.resent[id_]:
                assert status in (S.SENDING, S.SENT, S.UNCERTAIN), status

    def teardown(self) -> None:
        """Let all workers die, then one that nothing disturbs do the rest: every delivery comes to an end."""
        if self.before:
            self.come_to_rest()
        self.engine.dispose()

    def come_to_rest(self) -> None:
        self.flights.clear()
        if self.is_paused:
            self.desk.set_campaign(CampaignStatus.SENDING)
        self.is_paused = False
        self.desk.clock.advance(timedelta(days=1))  # later than any lease, whatever the clock did
        self.desk.recover()
        if self.is_cancelled:
            self.desk.cancel()
        while not self.is_cancelled and (claims := self.desk.claim()):
            opposed = [each for each in claims if each.address_key in self.suppressed]
            self.desk.settle(*(Outcome(each, S.CLAIMED, S.SUPPRESSED, is_attempt=False) for each in opposed))
            marked = self.desk.mark([each for each in claims if each not in opposed])
            self.taken.update(each.id for each in marked)
            self.desk.settle(*(Outcome(each, S.SENDING, S.SENT, reply=OK) for each in marked))
        self.nobody_gets_it_twice()
        for id_, status in self.desk.statuses().items():
            self.check_end(id_, status)

    def check_end(self, id_: int, status: DeliveryStatus) -> None:
        allowed: dict[DeliveryStatus, Any] = {
            S.SENT: self.taken[id_] or id_ in self.trusted,
            S.UNCERTAIN: id_ in self.left,
            S.BOUNCED: id_ in self.refused,
            S.FAILED: id_ in self.refused,
            S.SUPPRESSED: f"r{id_ - 1}@example.org" in self.suppressed,
            S.CANCELLED: self.is_cancelled,
        }
        assert allowed.get(status), f"delivery {id_} was lost: it ends as {status}"


def may_become_by_two(before: DeliveryStatus, after: DeliveryStatus) -> bool:
    """Tell whether one step of this machine makes two changes: a claim that is opposed is settled, or a good one marked, at once."""
    return after in (S.SUPPRESSED, S.SENDING) and may_become(before, S.CLAIMED)


LedgerMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestLedger = LedgerMachine.TestCase
