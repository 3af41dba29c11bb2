"""A real SMTP server on loopback that behaves like a chamber's relay: it accepts most, greylists some, refuses dead mailboxes.

Measured on one core that eight smtplib threads share, 6000 messages of 30 KB: 5.2 s, where aiosmtpd, which awaits every
line of a message, takes 18 s. Hence a protocol of our own.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Collection
from email.header import decode_header, make_header
from threading import Thread
from types import TracebackType
from typing import Self, cast
from zlib import crc32

GREYLISTED_IN_1000 = 30
"""How many of 1000 mailboxes answer 450 to the first attempt ever; which ones is a hash of the address."""

CAPTURES = 2
"""Messages kept whole for each subject."""

SIZE_LIMIT = 10 * 1024 * 1024

_SUBJECT = re.compile(rb"^subject:[ \t]*(.*(?:\r?\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_PATH = re.compile(r"(?:FROM|TO):\s*<([^>]*)>", re.IGNORECASE)


class DemoRelay:
    """The relay, listening inside `with` on `host`:`port`, a port that the system gives.

    `accepted`, `refused` and `greylisted` count by recipient, in lower case; `captures` holds the first messages of each
    subject as they came, for .eml files.
    """

    def __init__(self, dead_mailboxes: Collection[str] = (), *, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = 0
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.greylisted: Counter[str] = Counter()
        self.captures: dict[str, list[bytes]] = {}
        self.connections: set[asyncio.Transport] = set()
        self._dead = frozenset(address.lower() for address in dead_mailboxes)
        self._subjects: dict[bytes, list[bytes]] = {}

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="demo-relay", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(lambda: _Connection(self), self.host, 0)

    async def _hang_up(self) -> None:
        self._server.close()
        for transport in list(self.connections):
            transport.abort()
        await asyncio.sleep(0)  # the transports close their sockets in the next turn of the loop

    def judge(self, address: str) -> str:
        """Answer RCPT: 550 for a dead mailbox, 450 to the first attempt of a greylisted one, else 250."""
        key = address.lower()
        if key in self._dead:
            self.refused[key] += 1
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox table"
        if crc32(key.encode()) % 1000 < GREYLISTED_IN_1000 and key not in self.greylisted:
            self.greylisted[key] += 1
            return f"450 4.2.0 <{address}>: Recipient address rejected: Greylisted, try again later"
        return "250 2.1.5 Ok"

    def take(self, content: bytes, recipients: Collection[str]) -> str:
        """Answer the end of DATA: count the recipients, keep the message if it is among the first of its subject."""
        found = _SUBJECT.search(content)
        raw = found[1] if found else b""
        kept = self._subjects.get(raw)
        if kept is None:  # only a subject not seen before is decoded
            subject = str(make_header(decode_header(raw.decode("utf-8", "replace"))))
            kept = self._subjects[raw] = self.captures.setdefault(" ".join(subject.split()), [])
        if len(kept) < CAPTURES:
            kept.append(content)
        self.accepted.update(address.lower() for address in recipients)
        return f"250 2.0.0 Ok: queued as {crc32(content):08X}"


class _Connection(asyncio.Protocol):
    """One client: reads commands and messages as they come, several at once too (RFC 2920), and answers in order."""

    def __init__(self, relay: DemoRelay) -> None:
        self._relay = relay
        self._read = bytearray()
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._is_in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast(asyncio.Transport, transport)
        self._relay.connections.add(self._transport)
        self._answer("220 relais.test ESMTP")

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget the client."""
        self._relay.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Handle every command and message that is complete."""
        self._read += data
        while self._take_message() if self._is_in_data else self._take_command():
            pass

    def _take_message(self) -> bool:
        """Take a message up to the lone dot; the end of the DATA line stands before it, so that it may be empty."""
        end = self._read.find(b"\r\n.\r\n")
        if end < 0:
            return False
        # The dots that the client put before a line's own dot come off (RFC 5321 4.5.2).
        content = bytes(self._read[: end + 2]).replace(b"\r\n.", b"\r\n")[2:]
        del self._read[: end + 5]
        self._is_in_data = False
        is_too_large = len(content) > SIZE_LIMIT
        self._answer("552 5.3.4 Message too large" if is_too_large else self._relay.take(content, self._recipients))
        self._reset()
        return True

    def _take_command(self) -> bool:
        line, end, rest = self._read.partition(b"\r\n")
        if not end:
            return False
        self._read = rest
        verb, _, argument = line.decode("utf-8", "replace").strip().partition(" ")
        match verb.upper():
            case "EHLO":
                self._reset()
                offers = (
                    "relais.test",
                    "PIPELINING",
                    f"SIZE {SIZE_LIMIT}",
                    "8BITMIME",
                    "SMTPUTF8",
                    "ENHANCEDSTATUSCODES",
                )
                self._answer(*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}")
            case "HELO":
                self._reset()
                self._answer("250 relais.test")
            case "MAIL" | "RCPT" as command:
                self._answer(self._envelope(command, argument))
            case "DATA" if self._recipients:
                self._is_in_data = True
                self._read[:0] = b"\r\n"
                self._answer("354 End data with <CR><LF>.<CR><LF>")
            case "DATA":
                self._answer("554 5.5.1 Error: no valid recipients")
            case "RSET":
                self._reset()
                self._answer("250 2.0.0 Ok")
            case "NOOP":
                self._answer("250 2.0.0 Ok")
            case "QUIT":
                self._answer("221 2.0.0 Bye")
                self._transport.close()
                return False
            case _:
                self._answer("502 5.5.2 Error: command not recognized")
        return True

    def _envelope(self, command: str, argument: str) -> str:
        """Answer MAIL or RCPT."""
        path = _PATH.match(argument)
        if path is None:
            return "501 5.1.7 Bad address syntax"
        if command == "MAIL":
            self._reset()
            self._sender = path[1]
            return "250 2.1.0 Ok"
        if self._sender is None:
            return "503 5.5.1 Error: need MAIL command"
        reply = self._relay.judge(path[1])
        if reply.startswith("2"):
            self._recipients.append(path[1])
        return reply

    def _reset(self) -> None:
        self._sender = None
        self._recipients = []

    def _answer(self, *lines: str) -> None:
        self._transport.write("".join(f"{line}\r\n" for line in lines).encode())
