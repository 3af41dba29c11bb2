"""What the law wants every message to say: who writes, why, that it is advertising, and how to make it stop."""

import re
from collections.abc import Iterator
from typing import Any

from templates.lint.findings import Finding, Level, Part, Place, Rule
from templates.lint.links import fold
from templates.lint.page import Page
from templates.lint.passages import text_of
from templates.sources import Purpose

UNSUBSCRIBE = Rule(
    "unsubscribe-missing",
    Level.ERROR,
    "Pas de lien de désinscription (CPCE art. L34-5, RGPD art. 21)\u202f; un message de service peut s’en passer.",
    is_law=True,
)
SENDER = Rule(
    "sender-missing",
    Level.ERROR,
    "Le message ne dit pas qui écrit\u202f: nom et adresse postale de la chambre (CPCE art. L34-5, LCEN art. 19 et 20).",
    is_law=True,
)
REASON = Rule(
    "reason-missing", Level.WARNING, "Le message ne dit pas pourquoi la personne le reçoit (RGPD art. 14, CNIL)."
)
ADVERTISING = Rule(
    "advertising-unmarked",
    Level.ERROR,
    "Un message commercial ne dit pas qu’il est publicitaire (LCEN art. 20).",
    is_law=True,
)
RULES = (UNSUBSCRIBE, SENDER, REASON, ADVERTISING)

_OUT = re.compile(r"desinscri|desabonn|unsubscribe|ne plus recevoir|ne souhaite[sz]? plus recevoir|opposer a ces")
_WHY = re.compile(
    r"vous recevez ce|recevez ces? (?:message|courriel|mail|lettre)|est adresse a|vous est adresse|vous a ete adresse|"
    r"vous etes inscrit|vous vous etes inscrit|parce que vous|en tant que|au titre de|dans le cadre de|suite a votre|"
    r"a votre demande|vous avez demande|vous avez contacte|you (?:are receiving|received) this"
)
_ADVERTISING = re.compile(
    r"publicit|message commercial|offre commerciale|prospection|communication commerciale|promotionnel"
)


def check(page: Page) -> Iterator[Finding]:
    """Look for the words of the law in what the message shows."""
    shown = fold(page.shown)
    foot = Place(Part.HTML)
    if page.purpose is not Purpose.SERVICE:
        yield from _check_way_out(page)
    yield from _check_sender(page, shown)
    if not _WHY.search(shown):
        yield REASON.found(
            "Rien ne dit pourquoi la personne reçoit ce message.",
            "Écrivez-le en bas\u202f: «\u202fCe message vous est adressé dans le cadre de…\u202f».",
            foot,
        )
    if page.purpose is Purpose.MARKETING and not _ADVERTISING.search(f"{fold(page.subject)} {shown}"):
        yield ADVERTISING.found(
            "Ce message est commercial et ne le dit pas.",
            "Écrivez «\u202fmessage publicitaire\u202f» dans l’objet ou dans le message.",
            foot,
        )


def _check_way_out(page: Page) -> Iterator[Finding]:
    if not ways_out(page):
        yield UNSUBSCRIBE.found(
            "Le message n’a pas de lien de désinscription.",
            'Ajoutez <a href="{{ links.unsubscribe }}">Ne plus recevoir ces messages</a>.',
            Place(Part.HTML),
        )
    elif page.unsubscribe and page.unsubscribe not in re.sub(r"\s", "", page.text) and not _OUT.search(fold(page.text)):
        yield UNSUBSCRIBE.found(
            "La version texte n’a pas de lien de désinscription.",
            "Ajoutez «\u202fNe plus recevoir ces messages\u202f: {{ links.unsubscribe }}\u202f» à body.txt.",
            Place(Part.TEXT),
            level=Level.WARNING,
        )


def ways_out(page: Page) -> list[Any]:
    """Give the shown links by which a recipient leaves: the recipient's own one, or one whose words say so."""
    return [
        link
        for link in page.links
        if page.styles.is_shown(link)
        and (href := link.get("href").strip()) not in {"", "#"}
        and (href == page.unsubscribe or _OUT.search(fold(f"{text_of(link)} {href}")))
    ]


def _check_sender(page: Page, shown: str) -> Iterator[Finding]:
    names = [fold(name) for name in (page.brand.name, page.brand.short_name) if fold(name)]
    if not any(f" {name} " in f" {shown} " for name in names):
        yield SENDER.found(
            f"Le message ne nomme pas la chambre ({page.brand.name}).",
            "Écrivez {{ brand.name }} dans le message, en toutes lettres.",
            Place(Part.HTML),
        )
    lines = [f" {fold(line)} " for line in page.brand.address if fold(line)]
    if lines and not all(line in f" {shown} " for line in lines):
        yield SENDER.found(
            "Le message ne donne pas l’adresse postale de la chambre.",
            "Ajoutez {% for line in brand.address %}{{ line }}<br>{% endfor %} en bas du message.",
            Place(Part.HTML),
        )
