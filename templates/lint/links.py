"""Links: whether they open, whether they are what they say they are, and whether they carry data of the recipient."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus

from templates.lint.findings import Finding, Level, Place, Rule
from templates.lint.page import Page
from templates.lint.passages import text_of
from templates.lint.urls import shorten, split_link

HTTP = Rule("link-http", Level.WARNING, "Un lien est en http, sans chiffrement.")
BROKEN = Rule(
    "link-broken",
    Level.ERROR,
    "Un lien ne mène nulle part\u202f: vide, « # », relatif, adresse mal écrite, ancre sans cible.",
)
SCHEME = Rule(
    "link-scheme",
    Level.ERROR,
    "Un lien ouvre autre chose qu’une page, une adresse ou un téléphone (javascript:, file:…).",
)
SHORTENED = Rule(
    "link-shortened",
    Level.WARNING,
    "Un lien passe par un raccourcisseur (bit.ly, t.co…)\u202f: le destinataire ne sait pas où il mène, les filtres s’en méfient.",
)
VAGUE = Rule(
    "link-text-vague", Level.WARNING, "Le texte d’un lien («\u202fcliquez ici\u202f») ne dit pas où il mène (RGAA 6.1)."
)
MISMATCH = Rule(
    "link-text-mismatch",
    Level.ERROR,
    "Le texte d’un lien montre une autre adresse que celle qui s’ouvre\u202f: c’est la marque de l’hameçonnage.",
)
ODD_HOST = Rule(
    "link-odd-host",
    Level.WARNING,
    "Un lien mène à une adresse IP, un nom en punycode, un port ou un nom d’utilisateur\u202f: les filtres s’en méfient.",
)
PERSONAL = Rule(
    "link-personal-data",
    Level.ERROR,
    "Un lien porte des données du destinataire (adresse, nom)\u202f: elles restent dans les journaux des sites (RGPD, art. 5).",
    is_law=True,
)
RULES = (HTTP, BROKEN, SCHEME, SHORTENED, VAGUE, MISMATCH, ODD_HOST, PERSONAL)

SHORTENERS = frozenset(
    "bit.ly tinyurl.com t.co goo.gl ow.ly buff.ly is.gd v.gd cutt.ly rebrand.ly lnkd.in tiny.cc shorturl.at urlz.fr "
    "s.id t.ly rb.gy bl.ink dlvr.it fb.me amzn.to urls.fr vu.fr lc.cx mcaf.ee soo.gd adf.ly shorte.st "
    "bitly.com j.mp trib.al snip.ly".split()
)
"""Hosts that hide where a link leads; youtu.be and the like, which say whose they are, do not count."""

_VAGUE = frozenset(
    {
        "cliquez ici", "cliquer ici", "clique ici", "ici", "cliquez", "par ici", "ce lien", "lien", "le lien", "suivez ce lien",
        "cliquez sur ce lien", "en cliquant ici", "la", "en savoir plus", "lire la suite", "plus", "plus d infos",
        "plus d informations", "voir", "suite", "click here", "here", "read more", "voir plus", "details",
    }
)  # fmt: skip
_SECOND_LEVEL = frozenset({"gouv.fr", "asso.fr", "com.fr", "nom.fr", "co.uk", "org.uk", "gov.uk", "ac.uk", "com.au"})
"""Suffixes under which names are given out as under a top-level domain; those that French and British links have."""

_URL_TEXT = re.compile(r"(?:(?:https?|ftp)://)?((?:[\w-]+\.)+[a-z]{2,})(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE)
_EMAIL_TEXT = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SCHEME = re.compile(r"([A-Za-z][\w+.-]*):")
_OPENS = frozenset({"http", "https", "mailto", "tel", "sms"})
_TELLING_KEYS = re.compile(r"e-?mail|courriel|mail|nom|prenom|name|firstname|lastname|siret|tel|phone", re.IGNORECASE)
_HREF = re.compile(r"""\bhref\s*=\s*(["'])(.*?)\1""", re.IGNORECASE | re.DOTALL)
_SHORTEST = 4  # characters below which a name is found in anything


def check(page: Page) -> Iterator[Finding]:
    """Look at every link of the HTML."""
    anchors = {each.get("id") or each.get("name") for each in page.elements if each.get("id") or each.get("name")}
    for text, parent in page.for_outlook:
        for match in _HREF.finditer(text):
            href = unescape(match[2]).strip()
            if not is_template(href):
                yield from _check_target(href, "", page.at(parent, value=href), anchors)
    for link in page.links:
        href = link.get("href").strip()
        if is_template(href):
            continue  # what is left of a tag is a finding of its own
        yield from _check_target(href, text_of(link), page.at(link, value=href), anchors)
        yield from _check_words(page, link, href)
        if href != page.unsubscribe:
            yield from _check_data(page, link, href)


def is_template(href: str) -> bool:
    """Tell a link in which a tag of the template is left."""
    return "{{" in href or "{%" in href or "%7B%7B" in href.upper()


def _check_target(href: str, text: str, place: Place, anchors: set[str | None]) -> Iterator[Finding]:
    scheme = match[1].lower() if (match := _SCHEME.match(href)) else ""
    if not href or href == "#":
        yield BROKEN.found(
            f"Lien sans adresse («\u202f{text or '…'}\u202f»).", "Donnez l’adresse, ou retirez le lien.", place
        )
    elif href.startswith("#"):
        if href[1:] not in anchors:
            yield BROKEN.found(
                f"L’ancre {href} ne correspond à aucun élément du message.",
                "Corrigez l’ancre, ou donnez une adresse https://.",
                place,
            )
    elif not scheme:
        yield BROKEN.found(
            f"Lien relatif\u202f: {shorten(href)}. Dans un message, il ne mène nulle part.",
            "Écrivez l’adresse complète, avec https://.",
            place,
        )
    elif scheme not in _OPENS:
        yield SCHEME.found(
            f"Lien en {scheme}:, qu’un message ne peut pas ouvrir.",
            "Écrivez une adresse https://, mailto: ou tel:.",
            place,
        )
    elif scheme in {"http", "https"}:
        yield from _check_web(href, scheme, place)
    elif scheme == "mailto" and not _EMAIL_TEXT.match(unquote(href.partition(":")[2])):
        yield BROKEN.found(
            f"Lien vers une adresse électronique mal écrite\u202f: {shorten(href)}", "Corrigez l’adresse.", place
        )


def _check_web(href: str, scheme: str, place: Place) -> Iterator[Finding]:
    parts = split_link(href)
    host, odd_parts = (parts.hostname or "").lower(), bool(parts.username or parts.port)
    if "." not in host and not host.startswith("["):
        yield BROKEN.found(f"Adresse mal écrite\u202f: {shorten(href)}", "Corrigez l’adresse.", place)
        return
    if scheme == "http":
        yield HTTP.found(f"Lien en http\u202f: {shorten(href)}", "Écrivez https://, si le site le permet.", place)
    if host.removeprefix("www.") in SHORTENERS:
        yield SHORTENED.found(f"Lien raccourci\u202f: {shorten(href)}", "Donnez l’adresse complète de la page.", place)
    if odd_parts or re.fullmatch(r"[\d.]+", host) or ":" in host or "xn--" in host:
        yield ODD_HOST.found(
            f"Adresse inhabituelle\u202f: {shorten(href)}", "Donnez l’adresse publique et lisible de la page.", place
        )


def _check_words(page: Page, link: Any, href: str) -> Iterator[Finding]:
    text = text_of(link)
    place = page.at(link, value=href)
    if fold(text) in _VAGUE:
        yield VAGUE.found(
            f"Le texte du lien, «\u202f{text}\u202f», ne dit pas où il mène.",
            "Écrivez ce que l’on trouve au bout\u202f: «\u202fDéposer ma demande\u202f», «\u202fLire le règlement (PDF)\u202f».",
            place,
        )
    if (match := _URL_TEXT.fullmatch(text)) and href.lower().startswith(("http://", "https://")):
        host = (split_link(href).hostname or "").lower()
        if _owner(match[1].lower()) != _owner(host):
            yield MISMATCH.found(
                f"Le lien montre «\u202f{shorten(text)}\u202f» mais ouvre {host}.",
                "Montrez un texte qui décrit la page, ou l’adresse qui s’ouvre vraiment.",
                place,
            )
    if _EMAIL_TEXT.fullmatch(text) and href.lower().startswith("mailto:"):
        address = unquote(href[len("mailto:") :].partition("?")[0])
        if address and address.lower() != text.lower():
            yield MISMATCH.found(
                f"Le lien montre l’adresse {text} mais écrit à {address}.", "Mettez la même adresse aux deux.", place
            )


def _owner(host: str) -> str:
    """Give the part of a host that somebody registered."""
    labels = host.rstrip(".").split(".")
    return ".".join(labels[-3 if ".".join(labels[-2:]) in _SECOND_LEVEL else -2 :])


def _check_data(page: Page, link: Any, href: str) -> Iterator[Finding]:
    scheme, _colon, rest = href.partition(":")
    if scheme.lower() not in {"http", "https"}:
        return
    written = unquote_plus(rest).casefold()
    contact = page.recipient.get("contact")
    fields = contact if isinstance(contact, Mapping) else {}
    for name, label in (("address", "l’adresse"), ("family_name", "le nom"), ("given_name", "le prénom")):
        value = str(fields.get(name) or "").casefold()
        words = re.compile(rf"(?<![^\W_]){re.escape(value)}(?![^\W_])")
        queried = written.partition("?")[2] if name != "address" else written
        if len(value) >= _SHORTEST and words.search(queried):
            yield _personal(page, link, f"{label} du destinataire")
            return
    query = parse_qsl(split_link(href).query)
    company = page.recipient.get("company")
    siret = str(company.get("siret") or "") if isinstance(company, Mapping) else ""
    for key, value in query:
        if _EMAIL_TEXT.fullmatch(value) and _TELLING_KEYS.search(key):
            yield _personal(page, link, f"une adresse électronique ({key}=…)")
        elif siret and value in {siret, siret[:9]}:
            yield _personal(page, link, f"le SIRET du destinataire ({key}=…)", Level.WARNING)


def _personal(page: Page, link: Any, what: str, level: Level = Level.ERROR) -> Finding:
    return PERSONAL.found(
        f"Le lien porte {what}\u202f; chaque site et chaque relais qui le voit passer la garde.",
        "Donnez le même lien à tous\u202f; la personne s’identifie sur la page.",
        page.at(link),
        level=level,
    )


def fold(text: str) -> str:
    """Write a text in lower case, without accents and punctuation, for comparing."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))
    return " ".join(re.findall(r"[^\W_]+", bare))
