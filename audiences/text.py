"""Texts folded so that spelling habits (accents, case, punctuation, abbreviations) do not set two names apart."""

import re
import unicodedata
from collections.abc import Iterable
from gettext import gettext as _

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
"""The short name of an audience, a campaign or a sector."""

_LIGATURES = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae"})
_COMBINING = re.compile("[\u0300-\u036f]+")
_NOT_WORD = re.compile(r"[\W_]+")
_ARTICLES = frozenset({"l", "la", "le", "les"})
_SPELT_OUT = {"st": "saint", "ste": "sainte", "s": "sur", "ss": "sous", "lez": "les"}
_CEDEX = re.compile(r" cedex(?: \d+)?$")
_DISTRICT = re.compile(r"(?: \d{1,2} ?(?:er|e|eme|ere)?(?: arrondissement)?)+$")


def _decompose(text: str) -> str:
    return _COMBINING.sub("", unicodedata.normalize("NFKD", text.translate(_LIGATURES)).casefold())


# What each letter of Western Europe becomes, alone (measured: 1.4 us a name with accents, against 6.5).
_LATIN = str.maketrans({char: _NOT_WORD.sub(" ", _decompose(char)) for char in map(chr, range(0x180))})


def fold(text: str) -> str:
    """Return `text` in lower case without accents, œ as oe, every run of punctuation as one space."""
    simple = text.translate(_LATIN)
    if simple.isascii():
        return " ".join(simple.split())
    return _NOT_WORD.sub(" ", _decompose(text)).strip()


def fold_commune(name: str) -> str:
    """Return the name of a commune as it compares: folded, abbreviations spelt out, CEDEX and leading article dropped.

    Also dropped is the number of a district ("Lyon 3e", "Paris 09"): no French commune's name ends with a number.
    "s/" and "ss/" stand for sur and sous, lez and lès are one word.
    """
    folded = fold(name)
    if "cedex" in folded:
        folded = _CEDEX.sub("", folded)
    if not folded.replace(" ", "").isalpha():
        folded = _DISTRICT.sub("", folded)
    words = [_SPELT_OUT.get(word, word) for word in folded.replace(" s s ", " ss ").split()]
    if len(words) > 1 and words[0] in _ARTICLES:
        del words[0]
    return " ".join(words)


def nearest(text: str, choices: Iterable[str], limit: int = 3) -> list[str]:
    """Return the choices that look most like `text`, best first, none where nothing comes near."""
    from rapidfuzz import fuzz, process

    found = process.extract(text, list(choices), scorer=fuzz.WRatio, processor=fold, limit=limit, score_cutoff=60)
    return [choice for choice, _score, _index in found]


def did_you_mean(text: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Say which known values are nearest, as the end of an error message; where none is, list some, or say `otherwise`."""
    words = list(known)
    if near := nearest(text, words):
        return _("Did you mean {names}?").format(names=_(" or ").join(map(quote, near)))
    if otherwise is not None:
        return otherwise
    return _("Known: {names}.").format(names=", ".join(map(quote, sorted(words)[:12])) or _("nothing yet"))


def quote(name: str) -> str:
    """Write a name as a query takes it: in quotation marks, unless it is a single word."""
    return name if re.fullmatch(r"[\w.-]+", name) else f'"{name}"'
