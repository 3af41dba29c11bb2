"""A connection to a relay on the event loop: opens it, drives its session, watches its clock."""

import asyncio
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gettext import gettext as _

from sends.errors import SendError
from sends.transports.capabilities import Capabilities
from sends.transports.commands import OutgoingMessage
from sends.transports.events import Closed, Event, Phase
from sends.transports.handshake import Dialogue, greet, try_sender
from sends.transports.session import Session
from sends.transports.settings import RelaySettings, Security


class Connection(asyncio.BufferedProtocol):
    """A relay that takes messages; `on_event` is called at once with each event, from within the call that caused it.

    `Closed` is the last event; after it the connection is of no more use.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        settings: RelaySettings,
        offered: Capabilities,
        on_event: Callable[["Connection", Event], None],
    ) -> None:
        self.settings = settings
        self.offered = offered
        self._transport = transport
        self._on_event = on_event
        self._session = Session(
            offered, pipelining=settings.pipelining, max_messages=settings.max_messages_per_connection
        )
        self._buffer = memoryview(bytearray(4096))  # TLS slices it, which must not copy
        self._loop = asyncio.get_running_loop()
        self._patience = {phase: settings.timeouts.of(phase) for phase in Phase}
        self._lost = self._loop.create_future()
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unread = 0
        self._retirement: asyncio.TimerHandle | None = None
        if settings.max_connection_age is not None:
            self._retirement = self._loop.call_later(settings.max_connection_age, self.quit)

    @property
    def phase(self) -> Phase:
        """What the connection waits for now."""
        return self._session.phase

    @property
    def capacity(self) -> int:
        """How many messages may be offered now: 0, 1 or 2."""
        return self._session.capacity

    def offer(self, message: OutgoingMessage) -> None:
        """Take `message` over; needs capacity; raise InvalidMessage, with nothing written, where it is not safe."""
        events = self._session.offer(message)
        if events or self._session.has_output:
            self._tell(events)

    def wants(self, key: int) -> bool:
        """Tell whether the body of message `key` is still waited for."""
        return self._session.wants(key)

    def permit(self, key: int) -> None:
        """Write the body that BodyWanted asked for; offer the next message first, then it rides in the same write."""
        self._session.permit(key)
        self._tell([])

    def abandon(self, key: int) -> None:
        """Never send message `key`, of which no event tells any more; may cost the connection."""
        self._tell(self._session.abandon(key))

    def quit(self) -> None:
        """Take no more messages, finish those that were offered, then say QUIT."""
        self._session.quit()
        self._tell([])

    async def close(self) -> None:
        """Finish as `quit` does, and return when the connection is gone."""
        self.quit()
        await asyncio.shield(self._lost)

    def abort(self, error: str) -> None:
        """Drop the connection now; each message on it is told as Lost."""
        self._tell(self._session.fail(error))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Lend a small buffer: asyncio's own way takes 256 KB anew for each reply, 15 us a message."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Hand what the relay wrote to the session."""
        self._tell(self._session.receive(self._buffer[:nbytes].tobytes()))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell what is lost with the connection."""
        self._lost.set_result(None)
        self._tell(self._session.fail(str(exc or _("the relay closed the connection"))))

    def _tell(self, events: list[Event]) -> None:
        """Write what the session wants written, set the clock, then tell the owner."""
        data = self._session.data_to_send()
        if data:
            self._transport.write(data)
        if not self._session.is_closed:
            self._set_clock()
        elif events:
            self._end(events[-1])
        for event in events:
            self._on_event(self, event)

    def _end(self, last: Event) -> None:
        for timer in (self._timer, self._retirement):
            if timer is not None:
                timer.cancel()
        self._timer = self._retirement = None
        if self._lost.done():
            return
        if isinstance(last, Closed) and last.error is None:
            self._transport.close()
        else:  # what is still in the buffer must not go out any more
            self._transport.abort()

    def _set_clock(self) -> None:
        """Let the relay answer until the deadline of the phase; one timer, moved only when it rings too late."""
        seconds = self._patience[self._session.phase]
        if seconds is None:
            self._deadline = None
            return
        self._unread = self._transport.get_write_buffer_size()
        if self._unread:
            seconds = self.settings.timeouts.block
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        unread = self._transport.get_write_buffer_size()
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._ring)
        elif unread < self._unread:  # the relay reads on, slowly
            self._set_clock()
        else:
            phase = self._session.phase
            seconds = self.settings.timeouts.block if unread else self._patience[phase]
            self.abort(_("no answer within {seconds} s ({phase})").format(seconds=seconds, phase=phase))


async def connect(
    settings: RelaySettings, on_event: Callable[[Connection, Event], None], *, sender: str | None = None
) -> Connection:
    """Open a connection, greet, secure it and log in as `settings` say; try whether `sender` may send, if one is given.

    Raise RelayUnavailable where trying again may help, RelayRefused where a setting must change first.
    """
    dialogue = Dialogue(settings)
    try:
        with _explained(dialogue):
            await _open(dialogue)
            offered = await greet(dialogue)
            if sender is not None:
                await try_sender(dialogue, offered, sender)
        dialogue.end()
    except BaseException:
        if dialogue.phase is not Phase.CONNECT:
            dialogue.transport.abort()
        raise
    connection = Connection(dialogue.transport, settings, offered, on_event)
    dialogue.transport.set_protocol(connection)
    return connection


async def _open(dialogue: Dialogue) -> None:
    settings = dialogue.settings
    is_tls = settings.security is Security.TLS
    async with asyncio.timeout(settings.timeouts.connect):
        await asyncio.get_running_loop().create_connection(
            lambda: dialogue,
            settings.host,
            settings.port,
            ssl=dialogue.tls_context() if is_tls else None,
            ssl_shutdown_timeout=settings.timeouts.quit if is_tls else None,
        )


@contextmanager
def _explained(dialogue: Dialogue) -> Iterator[None]:
    """Turn what the network and TLS raise into the two errors that an owner knows."""
    try:
        yield
    except SendError:
        raise
    except ssl.SSLCertVerificationError as error:
        raise dialogue.refused(
            _("The certificate of {relay} is not trusted ({cause}); check the host name, or set ca_file"),
            cause=error.verify_message,
        ) from error
    except ssl.SSLError as error:
        if error.reason == "WRONG_VERSION_NUMBER":
            raise dialogue.refused(
                _("{relay} does not speak TLS from the start; set security to starttls (port 587)")
            ) from error
        raise dialogue.unavailable(error.reason or str(error)) from error
    except OSError as error:
        # asyncio words a refused connection at length; the system's word for it is better known
        is_from_system = error.errno is not None and error.errno > 0
        cause = os.strerror(error.errno or 0) if is_from_system else error.strerror or str(error) or _("no answer")
        problem = dialogue.unreachable if dialogue.phase is Phase.CONNECT else dialogue.unavailable
        raise problem(cause) from error
