"""An SMTP server that keeps to a script: it refuses, stalls, hangs up or lies at the point that a test names.

It runs in its own thread, so that a test may use any client. With the faults left out it is a plain, strict server.

    script = Script().reply("RCPT", "550 5.1.1 no such user", recipient="paul@example.org").drop("dot", nth=2)
    with SmtpServer(script) as server:
        ...
    assert server.messages[0].body == b"..."
"""

import asyncio
import ssl
import threading
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CAPABILITIES = ("PIPELINING", "SIZE 10240000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")

POINTS = ("banner", "ehlo", "mail", "rcpt", "data", "body", "dot", "replied")
"""Where a connection may be dropped: instead of the banner or of the reply to a verb, in the body, at the final dot
instead of its reply, after that reply."""


@dataclass
class Message:
    """One message that the server took: it answered 250 to its dot, or dropped the connection instead of doing so."""

    sender: str
    recipient: str
    mail_parameters: str
    rcpt_parameters: str
    body: bytes
    is_answered: bool = True


@dataclass
class _Rule:
    """What to do the `nth` time (None: each time) that `point` is reached, for `recipient` alone where one is named."""

    point: str
    reply: str | None = None
    drops: bool = False
    resets: bool = False
    delay: float = 0
    injects: bytes = b""
    nth: int | None = None
    recipient: str | None = None

    def fits(self, point: str, count: int, recipient: str | None) -> bool:
        if self.point != point or (self.nth is not None and self.nth != count):
            return False
        return self.recipient is None or self.recipient == recipient


@dataclass
class Script:
    """The server's part. Points are verbs in lower case, "banner", "body", "dot" and "replied"; counts are server-wide."""

    capabilities: tuple[str, ...] = CAPABILITIES
    users: dict[str, str] = field(default_factory=dict)
    splits_replies: bool = False
    rules: list[_Rule] = field(default_factory=list)

    def reply(self, point: str, *lines: str, nth: int | None = None, recipient: str | None = None) -> Self:
        """Answer `lines` there instead; a 421 closes the connection."""
        self.rules.append(_Rule(point.lower(), reply="\r\n".join(lines) + "\r\n", nth=nth, recipient=recipient))
        return self

    def drop(self, point: str, *, nth: int | None = None, resets: bool = False) -> Self:
        """Close the connection there, by a TCP reset where `resets`."""
        self.rules.append(_Rule(point.lower(), drops=True, resets=resets, nth=nth))
        return self

    def delay(self, point: str, seconds: float, *, nth: int | None = None) -> Self:
        """Wait before the answer there."""
        self.rules.append(_Rule(point.lower(), delay=seconds, nth=nth))
        return self

    def inject(self, text: bytes) -> Self:
        """Write `text` in the clear behind the answer to STARTTLS, as somebody on the line could."""
        self.rules.append(_Rule("starttls", injects=text))
        return self


class _DroppedError(Exception):
    """The script ends the connection."""


class SmtpServer:
    """Serves a script on the loopback while the `with` block runs, and records what clients did."""

    def __init__(
        self, script: Script | None = None, *, tls: ssl.SSLContext | None = None, implicit_tls: bool = False
    ) -> None:
        self.script = script or Script()
        self.port = 0
        self.messages: list[Message] = []
        self.commands: list[str] = []
        self.logins: list[tuple[str, str]] = []
        self.connections = 0
        self.open: Counter[str] = Counter()
        self.most_open: Counter[str] = Counter()
        """How many connections were open at a time at most, and by domain how many carried mail for it."""
        self.tls = tls
        self.is_tls_from_start = implicit_tls
        self._counts: Counter[str] = Counter()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def accepted(self) -> list[Message]:
        """The messages that were answered 250."""
        return [message for message in self.messages if message.is_answered]

    @property
    def verbs(self) -> list[str]:
        """The verbs of the commands, in order."""
        return [command.split()[0].upper() for command in self.commands]

    def count(self, point: str) -> int:
        """Say that `point` is reached, and how often it was until now."""
        self._counts[point] += 1
        return self._counts[point]

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        dialogues: set[asyncio.Task[None]] = set()

        def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            task = asyncio.ensure_future(_Dialogue(self, reader, writer).run())
            dialogues.add(task)
            task.add_done_callback(dialogues.discard)

        server = await asyncio.start_server(
            start, "127.0.0.1", 0, ssl=self.tls if self.is_tls_from_start else None, limit=2**20
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in dialogues:
            task.cancel()
        await asyncio.gather(*dialogues, return_exceptions=True)


class _Dialogue:
    """One connection."""

    def __init__(self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.script = server.script
        self.reader = reader
        self.writer = writer
        self.sender: tuple[str, str] | None = None
        self.recipient: tuple[str, str] | None = None
        self.carried: str | None = None
        self.has_left = False
        self.is_secure = server.is_tls_from_start
        self.is_closing = False

    async def run(self) -> None:
        self.server.open[""] += 1
        self.server.most_open |= self.server.open
        try:
            await self.answer("banner", "220 sink.test ESMTP")
            while not self.is_closing and (line := await self.read_line()):
                command = line[:-2].decode("utf-8")
                self.server.commands.append(command)
                await self.obey(command)
        except (_DroppedError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.carry(None)
            self.leave()
            self.writer.close()

    def carry(self, domain: str | None) -> None:
        """Note for which domain this connection carries mail from now on."""
        for each, step in ((self.carried, -1), (domain, 1)):
            if each is not None:
                self.server.open[each] += step
        self.carried = domain
        self.server.most_open |= self.server.open

    def leave(self) -> None:
        """Count this connection no more."""
        if not self.has_left:
            self.server.open[""] -= 1
        self.has_left = True

    async def read_line(self) -> bytes:
        """Return a line, empty at the end; drop the connection at a bare CR or LF, or where a body breaks off."""
        line = await self.reader.readline()
        if line and (not line.endswith(b"\r\n") or b"\r" in line[:-2]):
            raise _DroppedError
        return line

    async def obey(self, command: str) -> None:
        verb, _, rest = command.partition(" ")
        handler = getattr(self, f"do_{verb.lower()}", None)
        if handler is None:
            await self.answer(verb.lower(), "500 5.5.1 what?")
        else:
            await handler(rest)

    async def answer(self, point: str, usual: str) -> str:
        """Do what the script says at `point`, else write `usual`; return what was written."""
        recipient = self.recipient[0] if self.recipient else None
        count, text, injected = self.server.count(point), usual + "\r\n", b""
        for rule in self.rules(point, count, recipient):
            await asyncio.sleep(rule.delay)
            if rule.drops:
                self.drop(resets=rule.resets)
            text, injected = rule.reply or text, injected + rule.injects
        if point == "dot":
            self.carry(None)
        elif point == "quit":
            self.leave()
        if self.script.splits_replies:
            for at in range(0, len(text), 3):
                self.writer.write(text[at : at + 3].encode())
                await self.writer.drain()
                await asyncio.sleep(0)
        else:
            self.writer.write(text.encode() + injected)
        await self.writer.drain()
        self.is_closing = self.is_closing or text.startswith("421")
        return text

    def rules(self, point: str, count: int, recipient: str | None) -> Iterator[_Rule]:
        return (rule for rule in self.script.rules if rule.fits(point, count, recipient))

    def drop(self, *, resets: bool = False) -> None:
        if resets:
            self.writer.transport.abort()
        raise _DroppedError

    async def do_ehlo(self, _rest: str) -> None:
        offered = list(self.script.capabilities)
        if self.server.tls is not None and not self.is_secure:
            offered.append("STARTTLS")
        if self.script.users:
            offered.append("AUTH PLAIN LOGIN XOAUTH2")
        lines = ["sink.test", *offered]
        last = len(lines) - 1
        await self.answer("ehlo", "\r\n".join(f"250{' ' if n == last else '-'}{line}" for n, line in enumerate(lines)))

    async def do_helo(self, _rest: str) -> None:
        await self.answer("helo", "250 sink.test")

    async def do_starttls(self, _rest: str) -> None:
        text = await self.answer("starttls", "220 2.0.0 go ahead")
        if text.startswith("220"):
            await self.writer.start_tls(self.server.tls)
            self.is_secure = True

    async def do_auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism == "LOGIN":
            user, password = await self.ask("Username:"), await self.ask("Password:")
        elif mechanism == "PLAIN":
            _, user, password = b64decode(initial).decode().split("\0")
        else:
            fields = b64decode(initial).decode().split("\1")
            user, password = fields[0].removeprefix("user="), fields[1].removeprefix("auth=Bearer ")
        self.server.logins.append((user, password))
        is_right = self.script.users.get(user) == password
        if mechanism == "XOAUTH2" and not is_right:
            await self.ask('{"status":"400"}')
        await self.answer("auth", "235 2.7.0 welcome" if is_right else "535 5.7.8 wrong user or password")

    async def ask(self, challenge: str) -> str:
        self.writer.write(b"334 " + b64encode(challenge.encode()) + b"\r\n")
        return b64decode(await self.reader.readline()).decode()

    async def do_mail(self, rest: str) -> None:
        if self.sender is not None:
            await self.answer("mail", "503 5.5.1 nested MAIL command")
            return
        path, parameters = _path(rest, "FROM:")
        if (await self.answer("mail", "250 2.1.0 ok")).startswith("2"):
            self.sender = path, parameters

    async def do_rcpt(self, rest: str) -> None:
        if self.sender is None:
            await self.answer("rcpt", "503 5.5.1 need MAIL command")
            return
        self.recipient = _path(rest, "TO:")
        self.carry(self.recipient[0].rpartition("@")[2])
        if not (await self.answer("rcpt", "250 2.1.5 ok")).startswith("2"):
            self.recipient = None
            self.carry(None)

    async def do_data(self, _rest: str) -> None:
        is_usual = self.sender is not None and self.recipient is not None
        text = await self.answer("data", "354 go on" if is_usual else "503 5.5.1 need RCPT command")
        if text.startswith("354"):
            await self.take_body()

    async def take_body(self) -> None:
        for rule in self.rules("body", self.server.count("body"), None):
            await asyncio.sleep(rule.delay)
            if rule.drops:
                await self.reader.readline()
                self.drop(resets=rule.resets)
        lines = []
        while (line := await self.read_line()) != b".\r\n":
            if not line:
                self.drop()
            lines.append(line.removeprefix(b"."))
        (sender, mail), (recipient, rcpt) = self.sender or ("", ""), self.recipient or ("", "")
        message = Message(sender, recipient, mail, rcpt, b"".join(lines), is_answered=False)
        self.sender = None
        usual = "250 2.0.0 taken" if recipient else "554 5.5.1 no valid recipients"
        if not recipient:
            await self.answer("dot", usual)
            return
        try:
            text = await self.answer("dot", usual)
        except _DroppedError:
            self.server.messages.append(message)
            raise
        message.is_answered = text.startswith("2")
        self.recipient = None
        if message.is_answered:
            self.server.messages.append(message)
        for rule in self.rules("replied", self.server.count("replied"), None):
            self.drop(resets=rule.resets)

    async def do_rset(self, _rest: str) -> None:
        self.sender = self.recipient = None
        self.carry(None)
        await self.answer("rset", "250 2.0.0 ok")

    async def do_quit(self, _rest: str) -> None:
        await self.answer("quit", "221 2.0.0 bye")
        self.is_closing = True


def _path(rest: str, keyword: str) -> tuple[str, str]:
    """Cut `FROM:<a@b> SIZE=3` into address and parameters."""
    assert rest.startswith(f"{keyword}<"), rest
    address, _, parameters = rest.removeprefix(f"{keyword}<").partition(">")
    return address, parameters.strip()
