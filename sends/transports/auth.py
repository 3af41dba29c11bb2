"""What is said to log in at a relay (RFC 4954)."""

from base64 import b64encode
from collections.abc import Iterator

from sends.transports.settings import Auth


def choose(wanted: Auth, offered: frozenset[str]) -> Auth | None:
    """Return the mechanism to use, None where the relay offers none that would do."""
    candidates = (Auth.PLAIN, Auth.LOGIN) if wanted is Auth.AUTO else (wanted,)
    return next((each for each in candidates if each.value.upper() in offered), None)


def lines(mechanism: Auth, username: str, password: str) -> Iterator[bytes]:
    """Yield the AUTH command, then one line for each time the relay asks for more (334).

    Sources: RFC 4616 for PLAIN, the expired draft-murchison-sasl-login for LOGIN, the mail providers' common
    XOAUTH2. After a failed XOAUTH2 the relay says why in a 334 and waits for an empty line.
    """
    if mechanism is Auth.PLAIN:
        yield b"AUTH PLAIN " + b64encode(f"\0{username}\0{password}".encode())
    elif mechanism is Auth.LOGIN:
        yield b"AUTH LOGIN"
        yield b64encode(username.encode())
        yield b64encode(password.encode())
    else:
        yield b"AUTH XOAUTH2 " + b64encode(f"user={username}\x01auth=Bearer {password}\x01\x01".encode())
        yield b""
