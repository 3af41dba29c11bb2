"""An SMTP relay in a process of its own that writes a Postfix log: what it took over is in the log before its 250 leaves."""

import argparse
import asyncio
import random
import re
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TextIO

GREETING = b"250-relay.test\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"
REPLIES = {"EHLO": GREETING, "DATA": b"354 go on\r\n", "QUIT": b"221 2.0.0 bye\r\n"}
END = b"\r\n.\r\n"

_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
_PATH = re.compile(r"<([^>]*)>")
_CLEANUP = re.compile(r"postfix/cleanup\[\d+\]: (\w+): message-id=(<[^>]*>)")
_DELIVERY = re.compile(r"postfix/smtp\[\d+\]: (\w+): to=<([^>]*)>.*status=sent")


class Entry(NamedTuple):
    """One message that the relay took over."""

    message_id: str
    recipient: str


class Relay:
    """The server: takes everything, answers a final dot within about `delay` seconds, half of it spent after the log line.

    So a client that dies while it waits leaves messages of both kinds: those that the relay has not looked at, and
    those that it owns although nobody was told.
    """

    def __init__(self, log: TextIO, delay: float, begin: datetime) -> None:
        self._log = log
        self._delay = delay
        self._offset = begin - datetime.now(UTC)
        self._numbers = count(1)

    def advance(self, seconds: float) -> None:
        """Move the clock of the log, to keep step with workers whose clock was moved."""
        self._offset += timedelta(seconds=seconds)

    async def serve(self) -> None:
        """Listen on a free port, print it, and go on until standard input ends; each line of it moves the clock."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=2**24)
        print(server.sockets[0].getsockname()[1], flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            self.advance(float(line))
            print(line, end="", flush=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220 relay.test ESMTP\r\n")
            await self._obey(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client is gone; a message that was not ended by its dot was not taken
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = recipient = verb = ""
        while verb != "QUIT":
            line = (await reader.readuntil(b"\r\n")).decode()
            verb = line[:4].upper().strip()
            if found := _PATH.search(line):
                sender, recipient = (found[1], "") if verb == "MAIL" else (sender, found[1])
            writer.write(REPLIES.get(verb, b"250 2.0.0 ok\r\n"))
            if verb == "DATA":
                body = await reader.readuntil(END)
                await asyncio.sleep(random.uniform(0, self._delay))
                queue_id = self._record(sender, recipient, body)
                await asyncio.sleep(random.uniform(0, self._delay))
                writer.write(f"250 2.0.0 Ok: queued as {queue_id}\r\n".encode())

    def _record(self, sender: str, recipient: str, body: bytes) -> str:
        """Write what Postfix writes of a message."""
        found = _MESSAGE_ID.search(body)
        queue_id = f"{next(self._numbers):010X}"
        head = f"{(datetime.now(UTC) + self._offset).isoformat()} relay postfix"
        message_id = found[1].decode() if found else "<>"
        self._log.write(  # its buffer holds it all, so that it reaches the file in one piece
            f"{head}/cleanup[11]: {queue_id}: message-id={message_id}\n"
            f"{head}/qmgr[12]: {queue_id}: from=<{sender}>, size={len(body)}, nrcpt=1 (queue active)\n"
            f"{head}/smtp[13]: {queue_id}: to=<{recipient}>, relay=mx.test[192.0.2.1]:25, dsn=2.0.0, status=sent (250 ok)\n"
        )
        self._log.flush()
        return queue_id


class RelayProcess:
    """The relay as a process that lives inside `with`; `log` is the file that it writes."""

    def __init__(self, log: Path, *, delay: float = 0, begin: datetime) -> None:
        self.log = log
        self.port = 0
        self._read = self._taken = 0
        self._arguments = [str(log), "--delay", str(delay), "--begin", begin.isoformat()]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__, *self._arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()  # closes its standard input, at which it ends

    def advance(self, seconds: float) -> None:
        """Move the clock of its log, and return when that is done."""
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        self._process.stdout.readline()

    def entries(self) -> list[Entry]:
        """Give the messages that were taken over until now, in their order."""
        text = self.log.read_text(encoding="utf-8")
        message_ids = dict(_CLEANUP.findall(text))
        return [Entry(message_ids[queue_id], recipient) for queue_id, recipient in _DELIVERY.findall(text)]

    def count(self) -> int:
        """Tell how many messages were taken over until now, by reading what is new in the log."""
        with self.log.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        self._taken += new.count(b"status=sent")
        return self._taken


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path, help="the file to append to")
    parser.add_argument("--delay", type=float, default=0, help="seconds that a final dot waits twice at most")
    parser.add_argument(
        "--begin", type=datetime.fromisoformat, required=True, help="the time at which its clock begins"
    )
    options = parser.parse_args()
    with options.log.open("a", encoding="utf-8") as log:
        asyncio.run(Relay(log, options.delay, options.begin).serve())


if __name__ == "__main__":
    main()
