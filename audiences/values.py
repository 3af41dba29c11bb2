"""The values of a spreadsheet's cells: each checked and typed, or refused with the reason that the officer reads."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from gettext import gettext as _
from typing import NamedTuple

from audiences.addresses import Address, is_role_mailbox
from audiences.models import ContactKind, LegalBasis
from audiences.text import fold, nearest


class Headcount(NamedTuple):
    """Lowest and highest number of employees; `highest` is None for an open band."""

    lowest: int
    highest: int | None


# INSEE, SIRENE: variable trancheEffectifsEtablissement; NN is an establishment that employs nobody.
HEADCOUNT_BANDS: Mapping[str, Headcount] = {
    "NN": Headcount(0, 0),
    "00": Headcount(0, 0),
    "01": Headcount(1, 2),
    "02": Headcount(3, 5),
    "03": Headcount(6, 9),
    "11": Headcount(10, 19),
    "12": Headcount(20, 49),
    "21": Headcount(50, 99),
    "22": Headcount(100, 199),
    "31": Headcount(200, 249),
    "32": Headcount(250, 499),
    "41": Headcount(500, 999),
    "42": Headcount(1000, 1999),
    "51": Headcount(2000, 4999),
    "52": Headcount(5000, 9999),
    "53": Headcount(10000, None),
}

KINDS = {
    "professionnel": ContactKind.PROFESSIONAL,
    "professional": ContactKind.PROFESSIONAL,
    "nominatif": ContactKind.PROFESSIONAL,
    "generique": ContactKind.ROLE,
    "role": ContactKind.ROLE,
    "particulier": ContactKind.INDIVIDUAL,
    "individual": ContactKind.INDIVIDUAL,
    "porteur de projet": ContactKind.INDIVIDUAL,
}

LEGAL_BASES = {
    "consentement": LegalBasis.CONSENT,
    "consent": LegalBasis.CONSENT,
    "interet legitime": LegalBasis.LEGITIMATE_INTEREST,
    "legitimate interest": LegalBasis.LEGITIMATE_INTEREST,
    "contrat": LegalBasis.CONTRACT,
    "contract": LegalBasis.CONTRACT,
    "mission de service public": LegalBasis.PUBLIC_TASK,
    "mission d interet public": LegalBasis.PUBLIC_TASK,
    "service public": LegalBasis.PUBLIC_TASK,
    "public task": LegalBasis.PUBLIC_TASK,
}

CLOSED = frozenset({"f", "c", "ferme", "fermee", "cesse", "cessee", "closed"})
OPEN = frozenset({"a", "actif", "active", "en activite", "ouvert", "open"})

YES = frozenset({"oui", "o", "x", "yes", "y", "vrai", "true", "1"})
NO = frozenset({"", "non", "n", "no", "faux", "false", "0"})

# Addresses at these providers belong to persons unless the sheet says otherwise (STANDARDS L2: CNIL, prospecting).
WEBMAIL_DOMAINS = frozenset(
    "aol.com bbox.fr free.fr gmail.com gmx.fr hotmail.com hotmail.fr icloud.com laposte.net live.fr neuf.fr "
    "numericable.fr orange.fr outlook.com outlook.fr sfr.fr wanadoo.fr yahoo.com yahoo.fr".split()
)

MOST_EMPLOYEES = 9_999_999
"""More than any establishment has: what is above is a number of something else."""

EXCEL_EPOCH = date(1899, 12, 30)
"""Day 0 of Excel's serial dates (its year 1900 is wrongly a leap year, hence not the 31st)."""


# Luhn: of 14 digits those at even places, from the left, count double (INSEE; ISO/IEC 7812-1 annex B).
_DOUBLED = bytes.maketrans(b"0123456789", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
_SINGLE = bytes.maketrans(b"0123456789", bytes(range(10)))
_SCIENTIFIC = re.compile(r"(\d)[.,](\d+)[eE]\+?(1[0-3])", re.ASCII)

SHOWN_DIGITS = 9
"""A spreadsheet that shows a number as 1,23457E+13 has dropped digits; with so many it has not."""


def parse_siret(text: str) -> str:
    """Give the 14 digits of a SIRET, its check digits verified (INSEE: Luhn, La Poste's exception); else ValueError.

    A number that a spreadsheet wrote as 9.0000001900019E+13 is one, unless it dropped digits; leading zeros come back.
    """
    if len(text) == 14 and text.isdigit() and text.isascii() and _is_luhn(text):
        return text
    return _parse_siret(text)


def _is_luhn(digits: str) -> bool:
    raw = digits.encode()
    total = sum(raw[::2].translate(_DOUBLED)) + sum(raw[1::2].translate(_SINGLE))
    return total % 10 == 0 and total > 0


def _parse_siret(text: str) -> str:
    from stdnum.fr import siret

    digits = re.sub(r"[\s.\u00a0\u202f-]", "", text) if not _SCIENTIFIC.fullmatch(text) else text
    if match := _SCIENTIFIC.fullmatch(text):
        decimals, power = match[2], int(match[3])
        if len(decimals) < SHOWN_DIGITS or len(decimals) > power:
            raise ValueError(
                _("the spreadsheet shortened this SIRET: format the column as a number without decimals, export again")
            )
        digits = f"{match[1]}{decimals}".ljust(power + 1, "0")
    if digits.isdigit() and digits.isascii() and len(digits) in {12, 13}:
        digits = digits.zfill(14)  # a spreadsheet drops the leading zeros of a number
    # All zeros is a filler, which the check digits let pass.
    if not digits.strip("0") or not siret.is_valid(digits):
        raise ValueError(_("not a SIRET: 14 digits with a valid check digit"))
    return digits


def parse_postcode(text: str) -> str:
    """Give a French postcode of five digits; a leading zero that a spreadsheet dropped comes back."""
    digits = re.sub(r"\s", "", text)
    if not re.fullmatch(r"\d{4,5}", digits, re.ASCII):
        raise ValueError(_("not a postcode: five digits"))
    return digits.zfill(5)


def parse_commune_code(text: str) -> str:
    """Give an INSEE commune code (two digits or 2A/2B, then three digits)."""
    code = text.strip().upper().zfill(5)
    if not re.fullmatch(r"(\d{2}|2[AB])\d{3}", code, re.ASCII):
        raise ValueError(_("not an INSEE commune code: five characters"))
    return code


def parse_date(text: str) -> date:
    """Read 2020-03-30, 30/03/2020, 30.03.20, a date with a time after it, or Excel's serial number."""
    compact = text.strip()
    if re.fullmatch(r"\d{5}(\.\d+)?", compact, re.ASCII):
        return EXCEL_EPOCH + timedelta(days=int(float(compact)))
    day = re.split(r"[ T]", compact, maxsplit=1)[0].replace(".", "/").replace("-", "/")
    for pattern in ("%Y/%m/%d", "%d/%m/%Y", "%d/%m/%y"):
        try:
            return datetime.strptime(day, pattern).date()  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            continue
    raise ValueError(_("not a date: write it like 30/03/2020"))


def parse_band(text: str) -> Headcount:
    """Read a headcount band by its INSEE code ("11") or its label ("10 à 19 salariés")."""
    code = text.strip().upper()
    if code.isdigit():
        code = code.zfill(2)
    return HEADCOUNT_BANDS.get(code) or parse_headcount(text)


def parse_headcount(text: str) -> Headcount:
    """Read a number of employees, or a label with one or two numbers ("10 à 19 salariés", "10 000 salariés et plus")."""
    numbers = [int(re.sub(r"\D", "", part)) for part in re.findall(r"\d+(?:[\s\u00a0\u202f]\d{3})*", text)]
    match numbers:
        case [only] if only <= MOST_EMPLOYEES:
            is_open = fold(text).endswith("plus")
            return Headcount(only, None if is_open else only)
        case [lowest, highest] if lowest <= highest <= MOST_EMPLOYEES:
            return Headcount(lowest, highest)
    raise ValueError(_("not a headcount: a number, a band code or a band like “10 à 19”"))


def parse_diffusion(text: str) -> str:
    """Read a SIRENE diffusion status: O (open), P (partial: not to be prospected) or N."""
    letter = text.strip().upper()[:1]
    if letter not in {"O", "P", "N"}:
        raise ValueError(_("not a diffusion status: O, P or N"))
    return letter


def parse_state(text: str) -> bool:
    """Read whether an establishment is closed (INSEE etatAdministratifEtablissement: F; A is active), or a word for it."""
    word = fold(text)
    if word in CLOSED:
        return True
    if word in OPEN:
        return False
    raise ValueError(_("not a state: A (active) or F (closed)"))


def parse_yes_no(text: str) -> bool:
    """Read oui/non, x, 1/0; an empty cell is no."""
    word = fold(text)
    if word in YES:
        return True
    if word in NO:
        return False
    raise ValueError(_("neither yes nor no: write “oui” or leave the cell empty"))


def parse_kind(text: str) -> ContactKind:
    """Read the kind of a contact: professionnel, générique or particulier."""
    try:
        return KINDS[fold(text)]
    except KeyError:
        raise ValueError(_("not a kind of contact: professionnel, générique or particulier")) from None


def guess_kind(address: Address | None, *, has_company: bool) -> ContactKind:
    """Tell the kind of a contact whose sheet does not: a function's mailbox, a webmail user, else a person at work."""
    if address is not None and is_role_mailbox(address):
        return ContactKind.ROLE
    if not has_company or (address is not None and address.key.rpartition("@")[2] in WEBMAIL_DOMAINS):
        return ContactKind.INDIVIDUAL
    return ContactKind.PROFESSIONAL


def parse_legal_basis(text: str) -> LegalBasis:
    """Read a legal basis by its French or English name."""
    try:
        return LEGAL_BASES[fold(text)]
    except KeyError:
        names = ", ".join(sorted({"consentement", "intérêt légitime", "contrat", "mission de service public"}))
        raise ValueError(_("not a legal basis: {names}").format(names=names)) from None


def parse_tags(text: str) -> tuple[str, ...]:
    """Split the words of a cell at commas, semicolons and bars, each once, in their order."""
    return tuple(dict.fromkeys(word for part in re.split(r"[,;|]", text) if (word := part.strip())))


class Terms:
    """A closed list of words of relais.toml (natures, channels) that cells are matched against, accents and case aside."""

    def __init__(self, words: Sequence[str], setting: str) -> None:
        self._setting = setting
        self._words = {fold(word): word for word in words}

    def parse(self, text: str) -> str:
        """Give the word as relais.toml spells it; ValueError names the nearest one."""
        found = self._words.get(fold(text))
        if found is None:
            near = nearest(text, self._words.values())
            raise ValueError(
                _("not in the list {setting} of relais.toml; the nearest is “{near}”").format(
                    setting=self._setting, near=near[0] if near else "-"
                )
            )
        return found
