"""What can go wrong between a delivery and its relay: one root, each leaf also the builtin that it is.

SendError
├── InvalidMessage (ValueError)           a message that must not reach the wire as it is
│   ├── InvalidEnvelope                   an address or envelope id that could break out of its command
│   ├── HeaderInjection                   a header value that could begin a header of its own
│   ├── InvalidAttachment                 a file that mail programs refuse, or too much of them
│   └── InvalidBody                       a body with a bare CR or LF, or an over-long line
├── InvalidKey (ValueError)               a DKIM key that is missing, open to others, or of no use
├── MalformedReply (ValueError)           the relay wrote what is no SMTP reply, or a reply nobody asked for
├── RelayUnavailable (ConnectionError)    no usable connection now; the same attempt may work later
└── RelayRefused (RuntimeError)           no usable connection until somebody changes a setting
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sends.transports.events import Phase
    from sends.transports.reply import Reply


class SendError(Exception):
    """Root of what the sends room raises; its text is one line: the cause, then the remedy."""


class InvalidMessage(SendError, ValueError):
    """A message must not reach the wire as it is."""


class InvalidEnvelope(InvalidMessage):
    """An address or envelope id does not fit safely into an SMTP command."""


class HeaderInjection(InvalidMessage):
    """A name, address or other header value holds a line break or another control character."""


class InvalidBody(InvalidMessage):
    """A body is not in the form that SMTP carries: lines of at most 998 octets, each ended by CR LF."""


class InvalidAttachment(InvalidMessage):
    """A file cannot go with a message: its name, its kind, or the size of all of them."""


class InvalidKey(SendError, ValueError):
    """A DKIM key cannot be read, is open to others, or is none that receivers accept."""


class MalformedReply(SendError, ValueError):
    """The relay wrote what is no SMTP reply, or a reply to nothing."""


class _ConnectError(SendError):
    """A connection is not ready: `phase` says how far it came, `reply` what the relay answered, if it did."""

    def __init__(self, message: str, *, phase: Phase, reply: Reply | None = None) -> None:
        super().__init__(message)
        self.phase = phase
        self.reply = reply


class RelayUnavailable(_ConnectError, ConnectionError):
    """No connection can be had now, yet nothing is wrong with the settings: try again later."""


class RelayRefused(_ConnectError, RuntimeError):
    """The relay does not take us with these settings: trying again changes nothing."""
