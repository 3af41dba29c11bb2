"""One SMTP relay per test: how it is served, reached, and sent to as an owner does."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

import trustme

from sends.transports import (
    Accepted,
    BodyWanted,
    Closed,
    Connection,
    Event,
    Lost,
    OutgoingMessage,
    Refused,
    RelaySettings,
    Security,
    connect,
)
from tests.smtpd import Script, SmtpServer


def message(
    key: int, recipient: str | None = None, body: bytes = b"Bonjour\r\n.\r\nfin\r\n", **values: object
) -> OutgoingMessage:
    return OutgoingMessage(key, f"news+{key}@example.com", recipient or f"r{key}@example.org", (body,), **values)


async def send(relay: RelaySettings, *messages: OutgoingMessage) -> list[Event]:
    """Send over one connection as an owner does: offer the next message, then permit the body; return what was told."""
    waiting, events, told = deque(messages), [], asyncio.Event()

    def on_event(connection: Connection, event: Event) -> None:
        events.append(event)
        if isinstance(event, BodyWanted):
            if waiting and connection.capacity:
                connection.offer(waiting.popleft())
            connection.permit(event.key)
        elif isinstance(event, Closed):
            told.set()
        elif waiting and connection.capacity:
            connection.offer(waiting.popleft())
        elif connection.capacity == 2:
            told.set()

    connection = await connect(relay, on_event)
    connection.offer(waiting.popleft())
    await told.wait()
    await connection.close()
    return events


def verdicts(events: list[Event]) -> dict[int, Event]:
    return {event.key: event for event in events if isinstance(event, Accepted | Refused | Lost)}


@dataclass
class Lab:
    """Starts servers and gives the settings that reach them, for one way to write and one kind of security."""

    authority: trustme.CA
    ca_file: Path
    security: Security
    is_pipelined: bool

    def serve(self, script: Script | None = None) -> SmtpServer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        return SmtpServer(
            script,
            tls=None if self.security is Security.NONE else context,
            implicit_tls=self.security is Security.TLS,
        )

    def relay(self, server: SmtpServer, **values: object) -> RelaySettings:
        return replace(
            RelaySettings(
                "127.0.0.1",
                server.port,
                self.security,
                ca_file=self.ca_file,
                pipelining=self.is_pipelined,
                helo_name="cci.test",
            ),
            **values,
        )
