"""What the CSS of a rendered page says of each element: its style attribute, and what <style> forces or adds in the dark."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import tinycss2
from cssselect import SelectorError
from cssselect import parse as parse_selectors
from lxml import etree
from lxml.cssselect import CSSSelector

Tokens = Sequence[Any]

DARK = "prefers-color-scheme"
"""The media feature whose block styles a mail where the reader has chosen a dark screen."""


class Declaration(NamedTuple):
    """One declaration; `value` holds tinycss2's tokens."""

    name: str
    value: Tokens
    is_important: bool

    @property
    def text(self) -> str:
        """The value as it is written, lower case, spaces single."""
        return " ".join(tinycss2.serialize(self.value).lower().split())


class StyleRule(NamedTuple):
    """One rule of a style sheet; `conditions` are the at-rules around it, such as media (prefers-color-scheme: dark)."""

    selector: str
    declarations: tuple[Declaration, ...]
    conditions: tuple[str, ...]
    style: Any  # the <style> element

    @property
    def is_dark(self) -> bool:
        """Tell a rule for dark screens of any width."""
        return len(self.conditions) == 1 and DARK in self.conditions[0] and "dark" in self.conditions[0]


@lru_cache(maxsize=2048)
def declarations(style: str) -> tuple[Declaration, ...]:
    """Parse the content of a style attribute or of a rule; what is no declaration is left out, as clients do."""
    return tuple(
        Declaration(each.lower_name, tuple(_trim(each.value)), each.important)
        for each in tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True)
        if each.type == "declaration"
    )


def _trim(tokens: Tokens) -> Iterator[Any]:
    for token in tokens:
        if token.type not in {"whitespace", "comment"}:
            yield token


class Styles:
    """The styles of one page. Unconditional rules are inlined already, so of those only what is !important counts."""

    def __init__(self, tree: Any) -> None:
        """Parse the style elements and match their rules with the elements of the page."""
        self.rules: list[StyleRule] = []
        self.at_rules: list[tuple[str, str, Any]] = []  # keyword, prelude, <style> element
        for style in tree.iter("style"):
            sheet = tinycss2.parse_stylesheet(style.text or "", skip_comments=True, skip_whitespace=True)
            self._collect(sheet, (), style)
        self._light = self._match(tree, dark=False)
        self._dark = self._match(tree, dark=True) if any(rule.is_dark for rule in self.rules) else None
        self._hidden: dict[Any, bool] = {}

    @property
    def has_dark(self) -> bool:
        """Tell whether the page has rules of its own for dark screens."""
        return self._dark is not None

    def value(self, element: Any, name: str, *, dark: bool = False) -> str | None:
        """Give what an element itself says of a property, in lower case; None where it says nothing."""
        found = self.of(element, dark=dark).get(name)
        return None if found is None else found.text

    def of(self, element: Any, *, dark: bool = False) -> Mapping[str, Declaration]:
        """Give the declarations that win on an element, by property."""
        own = {each.name: each for each in declarations(element.get("style") or "")}
        forced = (self._dark if dark and self._dark is not None else self._light).get(element)
        if forced:
            for name, declaration in forced.items():
                if declaration.is_important or name not in own:
                    own[name] = declaration
        return own

    def is_hidden(self, element: Any) -> bool:
        """Tell an element that no reader sees: not displayed, of no size, or transparent."""
        if element not in self._hidden:
            said = {name: declaration.text for name, declaration in self.of(element).items()}
            self._hidden[element] = (
                said.get("display") == "none"
                or said.get("visibility") == "hidden"
                or said.get("opacity") in {"0", "0.0"}
                or said.get("mso-hide") == "all"
                or element.get("hidden") is not None
                or (said.get("overflow") == "hidden" and said.get("max-height", said.get("height")) in {"0", "0px"})
            )
        return self._hidden[element]

    def is_shown(self, element: Any) -> bool:
        """Tell an element that is hidden neither itself nor by one around it."""
        return not any(self.is_hidden(each) for each in (element, *element.iterancestors()))

    def _collect(self, nodes: Sequence[Any], conditions: tuple[str, ...], style: Any) -> None:
        for node in nodes:
            if node.type == "qualified-rule":
                selector = tinycss2.serialize(node.prelude).strip()
                content = declarations(tinycss2.serialize(node.content))
                self.rules.append(StyleRule(selector, content, conditions, style))
            elif node.type == "at-rule":
                prelude = " ".join(tinycss2.serialize(node.prelude).lower().split())
                self.at_rules.append((node.lower_at_keyword, prelude, style))
                if node.content is not None and node.lower_at_keyword in {"media", "supports", "layer"}:
                    inner = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
                    self._collect(inner, (*conditions, f"{node.lower_at_keyword} {prelude}"), style)

    def _match(self, tree: Any, *, dark: bool) -> dict[Any, dict[str, Declaration]]:
        """Apply the rules that count, the weaker first (CSS Cascade 4, 6.1)."""
        found: list[tuple[tuple[int, ...], StyleRule, str]] = []
        for order, rule in enumerate(self.rules):
            if rule.conditions and not (dark and rule.is_dark):
                continue
            if not rule.conditions and not any(each.is_important for each in rule.declarations):
                continue
            try:
                parsed = parse_selectors(rule.selector)
            except SelectorError:
                continue
            found += [
                ((*each.specificity(), order), rule, each.canonical()) for each in parsed if not each.pseudo_element
            ]
        matched: dict[Any, dict[str, Declaration]] = {}
        for _weight, rule, selector in sorted(found, key=lambda each: each[0]):
            try:
                elements = CSSSelector(selector)(tree)
            except (SelectorError, etree.XPathError):
                continue  # a pseudo-class that holds no state of a mail, such as :hover
            for element in elements:
                values = matched.setdefault(element, {})
                for each in rule.declarations:
                    if (each.is_important or rule.conditions) and not (
                        each.name in values and values[each.name].is_important and not each.is_important
                    ):
                        values[each.name] = each
        return matched
