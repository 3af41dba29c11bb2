"""How to reach a relay, as the higher rooms hand it in."""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path

from sends.transports.events import Phase
from sends.transports.tokens import TokenSource


class Security(StrEnum):
    """How the connection is kept private."""

    NONE = "none"  # port 25 of a relay on the same machine or network
    STARTTLS = "starttls"  # port 587; required, never optional (RFC 3207)
    TLS = "tls"  # port 465, TLS from the first octet (RFC 8314)


class Auth(StrEnum):
    """How the login is said (RFC 4954)."""

    AUTO = "auto"  # PLAIN where offered, else LOGIN
    PLAIN = "plain"
    LOGIN = "login"
    XOAUTH2 = "xoauth2"  # an OAuth 2 access token instead of a password: Microsoft 365, Google


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for each answer, in seconds; the defaults are those of RFC 5321 4.5.3.2."""

    connect: float = 60
    banner: float = 300
    mail: float = 300
    rcpt: float = 300
    data: float = 120
    block: float = 180  # between two signs that the relay reads what is written
    dot: float = 600
    other: float = 300  # EHLO, STARTTLS and the handshake after it, AUTH, RSET
    quit: float = 10  # nothing depends on the answer

    def of(self, phase: Phase) -> float | None:
        """Return how long the relay may take at `phase`; None where it owes nothing."""
        if phase in {Phase.IDLE, Phase.WAITING, Phase.BODY, Phase.CLOSED}:
            return None
        own = {
            Phase.CONNECT: self.connect,
            Phase.BANNER: self.banner,
            Phase.MAIL: self.mail,
            Phase.RCPT: self.rcpt,
            Phase.DATA: self.data,
            Phase.DOT: self.dot,
            Phase.QUIT: self.quit,
        }
        return own.get(phase, self.other)


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """One relay: where it listens, how to log in, and how long a connection is kept.

    `helo_name` is the full name of this machine; without one its address is given (RFC 5321 4.1.3).
    `tokens` gives the password of each login anew, for XOAUTH2. `max_connection_age` is in seconds.
    `allow_plaintext_login` lets a password cross the network unprotected.
    """

    host: str
    port: int = 587
    security: Security = Security.STARTTLS
    verify: bool = True
    ca_file: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tokens: TokenSource | None = None
    auth: Auth = Auth.AUTO
    allow_plaintext_login: bool = False
    helo_name: str | None = None
    pipelining: bool = True
    max_messages_per_connection: int | None = None
    max_connection_age: float | None = None
    timeouts: Timeouts = Timeouts()

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the relay is on this machine, so that nothing crosses a network."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"
