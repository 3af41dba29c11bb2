"""French typography as Jinja filters: dates, times, amounts, plurals and narrow no-break spaces."""

import datetime as dt
import re
import textwrap
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date
from babel.numbers import format_decimal

NARROW = "\u202f"
"""The narrow no-break space that French sets before ; : ! ? and units, and inside « »."""

_HONORIFICS = {
    "m": "Monsieur",
    "mr": "Monsieur",
    "monsieur": "Monsieur",
    "mme": "Madame",
    "mlle": "Madame",
    "madame": "Madame",
    "mademoiselle": "Madame",
}
_SPACES = " \u00a0\u202f"
_BEFORE = re.compile(rf"(?<=\S)[{_SPACES}]+(?=[;:!?»%€]|[kM]€|Md€)|(?<=\d)[{_SPACES}]+(?=h\b)")
_AFTER = re.compile(rf"«[{_SPACES}]*")
_THOUSANDS = re.compile(rf"(?<=\d)[{_SPACES}](?=\d{{3}}(?!\d))")
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
_BARE_NUMBER = re.compile(rf"\d[\d{_SPACES}]*(?:,\d+)?")


@lru_cache(maxsize=512)
def typography(text: str) -> str:
    """Set narrow no-break spaces and curved apostrophes; where an author wrote no space, none is added.

    Cached, as the officer's own texts are the same for every recipient of a campaign.
    """
    spaced = _AFTER.sub("«" + NARROW, _BEFORE.sub(NARROW, text))
    return _APOSTROPHE.sub("’", _THOUSANDS.sub(NARROW, spaced))


@lru_cache(maxsize=512)
def amount(value: str | int | Decimal) -> str:
    """Write an amount of money: a number gets its spaces and its €, words such as 1 M€ stay as written."""
    if isinstance(value, int | Decimal):
        return format_decimal(value, locale="fr").replace("\u00a0", NARROW) + NARROW + "€"
    if not _BARE_NUMBER.fullmatch(value):
        return typography(value)
    whole, comma, cents = re.sub(rf"[{_SPACES}]", "", value).partition(",")
    return amount(int(whole))[:-2] + comma + cents + NARROW + "€"


@lru_cache(maxsize=512)
def date(value: dt.date, *, weekday: bool = True, year: bool = True) -> str:
    """Write a date in full, as in jeudi 14 mai 2020; the first of a month is 1er."""
    day = "1er" if value.day == 1 else str(value.day)
    pattern = ("EEEE " if weekday else "") + f"'{day}' MMMM" + (" y" if year else "")
    return format_date(value, pattern, locale="fr")


@lru_cache(maxsize=512)
def time(value: dt.time) -> str:
    """Write the time of day of a time or a datetime, as in 11 h or 9 h 30."""
    minutes = f"{NARROW}{value.minute:02}" if value.minute else ""
    return f"{value.hour}{NARROW}h{minutes}"


def plural(count: float, singular: str, plural: str | None = None) -> str:
    """Write a count with its noun; in French the plural begins at two."""
    noun = singular if abs(count) < 2 else plural or singular + "s"
    return format_decimal(count, locale="fr").replace("\u00a0", NARROW) + "\u00a0" + noun


def honorific(civility: str) -> str:
    """Spell a civility out as Madame or Monsieur; any other gives an empty text."""
    return _HONORIFICS.get(civility.strip().rstrip(".").lower(), "")


@lru_cache(maxsize=512)
def paragraphs(text: str) -> tuple[str, ...]:
    """Cut a text at its blank lines."""
    return tuple(part.strip() for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if part.strip())


def capital(text: str) -> str:
    """Give a text a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


@lru_cache(maxsize=512)
def wrapped(value: object, width: int = 76) -> object:
    """Break a text into lines of `width` characters, never inside a word or at a no-break space."""
    if not isinstance(value, str):
        return value
    return "\n".join(
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) for line in value.splitlines()
    )
