"""What a template costs at each recipient that it could cost once."""

from collections.abc import Iterator

from templates.lint.findings import Finding, Level, Part, Place, Rule
from templates.lint.page import Page

PER_RECIPIENT = Rule(
    "inlined-per-recipient",
    Level.WARNING,
    "Les styles ne peuvent pas être préparés une fois pour tous\u202f: ils le sont pour chaque destinataire.",
)
RULES = (PER_RECIPIENT,)


def check(page: Page) -> Iterator[Finding]:
    """Say what keeps the compiler from inlining the styles once, as it says it."""
    if page.obstacle:
        yield PER_RECIPIENT.found(
            f"Les styles sont préparés pour chaque destinataire\u202f: quelques dizaines de millisecondes par message au lieu "
            f"de quelques centièmes, soit plusieurs minutes pour 10\u202f000 messages. Cause\u202f: {page.obstacle}",
            "Réécrivez l’endroit indiqué\u202f; le plus souvent, une classe fixe dans une balise entière par cas.",
            Place(Part.HTML),
        )
