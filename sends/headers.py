"""Header fields of a message: checked, encoded and folded lines, each ended by CR LF."""

import re
from functools import lru_cache
from gettext import gettext as _

from sends.errors import HeaderInjection, InvalidMessage

_WIDTH = 78  # RFC 5322 2.1.1, recommended; 998 is the limit
_ENCODED_WORD = 75  # RFC 2047 2
_OPEN, _CLOSE = "=?utf-8?q?", "?="
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Single spaces between words of which each fits a line; "=?" would be taken for an encoded word.
_PLAIN = re.compile(r"(?!.*=\?)(?:[!-~]{1,60}(?: [!-~]{1,60})*)?")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LITERAL_IN_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")  # RFC 2047 5 (3)
_FOLD = "\r\n "
_DOT_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*"
_ADDRESS = re.compile(rf"(?=.{{3,254}}$)(?P<local>{_DOT_ATOM})@(?P<domain>[\w-]+(?:\.[\w-]+)*)")
_LIST_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_URI = re.compile(r"[a-z]+:[!-;=?-~]{1,900}")  # RFC 2369 2: no space, no < >


@lru_cache(256)
def text_field(name: str, text: str) -> str:
    """Write a field of free text, such as the subject; encoded words where it is not plain ASCII (RFC 2047).

    Cached, as the subject mostly is one for all recipients. Raises HeaderInjection.
    """
    refuse_controls(name, text)
    if not _PLAIN.fullmatch(text):
        return f"{name}: {_encoded_words(text, len(name) + 2)}\r\n"
    lines, line = [], f"{name}:"
    for word in text.split(" "):
        if len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join((*lines, line)) + "\r\n"


def address_field(name: str, display_name: str, address: str) -> str:
    """Write a field of one mailbox; an empty display name leaves the address alone (RFC 5322 3.4).

    A domain gets its A-label; a local part that is not ASCII stays as it is, which needs SMTPUTF8 (RFC 6532 3.2).
    Raises HeaderInjection, or InvalidMessage for what is no address.
    """
    written = ascii_domain(address)
    return _phrased(name, display_name, f"<{written}>") if display_name else plain_field(name, written)


def list_id_field(display_name: str, identifier: str) -> str:
    """Write the List-Id of a list, whose identifier is a label and a domain (RFC 2919 3).

    Raises HeaderInjection, or InvalidMessage for an identifier that is not `label.domain` or passes 255 characters.
    """
    refuse_controls("List-Id", identifier)
    if not _LIST_ID.fullmatch(identifier) or len(identifier) > 255:
        raise InvalidMessage(
            _("{identifier!r} cannot be a List-Id; use letters, digits and hyphens for the list's label").format(
                identifier=identifier
            )
        )
    return _phrased("List-Id", display_name, f"<{identifier}>")


def uri_field(name: str, uri: str) -> str:
    """Write a field of one URI in angle brackets (RFC 2369 2).

    Raises HeaderInjection, or InvalidMessage for what is no URI of at most 900 characters.
    """
    if not _URI.fullmatch(uri):
        refuse_controls(name, uri)
        raise InvalidMessage(
            _("{uri!r} cannot stand in {header}; write a link in full, spaces and accents as %XX").format(
                uri=uri, header=name
            )
        )
    return plain_field(name, f"<{uri}>")


def plain_field(name: str, value: str) -> str:
    """Write a field whose value is known to be ASCII, on a line of its own where it does not fit beside its name."""
    line = f"{name}: {value}"
    return f"{line}\r\n" if len(line) <= _WIDTH else f"{name}:{_FOLD}{value}\r\n"


def ascii_domain(address: str) -> str:
    """Return a checked address with its domain as A-labels; raise HeaderInjection, or InvalidMessage for no address."""
    match = _ADDRESS.fullmatch(address)
    if not match:
        refuse_controls("an address", address)
        raise InvalidMessage(_("{address!r} is no address for a header; correct it").format(address=address))
    if match["domain"].isascii():
        return address
    return f"{match['local']}@{_a_label(match['domain'])}"


@lru_cache(256)
def _a_label(domain: str) -> str:
    import idna

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise InvalidMessage(
            _("{domain!r} is no domain ({error}); correct the address").format(domain=domain, error=error)
        ) from error


def _phrased(name: str, phrase: str, bracketed: str) -> str:
    line = f"{name}: {_phrase(name, phrase)}"
    used = len(line) - (line.rfind("\n") + 1)
    return f"{line}{' ' if used + 1 + len(bracketed) <= _WIDTH else _FOLD}{bracketed}\r\n"


def _phrase(name: str, text: str) -> str:
    """Write a display name: as it is, quoted, or as encoded words, which never stand inside quotes (RFC 2047 5)."""
    if len(text) <= 60 and text.isascii() and _PLAIN.fullmatch(text):
        if _ATOMS.fullmatch(text):
            return text
        quoted = text.replace("\\", r"\\").replace('"', r"\"")
        if len(name) + len(quoted) + 4 <= _WIDTH:
            return f'"{quoted}"'
    refuse_controls(name, text)
    return _encoded_words(text, len(name) + 2)


def _encoded_words(text: str, used: int) -> str:
    """Encode in words of at most 75 characters, no character split between two; the first has `used` before it."""
    words, word = [], ""
    room = min(_ENCODED_WORD, _WIDTH - used) - len(_OPEN) - len(_CLOSE)
    whole = "".join(map(_in_word, text))
    if len(whole) <= room:  # a name, mostly
        return f"{_OPEN}{whole}{_CLOSE}"
    for encoded in map(_in_word, text):
        if len(word) + len(encoded) > room:
            words.append(word)
            word, room = "", _ENCODED_WORD - len(_OPEN) - len(_CLOSE)
        word += encoded
    return _FOLD.join(f"{_OPEN}{word}{_CLOSE}" for word in (*words, word))


@lru_cache(4096)
def _in_word(character: str) -> str:
    if character in _LITERAL_IN_WORD:
        return character
    return "_" if character == " " else "".join(f"={octet:02X}" for octet in character.encode())


def refuse_controls(name: str, text: str) -> None:
    """Refuse what could end a line and begin another header (CR, LF, NUL and their like)."""
    if found := _FORBIDDEN.search(text):
        raise HeaderInjection(
            _("The control character {character!r} cannot stand in {header}; take it out of {text!r}").format(
                header=name, character=found[0], text=text
            )
        )
