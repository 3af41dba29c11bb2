"""Sends claimed deliveries over several connections on one event loop, one ledger commit a tick for all of them.

A tick reads the events that came, commits the outcomes of the messages answered together with the intent of the
messages about to go, and only then writes their bodies: a crash leaves at most one message a connection in doubt.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine, Select
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from audiences.database import writing, writing_rows
from audiences.errors import DatabaseUnavailable
from audiences.suppressions import find_suppressed, last_suppression
from sends import ledger
from sends.errors import InvalidMessage, RelayUnavailable, SendError
from sends.ledger import Claim, Mark, Outcome
from sends.mailing import Mailing, OpenMailing, Prepared
from sends.recipients import NOBODY, load_recipients
from sends.replies import Cause, Verdict, classify
from sends.retries import next_attempt
from sends.states import DeliveryStatus
from sends.transports import Accepted, BodyWanted, Closed, Connection, Event, Lost, Refused, RelaySettings, connect
from templates.errors import TemplateError

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]

BATCH = 200
"""Deliveries claimed together: at most this many go back to the queue when a worker dies."""

LOW_WATER = 50
"""Claim again when fewer messages than this are ready, so that no connection waits for one."""

LEASE = timedelta(seconds=90)
"""How long a claim holds without renewal; a dead worker's deliveries are free after it."""

PATIENCE = 3
"""Attempts to reach a relay, a few seconds apart, before the run gives up."""

COMMIT_PAUSES = (0.2, 1.0, 3.0)
"""Seconds between the attempts of a commit, beside the busy timeout of the database itself."""

BLOCKS_BEFORE_PAUSE = 5
"""Policy refusals in a row after which the campaign pauses: going on would harm the sender's reputation."""


@dataclass
class Progress:
    """What one run did so far, for a progress bar and for its end."""

    done: Counter[DeliveryStatus] = field(default_factory=Counter)
    blocked: dict[int, Verdict] = field(default_factory=dict)


class RelayGaveUp(SendError, ConnectionError):
    """The relay stopped taking mail in the middle of a run; what was not sent waits in the ledger."""


@dataclass
class _Flight:
    """A message on a connection; `is_marked` once its intent is committed."""

    prepared: Prepared
    connection: Connection
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
        on_progress: Callable[[Progress], None] = lambda _progress: None,
    ) -> None:
        self._engine = engine
        self._relay = relay
        self._open_mailing = open_mailing
        self._sendable = sendable
        self._clock = clock
        self._wanted = connections
        self._on_progress = on_progress
        self._owner = str(uuid4())
        self._mailings: dict[int, Mailing] = {}
        self._ready: deque[Prepared] = deque()
        self._flights: dict[int, _Flight] = {}
        self._inbox: deque[tuple[Connection, Event]] = deque()
        self._connections: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._failure: SendError | None = None
        self._lost_once: set[int] = set()
        self._blocks: Counter[int] = Counter()
        self._is_stopping = False
        self._is_exhausted = False
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
        self._wake = asyncio.Event()
        self._campaigns = list(campaign_ids)
        try:
            while True:
                self._refill()
                if not self._ready and not self._flights and not self._inbox:
                    break
                self._keep_connections()
                self._offer()
                await self._wait()
                self._tick()
            for connection in list(self._connections):
                await connection.close()
            if self._failure is not None:
                raise self._failure
        finally:
            for task in self._opening:
                task.cancel()
            for connection in list(self._connections):
                connection.abort("the run was interrupted")
            self._tick()
            self._give_back()
        return self.progress

    async def _wait(self) -> None:
        if not self._inbox:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), timeout=LEASE.total_seconds() / 6)

    def _give_back(self) -> None:
        if self._ready:
            with writing_rows(self._engine) as rows:
                ledger.release(rows, [prepared.claim for prepared in self._ready])
            self._ready.clear()

    # -- claiming and building -------------------------------------------------------------------------------------

    def _refill(self) -> None:
        if self._is_stopping or self._failure is not None:
            self._give_back()
            return
        if self._is_exhausted and (self._ready or self._flights):
            return
        while len(self._ready) < LOW_WATER:
            claims = self._claim()
            self._is_exhausted = not claims
            if not claims:
                break

    def _claim(self) -> list[Claim]:
        """Lease a batch, leave out who was suppressed since it was planned, and build the messages of the others."""
        now = self._clock()
        for campaign_id in self._campaigns:
            with writing(self._engine) as session:
                claims = ledger.claim(
                    session,
                    campaign_id,
                    sendable=self._sendable,
                    now=now,
                    limit=BATCH,
                    lease=LEASE,
                    owner=self._owner,
                )
                if not claims:
                    continue
                mailing = self._mailing(campaign_id)
                checked = last_suppression(session)
                opposed = find_suppressed(
                    session, {each.address_key for each in claims}, is_marketing=mailing.is_marketing
                )
                recipients = load_recipients(
                    session, [each.contact_id for each in claims if each.contact_id], mailing.epci_label
                )
                outcomes = []
                for each in claims:
                    if each.address_key in opposed:
                        outcomes.append(_left_out(each, DeliveryStatus.SUPPRESSED, opposed[each.address_key]))
                        continue
                    recipient = recipients.get(each.contact_id or 0, NOBODY)
                    try:
                        self._ready.append(mailing.prepare(each, recipient, now=now, checked=checked))
                    except (TemplateError, InvalidMessage) as error:
                        outcomes.append(_left_out(each, DeliveryStatus.FAILED, str(error)))
                self._settle(session.connection(), outcomes, now)
            return claims
        return []

    def _mailing(self, campaign_id: int) -> Mailing:
        if campaign_id not in self._mailings:
            self._mailings[campaign_id] = self._open_mailing(campaign_id)
        return self._mailings[campaign_id]

    # -- connections -----------------------------------------------------------------------------------------------

    def _keep_connections(self) -> None:
        """Open as many connections as there is work for, side by side."""
        if self._is_stopping or self._failure is not None:
            return
        missing = min(self._wanted, len(self._ready) + len(self._flights)) - len(self._connections) - len(self._opening)
        for _ in range(missing):
            task = asyncio.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    async def _open(self) -> None:
        """Connect with patience: a few attempts, exponentially apart, so that a dead relay is not hammered."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(RelayUnavailable),
            wait=wait_exponential_jitter(initial=0.3, max=5),
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
            if self._connections:
                self._wanted = max(1, len(self._connections))
            else:
                self._failure = error
        elif error is not None:
            raise error
        self._wake.set()

    def _receive(self, connection: Connection, event: Event) -> None:
        self._inbox.append((connection, event))
        self._wake.set()

    def _offer(self) -> None:
        """Give each idle connection its first message; later ones ride with the dot of the one before."""
        for connection in self._connections:
            if self._ready and connection.capacity == 2:
                self._offer_to(connection)

    def _offer_to(self, connection: Connection) -> None:
        prepared = self._ready.popleft()
        self._flights[prepared.claim.id] = _Flight(prepared, connection)
        try:
            connection.offer(prepared.message)
        except InvalidMessage as error:
            del self._flights[prepared.claim.id]
            with writing_rows(self._engine) as rows:
                self._settle(rows, [_left_out(prepared.claim, DeliveryStatus.FAILED, str(error))], self._clock())

    # -- the tick --------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """Commit what was answered and what is about to go, then let it go."""
        now = self._clock()
        outcomes: list[Outcome] = []
        wanted: list[_Flight] = []
        for connection, event in self._drain():
            match event:
                case BodyWanted(key=key) if key in self._flights:
                    wanted.append(self._flights[key])
                case Accepted(key=key, reply=reply):
                    self._blocks.clear()
                    claim = self._flights.pop(key).prepared.claim
                    outcomes.append(Outcome(claim, DeliveryStatus.SENDING, DeliveryStatus.SENT, reply=reply))
                case Refused(key=key):
                    outcomes.append(self._judge(self._flights.pop(key), event, now))
                case Lost(key=key):
                    outcomes.append(self._lose(self._flights.pop(key), event))
                case Closed():
                    self._connections.discard(connection)
        wanted = [flight for flight in wanted if flight.prepared.claim.id in self._flights]
        needs_renewal = now - self._renewed_at > LEASE / 3
        if not outcomes and not wanted and not needs_renewal:
            return
        marks = [Mark(each.prepared.claim, each.prepared.message_id, each.prepared.checked) for each in wanted]
        marked = self._commit(outcomes, marks, now, needs_renewal=needs_renewal)
        if len(marked) < len(wanted):
            # Paused, cancelled or suppressed meanwhile: what is ready is judged anew by the next claim.
            self._give_back()
            self._is_exhausted = False
        for flight in wanted:
            self._let_go(flight, may_go=flight.prepared.claim.id in marked)
        if outcomes:
            self._on_progress(self.progress)

    def _commit(
        self, outcomes: Sequence[Outcome], marks: Sequence[Mark], now: datetime, *, needs_renewal: bool
    ) -> set[int]:
        """Write the tick, and again if the database is held or the disk is full for a moment: no body waits for less."""
        for pause in (*COMMIT_PAUSES, None):
            try:
                with writing_rows(self._engine) as rows:
                    if needs_renewal:
                        ledger.renew(rows, self._owner, now=now, lease=LEASE)
                    ledger.settle(rows, outcomes, now=now)
                    marked = ledger.mark(rows, marks, sendable=self._sendable)
            except DatabaseUnavailable:
                if pause is None:
                    raise
                time.sleep(pause)  # the connections can wait; nothing may be written before this is
            else:
                break
        if needs_renewal:
            self._renewed_at = now
        self._count(outcomes)
        return marked

    def _drain(self) -> Iterator[tuple[Connection, Event]]:
        while self._inbox:
            yield self._inbox.popleft()

    def _let_go(self, flight: _Flight, *, may_go: bool) -> None:
        key = flight.prepared.claim.id
        if not may_go:
            del self._flights[key]
            flight.connection.abandon(key)
            return
        flight.is_marked = True
        if self._ready and flight.connection.capacity and not self._is_stopping and self._failure is None:
            self._offer_to(flight.connection)
        flight.connection.permit(key)

    def _settle(self, rows: SqlConnection, outcomes: Sequence[Outcome], now: datetime) -> None:
        ledger.settle(rows, outcomes, now=now)
        self._count(outcomes)

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        self.progress.done.update(each.after for each in outcomes if each.after is not DeliveryStatus.QUEUED)

    def _judge(self, flight: _Flight, event: Refused, now: datetime) -> Outcome:
        """Turn a refusal into what it means for this delivery, for its campaign and for the run."""
        claim = flight.prepared.claim
        before = DeliveryStatus.SENDING if flight.is_marked else DeliveryStatus.CLAIMED
        verdict = classify(event.reply, event.phase)
        if verdict.stop:
            self._failure = RelayGaveUp(verdict.advice or f"{event.reply}")
        if verdict.cause is Cause.BLOCK:
            self._blocks[claim.campaign_id] += 1
            if self._blocks[claim.campaign_id] >= BLOCKS_BEFORE_PAUSE:
                self.progress.blocked[claim.campaign_id] = verdict
                self._is_stopping = True
        after, not_before = DeliveryStatus(verdict.outcome), None
        reason: str = verdict.reason
        if after is DeliveryStatus.DEFERRED:
            mailing = self._mailing(claim.campaign_id)
            not_before = next_attempt(
                claim.attempts + 1,
                first_attempt=claim.first_attempt_at or now,
                now=now,
                give_up_after=mailing.give_up_after,
            )
            if not_before is None:
                after, reason = DeliveryStatus.FAILED, "expired"
        return Outcome(
            claim,
            before,
            after,
            reason=reason,
            reply=event.reply,
            not_before=not_before,
            # what a rehearsal's mailbox answers says nothing about the recipient
            is_hard_bounce=verdict.suppress and not self._mailing(claim.campaign_id).redirect_to,
        )

    def _lose(self, flight: _Flight, event: Lost) -> Outcome:
        """A lost connection is as a 451 (RFC 5321 3.8) before the final dot, and a doubt after it (6.1).

        The first loss goes back to the queue at once; a second one waits, lest one message kill connection after
        connection.
        """
        claim = flight.prepared.claim
        if event.is_in_doubt:
            return Outcome(claim, DeliveryStatus.SENDING, DeliveryStatus.UNCERTAIN, reason=event.error)
        before = DeliveryStatus.SENDING if flight.is_marked else DeliveryStatus.CLAIMED
        if before is DeliveryStatus.CLAIMED and claim.id not in self._lost_once:
            self._lost_once.add(claim.id)
            self._is_exhausted = False
            return Outcome(claim, before, DeliveryStatus.QUEUED, reason=event.error, is_attempt=False)
        now = self._clock()
        due = next_attempt(claim.attempts + 1, first_attempt=claim.first_attempt_at or now, now=now)
        after = DeliveryStatus.FAILED if due is None else DeliveryStatus.DEFERRED
        return Outcome(claim, before, after, reason=event.error, not_before=due)


def _left_out(claim: Claim, after: DeliveryStatus, reason: str) -> Outcome:
    return Outcome(claim, DeliveryStatus.CLAIMED, after, reason=reason, is_attempt=False)
