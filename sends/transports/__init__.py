"""How messages reach a relay: an SMTP session that pipelines, on the event loop."""

from sends.transports.capabilities import Capabilities
from sends.transports.commands import Notify, OutgoingMessage
from sends.transports.events import Accepted, BodyWanted, Closed, Event, Lost, Phase, Refused
from sends.transports.reply import Reply
from sends.transports.settings import Auth, RelaySettings, Security, Timeouts
from sends.transports.smtp import Connection, connect
from sends.transports.tokens import TokenCommand, TokenFile, TokenSource, TokenUnavailable

__all__ = [
    "Accepted",
    "Auth",
    "BodyWanted",
    "Capabilities",
    "Closed",
    "Connection",
    "Event",
    "Lost",
    "Notify",
    "OutgoingMessage",
    "Phase",
    "Refused",
    "RelaySettings",
    "Reply",
    "Security",
    "Timeouts",
    "TokenCommand",
    "TokenFile",
    "TokenSource",
    "TokenUnavailable",
    "connect",
]
