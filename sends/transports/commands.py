"""One message as its owner hands it over, and the commands that carry its envelope."""

import re
from enum import StrEnum
from functools import lru_cache
from gettext import gettext as _
from typing import NamedTuple

import idna

from sends.errors import InvalidEnvelope
from sends.transports.capabilities import Capabilities
from sends.transports.reply import Reply

MAX_LOCAL_PART = 64  # RFC 5321 4.5.3.1.1, octets
MAX_ADDRESS = 254  # 4.5.3.1.3: a path of 256 with its < and >
MAX_ENVID = 100  # RFC 3461 4.4
MAX_ORCPT = 500  # RFC 3461 4.2

_PLAIN_ADDRESS = re.compile(r"[!-;=?A-Z\[-~]+@[!-;=?A-Z\[-~]+", re.ASCII)  # printable, no space, no < >
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")


class Notify(StrEnum):
    """When the recipient's side is to report back (RFC 3461 4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


class OutgoingMessage(NamedTuple):
    """One message to one recipient; `key` names it in events, `body` has CR LF line ends and is not dot-stuffed.

    The body comes in pieces, which are put together as they are written: a campaign's messages share most of theirs.
    `sender` is the envelope sender, empty for the null path. `smtputf8` says that the headers hold raw UTF-8.
    `envid` and `notify` reach only relays that offer DSN. `is_canonical` says that whoever built the body has looked at
    all of it: CR LF after lines of at most 900 octets, no other CR or LF, no line that begins with a dot, and ASCII
    unless `smtputf8`.
    """

    key: int
    sender: str
    recipient: str
    body: tuple[bytes, ...]
    envid: str | None = None
    notify: tuple[Notify, ...] = ()
    smtputf8: bool = False
    is_canonical: bool = False

    @property
    def size(self) -> int:
        """The length of the body in octets."""
        return sum(map(len, self.body))

    @property
    def is_eight_bit(self) -> bool:
        """Whether the body is not ASCII."""
        return self.smtputf8 if self.is_canonical else not all(map(bytes.isascii, self.body))


def envelope(message: OutgoingMessage, offered: Capabilities) -> tuple[bytes, bytes]:
    """Return the MAIL and RCPT commands of `message`, with the parameters that the relay offers (RFC 5321 4.1.1.11).

    Raise InvalidEnvelope where an address or parameter could break out of its command.
    """
    sender = _sender_path(message.sender) if message.sender else ""
    recipient = _path(message.recipient)
    mail = f"MAIL FROM:<{sender}>"
    if offered.size is not None:
        mail += f" SIZE={message.size}"
    if offered.eight_bit and message.is_eight_bit:
        mail += " BODY=8BITMIME"
    if offered.smtputf8 and _needs_smtputf8(message):
        mail += " SMTPUTF8"
    rcpt = f"RCPT TO:<{recipient}>"
    if offered.dsn and (message.envid or message.notify):
        mail += " RET=HDRS"
        if message.envid:
            mail += f" ENVID={_envid(message.envid)}"
        rcpt += _dsn_of_recipient(message)
    return f"{mail}\r\n".encode(), f"{rcpt}\r\n".encode()


def shortcoming(message: OutgoingMessage, offered: Capabilities) -> Reply | None:
    """Return the reply that `message` is bound to get for what the relay does not offer, None where all fits.

    Enhanced codes of RFC 3463 and RFC 6531; it spares a round trip, and the body.
    """
    if offered.size and message.size > offered.size:
        return Reply(
            552,
            "5.3.4",
            _("the message has {size} octets, the relay takes {limit}").format(size=message.size, limit=offered.size),
        )
    if not offered.smtputf8 and _needs_smtputf8(message):
        return Reply(553, "5.6.7", _("the address or headers need SMTPUTF8, which the relay does not offer"))
    if not offered.eight_bit and message.is_eight_bit:
        return Reply(554, "5.6.3", _("the body is 8-bit, which the relay does not offer to take"))
    return None


def xtext(text: str) -> str:
    """Encode printable ASCII for a DSN parameter (RFC 3461 4): `a+b` becomes `a+2Bb`."""
    return _NOT_XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", text)


def _needs_smtputf8(message: OutgoingMessage) -> bool:
    """Say whether a local part or header is not ASCII; a domain never needs it, having its A-label."""
    if message.sender.isascii() and message.recipient.isascii():
        return message.smtputf8
    return message.smtputf8 or not all(
        address.rpartition("@")[0].isascii() for address in (message.sender, message.recipient)
    )


def _path(address: str) -> str:
    """Return `address` with its domain as A-labels; raise where it cannot stand between < and >."""
    if len(address) <= MAX_LOCAL_PART and _PLAIN_ADDRESS.fullmatch(address):
        return address
    path = address if address.isascii() else _with_a_labels(address)
    # isprintable() holds for no control character and no space but U+0020
    if not _PLAIN_ADDRESS.fullmatch(path) and (
        path.isascii() or not path.isprintable() or any(letter in path for letter in " <>") or path.startswith("@")
    ):
        raise InvalidEnvelope(
            _("{address!r} cannot be written into an SMTP command; correct or remove the contact").format(
                address=address
            )
        )
    octets = path.encode()
    if len(octets) > MAX_ADDRESS or octets.rfind(b"@") > MAX_LOCAL_PART:
        raise InvalidEnvelope(
            _("{address!r} is longer than SMTP allows; correct or remove the contact").format(address=address)
        )
    return path


_sender_path = lru_cache(8)(_path)  # one for all recipients of a campaign


def _with_a_labels(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}{at}{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError as error:
        raise InvalidEnvelope(
            _("{address!r} has no valid domain ({error}); correct or remove the contact").format(
                address=address, error=error
            )
        ) from error


def _envid(envid: str) -> str:
    if len(envid) <= MAX_ENVID and envid.isascii() and envid.isalnum():
        return envid
    encoded = xtext(envid)
    if not envid.isascii() or not envid.isprintable() or len(encoded) > MAX_ENVID:
        raise InvalidEnvelope(
            _("Envelope id {envid!r} is not printable ASCII of at most {limit} characters").format(
                envid=envid, limit=MAX_ENVID
            )
        )
    return encoded


def _dsn_of_recipient(message: OutgoingMessage) -> str:
    parameters = ""
    if message.notify:
        if Notify.NEVER in message.notify and len(message.notify) > 1:
            raise InvalidEnvelope(_("NOTIFY=NEVER stands alone (RFC 3461 4.1); drop it or the others"))
        parameters += f" NOTIFY={','.join(message.notify)}"
    original = f"rfc822;{xtext(message.recipient)}"
    # RFC 3461 knows ASCII addresses only
    if message.recipient.isascii() and len(original) <= MAX_ORCPT:
        parameters += f" ORCPT={original}"
    return parameters
