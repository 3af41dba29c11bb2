"""Text that is hard to read on what is behind it, on a bright screen and by the page's own rules for a dark one."""

from collections.abc import Iterator

from templates.lint.colours import Colour, Painter, contrast
from templates.lint.findings import Finding, Level, Rule
from templates.lint.fonts import font_size, is_bold
from templates.lint.page import Page

LOW = Rule(
    "low-contrast",
    Level.ERROR,
    "Un texte se distingue mal de son fond (moins de 4,5:1, ou 3:1 pour un grand texte : WCAG 1.4.3, RGAA 3.2)\u202f; "
    "sous 1,5:1 il est invisible, ce qui est une erreur.",
)
LOW_DARK = Rule(
    "low-contrast-dark",
    Level.WARNING,
    "Avec les couleurs que le message prévoit pour les écrans sombres, un texte se distingue mal de son fond.",
)
RULES = (LOW, LOW_DARK)

NORMAL, LARGE, INVISIBLE = 4.5, 3.0, 1.5
_LARGE_PX, _LARGE_BOLD_PX = 24.0, 18.66  # 18 pt and 14 pt (WCAG 2.2, large-scale text)


def check(page: Page) -> Iterator[Finding]:
    """Compare the colours of every text with those behind it."""
    yield from _check(page, LOW, Painter(page.styles))
    if page.styles.has_dark:
        yield from _check(page, LOW_DARK, Painter(page.styles, dark=True, declares_dark=page.declares_dark))


def _check(page: Page, rule: Rule, painter: Painter) -> Iterator[Finding]:
    for element in page.texts:
        ground = painter.ground(element)
        if ground.colour is None:
            continue  # an image: nobody can tell from here
        ink: Colour = painter.ink(element).colour
        seen = ink.over(ground.colour)
        ratio = contrast(seen, ground.colour)
        size, bold = font_size(page.styles, element), is_bold(page.styles, element)
        needed = LARGE if size >= _LARGE_PX or (bold and size >= _LARGE_BOLD_PX) else NORMAL
        if ratio < needed:
            level = Level.WARNING if ratio >= INVISIBLE or rule is LOW_DARK else Level.ERROR
            dark = " en affichage sombre" if rule is LOW_DARK else ""
            yield rule.found(
                f"Texte {seen} sur fond {ground.colour}{dark}\u202f: contraste {_french(ratio)}:1, "
                f"il en faut {_french(needed)}:1.",
                "Foncez l’un ou éclaircissez l’autre.",
                page.at(element),
                level=level,
            )


def _french(number: float) -> str:
    return f"{int(number * 10) / 10:.1f}".replace(".", ",")  # cut, not rounded: 4.46 is not 4.5
