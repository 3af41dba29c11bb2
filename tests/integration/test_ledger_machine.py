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
from sends.ledger import Claim, Outcome
from sends.states import DeliveryStatus, may_become
from tests.factories import Clock
from tests.ledger_desk import GREYLISTED, OK, UNKNOWN, Desk

S = DeliveryStatus
RECIPIENTS = 4
WORKERS = ("one", "two", "three")
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
    """Three workers, one relay, one officer, four recipients, and power cuts."""

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
        self.suppressed: set[str] = set()
        self.is_cancelled = self.is_paused = False
        self.before: dict[int, DeliveryStatus] = {}

    @initialize()
    def plan(self) -> None:
        self.desk.contacts(RECIPIENTS)
        self.desk.campaign()
        self.before = self.desk.statuses()

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

    # -- workers -------------------------------------------------------------------------------------------------------

    @rule(owner=st.sampled_from(WORKERS), limit=st.integers(1, RECIPIENTS))
    def claim(self, owner: str, limit: int) -> None:
        claims = self.desk.claim(limit, owner)
        if self.is_paused or self.is_cancelled:
            assert not claims
        opposed = [each for each in claims if each.address_key in self.suppressed]
        self.desk.settle(*(Outcome(each, S.CLAIMED, S.SUPPRESSED, is_attempt=False) for each in opposed))
        self.flights += [Flight(each, owner) for each in claims if each not in opposed]

    @rule(data=st.data())
    def mark(self, data: st.DataObject) -> None:
        """The intents of several workers are given to one commit: it must tell them apart."""
        flights = self.pick(data, Stage.CLAIMED)
        marked = self.desk.mark([each.claim for each in flights], 0 if self.suppressed else None)
        for flight in flights:
            id_ = flight.claim.id
            if flight.claim in marked:
                assert not (self.is_paused or self.is_cancelled)
                assert flight.claim.address_key not in self.suppressed
                assert self.taken[id_] <= self.resent[id_], "what the relay has would go out again"
                self.left.add(id_)
                flight.stage = Stage.OUT
            else:
                self.flights.remove(flight)

    @rule(data=st.data())
    def read_reply(self, data: st.DataObject) -> None:
        pairs = []
        for flight in self.pick(data, Stage.TAKEN, Stage.REFUSED):
            if flight.stage is Stage.TAKEN:
                pairs.append((flight, Outcome(flight.claim, S.SENDING, S.SENT, reply=OK)))
                continue
            pairs.append((flight, self.refusal(flight, S.SENDING)))
        self.settle(*pairs)

    def refusal(self, flight: Flight, before: DeliveryStatus) -> Outcome:
        after = flight.refusal
        is_hard = after is S.BOUNCED
        self.refused.add(flight.claim.id)
        if is_hard:
            self.suppressed.add(flight.claim.address_key)
        not_before = self.desk.clock() + HALF_HOUR if after is S.DEFERRED else None
        reply = REFUSALS[after]
        return Outcome(
            flight.claim, before, after, reason="refused", reply=reply, not_before=not_before, is_hard_bounce=is_hard
        )

    @rule(data=st.data(), after=st.sampled_from(sorted(REFUSALS)))
    def refuse_recipient(self, data: st.DataObject, after: DeliveryStatus) -> None:
        """A refusal before the body."""
        pairs = []
        for flight in self.pick(data, Stage.CLAIMED):
            flight.refusal = after
            pairs.append((flight, self.refusal(flight, S.CLAIMED)))
        self.settle(*pairs)

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

    def leave_on_wire(self, flight: Flight) -> None:
        """Keep a body that nobody waits for any more, for the relay to take or not."""
        if flight.stage is Stage.OUT:
            self.flights.append(Flight(flight.claim, "", Stage.OUT))

    @rule(owner=st.sampled_from(WORKERS))
    def give_back(self, owner: str) -> None:
        mine = [each for each in self.flights if each.owner == owner and each.stage is Stage.CLAIMED]
        self.desk.release([each.claim for each in mine])
        self.flights = [each for each in self.flights if each not in mine]

    @rule(owner=st.sampled_from(WORKERS))
    def crash(self, owner: str) -> None:
        for flight in [each for each in self.flights if each.owner == owner]:
            self.flights.remove(flight)
            self.leave_on_wire(flight)

    @rule(owner=st.sampled_from(WORKERS))
    def renew(self, owner: str) -> None:
        self.desk.renew(owner)

    @rule()
    def lapse(self) -> None:
        """Workers that live sleep through this: they keep their flights and find out later."""
        self.desk.lapse()

    @rule(hours=st.integers(-3, 3))
    def jump(self, hours: int) -> None:
        self.desk.clock.advance(timedelta(hours=hours))
        self.desk.recover()

    # -- the relay -----------------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def relay_takes(self, data: st.DataObject) -> None:
        for flight in self.pick(data, Stage.OUT, owned=False):
            self.taken[flight.claim.id] += 1
            flight.stage = Stage.TAKEN
            if not flight.owner:
                self.flights.remove(flight)

    @rule(data=st.data(), after=st.sampled_from(sorted(REFUSALS)))
    def relay_refuses(self, data: st.DataObject, after: DeliveryStatus) -> None:
        for flight in self.pick(data, Stage.OUT, owned=False):
            flight.stage, flight.refusal = Stage.REFUSED, after
            if not flight.owner:
                self.flights.remove(flight)

    # -- the officer ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.is_cancelled)
    @rule()
    def pause_or_resume(self) -> None:
        self.is_paused = not self.is_paused
        self.desk.set_campaign(CampaignStatus.PAUSED if self.is_paused else CampaignStatus.SENDING)

    @precondition(lambda self: not self.is_cancelled)
    @rule(dice=st.integers(0, 5))
    def cancel(self, dice: int) -> None:
        if dice == 0:
            self.is_cancelled, self.is_paused = True, False
            self.desk.set_campaign(CampaignStatus.CANCELLED)
            self.desk.cancel()

    @rule(number=st.integers(0, RECIPIENTS - 1))
    def suppress(self, number: int) -> None:
        address = f"r{number}@example.org"
        self.desk.suppress(address)
        self.suppressed.add(address)

    @rule(only=st.sampled_from([None, "failed", "deferred", "bounced"]))
    def requeue(self, only: str | None) -> None:
        self.desk.requeue(only)

    @rule()
    def resolve_as_sent(self) -> None:
        self.trusted |= self.uncertain()
        self.desk.resolve(S.SENT)

    @rule()
    def resolve_as_resend(self) -> None:
        """A person says that it may arrive twice."""
        self.resent.update(self.uncertain())
        self.desk.resolve(S.QUEUED)

    @rule()
    def reconcile(self) -> None:
        """The relay's log settles what is not on its way any more."""
        open_ = self.uncertain() - {each.claim.id for each in self.flights if each.stage is not Stage.CLAIMED}
        self.desk.resolve(S.SENT, [id_ for id_ in open_ if self.taken[id_]])
        self.desk.resolve(S.QUEUED, [id_ for id_ in open_ if not self.taken[id_]])

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
    """Tell whether one step of this machine makes two changes: a claim that is opposed is settled at once."""
    return after is S.SUPPRESSED and may_become(before, S.CLAIMED)


LedgerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLedger = LedgerMachine.TestCase
