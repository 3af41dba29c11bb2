"""What a relay says that it can do."""

from dataclasses import dataclass
from typing import Self

from sends.transports.reply import Reply


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The extensions of an EHLO answer that Relais uses; `size` in octets, 0 without a limit, None if not offered."""

    pipelining: bool = False  # RFC 2920
    size: int | None = None  # RFC 1870
    eight_bit: bool = False  # RFC 6152
    smtputf8: bool = False  # RFC 6531
    dsn: bool = False  # RFC 3461
    starttls: bool = False  # RFC 3207
    auth: frozenset[str] = frozenset()  # RFC 4954, names in upper case

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Read the answer to EHLO: its first line is the greeting, each other line one extension."""
        offered: dict[str, list[str]] = {}
        for line in reply.text.upper().splitlines()[1:]:
            # "AUTH=LOGIN PLAIN" is how servers wrote it before RFC 2554
            words = line.replace("AUTH=", "AUTH ", 1).split()
            if words:
                offered.setdefault(words[0], []).extend(words[1:])
        size = offered.get("SIZE")
        return cls(
            pipelining="PIPELINING" in offered,
            size=None if size is None else int(size[0]) if size and size[0].isdecimal() else 0,
            eight_bit="8BITMIME" in offered,
            smtputf8="SMTPUTF8" in offered,
            dsn="DSN" in offered,
            starttls="STARTTLS" in offered,
            auth=frozenset(offered.get("AUTH", ())),
        )
