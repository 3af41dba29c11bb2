"""The token by which a recipient's wish to leave is recognised, and the mailto link that carries it."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

_KEY_ID, _MAC = 4, 20  # hexadecimal digits: 16 bits tell the keys apart, 80 bits keep a token from being guessed
_ADDRESS = "@!$'*+"  # what RFC 6068 2 leaves unencoded there, beside letters, digits and -._~
_TOKEN = re.compile(rf"([0-9a-f]{{{_KEY_ID}}})([0-9a-f]{{{_MAC}}})(0|[1-9][0-9]{{0,18}})")


def make_token(secret: bytes, delivery_id: int) -> str:
    """Sign a delivery's id: key id and HMAC-SHA256 cut to 80 bits, both in hexadecimal, then the id in decimal.

    Of small letters and digits only, it stands unchanged in a URL, a subject or a local part.
    """
    return f"{_key_id(secret)}{_sign(secret, str(delivery_id))}{delivery_id}"


def read_token(secrets: Iterable[bytes], token: str) -> int | None:
    """Give the delivery's id where one of `secrets`, the present one or older ones, signed the token, else None."""
    match = _TOKEN.fullmatch(token)
    if not match:
        return None
    key_id, mac, delivery_id = match.groups()
    for secret in secrets:
        if _key_id(secret) == key_id and hmac.compare_digest(_sign(secret, delivery_id), mac):
            return int(delivery_id)
    return None


def mailto_link(address: str, token: str, subject: str = "Desinscription") -> str:
    """Write the link that opens a mail to `address` whose subject ends with a token of `make_token` (RFC 6068).

    The subject rather than a plus address, which ordinary mailboxes do not have; without an accent, as some mail
    programs do not decode one.
    """
    return _link_start(address, subject) + token


@lru_cache(8)
def _link_start(address: str, subject: str) -> str:
    return f"mailto:{quote(address, safe=_ADDRESS)}?subject={quote(f'{subject} ', safe='')}"


@lru_cache(8)
def _key_id(secret: bytes) -> str:
    return hashlib.sha256(b"key id:" + secret).hexdigest()[:_KEY_ID]


def _sign(secret: bytes, delivery_id: str) -> str:
    return keyed_digest(secret, "unsubscribe", delivery_id)[:_MAC]


def keyed_digest(secret: bytes, purpose: str, text: str) -> str:
    """Give the HMAC-SHA256 of `purpose:text` in hexadecimal; the keyed start of it is worked out once (RFC 2104 4)."""
    mac = _keyed(secret, purpose).copy()
    mac.update(text.encode())
    return mac.hexdigest()


@lru_cache(8)
def _keyed(secret: bytes, purpose: str) -> hmac.HMAC:
    return hmac.new(secret, f"{purpose}:".encode(), "sha256")
