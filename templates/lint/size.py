"""How much of a message a client shows: Gmail cuts the HTML part off behind about 102 KB."""

from collections.abc import Iterator

from templates.lint.findings import Finding, Level, Part, Place, Rule
from templates.lint.identity import ways_out
from templates.lint.page import Page
from templates.lint.places import NUMBER, strip_numbers

HTML_SIZE = Rule(
    "html-size",
    Level.ERROR,
    "Le HTML encodé dépasse 90 Ko (avertissement) ou 102 Ko (erreur)\u202f: Gmail coupe la suite du message.",
)
CLIPPED = Rule(
    "unsubscribe-clipped",
    Level.ERROR,
    "Le lien de désinscription est au-delà des 102 Ko que Gmail affiche.",
    is_law=True,
)
RULES = (HTML_SIZE, CLIPPED)

WARN, CLIP = 90 * 1024, 102 * 1024
"""Octets of the encoded part; Gmail's limit is trade knowledge, nowhere written by Google."""


def check(page: Page) -> Iterator[Finding]:
    """Measure the HTML part as it travels."""
    size = len(page.encode(page.html))
    if size > WARN:
        styles = sum(len(each.text or "") for each in page.tree.iter("style")) // 1024
        yield HTML_SIZE.found(
            f"Le HTML encodé pèse {size // 1024} Ko ({styles} Ko dans <style>)\u202f; Gmail coupe à {CLIP // 1024} Ko.",
            "Raccourcissez le texte, retirez les styles qui ne servent pas, ou renvoyez à une page web.",
            Place(Part.HTML),
            level=Level.ERROR if size > CLIP else Level.WARNING,
        )
    ways = ways_out(page) if size > CLIP else []
    if ways and all(_position(page, link.get(NUMBER)) > CLIP for link in ways):
        yield CLIPPED.found(
            "Gmail coupe le message avant le lien de désinscription.",
            "Mettez un lien de désinscription en haut du message, ou raccourcissez-le.",
            page.at(ways[0]),
        )


def _position(page: Page, number: str | None) -> int:
    """Give the octet of the encoded part at which a start tag stands."""
    at = page.numbered.find(f' {NUMBER}="{number}"') if number else -1
    return len(page.encode(strip_numbers(page.numbered[: at if at >= 0 else len(page.numbered)])))
