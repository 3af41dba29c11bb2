"""NAF codes: their one spelling, the nomenclature that a code belongs to, their labels."""

import re
from enum import StrEnum
from gettext import gettext as _

from audiences.errors import InvalidNaf
from audiences.reference import naf_labels

_CODE = re.compile(r"(\d\d)\.?(\d\d)([A-Z])", re.ASCII)
_IGNORED = re.compile(r"\s+")


class Nomenclature(StrEnum):
    """A vintage of the French nomenclature of activities, named as SIRENE names it."""

    NAF_REV2 = "NAFRev2"  # in force since 2008; a subclass ends in A to F, or Z where its class is not divided
    NAF2025 = "NAF2025"  # replaces it in 2027; a subclass ends in G and after, or Y where its class is not divided


def normalise_naf(text: str) -> str:
    """Return a subclass code as INSEE writes it ("5610c", "56.10 C" -> "56.10C"); raise InvalidNaf otherwise."""
    match = _CODE.fullmatch(_IGNORED.sub("", text).upper())
    if match is None:
        raise InvalidNaf(
            _("{text!r} is not a NAF code: write four digits and a letter, such as 56.10C").format(text=text)
        )
    return f"{match[1]}.{match[2]}{match[3]}"


def nomenclature_of(code: str) -> Nomenclature:
    """Return the nomenclature of a subclass code: its last letter tells, as the two share no letter."""
    return Nomenclature.NAF_REV2 if normalise_naf(code)[-1] in "ABCDEFZ" else Nomenclature.NAF2025


def naf_label(code: str) -> str | None:
    """Return the label of a rév. 2 subclass, None for a code that the reference does not have (as those of 2025)."""
    return naf_labels().get(normalise_naf(code))
