"""HTML and CSS that the recipients' clients do not show: one finding a feature, with the clients and the places."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from templates.lint.findings import Finding, Level, Place, Rule
from templates.lint.page import Page
from templates.lint.reference import CLIENTS, UNSUPPORTED, Feature, features
from templates.lint.styles import Declaration, declarations
from templates.lint.urls import split_link

BREAKS = Rule(
    "unsupported-breaking",
    Level.WARNING,
    "Des logiciels de messagerie n’affichent pas une mise en page ou un contenu du message (données Can I email…).",
)
DEGRADES = Rule(
    "unsupported-degrading",
    Level.HINT,
    "Des logiciels de messagerie ignorent un ornement du message, qui reste lisible (données Can I email…).",
)
RULES = (BREAKS, DEGRADES)

_TABLES = 'Mettez en page par des tableaux (<table role="presentation">).'
_PIXELS = "Écrivez la valeur en px, au moins avant celle-ci."
_HEX = "Écrivez la couleur en #rrggbb, au moins avant celle-ci."
_WORDS = "Écrivez ce texte dans le message même."
_PICTURE = "Enregistrez l’image en PNG ou en JPEG."
_LINK = "Mettez une image fixe, avec un lien vers la page."

REMEDIES = {
    **dict.fromkeys(
        (
            "css-display-flex css-display-grid css-flex-direction css-flex-wrap css-grid-template css-float css-position "
            "css-left-right-top-bottom css-z-index css-transform css-clip-path css-column-count"
        ).split(),
        _TABLES,
    ),
    **dict.fromkeys(
        (
            "css-unit-calc css-function-clamp css-function-min css-function-max css-variables css-unit-rem css-unit-vh "
            "css-unit-vw css-unit-vmin css-unit-vmax css-unit-ch"
        ).split(),
        _PIXELS,
    ),
    **dict.fromkeys("css-rgba css-modern-color css-function-light-dark".split(), _HEX),
    **dict.fromkeys("css-pseudo-element-before css-pseudo-element-after".split(), _WORDS),
    **dict.fromkeys("image-svg image-webp image-avif image-heif image-tiff image-ico".split(), _PICTURE),
    **dict.fromkeys("html-video html-audio html-svg html-dialog html-popover html-marquee image-mp4".split(), _LINK),
    "html-meter": _WORDS,
    "html-progress": _WORDS,
    "html-hidden": 'Écrivez style="display:none" à la place, sinon le texte se voit.',
}
"""What breaks a mail where it is not supported, and what to write instead; all else that is in the data degrades."""

SILENT = re.compile(
    r"html-(?:aria-.*|lang|role|dir|target|loading-attribute|width|height)$|css-(?:color-scheme|cursor|user-select|hyphens|font-kerning)$"
)
"""Features whose absence nobody sees, or that a client without them needs not."""

_ADORNS = "Rien à faire si le message reste clair sans cet ornement\u202f; vérifiez-le dans ces logiciels."
_COLOUR_TOO = "Donnez aussi une couleur de fond, sur laquelle le texte se lit."
_ADORNMENT = {
    **dict.fromkeys(
        "css-background-image css-linear-gradient css-radial-gradient html-background".split(), _COLOUR_TOO
    ),
}
_FRENCH = {
    " element": "élément",
    " attribute": "attribut",
    " unit": "unité",
    " image format": "images",
    " property": "propriété",
    " properties": "propriétés",
    " (Custom Properties)": "",
    " function": "",
}
_PSEUDO = re.compile(r"(::?)([a-z-]+)")
_INLINED = frozenset({"first-child", "last-child"})  # by premailer, so that the client needs not know them
_LEGACY_ELEMENTS = frozenset({"before", "after", "first-letter", "first-line"})
_OUTLOOK = "outlook-windows"
_MEDIA_KEY = "at:media"
_PLACES = 200  # of one feature; nobody reads more


@dataclass
class _Use:
    """Where a feature is used; `is_inline` when it is not only inside media queries."""

    feature: Feature
    places: list[Place] = field(default_factory=list)
    is_inline: bool = False
    in_outlook: bool = False


class _Uses(dict[str, _Use]):
    """What a page uses of the data, by feature."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page

    def note(self, key: str, element: Any, *, inline: bool = True, outlook: bool = True) -> None:
        """Note that an element uses what `key` stands for, if the data know it."""
        feature = features().get(key)
        if feature is None or SILENT.match(feature.name):
            return
        use = self.setdefault(feature.name, _Use(feature))
        use.is_inline = use.is_inline or inline
        use.in_outlook = use.in_outlook or outlook
        if len(use.places) < _PLACES:
            use.places.append(self._page.at(element))

    def note_elements(self) -> None:
        """Note the elements that are shown, with their attributes and styles."""
        not_for_outlook = hidden_from_outlook(self._page.tree)
        for element in self._page.elements:
            outlook = element not in not_for_outlook
            if element.get("hidden") is not None:
                self.note("attribute:hidden", element, outlook=outlook)
            if self._page.styles.is_shown(element):
                for key in _keys_of_element(element):
                    self.note(key, element, outlook=outlook)

    def note_sheets(self) -> None:
        """Note what stays in the style sheets: at-rules, pseudo-classes, and what stands in media queries."""
        for keyword, prelude, style in self._page.styles.at_rules:
            self.note(f"at:{keyword.removeprefix('-webkit-')}", style, inline=keyword in {"import", "font-face"})
            if keyword == "media":
                for name in re.findall(r"\(\s*([\w-]+)", prelude):
                    self.note(f"media:{name}", style, inline=False)
        for rule in self._page.styles.rules:
            for colons, name in _PSEUDO.findall(rule.selector):
                is_element = colons == "::" or name in _LEGACY_ELEMENTS
                if rule.conditions or name not in _INLINED:
                    key = f"pseudo{'-element' if is_element else ''}:{name}"
                    self.note(key, rule.style, inline=not rule.conditions)
            if rule.conditions:
                for key in _keys_of_declarations(rule.declarations):
                    self.note(key, rule.style, inline=False)


def check(page: Page) -> Iterator[Finding]:
    """Look up everything that the page uses."""
    uses = _Uses(page)
    uses.note_elements()
    uses.note_sheets()
    for use in uses.values():
        yield from _judge(use, features()[_MEDIA_KEY])


def _judge(use: _Use, media: Feature) -> Iterator[Finding]:
    clients = [
        client
        for client in use.feature.lacking()
        if (client != _OUTLOOK or use.in_outlook)
        # What stands in a media query only is never seen by a client that skips all of them.
        and (use.is_inline or use.feature is media or media.support[client] != UNSUPPORTED)
    ]
    if not clients:
        return
    cause = f"{_title(use.feature)}\u202f: sans effet dans {', '.join(CLIENTS[client] for client in clients)}."
    remedy = REMEDIES.get(use.feature.name)
    if remedy and use.is_inline:
        yield BREAKS.found(cause, remedy, *use.places)
    else:
        yield DEGRADES.found(cause, _ADORNMENT.get(use.feature.name, _ADORNS), *use.places)


def _title(feature: Feature) -> str:
    """Write a feature's title in French, where it is more than its name."""
    title = feature.title
    for english, french in _FRENCH.items():
        if title.endswith(english):
            return f"{french} {title.removesuffix(english)}".strip()
    return title


def hidden_from_outlook(tree: Any) -> set[Any]:
    """Give the elements between <!--[if !mso]><!--> and <!--<![endif]-->, which Outlook for Windows never sees."""
    hidden: set[Any] = set()
    for comment in tree.iter(etree.Comment):
        if not re.match(r"\s*\[if\s+!\s*mso", comment.text or "", re.IGNORECASE):
            continue
        for sibling in comment.itersiblings():
            if sibling.tag is etree.Comment and "endif" in (sibling.text or ""):
                break
            hidden.update(sibling.iter())
    return hidden


def _keys_of_element(element: Any) -> Iterator[str]:
    yield f"element:{element.tag}"
    for name in element.attrib:
        yield f"attribute:{name}"
    if element.tag in {"img", "source", "input"}:
        yield from _keys_of_image(element.get("src") or "")
    found = declarations(element.get("style") or "")
    if element.get("cellspacing") is not None:  # says what border-spacing says, and everybody knows it
        found = tuple(each for each in found if each.name != "border-spacing")
    yield from _keys_of_declarations(found)


def _keys_of_image(source: str) -> Iterator[str]:
    if match := re.search(r"\.(\w{2,5})$", split_link(source).path):
        yield f"image:{match[1].lower()}"


def _keys_of_declarations(found: Iterable[Declaration]) -> Iterator[str]:
    for declaration in found:
        yield f"property:{declaration.name}"
        yield f"value:{declaration.name}={declaration.text}"
        yield from _keys_of_tokens(declaration.value)


def _keys_of_tokens(tokens: Iterable[Any]) -> Iterator[str]:
    for token in tokens:
        match token.type:
            case "function":
                yield f"function:{token.lower_name}"
                yield from _keys_of_tokens(token.arguments)
            case "dimension":
                yield f"unit:{token.lower_unit}"
            case "ident":
                yield f"keyword:{token.lower_value}"
            case "url":
                yield from _keys_of_image(token.value)
            case "() block" | "[] block":
                yield from _keys_of_tokens(token.content)
            case _:
                pass
