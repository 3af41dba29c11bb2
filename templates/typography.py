"""French typography of a text: no-break spaces, curved apostrophes; links and addresses stay as they are."""

import datetime as dt
import re
import textwrap
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date
from babel.numbers import format_decimal

NARROW = "\u202f"
"""The narrow no-break space that French sets before ; : ! ? and units, and inside « »."""

NO_BREAK = "\u00a0"

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
_MONTHS = "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre"
_UNITS = (
    "km|cm|mm|m|m²|m2|ha|kg|g|t|l|kWh|MWh|kW|Ko|Mo|Go|To|min|s|°C"
    "|euros?|millions?|milliards?|ans?|mois|semaines?|jours?|heures?|minutes?|salariés?|entreprises?|points?"
)
_KEPT = re.compile(r"://|@|^www\.|\w\.\w+/|&#?\w+;")
"""What makes a word a link, an address or an entity of HTML: never touched."""

_WORD = re.compile(r"(?P<tag>\{[{%#].*?[}%#]\})|(?:(?!\{[{%#])\S)+", re.DOTALL)  # a tag of Jinja's stays one too
_HOLE = "\ue005"
_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (rf"«[{_SPACES}]*", "«" + NARROW),
        (r"(?<=\S)(?=»)", NARROW),
        # A sign that ends a word gets its space where there is none: Bonjour! but not 10:30.
        (r"(?<=[^\W\d_])(?=[;:!?](?:[\s!?]|$))", NARROW),
        (rf"(?<=\S)[{_SPACES}]+(?=[;:!?»%€]|[kM]€|Md€)", NARROW),
        (rf"(?<=\d)[{_SPACES}]+(?=h\b)", NARROW),
        (rf"(\d{NARROW}?h)[{_SPACES}]+(?=\d\d\b)", r"\1" + NARROW),
        (r"(?<=\d)(?=(?:[kM]|Md)?€)", NARROW),
        (rf"(?<=\d)[{_SPACES}](?=\d{{3}}(?!\d))", NARROW),
        (rf"(?<=\d)[{_SPACES}](?=(?:{_UNITS}|{_MONTHS})\b)", NO_BREAK),
        (rf"\b1er[{_SPACES}](?=(?:{_MONTHS})\b)", "1er" + NO_BREAK),
        (rf"\b([nN]°)[{_SPACES}]*(?=\d)", r"\1" + NO_BREAK),
        (rf"\b(M\.|MM\.|Mmes?|Dr)[{_SPACES}](?=[A-ZÀ-Þ])", r"\1" + NO_BREAK),
        (r"(?<=\w)'(?=[\w«])", "’"),
        (r"(?<!\.)\.\.\.(?!\.)", "…"),
    )
)
_AMOUNT = re.compile(r"(?P<whole>\d+(?: \d{3})*)(?P<cents>,\d+)? ?(?P<unit>(?:k|M|Md)?(?:€|EUR))?")


@lru_cache(maxsize=512)
def typography(text: str) -> str:
    """Set no-break spaces and curved apostrophes in a text; links, addresses, Jinja's tags and times such as 10:30 stay.

    Done twice it changes nothing more. Cached, as the officer's own texts are the same for every recipient.
    """
    kept: list[str] = []

    def hide(word: re.Match[str]) -> str:
        if not (word["tag"] or _KEPT.search(word[0]) or _HOLE in word[0]):
            return word[0]
        kept.append(word[0])
        return _HOLE

    spaced = _WORD.sub(hide, text)
    for pattern, replacement in _RULES:
        spaced = pattern.sub(replacement, spaced)
    return re.sub(_HOLE, lambda _hole: kept.pop(0), spaced) if kept else spaced


@lru_cache(maxsize=512)
def amount(value: str | int | Decimal) -> str:
    """Write an amount of money: 1 500 €, 1 M€, 2,5 M€; an amount in words, as in 1 million d'euros, stays one."""
    if isinstance(value, int | Decimal):
        return format_decimal(value, locale="fr").replace(NO_BREAK, NARROW) + NARROW + "€"
    match = _AMOUNT.fullmatch(re.sub(r"\s+", " ", value.strip()))
    if not match:
        return typography(value)
    whole = format_decimal(int(match["whole"].replace(" ", "")), locale="fr").replace(NO_BREAK, NARROW)
    return whole + (match["cents"] or "") + NARROW + (match["unit"] or "€").replace("EUR", "€")


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
    return format_decimal(count, locale="fr").replace(NO_BREAK, NARROW) + NO_BREAK + noun


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
def wrapped(value: object, width: int = 76, indent: int = 0) -> object:
    """Break a text into lines of `width` characters, never inside a word or at a no-break space.

    The first line begins behind `indent` characters that stand there already; the others get as many spaces.
    """
    if not isinstance(value, str):
        return value
    spaces = " " * indent
    lines = [
        textwrap.fill(
            line, width, initial_indent=spaces, subsequent_indent=spaces, break_long_words=False, break_on_hyphens=False
        )
        for line in value.splitlines()
    ]
    return "\n".join(lines)[indent:]
