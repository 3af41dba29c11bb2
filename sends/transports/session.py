"""The message flow of one SMTP connection, without a socket: bytes in, bytes and events out."""

from collections import deque
from gettext import gettext as _

from sends.errors import MalformedReply
from sends.transports.capabilities import Capabilities
from sends.transports.commands import OutgoingMessage, envelope, shortcoming
from sends.transports.content import final_dot, to_wire
from sends.transports.events import Accepted, BodyWanted, Closed, Event, Lost, Phase, Refused
from sends.transports.reply import Reply, ReplyReader

CHANNEL_CLOSING = 421  # may answer any command; nothing more can be said on this connection (RFC 5321 3.8)
_NEXT = {Phase.MAIL: Phase.RCPT, Phase.RCPT: Phase.DATA, Phase.DATA: Phase.BODY}


class _Transaction:
    """One offered message: `is_over` once its outcome is told (or it was abandoned) with replies still to come."""

    __slots__ = ("body", "commands", "has_recipient", "is_over", "key", "phase")

    def __init__(self, key: int, commands: tuple[bytes, bytes], body: tuple[bytes, ...]) -> None:
        self.key = key
        self.commands = commands
        self.body = body
        self.phase = Phase.WAITING
        self.has_recipient = False
        self.is_over = False


class Session:
    """Sends messages one after the other on a connection that was greeted, and tells what became of each.

    The owner offers a message, permits its body when BodyWanted comes, and may offer the next one before: it then
    rides with the final dot, MAIL, RCPT and DATA in the same write (RFC 2920 3.1), one round trip a message. A body
    never leaves before the previous message has its verdict, so at most one message is ever in doubt. Where the
    relay does not pipeline each command waits for its reply, with the same promises.
    """

    def __init__(self, offered: Capabilities, *, pipelining: bool = True, max_messages: int | None = None) -> None:
        self.offered = offered
        self.is_pipelined = pipelining and offered.pipelining
        self.is_closed = False
        self._messages_left = max_messages
        self._is_quitting = False
        self._needs_reset = False
        self._reader = ReplyReader()
        self._transactions: deque[_Transaction] = deque()  # at most two: the current one and the next
        self._expected: deque[tuple[Phase, _Transaction | None]] = deque()  # written, not yet answered
        self._queued: deque[tuple[Phase, tuple[bytes, ...], _Transaction | None]] = deque()  # not yet written
        self._out: list[bytes] = []

    @property
    def phase(self) -> Phase:
        """What the connection waits for now."""
        if self.is_closed:
            return Phase.CLOSED
        if self._expected:
            return self._expected[0][0]
        return self._transactions[0].phase if self._transactions else Phase.IDLE

    @property
    def capacity(self) -> int:
        """How many messages may be offered now: 0, 1 or 2."""
        if self.is_closed or self._is_quitting:
            return 0
        free = 2 - len(self._transactions)
        return free if self._messages_left is None else min(free, self._messages_left)

    def offer(self, message: OutgoingMessage) -> list[Event]:
        """Take `message` over: its envelope is written now, or with the dot of the message before it.

        Needs capacity. Raise InvalidMessage, with nothing written, where it could break the dialogue. Where the
        relay does not offer what it needs (size, SMTPUTF8) it is refused at once by a reply of our own.
        """
        if not self.capacity:
            raise RuntimeError("This connection takes no message now: look at its capacity before you offer one")
        commands, body = envelope(message, self.offered), _on_the_wire(message)
        reply = shortcoming(message, self.offered)
        if reply:
            return [Refused(message.key, Phase.MAIL, reply)]
        if self._messages_left is not None:
            self._messages_left -= 1
        transaction = _Transaction(message.key, commands, body)
        before = self._transactions[-1] if self._transactions else None
        self._transactions.append(transaction)
        # behind a dot it may be written at once, never between DATA and the body
        if before is None or (before.phase is Phase.DOT and not before.is_over):
            self._begin(transaction)
            self._write()
        return []

    def wants(self, key: int) -> bool:
        """Tell whether the body of message `key` is still waited for: the connection may be gone since it was asked for."""
        current = self._transactions[0] if self._transactions else None
        return current is not None and current.key == key and current.phase is Phase.BODY and not current.is_over

    def permit(self, key: int) -> None:
        """Write the body that BodyWanted asked for; from now on the message is in doubt until it is answered."""
        if not self.wants(key):
            raise RuntimeError(f"The body of message {key} is not wanted now: permit it on BodyWanted, once")
        current = self._transactions[0]
        current.phase = Phase.DOT
        self._queued.append((Phase.DOT, current.body, current))
        if len(self._transactions) > 1:
            self._begin(self._transactions[1])
        self._write()

    def abandon(self, key: int) -> list[Event]:
        """Never send message `key`, of which no event will tell any more; its body must not be permitted yet.

        Once the relay waits for the body the one safe way out is to drop the connection (RFC 5321 4.1.1.4: a lone
        dot would be an empty message), so others that were offered are lost, safely.
        """
        transaction = next((each for each in self._transactions if each.key == key and not each.is_over), None)
        if transaction is None or transaction.phase is Phase.DOT:
            raise RuntimeError(f"Message {key} cannot be abandoned: it is answered, or its body was permitted")
        if transaction.phase is Phase.WAITING:
            self._transactions.remove(transaction)
            return []
        if transaction.phase is Phase.BODY:
            transaction.is_over = True
            return self.fail(_("A message was given up while the relay waited for its body"))
        self._give_up(transaction)
        self._write()
        return []

    def quit(self) -> None:
        """Take no more messages, finish those that were offered, then say QUIT (RFC 5321 4.1.1.10)."""
        self._is_quitting = True
        self._quit_when_idle()
        self._write()

    def receive(self, data: bytes) -> list[Event]:
        """Read what the relay wrote; once closed nothing counts any more."""
        events: list[Event] = []
        try:
            for reply in self._reader.feed(data):
                self._answer(reply, events)
        except MalformedReply as error:
            events += self.fail(str(error))
        self._write()
        return events

    def fail(self, error: str, reply: Reply | None = None) -> list[Event]:
        """End the session: the connection is gone, or must go without another octet."""
        if self.is_closed:
            return []
        is_orderly = self._is_quitting and not self._transactions
        events: list[Event] = [Lost(each.key, each.phase, error) for each in self._transactions if not each.is_over]
        events.append(Closed(None if is_orderly else error, reply))
        self.is_closed = True
        self._transactions.clear()
        self._expected.clear()
        self._queued.clear()
        self._out.clear()
        return events

    @property
    def has_output(self) -> bool:
        """Whether something is to be written: not when a message was offered that rides with the dot of another."""
        return bool(self._out)

    def data_to_send(self) -> bytes:
        """Return what is to be written now, each octet once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _begin(self, transaction: _Transaction) -> None:
        if self._needs_reset:
            self._needs_reset = False
            self._queued.append((Phase.RSET, (b"RSET\r\n",), None))
        transaction.phase = Phase.MAIL
        mail, rcpt = transaction.commands
        self._queued += (
            (Phase.MAIL, (mail,), transaction),
            (Phase.RCPT, (rcpt,), transaction),
            (Phase.DATA, (b"DATA\r\n",), transaction),
        )

    def _write(self) -> None:
        queued, expected = self._queued, self._expected
        while queued and (self.is_pipelined or not expected):
            phase, data, transaction = queued.popleft()
            self._out += data
            expected.append((phase, transaction))

    def _answer(self, reply: Reply, events: list[Event]) -> None:
        if reply.code == CHANNEL_CLOSING:
            self._close_channel(reply, events)
            return
        if not self._expected:
            raise MalformedReply(_("The relay wrote a reply to nothing: {reply}").format(reply=reply))
        phase, transaction = self._expected.popleft()
        if transaction is None:
            self._answer_to_connection(phase, reply, events)
        elif transaction.is_over:
            self._answer_to_refused(transaction, phase, reply, events)
        elif reply.code >= 400:
            events.append(Refused(transaction.key, phase, reply))
            if phase is Phase.DOT:
                self._finish(transaction)
            else:
                self._give_up(transaction)
        elif (reply.code >= 300) is not (phase is Phase.DATA):
            raise MalformedReply(
                _("The relay answered {code} at {phase}, against RFC 5321 4.3.2").format(code=reply.code, phase=phase)
            )
        elif phase is Phase.DOT:
            events.append(Accepted(transaction.key, reply))
            self._finish(transaction)
        else:
            transaction.phase = _NEXT[phase]
            transaction.has_recipient = phase is not Phase.MAIL
            if phase is Phase.DATA:
                events.append(BodyWanted(transaction.key))

    def _answer_to_connection(self, phase: Phase, reply: Reply, events: list[Event]) -> None:
        if phase is Phase.QUIT:
            events += self.fail(_("The connection was closed"))
        elif not reply.is_positive:
            raise MalformedReply(
                _("The relay answered {code} at {phase}, which must succeed (RFC 5321 4.1.1.5)").format(
                    code=reply.code, phase=phase
                )
            )

    def _answer_to_refused(self, transaction: _Transaction, phase: Phase, reply: Reply, events: list[Event]) -> None:
        """Swallow what a pipelined group still gets after its refusal."""
        if phase is Phase.RCPT and reply.is_positive:
            transaction.has_recipient = True
        if phase is Phase.DATA and reply.is_intermediate:
            if transaction.has_recipient:
                events += self.fail(_("The relay waits for the body of a message that was refused or given up"))
                return
            # RFC 2920 3.1: DATA was taken with no recipient; a lone dot ends it
            self._out.append(b".\r\n")
            self._expected.append((Phase.DOT, transaction))
            return
        if not any(each is transaction for _phase, each in self._expected):
            self._finish(transaction)

    def _give_up(self, transaction: _Transaction) -> None:
        """Write no more of `transaction`; it ends when all that was written of it is answered."""
        transaction.is_over = True
        self._needs_reset = True
        self._queued = deque(each for each in self._queued if each[2] is not transaction)
        if not any(each is transaction for _phase, each in self._expected):
            self._finish(transaction)

    def _finish(self, transaction: _Transaction) -> None:
        self._transactions.remove(transaction)
        if self._transactions and self._transactions[0].phase is Phase.WAITING:
            self._begin(self._transactions[0])
        self._quit_when_idle()

    def _quit_when_idle(self) -> None:
        if self._transactions or self.is_closed:
            return
        if self._messages_left == 0:
            self._is_quitting = True
        if self._is_quitting and not any(phase is Phase.QUIT for phase, _each in self._expected):
            self._queued.append((Phase.QUIT, (b"QUIT\r\n",), None))

    def _close_channel(self, reply: Reply, events: list[Event]) -> None:
        """End on a 421: it is the answer to the message whose command it follows, the others were not looked at."""
        concerned = self._expected[0][1] if self._expected else None
        if concerned is None and self._transactions:
            concerned = self._transactions[0]
        if concerned is not None and not concerned.is_over:
            events.append(Refused(concerned.key, concerned.phase, reply))
            concerned.is_over = True
        events += self.fail(_("The relay closed the connection: {reply}").format(reply=reply), reply)


def _on_the_wire(message: OutgoingMessage) -> tuple[bytes, ...]:
    """Give the body as it is written: where nobody has looked at it yet, it is looked at here and dot-stuffed."""
    if message.is_canonical:
        return (*message.body, final_dot(message.body[-1]))
    return (to_wire(b"".join(message.body)),)
