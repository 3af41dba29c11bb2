"""Images: what they weigh, where they come from, and what stands in their place while they are blocked."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from templates.lint.findings import Finding, Level, Part, Place, Rule
from templates.lint.page import Page
from templates.lint.urls import shorten, split_link

WEIGHT = Rule(
    "image-weight",
    Level.WARNING,
    "Une image pèse plus de 200 Ko, ou toutes ensemble plus de 800 Ko\u202f; seules celles du dossier du modèle sont pesées.",
)
ALT = Rule(
    "image-alt-missing", Level.WARNING, "Une image n’a pas d’attribut alt (RGAA 1.1)\u202f; vide s’il est décoratif."
)
ALT_FILE = Rule("image-alt-filename", Level.WARNING, "Le texte de remplacement d’une image est un nom de fichier.")
WIDTH = Rule(
    "image-width-missing", Level.WARNING, "Une image n’a ni width ni height\u202f: Outlook l’affiche en taille réelle."
)
SOURCE = Rule(
    "image-source",
    Level.ERROR,
    "Une image a une source que les destinataires ne peuvent pas ouvrir\u202f: file:, data:, chemin local, vide.",
)
HTTP = Rule(
    "image-http",
    Level.WARNING,
    "Une image est chargée en http, sans chiffrement\u202f: beaucoup de logiciels la bloquent.",
)
PIXEL = Rule(
    "tracking-pixel",
    Level.ERROR,
    "Une image invisible (1 × 1) ressemble à un pixel de suivi, qui demande un consentement (CNIL, délibération 2026-042).",
    is_law=True,
)
ONLY = Rule(
    "image-only",
    Level.WARNING,
    "Le message est fait d’images presque sans texte\u202f: vide tant qu’elles sont bloquées.",
)
RULES = (WEIGHT, ALT, ALT_FILE, WIDTH, SOURCE, HTTP, PIXEL, ONLY)

EACH, TOTAL = 200 * 1024, 800 * 1024
FEWEST_WORDS = 20
"""Words below which images carry the message."""

_FILE_NAME = re.compile(r"[\w .-]+\.(?:png|jpe?g|gif|svg|webp|bmp)", re.IGNORECASE)


def check(page: Page) -> Iterator[Finding]:
    """Look at every image of the body, and at the backgrounds that are images."""
    images = [each for each in page.elements if each.tag == "img"]
    for image in images:
        yield from _check_source(page, image)
        if is_pixel(page, image):
            yield PIXEL.found(
                "Image invisible, de la taille d’un point.",
                "Retirez-la\u202f: Relais ne suit pas les ouvertures. Pour un espace, utilisez padding.",
                page.at(image),
            )
        elif page.styles.is_shown(image):
            yield from _check_alt(page, image)
            yield from _check_width(page, image)
    yield from _check_weights(page, images)
    words = len(re.findall(r"\w{2,}", "\n".join(each.text for each in page.passages if each.is_shown)))
    if images and words < FEWEST_WORDS:
        yield ONLY.found(
            f"Le message montre des images ({len(images)}) et seulement {words} mots.",
            "Écrivez l’essentiel en texte\u202f; les images l’accompagnent.",
            page.at(images[0]),
        )


def _check_source(page: Page, image: Any) -> Iterator[Finding]:
    source = (image.get("src") or "").strip()
    scheme = split_link(source).scheme.lower() if re.match(r"[A-Za-z][\w+.-]*:", source) else ""
    place = page.at(image, value=source)
    if scheme == "http":
        yield HTTP.found(f"Image chargée en http\u202f: {shorten(source)}", "Écrivez son adresse en https://.", place)
    elif scheme == "data":
        size = len(source) // 1024
        yield SOURCE.found(
            f"Image écrite dans le message même (data:, {size} Ko)\u202f: Gmail et Outlook ne l’affichent pas.",
            "Mettez l’image sur le site de la chambre et donnez son adresse https://.",
            place,
        )
    elif not source:
        yield SOURCE.found("Image sans source.", "Donnez son adresse https://, ou retirez-la.", place)
    elif scheme not in {"https", "cid"}:
        yield SOURCE.found(
            f"Cette image n’est que sur votre ordinateur\u202f: {shorten(source)}",
            "Mettez l’image sur le site de la chambre et donnez son adresse https://.",
            place,
        )


def _check_alt(page: Page, image: Any) -> Iterator[Finding]:
    alt = image.get("alt")
    if alt is None:
        yield ALT.found(
            "Image sans texte de remplacement.",
            'Décrivez-la dans alt="…"\u202f; écrivez alt="" si elle ne dit rien de plus que le texte.',
            page.at(image),
        )
    elif _FILE_NAME.fullmatch(alt.strip()):
        yield ALT_FILE.found(
            f"Le texte de remplacement «\u202f{alt.strip()}\u202f» est un nom de fichier.",
            "Écrivez ce que l’image montre.",
            page.at(image),
        )
    elif not alt.strip() and _is_alone_in_link(image):
        yield ALT.found(
            "Cette image est un lien et n’a pas de texte de remplacement.",
            "Écrivez dans alt où mène le lien.",
            page.at(image),
        )


def _is_alone_in_link(image: Any) -> bool:
    link = next((each for each in image.iterancestors("a") if each.get("href")), None)
    return link is not None and not "".join(link.itertext()).strip() and len(list(link.iter("img"))) == 1


def _check_width(page: Page, image: Any) -> Iterator[Finding]:
    if not (image.get("width") or image.get("height")):
        yield WIDTH.found(
            "Image sans largeur ni hauteur en attribut.",
            'Écrivez width="…" en points (la largeur affichée), en plus du style.',
            page.at(image),
        )


def _check_weights(page: Page, images: list[Any]) -> Iterator[Finding]:
    total = 0
    for image in images:
        name = PurePosixPath(unquote(split_link(image.get("src") or "").path)).name
        size = page.image_sizes.get(name, 0)
        total += size
        if size > EACH:
            yield WEIGHT.found(
                f"{page.image_names.get(name, name)} pèse {size // 1024} Ko.",
                f"Réduisez-la sous {EACH // 1024} Ko.",
                page.at(image),
            )
    if total > TOTAL:
        yield WEIGHT.found(
            f"Les images pèsent ensemble {total // 1024} Ko.",
            f"Restez sous {TOTAL // 1024} Ko\u202f: beaucoup de destinataires lisent sur un téléphone.",
            Place(Part.HTML),
        )


def is_pixel(page: Page, image: Any) -> bool:
    """Tell an image of at most 2 × 2 points."""
    sizes = []
    for name in ("width", "height"):
        said = image.get(name) or page.styles.value(image, name) or ""
        match = re.fullmatch(r"(\d+)(?:px)?", said.strip())
        sizes.append(int(match[1]) if match else None)
    return all(size is not None and size <= 2 for size in sizes)
