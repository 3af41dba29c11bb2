"""Every rule, and the run of them all over one page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path
from types import ModuleType

from templates.errors import InvalidTemplate
from templates.lint import (
    accessibility,
    active,
    contrast,
    cost,
    darkmode,
    dates,
    identity,
    images,
    leftovers,
    links,
    size,
    subject,
    support,
    textpart,
)
from templates.lint.findings import Finding, Level, Rule, merge
from templates.lint.page import Page
from templates.nearest import nearest
from templates.sources import Template

_CHECKS: tuple[ModuleType, ...] = (
    identity,
    leftovers,
    subject,
    dates,
    links,
    images,
    active,
    size,
    contrast,
    support,
    darkmode,
    textpart,
    accessibility,
    cost,
)

RULES: Mapping[str, Rule] = {rule.name: rule for module in _CHECKS for rule in module.RULES}
"""Every rule by its name."""


@dataclass(frozen=True)
class Report:
    """What a lint found, the gravest first, and what the template silences for the reason it gives."""

    findings: tuple[Finding, ...]
    silenced: tuple[Finding, ...] = ()
    reason: str = ""

    def count(self, level: Level) -> int:
        """Count the findings of one level."""
        return sum(1 for finding in self.findings if finding.level is level)


def run(pages: Iterable[Page], template: Template | None = None) -> Report:
    """Check pages by every rule. Raises InvalidTemplate where the template silences what it cannot.

    The pages are one message to several recipients: what is found at the same place again is said once, although a
    value in it may differ.
    """
    silenced = frozenset() if template is None else _check_silenced(template)
    kept: list[Finding] = []
    seen: set[tuple[object, ...]] = set()
    for page in pages:
        new = [finding for finding in _check(page) if not seen.issuperset(_marks(finding))]
        kept += new
        seen.update(mark for finding in new for mark in _marks(finding))
    found = merge(kept)
    return Report(
        tuple(finding for finding in found if finding.rule not in silenced),
        tuple(finding for finding in found if finding.rule in silenced),
        template.silence.reason if template is not None else "",
    )


def _check(page: Page) -> list[Finding]:
    return merge(finding for module in _CHECKS for finding in module.check(page))


def _marks(finding: Finding) -> set[tuple[object, ...]]:
    """Give what tells a finding from another, whatever values its sentence has."""
    places = {(place.part, place.file, place.line, place.column) for place in finding.places}
    return {(finding.rule, *place) for place in places} or {(finding.rule, finding.remedy)}


def _check_silenced(template: Template) -> frozenset[str]:
    """Give the rules that a template silences; none of the law is among them."""
    file = template.folder / Path("template.toml")
    for name in template.silence.rules:
        if name not in RULES:
            raise InvalidTemplate(
                _("[lint] ignore: there is no rule {name!r}; {nearest}").format(
                    name=name, nearest=nearest(name, sorted(RULES))
                ),
                file=file,
            )
        if RULES[name].is_law:
            raise InvalidTemplate(
                _("[lint] ignore: {name} is asked for by law and cannot be silenced; correct the template").format(
                    name=name
                ),
                file=file,
            )
    return frozenset(template.silence.rules)
