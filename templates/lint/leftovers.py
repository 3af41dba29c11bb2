"""Words that were meant to be replaced and never were."""

import re
from collections.abc import Iterator
from dataclasses import replace

from templates.lint.findings import Finding, Level, Place, Rule
from templates.lint.page import Page

JINJA = Rule("jinja-left", Level.ERROR, "Des balises du modèle ({{ }}, {% %}) sont restées dans le message.")
PLACEHOLDER = Rule(
    "placeholder-left",
    Level.ERROR,
    "Un texte provisoire est resté\u202f: [[ ]], XXX, TODO, lorem ipsum, «\u202fà compléter\u202f», balise d’un autre outil.",
)
RULES = (JINJA, PLACEHOLDER)

_JINJA = re.compile(r"\{\{.{0,60}?\}\}|\{%.{0,60}?%\}|\{#.{0,60}?#\}|\{\{|\}\}|\{%|%\}|%7B%7B", re.DOTALL)
_PLACEHOLDER = re.compile(
    r"\[\[[^\]]{0,60}\]\]|<<[^<>]{1,60}>>|\*\|\w+\|\*|%%\w{2,40}%%|\$\{\w[^}]{0,40}\}"  # merge fields of other tools
    r"|\[(?:[A-ZÉÈÀ_ ]{3,40}|(?i:(?:votre |le |la |nom|prénom|date|lieu|lien|montant|insérer|texte|à )[^\]\d]{0,40}))\]"
    r"|\b(?:TODO|TBD|FIXME)\b|\bX{3,}\b|\bXX(?:[ .]XX)+\b"
    r"|(?i:\blorem ipsum\b|[«(\[]?\s*\bà (?:compléter|remplir|renseigner)(?: ici)?\s*[»)\]]|\bà compléter\s*(?:[.…!]|$))"
    r"|\bundefined\b|(?<=[ :])None(?=[ .,;]|$)"
)
_ATTRIBUTES = ("href", "src", "alt", "title")


def check(page: Page) -> Iterator[Finding]:
    """Look at every passage, and at the attributes that a reader sees or opens."""
    for passage in page.passages:
        for rule, pattern in ((JINJA, _JINJA), (PLACEHOLDER, _PLACEHOLDER)):
            for match in pattern.finditer(passage.text):
                yield _found(rule, match[0].strip(), page, passage.place)
    for source, parent in page.for_outlook:
        for match in _JINJA.finditer(source):
            yield _found(JINJA, match[0], page, page.at(parent))
    for element in page.elements:
        for name in _ATTRIBUTES:
            value = element.get(name) or ""
            if left := _JINJA.search(value):
                yield _found(JINJA, left[0], page, page.at(element))
            elif left := re.search(r"lorem ipsum|\*\|\w+\|\*|\[\[|\bTODO\b|\bX{3,}\b", value):
                yield _found(PLACEHOLDER, left[0], page, page.at(element))


def _found(rule: Rule, words: str, page: Page, place: Place) -> Finding:
    variable = page.variable_of(words)
    if rule is JINJA:
        remedy = "Corrigez la balise\u202f: son nom, ses accolades, ou le texte qui la contient."
    else:
        remedy = "Remplacez-le par le vrai texte, ou retirez-le."
    if variable:
        remedy = f"Corrigez la variable {variable}."
    return rule.found(f"«\u202f{words}\u202f» est resté dans le message.", remedy, replace(place, variable=variable))
