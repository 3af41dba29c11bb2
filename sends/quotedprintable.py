"""Quoted-printable in segments that can be written one after the other in any order (RFC 2045 6.7)."""

import re
from binascii import b2a_qp

_LINE = 75  # characters before the soft break's own "="; 76 is the limit
_SOFT_BREAK = b"=\r\n"
_SIMPLE = re.compile(r"(?!\.)[ -<>-~]{1,75}")
_SPECIAL = re.compile("[^ \t\n!-<>-~]")
_ESCAPES = {chr(octet): f"={octet:02X}" for octet in range(256)}


def encode(text: str) -> bytes:
    """Encode `text` as UTF-8 so that it begins and ends at the start of a line, by a soft break where it has none.

    Whatever is joined of such segments has lines of at most 76 characters, of which none begins with a dot (nothing
    to stuff, RFC 5321 4.5.2), and decodes to the joined texts: a template's pieces and values need not know each
    other, in loops and conditions neither. Every line end of `text`, also a lone CR, becomes CR LF.
    Raises UnicodeEncodeError where it holds half a surrogate pair.
    """
    if _SIMPLE.fullmatch(text):
        return text.encode() + _SOFT_BREAK
    if "\n" not in text and "\r" not in text:
        # a value, mostly: the standard library's encoder takes an eighth of the time
        written = b2a_qp(text.encode(), istext=False)
        if 0 < len(written) <= _LINE and not written.startswith(b"."):
            return written + _SOFT_BREAK
        # its last line may be full, where the soft break has no room
        if not written.startswith(b".") and b"\n." not in written and len(written) - written.rfind(b"\n") - 1 <= _LINE:
            return written.replace(b"\n", b"\r\n") + _SOFT_BREAK if written else b""
    octets = text.replace("\r\n", "\n").replace("\r", "\n").encode().decode("latin-1")
    *lines, rest = _SPECIAL.sub(lambda special: _ESCAPES[special[0]], octets).split("\n")
    encoded = [_fold(_protect_end(line)) + "\r\n" for line in lines]
    if rest:
        encoded.append(_fold(rest) + "=\r\n")
    return "".join(encoded).encode()


def finish(segments: bytes) -> bytes:
    """Take the soft break off the end of joined segments, where no line may follow it."""
    if not segments.endswith(_SOFT_BREAK):
        return segments
    bare = segments.removesuffix(_SOFT_BREAK)
    if bare.endswith((b" ", b"\t")):  # a relay may take spaces off the end of a line
        return bare[:-1] + _SOFT_BREAK + f"={bare[-1]:02X}".encode()
    return bare


def _protect_end(line: str) -> str:
    return f"{line[:-1]}={ord(line[-1]):02X}" if line.endswith((" ", "\t")) else line


def _fold(line: str) -> str:
    pieces = []
    start, end = 0, len(line)
    while True:
        dot = "=2E" if line.startswith(".", start) else ""
        if dot:
            start += 1
        stop = start + _LINE - len(dot)
        if stop >= end:
            pieces.append(dot + line[start:])
            return "=\r\n".join(pieces)
        # an escape such as =C3 stays in one piece
        stop -= (line[stop - 1] == "=") + 2 * (line[stop - 2] == "=")
        pieces.append(dot + line[start:stop])
        start = stop
