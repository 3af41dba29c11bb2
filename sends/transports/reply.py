"""SMTP replies: the value, and the reader that cuts them out of a byte stream."""

import re
from collections.abc import Iterator
from functools import lru_cache
from gettext import gettext as _
from typing import NamedTuple

from sends.errors import MalformedReply

MAX_LINE = 4096  # RFC 5321 4.5.3.1.5 allows 512; Microsoft 365 and Google pass it
MAX_LINES = 128  # the longest EHLO answers have some twenty

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


class Reply(NamedTuple):
    """One answer of a relay: the three-digit code, the enhanced code of RFC 3463 where given, the text without both.

    A multiline text keeps its lines, apart by newlines. Only the code decides anything (RFC 5321 4.2.1).
    """

    code: int
    enhanced: str | None = None
    text: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, " ".join(self.text.split())) if part)

    @property
    def is_positive(self) -> bool:
        """Whether the relay did what was asked (2yz)."""
        return self.code // 100 == 2

    @property
    def is_intermediate(self) -> bool:
        """Whether the relay waits for the rest (3yz)."""
        return self.code // 100 == 3

    @property
    def is_negative(self) -> bool:
        """Whether the relay refuses, for now (4yz) or for good (5yz)."""
        return self.code // 100 in {4, 5}


class ReplyReader:
    """Cuts replies out of the bytes of one connection, as they come."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[Reply] = []  # of a reply that goes on

    def feed(self, data: bytes) -> Iterator[Reply]:
        """Yield each reply that `data` completes; raise MalformedReply at the first line that is none.

        Replies before the malformed line are yielded first: they are answers that count.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            reply = self._take(line)
            if reply is not None:
                yield reply
        if len(self._rest) > MAX_LINE:
            raise MalformedReply(
                _("The relay wrote a line of more than {limit} octets; is it an SMTP server?").format(limit=MAX_LINE)
            )

    def discard(self) -> None:
        """Forget what was read of an unfinished reply: nothing said before TLS may count after it (RFC 3207 4.2)."""
        self._rest = b""
        self._lines.clear()

    def _take(self, line: bytes) -> Reply | None:
        reply, is_last = _parse(line)
        if is_last and not self._lines:
            return reply
        if self._lines and reply.code != self._lines[0].code:
            raise MalformedReply(_("The relay changed its code to {code} within one reply").format(code=reply.code))
        self._lines.append(reply)
        if len(self._lines) > MAX_LINES:
            raise MalformedReply(
                _("The relay wrote a reply of more than {limit} lines; is it an SMTP server?").format(limit=MAX_LINES)
            )
        if not is_last:
            return None
        whole = Reply(reply.code, self._lines[0].enhanced, "\n".join(each.text for each in self._lines))
        self._lines.clear()
        return whole


@lru_cache(maxsize=256)  # three of the four replies to each message are the same ones
def _parse(line: bytes) -> tuple[Reply, bool]:
    """Return one line as a reply, and whether it is the last of its reply."""
    found = _LINE.fullmatch(line.removesuffix(b"\r"))
    if not found or len(line) > MAX_LINE:
        raise MalformedReply(
            _("The relay wrote {line!r}, which is no SMTP reply; is it an SMTP server?").format(line=line[:60])
        )
    code, is_last = int(found[1]), found[2] != b"-"
    text = (found[3] or b"").decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    enhanced = _ENHANCED.match(text)
    # RFC 2034 4: an enhanced code of another class than the reply's is not to be believed
    if enhanced is None or enhanced[1][0] != found[1].decode()[0]:
        return Reply(code, None, text), is_last
    return Reply(code, enhanced[1], text[enhanced.end() :]), is_last
