"""Elements that no mail client runs, and that make filters suspicious."""

from collections.abc import Iterator

from templates.lint.findings import Finding, Level, Rule
from templates.lint.page import Page

ACTIVE = Rule(
    "active-content",
    Level.ERROR,
    "Le message contient du JavaScript, un cadre ou un objet\u202f: les logiciels le retirent, les filtres le refusent.",
)
FORM = Rule("form", Level.ERROR, "Le message contient un formulaire\u202f: la plupart des logiciels ne l’envoient pas.")
RULES = (ACTIVE, FORM)

_ACTIVE = frozenset({"script", "iframe", "frame", "frameset", "object", "embed", "applet", "portal", "base"})
_FORM = frozenset({"form", "input", "textarea", "select", "button"})


def check(page: Page) -> Iterator[Finding]:
    """Look for elements and attributes that run or collect something."""
    for element in page.tree.iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag in _ACTIVE or (element.tag == "meta" and (element.get("http-equiv") or "").lower() == "refresh"):
            yield ACTIVE.found(
                f"L’élément <{element.tag}> ne fonctionne dans aucun message.",
                "Retirez-le\u202f; mettez un lien vers une page web.",
                page.at(element),
            )
        if element.tag in _FORM:
            yield FORM.found(
                f"L’élément <{element.tag}> fait partie d’un formulaire.",
                "Mettez un bouton qui ouvre un formulaire en ligne.",
                page.at(element),
            )
        for name in element.attrib:
            if name.lower().startswith("on"):
                yield ACTIVE.found(
                    f"L’attribut {name} contient du JavaScript, que les logiciels retirent.",
                    "Retirez l’attribut.",
                    page.at(element),
                )
