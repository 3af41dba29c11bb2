"""The text part, which some people read instead of the HTML: it has to say the same."""

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape

from templates.lint.findings import Finding, Level, Part, Place, Rule
from templates.lint.links import fold
from templates.lint.page import Page
from templates.lint.passages import text_of

EMPTY = Rule("text-empty", Level.ERROR, "La version texte est vide.")
DIFFERS = Rule(
    "text-differs", Level.WARNING, "La version texte ne dit pas la même chose que le HTML (moins de 80 % des mots)."
)
LINKS = Rule("text-links-missing", Level.WARNING, "Des liens du HTML manquent dans la version texte.")
RULES = (EMPTY, DIFFERS, LINKS)

ALIKE = 0.8
"""The share of the HTML's words that the text part has at least; a derived one has all but those of its markup."""

_NAMED = 6


def check(page: Page) -> Iterator[Finding]:
    """Compare the words and links of the two parts."""
    place = Place(Part.TEXT)
    if not page.text.strip():
        yield EMPTY.found(
            "La version texte est vide.",
            "Retirez body.txt\u202f: Relais l’écrira d’après le HTML, ou complétez-le.",
            place,
        )
        return
    shown, written = _words(page.shown), _words(page.text)
    missing = shown - written
    total = sum(shown.values())
    share = 1 - sum(missing.values()) / total if total else 1.0
    if share < ALIKE:
        yield DIFFERS.found(
            f"La version texte n’a que {round(share * 100)} % des mots du HTML\u202f; il manque par exemple "
            f"{', '.join(word for word, _count in missing.most_common(_NAMED))}.",
            "Complétez body.txt, ou retirez-le\u202f: Relais l’écrira d’après le HTML.",
            place,
        )
    text = re.sub(r"\s", "", page.text)
    lost = [
        target
        for link in page.links
        if page.styles.is_shown(link)
        and re.match(r"https?:|mailto:", target := unescape(link.get("href").strip()), re.I)
        if not _has(text, target, text_of(link))
    ]
    if lost:
        yield LINKS.found(
            f"La version texte n’a pas tous les liens du HTML\u202f; il manque {', '.join(list(dict.fromkeys(lost))[:3])}.",
            "Ajoutez-les à body.txt, chacun derrière le texte qui l’annonce.",
            place,
        )


def _words(text: str) -> Counter[str]:
    return Counter(word for word in fold(text).split() if len(word) > 3 and not word.isdigit())


def _has(text: str, target: str, label: str) -> bool:
    bare = re.sub(r"^(?:mailto:|tel:|https?://)", "", target).rstrip("/")
    return re.sub(r"\s", "", target) in text or (bool(bare) and bare.partition("?")[0] in text) or target == label
