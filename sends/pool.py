"""The connections of one run: as many as there is work for and other workers leave free, opened with patience."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from gettext import gettext as _

from sqlalchemy import Engine
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from audiences.database import writing_rows
from audiences.errors import DatabaseUnavailable
from sends.buckets import RELAY
from sends.errors import RelayUnavailable, SendError
from sends.slots import Slots
from sends.transports import Connection, Event, RelaySettings, connect

PATIENCE = 3
"""Attempts to reach a relay, a few seconds apart, before the run gives up."""

CLOSING = 421
"""The reply of a relay that closes the channel, here because it has enough of us (RFC 5321 3.8)."""

DROPS_BEFORE_END = 5
"""Connections in a row, for each one wanted, that are dropped with no message accepted before the run gives up."""


class RelayGaveUp(SendError, ConnectionError):
    """The relay stopped taking mail in the middle of a run; what was not sent waits in the ledger."""


class Pool:
    """The connections of one worker to its relay, at most `limit` of them with those of all other workers.

    `on_event` hears what happens on each, `on_open` that one is ready, `on_failure` why the run cannot go on, `on_slow`
    that the relay found us too many.
    """

    def __init__(
        self,
        engine: Engine,
        relay: RelaySettings,
        slots: Slots,
        *,
        limit: int,
        on_event: Callable[[Connection, Event], None],
        on_open: Callable[[], None],
        on_failure: Callable[[BaseException], None],
        on_slow: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._relay = relay
        self._slots = slots
        self._limit = self._wanted = limit
        self._on_event = on_event
        self._on_open = on_open
        self._on_failure = on_failure
        self._on_slow = on_slow
        self._open: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._dropped = 0

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._open))

    def keep(self, useful: int, *, now: datetime) -> bool | None:
        """Open as many connections as are useful, side by side; tell, where others were asked, whether they use them all."""
        useful = min(self._wanted, useful)
        have = len(self._open) + len(self._opening)
        is_held_up = None
        if useful > have and self._slots.may_get(RELAY, useful, now=now):
            is_held_up = self._lease(useful, now)
        held = self._slots.held(RELAY)
        if len(self._open) > held:  # this worker slept, and others took its slots
            for surplus in list(self._open)[held:]:
                surplus.quit()
        for _number in range(min(useful, held) - have):
            task = asyncio.create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._connected)
        return is_held_up

    @property
    def is_shut_out(self) -> bool:
        """Whether other workers use every connection that the relay takes."""
        return not (self._open or self._opening or self._slots.held(RELAY))

    def _lease(self, wanted: int, now: datetime) -> bool | None:
        try:
            with writing_rows(self._engine) as rows:
                return not self._slots.lease(rows, RELAY, limit=self._limit, wanted=wanted, now=now)
        except DatabaseUnavailable as error:
            self._on_failure(error)
            return None

    async def _connect(self) -> None:
        """Connect with patience: a few attempts, exponentially apart, so that a dead relay is not hammered."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(RelayUnavailable),
            wait=wait_exponential(multiplier=0.3, max=5) + wait_random(0, 0.3),
            stop=stop_after_attempt(PATIENCE),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                self._open.add(await connect(self._relay, self._on_event))

    def _connected(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            self._on_open()
        elif isinstance(error, SendError):
            # A relay that takes fewer connections than wanted is no failure as long as one works.
            if isinstance(error, RelayUnavailable) and error.reply is not None and error.reply.code == CLOSING:
                self._on_slow()
            if self._open:
                self._wanted = max(1, len(self._open))
            else:
                self._on_failure(error)
        else:
            self._on_failure(error)  # a fault of ours: the run ends with it

    def note_accepted(self) -> None:
        """Close the circuit again: a message got through."""
        self._dropped = 0

    def discard(self, connection: Connection, error: str | None) -> None:
        """Forget a connection; break the circuit when one after the other is dropped and no message gets through."""
        self._open.discard(connection)
        if error is None:
            return
        self._dropped += 1
        if self._dropped >= DROPS_BEFORE_END * self._wanted:
            cause = _("The relay {relay} drops every connection ({error}).").format(relay=self._relay, error=error)
            self._on_failure(RelayGaveUp(cause + " " + _("What was not sent waits; try again later.")))

    async def close(self) -> None:
        """Finish what is on the connections, and say goodbye on each."""
        for connection in self:
            await connection.close()

    def abort(self, error: str) -> None:
        """Drop every connection now."""
        for task in self._opening:
            task.cancel()
        for connection in self:
            connection.abort(error)
