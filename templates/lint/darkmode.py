"""What goes wrong on dark screens, where a client changes some colours of a mail and leaves others."""

import re
from collections.abc import Iterator
from typing import Any

from templates.lint.colours import BLACK, WHITE, Painter
from templates.lint.findings import Finding, Level, Rule
from templates.lint.page import Page

UNDECLARED = Rule(
    "color-scheme-missing",
    Level.HINT,
    "Le message ne déclare pas color-scheme\u202f: certains logiciels inversent ses couleurs à leur façon.",
)
HALF = Rule(
    "colour-half-set",
    Level.HINT,
    "Un texte a une couleur sans fond, ou un fond sans couleur\u202f: sur écran sombre, l’autre moitié change seule.",
)
PURE = Rule(
    "pure-black-white",
    Level.HINT,
    "Un texte est en noir pur (#000) ou un grand fond en blanc pur (#fff)\u202f: ce sont les couleurs que les logiciels "
    "inversent le plus brutalement.",
)
LOGO = Rule(
    "logo-without-background",
    Level.HINT,
    "Une image qui peut être transparente (PNG, GIF, SVG, WebP) n’a pas de fond à elle\u202f: un logo sombre disparaît "
    "sur un écran sombre.",
)
RULES = (UNDECLARED, HALF, PURE, LOGO)

_TRANSPARENT = re.compile(r"\.(?:png|gif|svg|webp)(?:[?#]|$)", re.IGNORECASE)


def check(page: Page) -> Iterator[Finding]:
    """Look for colours that depend on what the client does with the others."""
    yield from _check_declared(page)
    yield from _check_halves(page)
    yield from _check_pure(page)
    yield from _check_images(page)


def _check_declared(page: Page) -> Iterator[Finding]:
    named = {(each.get("name") or "").lower() for each in page.tree.iter("meta")}
    missing = [name for name in ("color-scheme", "supported-color-schemes") if name not in named]
    if missing:
        yield UNDECLARED.found(
            f"Il manque, dans l’en-tête, {' et '.join(missing)}.",
            "Ajoutez "
            + " et ".join(f'<meta name="{name}" content="light dark">' for name in missing)
            + ', ou content="light only" si le message n’a pas de couleurs sombres.',
        )


def _check_halves(page: Page) -> Iterator[Finding]:
    painter = Painter(page.styles)
    for element in page.texts:
        ground, ink = painter.ground(element), painter.ink(element)
        if ground.colour is None:
            continue
        if ground.element is not None and ink.element is None:
            yield HALF.found(
                f"Ce texte est sur un fond fixé ({ground.colour}), mais sa couleur est laissée au logiciel.",
                "Fixez aussi color, sur le même élément que le fond.",
                page.at(element),
            )
        elif ground.element is None and ink.element is not None:
            yield HALF.found(
                f"Ce texte a une couleur fixée ({ink.colour}), mais son fond est laissé au logiciel.",
                "Fixez aussi background-color (et bgcolor), sur une cellule autour du texte.",
                page.at(element),
            )


def _check_pure(page: Page) -> Iterator[Finding]:
    painter = Painter(page.styles)
    for element in page.texts:
        ink = painter.ink(element)
        if ink.element is not None and ink.colour == BLACK:
            yield PURE.found(
                "Texte en noir pur (#000000).", "Prenez un gris très foncé, comme #1a1a1a.", page.at(ink.element)
            )
    for element in page.elements:
        colour, _has_image = painter.own_ground(element)
        if colour == WHITE and element.tag in {"body", "table", "td"} and not page.styles.has_dark:
            yield PURE.found(
                "Fond en blanc pur (#ffffff), sans couleurs prévues pour les écrans sombres.",
                "Prenez un blanc cassé, comme #fefefe, ou prévoyez un bloc @media (prefers-color-scheme: dark).",
                page.at(element),
            )


def _check_images(page: Page) -> Iterator[Finding]:
    painter = Painter(page.styles)
    for image in page.elements:
        if image.tag == "img" and _TRANSPARENT.search(image.get("src") or "") and page.styles.is_shown(image):
            ground = painter.ground(image)
            if not _is_own(ground.element):
                yield LOGO.found(
                    "Cette image peut être transparente et le fond autour d’elle n’est pas fixé.",
                    "Donnez un fond (bgcolor) à sa cellule, ou enregistrez l’image avec un fond ou un contour clair.",
                    page.at(image),
                )


def _is_own(element: Any) -> bool:
    """Tell a background that belongs to the image's surroundings from that of the whole page, which clients exchange."""
    return element is not None and element.tag not in {"body", "html"}
