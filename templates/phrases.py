"""Values put into words as French does: periods, phone numbers, shares, ordinals, lists, and the elided de and que."""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from babel.numbers import format_decimal

from templates import typography
from templates.typography import NARROW, NO_BREAK

_ELIDED = {"de": "d’", "le": "l’", "la": "l’", "que": "qu’", "se": "s’", "ne": "n’", "je": "j’"}
_ASPIRATED = frozenset(
    "haie haine hall halle halte hameau hamburger handicap hangar hareng haricot hasard hausse haut haute hauteur havre "
    "hernie heron heros hetre hibou hierarchie hockey hollande homard hongrie honte hors houblon houille housse hutte".split()
)
"""Nouns before which nothing is elided (an h that the Académie's dictionary calls aspirated)."""


def datetime(value: dt.datetime) -> str:
    """Write a day and a time, as in jeudi 14 mai 2020 à 11 h."""
    return f"{typography.date(value)} à {typography.time(value)}"


def period(start: dt.date, end: dt.date, *, year: bool = True) -> str:
    """Write the days from one to another, as in du 12 au 14 avril 2020; one day is le 12 avril 2020."""
    if start > end:
        raise ValueError(f"{start} > {end}")
    last = _day(end, month=True, year=year)
    if start == end:
        return f"le {last}"
    if start.year != end.year:
        return f"du {_day(start, month=True, year=True)} au {_day(end, month=True, year=True)}"
    return f"du {_day(start, month=start.month != end.month, year=False)} au {last}"


def _day(value: dt.date, *, month: bool, year: bool) -> str:
    if month:
        return typography.date(value, weekday=False, year=year).replace(" ", NO_BREAK, 1)
    return "1er" if value.day == 1 else str(value.day)


def hours(start: dt.time, end: dt.time) -> str:
    """Write the hours from one to another, as in de 9 h 30 à 11 h."""
    return f"de {typography.time(start)} à {typography.time(end)}"


def phone(value: str) -> str:
    """Write a French number in pairs, as in 03 21 00 00 00; any other stays as it is written."""
    digits = re.sub(r"[\s.\-()]", "", value)
    digits = re.sub(r"^(?:\+33|0033)(?:0)?", "0", digits)
    if re.fullmatch(r"0\d{9}", digits):
        return NO_BREAK.join(digits[at : at + 2] for at in range(0, 10, 2))
    return value.strip()


def dial(value: str) -> str:
    """Write a number as a tel: link takes it, digits and a leading + alone (RFC 3966 3)."""
    return ("+" if value.strip().startswith("+") else "") + re.sub(r"\D", "", value)


def number(value: float | Decimal) -> str:
    """Write a number with its groups of three digits, as in 1 250 or 2,5."""
    return format_decimal(value, locale="fr").replace(NO_BREAK, NARROW)


def percent(value: str | float | Decimal) -> str:
    """Write a share of a hundred, as in 5,5 %: the number 5.5, not 0.055."""
    if isinstance(value, str):
        written = value.strip().rstrip("%").strip()
        return f"{written}{NARROW}%"
    return number(value) + NARROW + "%"


def ordinal(value: int, *, feminine: bool = False) -> str:
    """Write a rank, as in 1er, 1re or 2e."""
    return f"{value}{('re' if feminine else 'er') if value == 1 else 'e'}"


def listing(items: Iterable[object], word: str = "et") -> str:
    """Write a list in a sentence, as in A, B et C."""
    *rest, last = [str(item) for item in items] or [""]
    return f"{', '.join(rest)} {word} {last}" if rest else last


def elide(name: str, word: str = "de") -> str:
    """Write a small word before a name and elide it where French does, as in d’Arras, de Lens or d’Hersin."""
    initial = re.match(r"\w+", _fold(name))
    begins = initial[0] if initial else ""
    is_vowel = begins[:1] in {*"aeiou"} or (begins[:1] == "y" and begins[1:2] not in {*"aeiou"} and len(begins) > 1)
    is_mute = begins.startswith("h") and begins.rstrip("sx") not in _ASPIRATED and begins not in _ASPIRATED
    if (is_vowel or is_mute) and word in _ELIDED and begins not in {"onze", "onzieme", "oui"}:
        return f"{_ELIDED[word]}{name}"
    return f"{word} {name}"


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


FILTERS: Mapping[str, Callable[..., object]] = {
    "typography": typography.typography,
    "amount": typography.amount,
    "date": typography.date,
    "time": typography.time,
    "datetime": datetime,
    "period": period,
    "hours": hours,
    "phone": phone,
    "dial": dial,
    "number": number,
    "percent": percent,
    "plural": typography.plural,
    "ordinal": ordinal,
    "listing": listing,
    "elide": elide,
    "honorific": typography.honorific,
    "capital": typography.capital,
    "paragraphs": typography.paragraphs,
    "wrapped": typography.wrapped,
}
"""What a template may call, by its English name."""

FRENCH_NAMES: Mapping[str, str] = {
    "typographie": "typography",
    "montant": "amount",
    "jour": "date",
    "heure": "time",
    "jour_et_heure": "datetime",
    "periode": "period",
    "horaires": "hours",
    "telephone": "phone",
    "numero": "dial",
    "nombre": "number",
    "pourcentage": "percent",
    "pluriel": "plural",
    "rang": "ordinal",
    "enumeration": "listing",
    "elision": "elide",
    "civilite": "honorific",
    "majuscule": "capital",
    "paragraphes": "paragraphs",
}
"""The same filters by their French names."""
