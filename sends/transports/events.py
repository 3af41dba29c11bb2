"""What a session tells its owner, and how far it has come."""

from enum import StrEnum
from typing import NamedTuple, TypeAlias

from sends.transports.reply import Reply


class Phase(StrEnum):
    """Where a connection, or one message on it, stands: what was written last and is not answered."""

    CONNECT = "connect"  # TCP, and TLS where it comes first
    BANNER = "banner"  # the relay speaks first
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    IDLE = "idle"  # ready, no message offered
    WAITING = "waiting"  # a message offered, nothing of it written
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"  # 354 was read: the owner may permit the body
    DOT = "dot"  # body and final dot written: from here the relay may have taken the message
    RSET = "rset"
    QUIT = "quit"
    CLOSED = "closed"


class BodyWanted(NamedTuple):
    """The relay waits for the body (354): it is written when the owner permits it, not before."""

    key: int


class Accepted(NamedTuple):
    """The relay took the message over (2yz to the final dot)."""

    key: int
    reply: Reply


class Refused(NamedTuple):
    """A reply says that the message was not taken, at `phase`; certain, whatever happens next."""

    key: int
    phase: Phase
    reply: Reply


class Lost(NamedTuple):
    """The connection ended with this message unanswered at `phase`."""

    key: int
    phase: Phase
    error: str

    @property
    def is_in_doubt(self) -> bool:
        """Whether the relay may have taken the message all the same (RFC 5321 6.1, RFC 1047).

        Before the final dot it cannot have (RFC 5321 4.1.1.4), so a message lost there may go again.
        """
        return self.phase is Phase.DOT


class Closed(NamedTuple):
    """The last event of a connection: `error` is None after an orderly QUIT, `reply` the 421 that ended it, if any."""

    error: str | None = None
    reply: Reply | None = None


Event: TypeAlias = BodyWanted | Accepted | Refused | Lost | Closed
