"""Sends claimed deliveries over several connections on one event loop, one ledger commit a tick for all of them.

A tick reads the events that came, commits the outcomes of the messages answered together with the intent of the
messages about to go, and only then writes their bodies: a crash leaves at most one message a connection in doubt.
"""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from gettext import gettext as _
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, Select
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from audiences.database import writing, writing_rows
from audiences.errors import DatabaseUnavailable
from sends import ledger
from sends.blocks import Blocks
from sends.buckets import RELAY, slow_down
from sends.claims import Claim, Mark, Outcome
from sends.errors import InvalidMessage, RelayUnavailable, SendError
from sends.judgement import judge_loss, judge_refusal
from sends.limits import RateLimits
from sends.mailing import OpenMailing, Prepared
from sends.outbox import LEASE, Clock, Outbox, left_out
from sends.replies import Cause
from sends.slots import SLOT_LEASE, Lanes, Slots
from sends.states import DeliveryStatus
from sends.transports import Accepted, BodyWanted, Closed, Connection, Event, Lost, Refused, RelaySettings, connect

UNLIMITED = RateLimits()

WORTH_WAITING = timedelta(minutes=5)
"""How long a run waits for the limits with its connections open; beyond that it ends, to be resumed then."""

PATIENCE = 3
"""Attempts to reach a relay, a few seconds apart, before the run gives up."""

CLOSING = 421
"""The reply of a relay that closes the channel, here because it has enough of us (RFC 5321 3.8)."""

DROPS_BEFORE_END = 5
"""Connections in a row, for each one wanted, that are dropped with no message accepted before the run gives up."""

COMMIT_PAUSES = (0.2, 1.0, 3.0)
"""Seconds between the attempts of a commit, beside the busy timeout of the database itself."""


@dataclass
class Progress:
    """What one run did so far, for a progress bar and for its end."""

    done: Counter[DeliveryStatus] = field(default_factory=Counter)
    blocked: dict[int, str] = field(default_factory=dict)
    """Why campaigns have to pause: what the provider wants, and its reply."""
    resume_at: datetime | None = None
    is_held_up: bool = False
    """Whether other workers use all the connections that the relay takes."""


class RelayGaveUp(SendError, ConnectionError):
    """The relay stopped taking mail in the middle of a run; what was not sent waits in the ledger."""


@dataclass
class _Flight:
    """A message on a connection; `is_marked` once its intent is committed.

    Its key is not that of the delivery: a worker that slept through its lease may claim again what it has in flight.
    A rider goes behind another message: when the connection drops then, it is not to blame.
    """

    key: int
    prepared: Prepared
    connection: Connection
    is_rider: bool
    is_marked: bool = False


class Sender:
    """One run of one worker: sends what is due of some campaigns until nothing is, or until it is told to stop."""

    def __init__(
        self,
        engine: Engine,
        relay: RelaySettings,
        open_mailing: OpenMailing,
        *,
        sendable: Select[Any],
        clock: Clock,
        connections: int = 4,
        limits: RateLimits = UNLIMITED,
        zone: tzinfo = UTC,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
    ) -> None:
        self._engine = engine
        self._relay = relay
        self._sendable = sendable
        self._clock = clock
        self._limit = self._wanted = connections
        self._limits = limits
        self._slowed: set[str | None] = set()
        self._on_progress = on_progress
        self._owner = str(uuid4())
        self._slots = Slots(self._owner)
        self._lanes = Lanes(limits, self._slots)
        self._outbox = Outbox(
            engine,
            open_mailing,
            sendable=sendable,
            clock=clock,
            owner=self._owner,
            limits=limits,
            zone=zone,
            slots=self._slots,
            on_settled=self._count,
        )
        self._keys = count(1)
        self._flights: dict[int, _Flight] = {}
        self._inbox: deque[tuple[Connection, Event]] = deque()
        self._wake = asyncio.Event()
        self._connections: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._lost_once: set[int] = set()
        self._unwritten: list[Outcome] = []
        self._blocks = Blocks()
        self._dropped = 0
        self._is_stopping = False
        self._renewed_at = clock()
        self.progress = Progress()

    def stop(self) -> None:
        """Take nothing new, finish what is on the wire, give the rest back."""
        self._is_stopping = True
        self._wake.set()

    async def run(self, campaign_ids: Sequence[int]) -> Progress:
        """Send everything that is due; raise RelayUnavailable, RelayRefused or RelayGaveUp when the relay does not take it.

        Whatever happens, what was claimed and not sent goes back to the queue.
        """
        try:
            while True:
                self._refill(campaign_ids)
                if self._is_done:
                    break
                self._keep_connections()
                self._offer()
                await self._wait()
                self._tick()
            for connection in list(self._connections):
                await connection.close()
            self.progress.resume_at = self._outbox.resume_at
            if self._failure is not None:
                raise self._failure
        finally:
            for task in self._opening:
                task.cancel()
            for connection in list(self._connections):
                connection.abort("the run was interrupted")
            self._tick()
            self._outbox.give_back()
            if not self._is_cut_off:
                with writing_rows(self._engine) as rows:
                    self._slots.give_back(rows)
        return self.progress

    @property
    def _is_done(self) -> bool:
        if self._flights or self._inbox or self._unwritten:
            return False
        return self._has_to_end or not (self._outbox or self._resumes_soon())

    async def _wait(self) -> None:
        if not self._inbox and not self._unwritten:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=self._patience())

    def _resumes_soon(self) -> bool:
        """Tell whether the limits give again so soon that the run waits for it with its connections open."""
        resume_at = self._outbox.resume_at
        return not self._has_to_end and resume_at is not None and resume_at - self._clock() <= WORTH_WAITING

    def _patience(self) -> float:
        """Give the seconds after which the run looks around even if no event came."""
        longest = SLOT_LEASE.total_seconds() / 6
        if self._outbox.resume_at is None or self._flights:
            return longest
        return min(longest, max(0.05, (self._outbox.resume_at - self._clock()).total_seconds()))

    def _refill(self, campaign_ids: Sequence[int]) -> None:
        """Claim anew, or give back when the run has to end; a database that cannot be used ends it when the wire is empty."""
        try:
            if self._is_cut_off:
                return  # giving back would wait for the database once more; the end of the run tries it
            if self._has_to_end:
                self._outbox.give_back()
            elif not self._outbox.is_exhausted or not (self._outbox or self._flights):
                self._outbox.refill(campaign_ids)
        except DatabaseUnavailable as error:
            self._failure = self._failure or error

    @property
    def _has_to_end(self) -> bool:
        return self._is_stopping or self._failure is not None

    @property
    def _is_cut_off(self) -> bool:
        """Whether the database could not be used: what is on the wire is finished, and then the run ends."""
        return isinstance(self._failure, DatabaseUnavailable)

    # -- connections -----------------------------------------------------------------------------------------------

    def _keep_connections(self) -> None:
        """Open as many connections as there is work for and other workers leave free, side by side."""
        if self._has_to_end:
            return
        useful = min(self._wanted, len(self._outbox) + len(self._flights))
        have = len(self._connections) + len(self._opening)
        if useful > have and self._slots.may_get(RELAY, useful, now=self._clock()):
            self._lease_connections(useful)
        held = self._slots.held(RELAY)
        if len(self._connections) > held:  # this worker slept, and others took its slots
            for surplus in list(self._connections)[held:]:
                surplus.quit()
        if not held and not have:  # others use them all: leave them the work too, and look again in a moment
            self._outbox.wait_for_others()
        for _number in range(min(useful, held) - have):
            task = asyncio.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    def _lease_connections(self, wanted: int) -> None:
        now = self._clock()
        try:
            with writing_rows(self._engine) as rows:
                held = self._slots.lease(rows, RELAY, limit=self._limit, wanted=wanted, now=now)
        except DatabaseUnavailable as error:
            self._failure = self._failure or error
            return
        self.progress.is_held_up = not held
        self._on_progress(self.progress)

    async def _open(self) -> None:
        """Connect with patience: a few attempts, exponentially apart, so that a dead relay is not hammered."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(RelayUnavailable),
            wait=wait_exponential(multiplier=0.3, max=5) + wait_random(0, 0.3),
            stop=stop_after_attempt(PATIENCE),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                self._connections.add(await connect(self._relay, self._receive))

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, SendError):
            # A relay that takes fewer connections than wanted is no failure as long as one works.
            if isinstance(error, RelayUnavailable) and error.reply is not None and error.reply.code == CLOSING:
                self._slowed.add(None)
            if self._connections:
                self._wanted = max(1, len(self._connections))
            else:
                self._failure = error
        elif error is not None:
            self._failure = error  # a fault of ours: the run ends with it
        self._wake.set()

    def _receive(self, connection: Connection, event: Event) -> None:
        self._inbox.append((connection, event))
        self._wake.set()

    def _offer(self) -> None:
        """Give each idle connection its first message; later ones ride with the dot of the one before."""
        busy = {flight.connection for flight in self._flights.values()}
        idle = [each for each in self._connections - busy if each.capacity]
        for connection in idle:
            if self._outbox:
                self._offer_to(connection, is_rider=False)
        if idle and self._outbox and not self._flights:
            self._outbox.give_back()  # the slots of its providers were lost: claim anew

    def _offer_to(self, connection: Connection, *, is_rider: bool) -> None:
        prepared = self._outbox.pop(lambda each: self._lanes.admits(each, connection))
        if prepared is None:
            return
        key = next(self._keys)
        self._flights[key] = _Flight(key, prepared, connection, is_rider)
        self._lanes.enter(prepared, connection)
        try:
            connection.offer(prepared.message._replace(key=key))
        except InvalidMessage as error:
            self._land(key)
            self._unwritten.append(left_out(prepared.claim, DeliveryStatus.FAILED, str(error)))

    def _land(self, key: int) -> _Flight:
        """Take a message off its connection: what became of it is known."""
        flight = self._flights.pop(key)
        self._lanes.leave(flight.prepared, flight.connection)
        return flight

    # -- the tick --------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """Commit what was answered and what is about to go, then let it go."""
        now = self._clock()
        outcomes = self._unwritten  # what could not be committed yet, or what an interruption left
        wanted: list[_Flight] = []
        for connection, event in self._drain():
            match event:
                case BodyWanted(key=key) if key in self._flights:
                    wanted.append(self._flights[key])
                case Accepted(key=key, reply=reply):
                    self._dropped = 0
                    claim = self._land(key).prepared.claim
                    self._blocks.forget(claim)
                    outcomes.append(Outcome(claim, DeliveryStatus.SENDING, DeliveryStatus.SENT, reply=reply))
                case Refused(key=key):
                    outcomes.append(self._judge(self._land(key), event, now))
                case Lost(key=key):
                    outcomes.append(self._lose(self._land(key), event, now))
                case Closed(error=error):
                    self._connections.discard(connection)
                    self._count_drop(error)
        wanted = [flight for flight in wanted if flight.key in self._flights]
        if not outcomes and not wanted and not self._needs_renewal(now):
            return
        marks = [Mark(each.prepared.claim, each.prepared.message_id, each.prepared.checked) for each in wanted]
        marked = self._commit(marks, now)
        for flight in wanted:
            flight.is_marked = flight.prepared.claim in marked
        if len(marked) < len(wanted):
            # Paused, cancelled or suppressed meanwhile: what is ready is judged anew by the next claim.
            self._outbox.give_back()
        for flight in wanted:
            self._let_go(flight)
        self._slow_down(now)
        if outcomes:
            self._on_progress(self.progress)

    def _slow_down(self, now: datetime) -> None:
        """Halve the rate of whoever found us too fast (421, 4.7.x): a provider of recipients, or (None) the relay."""
        if self._slowed:
            # one that cannot be written now is tried again by the next tick
            with contextlib.suppress(DatabaseUnavailable), writing(self._engine) as session:
                for domain in self._slowed:
                    slow_down(session, self._limits, domain, now=now)
                self._slowed.clear()

    def _needs_renewal(self, now: datetime) -> bool:
        return abs(now - self._renewed_at) > SLOT_LEASE / 3  # the clock may have been set back

    def _commit(self, marks: Sequence[Mark], now: datetime) -> set[Claim]:
        """Write the tick, and again if the database is held or the disk is full for a moment: no body waits for less.

        What it cannot write is kept for the last tick, which tries once: the wait was long enough.
        """
        outcomes = self._unwritten
        pauses = () if self._is_cut_off else COMMIT_PAUSES
        for pause in (*pauses, None):
            waited = self._clock()  # each attempt may wait for another program longer than a lease
            try:
                with writing_rows(self._engine) as rows:
                    if self._needs_renewal(waited):
                        ledger.renew(rows, self._owner, now=waited, lease=LEASE)
                        self._slots.renew(rows, now=waited)
                    ledger.settle(rows, outcomes, now=now)
                    marked = ledger.mark(rows, marks, sendable=self._sendable)
            except DatabaseUnavailable as error:
                if pause is None:
                    self._failure = self._failure or error
                    raise
                time.sleep(pause)  # the connections can wait; nothing may be written before this is
            else:
                break
        if self._needs_renewal(waited):
            self._renewed_at = waited
        self._unwritten = []
        self._count(outcomes)
        return marked

    def _count_drop(self, error: str | None) -> None:
        """Break the circuit when connection after connection is dropped and no message gets through."""
        if error is not None:
            self._dropped += 1
            if self._dropped >= DROPS_BEFORE_END * self._wanted and not self._has_to_end:
                cause = _("The relay {relay} drops every connection ({error}).").format(relay=self._relay, error=error)
                self._failure = RelayGaveUp(cause + " " + _("What was not sent waits; try again later."))

    def _drain(self) -> Iterator[tuple[Connection, Event]]:
        while self._inbox:
            yield self._inbox.popleft()

    def _let_go(self, flight: _Flight) -> None:
        if not flight.is_marked:
            self._land(flight.key)
            flight.connection.abandon(flight.key)
            return
        if self._outbox and flight.connection.capacity and not self._has_to_end:
            self._offer_to(flight.connection, is_rider=True)
        flight.connection.permit(flight.key)

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        self.progress.done.update(each.after for each in outcomes if each.after is not DeliveryStatus.QUEUED)

    def _judge(self, flight: _Flight, event: Refused, now: datetime) -> Outcome:
        """Settle a refusal; it may end the run, or pause the campaign when it is the last of several blocks."""
        claim = flight.prepared.claim
        mailing = self._outbox.mailing(claim.campaign_id)
        outcome, verdict = judge_refusal(claim, event, mailing, is_marked=flight.is_marked, now=now)
        if verdict.slow_down:
            is_of_provider = verdict.provider is not None and bool(self._limits.domains)
            self._slowed.add(claim.address_key.rpartition("@")[2] if is_of_provider else None)
        if verdict.stop:
            self._failure = RelayGaveUp(verdict.advice or str(event.reply))
        if verdict.cause is Cause.BLOCK:
            note = self._blocks.note(claim, verdict, event.reply)
            if note is not None:
                self.progress.blocked[claim.campaign_id] = note
                self._is_stopping = True
        return outcome

    def _lose(self, flight: _Flight, event: Lost, now: datetime) -> Outcome:
        claim = flight.prepared.claim
        mailing = self._outbox.mailing(claim.campaign_id)
        is_first = flight.is_rider or claim.id not in self._lost_once
        if not flight.is_rider:
            self._lost_once.add(claim.id)
        outcome = judge_loss(claim, event, mailing, is_marked=flight.is_marked, is_first=is_first, now=now)
        if outcome.after is DeliveryStatus.QUEUED:
            self._outbox.is_exhausted = False
        return outcome
