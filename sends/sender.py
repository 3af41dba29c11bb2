"""Sends claimed deliveries over several connections on one event loop, one ledger commit a tick for all of them.

A tick reads the events that came, commits the outcomes of the messages answered together with the intent of the
messages about to go, and only then writes their bodies: a crash leaves at most one message a connection in doubt.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, Select

from audiences.database import RowWriter, writing, writing_rows
from audiences.errors import DatabaseUnavailable
from sends import ledger
from sends.blocks import Blocks
from sends.buckets import slow_down
from sends.claims import Claim, Mark, Outcome
from sends.errors import InvalidMessage
from sends.flights import Flight, Progress
from sends.judgement import judge_loss, judge_refusal
from sends.limits import RateLimits
from sends.mailing import OpenMailing
from sends.outbox import LEASE, Clock, Outbox, left_out
from sends.pool import Pool, RelayGaveUp
from sends.replies import Cause
from sends.slots import SLOT_LEASE, Lanes, Slots
from sends.states import DeliveryStatus
from sends.transports import Accepted, BodyWanted, Closed, Connection, Event, Lost, Refused, RelaySettings

UNLIMITED = RateLimits()

WORTH_WAITING = timedelta(minutes=5)
"""How long a run waits for the limits with its connections open; beyond that it ends, to be resumed then."""

COMMIT_PAUSES = (0.2, 1.0, 3.0)
"""Seconds between the attempts of a commit, beside the busy timeout of the database itself."""


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
        self._sendable = sendable
        self._clock = clock
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
            connections=connections,
            on_settled=self._count,
            on_failed=self._fail,
        )
        self._flights: dict[int, Flight] = {}
        self._inbox: deque[tuple[Connection, Event]] = deque()
        self._wake = asyncio.Event()
        self._pool = Pool(
            engine,
            relay,
            self._slots,
            limit=connections,
            on_event=self._receive,
            on_open=self._wake.set,
            on_failure=self._end,
            on_slow=partial(self._slowed.add, None),
        )
        self._failure: BaseException | None = None
        self._lost_once: set[int] = set()
        self._unwritten: list[Outcome] = []
        self._blocks = Blocks()
        self._is_stopping = False
        self._rows = RowWriter(engine)
        self._committer = ThreadPoolExecutor(1, "commit")
        self._interruption: BaseException | None = None
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
                await self._tick()
            await self._pool.close()
            self.progress.resume_at = self._outbox.resume_at
            if self._failure is not None:
                raise self._failure
        finally:
            self._pool.abort("the run was interrupted")
            await self._tick(is_last=True)
            self._committer.shutdown()
            self._rows.close()
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
            self._end(error)

    @property
    def _has_to_end(self) -> bool:
        return self._is_stopping or self._failure is not None

    @property
    def _is_cut_off(self) -> bool:
        """Whether the database could not be used: what is on the wire is finished, and then the run ends."""
        return isinstance(self._failure, DatabaseUnavailable)

    # -- connections -----------------------------------------------------------------------------------------------

    def _keep_connections(self) -> None:
        """Open what there is work for; where other workers use all that the relay takes, leave them the work too."""
        if self._has_to_end:
            return
        is_held_up = self._pool.keep(len(self._outbox) + len(self._flights), now=self._clock())
        if is_held_up is not None:
            self.progress.is_held_up = is_held_up
            self._on_progress(self.progress)
        if self._pool.is_shut_out:
            self._outbox.wait_for_others()

    def _end(self, failure: BaseException) -> None:
        """Let the run end with a failure, the first one, once the wire is empty."""
        self._failure = self._failure or failure
        self._wake.set()

    def _receive(self, connection: Connection, event: Event) -> None:
        self._inbox.append((connection, event))
        self._wake.set()

    def _offer(self) -> None:
        """Give each idle connection its first message; later ones ride with the dot of the one before."""
        busy = {flight.connection for flight in self._flights.values()}
        idle = [each for each in self._pool if each not in busy and each.capacity]
        for connection in idle:
            if self._outbox:
                self._offer_to(connection, is_rider=False)
        if idle and self._outbox and not self._flights:
            self._outbox.give_back()  # the slots of its providers were lost: claim anew

    def _offer_to(self, connection: Connection, *, is_rider: bool) -> None:
        prepared = self._outbox.pop(self._lanes.admission(connection))
        if prepared is None:
            return
        key = prepared.message.key
        self._flights[key] = Flight(key, prepared, connection, is_rider)
        self._lanes.enter(prepared.domain, connection)
        try:
            connection.offer(prepared.message)
        except InvalidMessage as error:
            self._land(key)
            self._fail(left_out(prepared.claim, DeliveryStatus.FAILED, str(error)))

    def _fail(self, outcome: Outcome) -> None:
        """Let the next tick settle a delivery whose message cannot be built or written."""
        self._unwritten.append(outcome)

    def _land(self, key: int) -> Flight:
        """Take a message off its connection: what became of it is known."""
        flight = self._flights.pop(key)
        self._lanes.leave(flight.prepared.domain, flight.connection)
        return flight

    # -- the tick --------------------------------------------------------------------------------------------------

    async def _tick(self, *, is_last: bool = False) -> None:
        """Commit what was answered and what is about to go, then let it go."""
        now = self._clock()
        wanted = self._take_in(now)
        is_news = bool(self._unwritten)
        if not is_news and not wanted and not self._needs_renewal(now):
            return
        marks = [Mark(each.prepared.claim, each.prepared.message_id, each.prepared.checked) for each in wanted]
        marked = await self._commit(marks, now, is_last=is_last)
        for flight in wanted:
            flight.is_marked = flight.prepared.claim in marked
        if self._interruption is not None:
            interruption, self._interruption = self._interruption, None
            raise interruption
        if len(marked) < len(wanted):
            # Paused, cancelled or suppressed meanwhile: what is ready is judged anew by the next claim.
            self._outbox.give_back()
        self._let_go(wanted)
        self._slow_down(now)
        if is_news:
            self._on_progress(self.progress)

    def _take_in(self, now: datetime) -> list[Flight]:
        """Judge what was answered, for the next commit to write; give the messages whose bodies are wanted."""
        wanted: list[Flight] = []
        while self._inbox:
            connection, event = self._inbox.popleft()
            match event:
                case BodyWanted(key=key) if key in self._flights:
                    wanted.append(self._flights[key])
                case Accepted(key=key, reply=reply):
                    self._pool.note_accepted()
                    claim = self._land(key).prepared.claim
                    self._blocks.forget(claim)
                    self._unwritten.append(Outcome(claim, DeliveryStatus.SENDING, DeliveryStatus.SENT, reply=reply))
                case Refused(key=key):
                    self._unwritten.append(self._judge(self._land(key), event, now))
                case Lost(key=key):
                    self._unwritten.append(self._lose(self._land(key), event, now))
                case Closed(error=error):
                    self._pool.discard(connection, None if self._has_to_end else error)
        return [flight for flight in wanted if flight.key in self._flights]

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

    async def _commit(self, marks: Sequence[Mark], now: datetime, *, is_last: bool) -> set[Claim]:
        """Write the tick, and again if the database is held or the disk is full for a moment: no body waits for less.

        What it cannot write is kept for the last tick, which tries once: the wait was long enough.
        """
        outcomes, self._unwritten = self._unwritten, []
        pauses = () if self._is_cut_off else COMMIT_PAUSES
        for pause in (*pauses, None):
            waited = self._clock()  # each attempt may wait for another program longer than a lease
            try:
                with self._rows.writing(commits=is_last) as rows:
                    if self._needs_renewal(waited):
                        ledger.renew(rows, self._owner, now=waited, lease=LEASE)
                        self._slots.renew(rows, now=waited)
                    ledger.settle(rows, outcomes, now=now, slugs=self._outbox.slugs)
                    marked = ledger.mark(rows, marks, sendable=self._sendable)
                    if not is_last:
                        await self._build_while(self._committer.submit(rows.commit))
            except DatabaseUnavailable as error:
                if pause is None:
                    self._unwritten[:0] = outcomes
                    self._end(error)
                    raise
                time.sleep(pause)  # the connections can wait; nothing may be written before this is
            else:
                break
        if self._needs_renewal(waited):
            self._renewed_at = waited
        self._count(outcomes)
        return marked

    async def _build_while(self, committing: "Future[None]") -> None:
        """Wait for a commit, which the disk takes longest over, and build the next messages meanwhile.

        An interruption waits for it too, so that what it wrote is known; the tick raises it then.
        """
        try:
            while not committing.done() and self._outbox.build_ahead():
                await asyncio.sleep(0)
            await asyncio.wrap_future(committing)
        except (asyncio.CancelledError, KeyboardInterrupt) as interruption:
            self._interruption = interruption
        committing.result()

    def _let_go(self, wanted: Sequence[Flight]) -> None:
        """Let the bodies go that are marked, each with the commands of the next message behind its dot."""
        # what was lost during the commit is wanted no more, as the next tick hears
        going = [flight for flight in wanted if flight.connection.wants(flight.key)]
        for flight in going:
            if not flight.is_marked:
                self._land(flight.key)
                flight.connection.abandon(flight.key)
        marked = [flight for flight in going if flight.is_marked]
        for flight in marked:
            if flight.connection.capacity and not self._has_to_end and self._outbox:
                self._offer_to(flight.connection, is_rider=True)
        for flight in marked:
            flight.connection.permit(flight.key)

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        again = (DeliveryStatus.QUEUED, DeliveryStatus.DEFERRED)
        self.progress.done.update(each.after for each in outcomes if each.is_attempt or each.after not in again)

    def _judge(self, flight: Flight, event: Refused, now: datetime) -> Outcome:
        """Settle a refusal; it may end the run, or pause the campaign when it is the last of several blocks."""
        claim = flight.prepared.claim
        mailing = self._outbox.mailing(claim.campaign_id)
        outcome, verdict = judge_refusal(claim, event, mailing, is_marked=flight.is_marked, now=now)
        if verdict.slow_down:
            is_of_provider = verdict.provider is not None and bool(self._limits.domains)
            self._slowed.add(claim.domain if is_of_provider else None)
        if verdict.stop:
            self._end(RelayGaveUp(verdict.advice or str(event.reply)))
        if verdict.cause is Cause.BLOCK:
            note = self._blocks.note(claim, verdict, event.reply)
            if note is not None:
                self.progress.blocked[claim.campaign_id] = note
                self._is_stopping = True
        return outcome

    def _lose(self, flight: Flight, event: Lost, now: datetime) -> Outcome:
        claim = flight.prepared.claim
        mailing = self._outbox.mailing(claim.campaign_id)
        is_first = flight.is_rider or claim.id not in self._lost_once
        if not flight.is_rider:
            self._lost_once.add(claim.id)
        outcome = judge_loss(claim, event, mailing, is_marked=flight.is_marked, is_first=is_first, now=now)
        if is_first:  # it may go again at once
            self._outbox.is_exhausted = False
        return outcome
