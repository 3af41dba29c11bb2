"""Addresses: what can be written to, and which two of them are the same mailbox."""

import re
from collections.abc import Callable
from functools import lru_cache
from gettext import gettext as _
from typing import NamedTuple

from audiences.errors import InvalidAddress

ROLE_LOCAL_PARTS = frozenset(
    "accueil administration bonjour bureau commande commercial comptabilite compta contact courrier direction gestion "
    "info infos information mairie office rh sales secretariat service support webmaster".split()
)


# What email-validator is certain to accept: letters, digits and a few marks, no label that could be an A-label, and no
# reserved top-level domain. Measured: 1.5 us, against 45 us; a test compares the two.
_PLAIN = re.compile(r"([\w+-]++(?:\.[\w+-]++)*+)@((?:[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+\.)++([A-Za-z]{2,}+))", re.ASCII)
_RESERVED = frozenset({"arpa", "invalid", "local", "localhost", "onion"})
_PART_MAX = 64
"""Characters before the @-sign, and beyond it, up to which no label of the domain can be too long."""


class Address(NamedTuple):
    """`text` is what stands on the envelope (local part as given, domain lower case); `key` tells equal mailboxes."""

    text: str
    key: str


@lru_cache(maxsize=16_384)
def parse_address(text: str) -> Address:
    """Check an address as `read_address` does, and remember it."""
    return read_address(text)


def read_address(text: str) -> Address:
    """Check the syntax and lengths of an address (RFC 5321 4.5.3.1, no DNS) and give it with its mailbox key.

    The local part keeps its case on the envelope (RFC 5321 2.4) and is folded in the key: no provider that matters
    tells `Contact@` from `contact@`, and a person must not get one campaign twice. An internationalised domain has its
    A-label in the key (RFC 5891). Raises InvalidAddress, whose text says what is wrong with it.
    """
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        local, domain, top = plain.groups()
        domain = domain.lower()
        if len(local) <= _PART_MAX and len(domain) <= _PART_MAX and top.lower() not in _RESERVED:
            return Address(f"{local}@{domain}", f"{local.lower()}@{domain}")
    return _validate(text)


def _validate(text: str) -> Address:
    from email_validator import EmailNotValidError, validate_email

    try:
        # `test_environment` admits the reserved domain .test (RFC 6761), which reaches nobody; `strict` checks that the
        # local part has no more than 64 characters.
        valid = validate_email(text.strip(), check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        raise _RefusedAddress(text.strip(), str(error)) from None
    domain = (valid.ascii_domain or valid.domain).lower()
    return Address(f"{valid.local_part}@{valid.domain.lower()}", f"{valid.local_part.casefold()}@{domain}")


class _RefusedAddress(InvalidAddress):
    """What email-validator refuses, put into words when it is told: to look a translation up takes 40 us."""

    def __str__(self) -> str:
        address, fault = self.args
        return _("{address} is not an address: {why}").format(address=address, why=_why(fault))


def _why(fault: str) -> str:
    """Put a sentence of email-validator's, whose own are English only, into the language of the interface."""
    found = _SIGNS.fullmatch(fault)
    if found is not None:
        after = _("The part after the @-sign contains invalid characters: {signs}.")
        before = _("The email address contains invalid characters before the @-sign: {signs}.")
        return (before if found["before"] else after).format(signs=found["signs"].replace("SPACE", _("a space")))
    if fault.startswith("The email address is too long before the @-sign"):
        return _("More than 64 characters stand before the @-sign.")
    if fault.startswith(("The email address is too long", "After the @-sign, periods cannot")):
        return _("The email address, or a part of it, is too long.")
    known = _KNOWN_FAULTS.get(fault)
    return fault if known is None else known()


_SIGNS = re.compile(
    r"(?:The part after the @-sign contains|(?P<before>The email address contains)) invalid characters"
    r"(?(before) before the @-sign): (?P<signs>.+)\.",
    re.DOTALL,
)


# What email-validator 2 says of an address (its syntax.py), and how the officer reads it: translated when it is asked for,
# as a translation takes 40 us.
_KNOWN_FAULTS: dict[str, Callable[[], str]] = {
    "An email address must have an @-sign.": lambda: _("An email address must have an @-sign."),
    "There must be something before the @-sign.": lambda: _("There must be something before the @-sign."),
    "There must be something after the @-sign.": lambda: _("There must be something after the @-sign."),
    "The part after the @-sign is not valid. It should have a period.": lambda: _(
        "The part after the @-sign is not valid. It should have a period."
    ),
    "The part after the @-sign is not valid. It is not within a valid top-level domain.": lambda: _(
        "The part after the @-sign is not valid. It is not within a valid top-level domain."
    ),
    "The part after the @-sign is a special-use or reserved name that cannot be used with email.": lambda: _(
        "The part after the @-sign is a special-use or reserved name that cannot be used with email."
    ),
    "An email address cannot have two periods in a row.": lambda: _(
        "An email address cannot have two periods in a row."
    ),
    "An email address cannot start with a period.": lambda: _("An email address cannot start with a period."),
    "An email address cannot end with a period.": lambda: _("An email address cannot end with a period."),
    "An email address cannot have a period immediately before the @-sign.": lambda: _(
        "An email address cannot have a period immediately before the @-sign."
    ),
    "An email address cannot have a period immediately after the @-sign.": lambda: _(
        "An email address cannot have a period immediately after the @-sign."
    ),
    "An email address cannot have a hyphen immediately after the @-sign.": lambda: _(
        "An email address cannot have a hyphen immediately after the @-sign."
    ),
    "An email address cannot have a period and a hyphen next to each other.": lambda: _(
        "An email address cannot have a period and a hyphen next to each other."
    ),
    "A display name and angle brackets around the email address are not permitted here.": lambda: _(
        "A display name and angle brackets around the email address are not permitted here."
    ),
    "A bracketed IP address after the @-sign is not allowed here.": lambda: _(
        "A bracketed IP address after the @-sign is not allowed here."
    ),
    "Quoting the part before the @-sign is not allowed here.": lambda: _(
        "Quoting the part before the @-sign is not allowed here."
    ),
}


def is_role_mailbox(address: Address) -> bool:
    """Tell whether the local part names a function rather than a person (contact@, info@)."""
    return address.key.partition("@")[0] in ROLE_LOCAL_PARTS
