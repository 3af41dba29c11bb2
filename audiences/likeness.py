"""Tells whether a row and a contact of the same company are one person, whose address was mended in between."""

import re
from collections.abc import Iterable
from typing import Protocol

from audiences.records import ContactRecord
from audiences.rows import ParsedRow
from audiences.text import fold

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


class Person(Protocol):
    """What a row and a contact both have."""

    @property
    def given_name(self) -> str | None:
        """The first name."""

    @property
    def family_name(self) -> str | None:
        """The last name."""


def mended(contacts: Iterable[ContactRecord], row: ParsedRow) -> ContactRecord | None:
    """Give the one contact whose address the row mends, or, of an older file, had before it was mended.

    One of the two addresses is invalid; the person's name tells, or else that the one is the other with a typing
    error.
    """
    is_mending = row.address is not None
    others = [each for each in contacts if (each.address_key is None) is is_mending and each.address]
    if not others:
        return None
    found = [each for each in others if is_same_person(each, row)]
    if not found:
        written = row.address.text if row.address else row.unusable or ""
        found = [
            each
            for each in others
            if is_slip(each, row, *((each.address or "", written) if is_mending else (written, each.address or "")))
        ]
    return found[0] if len(found) == 1 else None


def is_same_person(one: Person, other: Person) -> bool:
    """Tell whether both have the same family name, and the first names do not contradict."""
    if not one.family_name or not other.family_name:
        return False
    return _agree(one.family_name, other.family_name) and _agree(one.given_name, other.given_name)


def is_slip(one: Person, other: Person, invalid: str, valid: str) -> bool:
    """Tell whether an invalid address is the valid one but for punctuation or a missing end, and no name contradicts."""
    if not (_agree(one.given_name, other.given_name) and _agree(one.family_name, other.family_name)):
        return False
    invalid, valid = "".join(invalid.split()).casefold(), valid.casefold()
    if _NOT_ALPHANUMERIC.sub("", invalid) == _NOT_ALPHANUMERIC.sub("", valid):
        return True
    stem = invalid.rstrip("@.")
    return bool(stem) and valid.startswith((f"{stem}@", f"{stem}."))


def _agree(one: str | None, other: str | None) -> bool:
    return not one or not other or fold(one) == fold(other)
