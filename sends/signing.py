"""DKIM signatures of messages (RFC 6376), fast enough to sign each one as it leaves."""

import base64
import hashlib
import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from gettext import gettext as _
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sends.errors import InvalidKey
from sends.retries import GIVE_UP_AFTER

SigningKey = RSAPrivateKey | Ed25519PrivateKey

SIGNED = (
    "From",
    "To",
    "Subject",
    "Date",
    "Reply-To",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "List-Help",
    "List-Owner",
    "Auto-Submitted",
    "Feedback-ID",
)
"""The fields that nobody may change or add on the way."""

LIFETIME = GIVE_UP_AFTER + timedelta(days=10)
"""How long a signature is valid: longer than we and then the relay (RFC 5321 4.5.4.1: 4 to 5 days) try to deliver."""

MIN_RSA_BITS = 2048  # RFC 8301 3.2

_WIDTH = 76
_OTHERS = 0o007
_FOLDED = "\r\n "
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_SPACES = re.compile(rb"[ \t]+")


class Signer:
    """Signs the messages of one domain: `selector`._domainkey.`domain` holds the public key in the DNS.

    rsa-sha256 or ed25519-sha256 (RFC 8463) by the kind of the key, relaxed canonicalisation of header and body. With
    `signs_message_id` off the Message-ID stays out, for a relay that writes its own.
    """

    def __init__(self, domain: str, selector: str, key: SigningKey, *, signs_message_id: bool = True) -> None:
        self._key = key
        algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"
        self._fixed = [f"v=1; a={algorithm}; c=relaxed/relaxed;", f"d={domain};", f"s={selector};"]
        self._names = tuple(name for name in SIGNED if signs_message_id or name != "Message-ID")

    def sign(self, content: bytes, now: datetime) -> bytes:
        """Give the DKIM-Signature field to write before `content`, a whole message with CR LF line ends.

        Each signed field is named once more than it stands there, so that another one added on the way breaks the
        signature (RFC 6376 5.4.2).
        """
        header, _blank, body = content.partition(b"\r\n\r\n")
        fields = _relaxed_fields(header)
        signed = [fields.get(name.lower().encode(), []) for name in self._names]
        digest = base64.b64encode(hashlib.sha256(_relaxed_body(body)).digest()).decode()
        since = int(now.timestamp())
        lines = [
            *self._fixed,
            f"t={since}; x={since + int(LIFETIME.total_seconds())};",
            *_name_lines(tuple((name, len(values) + 1) for name, values in zip(self._names, signed, strict=True))),
            f"bh={digest};",
        ]
        # Each fold is one space once unfolded, so that the lines joined by spaces are the relaxed form (3.4.2).
        ours = f"dkim-signature:{' '.join(lines)} b=".encode()
        value = base64.b64encode(self._sign(b"\r\n".join([*_from_the_last(signed), ours]))).decode()
        lines += [f"{'' if at else 'b='}{value[at : at + _WIDTH - 4]}" for at in range(0, len(value), _WIDTH - 4)]
        return f"DKIM-Signature: {_FOLDED.join(lines)}\r\n".encode()

    def _sign(self, signed: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(signed, PKCS1v15(), SHA256())
        return self._key.sign(hashlib.sha256(signed).digest())  # RFC 8463 3: the hash is signed


def load_key(path: Path) -> SigningKey:
    """Read a private key from a PEM file; InvalidKey where it is missing, open to others, encrypted or too short."""
    try:
        is_open = os.name == "posix" and path.stat().st_mode & _OTHERS
        pem = path.read_bytes()
    except OSError as error:
        raise InvalidKey(
            _("The DKIM key {file} cannot be read ({cause}). Correct private_key_file under [dkim].").format(
                file=path, cause=error.strerror
            )
        ) from error
    if is_open:
        raise InvalidKey(
            _("The DKIM key {file} can be read by everybody on this machine. Run: chmod 600 {file}").format(file=path)
        )
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise InvalidKey(
            _("The DKIM key {file} is encrypted. Store it without a password: openssl pkey -in {file}").format(
                file=path
            )
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKey(
            _("{file} holds no private key in PEM form. Make one: openssl genrsa -out {file} 2048").format(file=path)
        ) from None
    if isinstance(key, RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        raise InvalidKey(
            _("The DKIM key {file} has {bits} bits. Make one of {least} bits: openssl genrsa -out {file} 2048").format(
                file=path, bits=key.key_size, least=MIN_RSA_BITS
            )
        )
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise InvalidKey(_("The DKIM key {file} is neither RSA nor Ed25519. Make one of these.").format(file=path))
    return key


def _relaxed_fields(header: bytes) -> dict[bytes, list[bytes]]:
    """Give the lines of each field in relaxed form by its name, in the order of the message (RFC 6376 3.4.2)."""
    fields: dict[bytes, list[bytes]] = {}
    for line in _SPACES.sub(b" ", _FOLD.sub(b"", header)).split(b"\r\n"):
        name, _colon, value = line.partition(b":")
        name = name.rstrip().lower()
        fields.setdefault(name, []).append(name + b":" + value.strip(b" "))
    return fields


def _from_the_last(signed: list[list[bytes]]) -> Iterator[bytes]:
    for values in signed:
        yield from reversed(values)  # RFC 6376 5.4.2: the last one of the message counts first


def _relaxed_body(body: bytes) -> bytes:
    """Shorten spaces, take those at line ends and the empty lines at the end off (RFC 6376 3.4.4).

    Whole passes in C, as a mail of 22 KB has 400 lines.
    """
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    body = (body + b"\r\n").replace(b" \r\n", b"\r\n").rstrip(b"\r\n")
    return body and body + b"\r\n"


@cache
def _name_lines(counts: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """Write the tag h, each name as often as it is signed, in lines that fit; equal for all messages of a campaign."""
    lines, line = [], "h="
    for name in (each for each, count in counts for _time in range(count)):
        if len(line) + len(name) + 1 > _WIDTH:
            lines.append(line)
            line = ""
        line += f"{name}:"
    return (*lines, f"{line.removesuffix(':')};")
