"""Colours as a reader gets them: parsed from CSS and attributes, laid over what is behind, and their contrast."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from tinycss2 import color4, parse_component_value_list

from templates.lint.styles import Styles


class Colour(NamedTuple):
    """Red, green, blue and opacity, each from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def over(self, behind: "Colour") -> "Colour":
        """Lay this colour over an opaque one."""
        mixed = (top * self.alpha + under * (1 - self.alpha) for top, under in zip(self[:3], behind[:3], strict=True))
        return Colour(*mixed)

    def __str__(self) -> str:
        return "#" + "".join(f"{round(max(0, min(1, part)) * 255):02x}" for part in self[:3])


WHITE, BLACK = Colour(1, 1, 1), Colour(0, 0, 0)
LINK = Colour(0, 0, 238 / 255)
"""What clients give a link that says no colour (HTML standard 15.3.4)."""

DARK_CANVAS, DARK_TEXT = Colour(18 / 255, 18 / 255, 18 / 255), WHITE
"""About what a client paints behind and writes with on a dark screen, where the page declares that it can be dark."""


@lru_cache(maxsize=512)
def parse_colour(text: str) -> Colour | None:
    """Read a CSS colour; None for what is none, or is of a space that mail clients do not know."""
    try:
        found = color4.parse_color(text)
        parts = None if found is None or isinstance(found, str) else tuple(found.to("srgb"))
    except NotImplementedError:
        return None
    return Colour(*parts) if parts else None


@lru_cache(maxsize=512)
def parse_attribute(text: str) -> Colour | None:
    """Read the colour of an HTML attribute, where # may be missing (HTML standard 2.3.6)."""
    bare = text.strip().lower()
    return parse_colour(f"#{bare}" if re.fullmatch(r"[0-9a-f]{3}(?:[0-9a-f]{3})?", bare) else bare)


def contrast(one: Colour, other: Colour) -> float:
    """Give the contrast ratio of two opaque colours, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class Ground(NamedTuple):
    """What is behind a text: its colour, None where an image is; and the element that says so, None for the canvas."""

    colour: Colour | None
    element: Any


class Ink(NamedTuple):
    """What a text is written with, and the element that says so, None for what the client chooses."""

    colour: Colour
    element: Any


class Painter:
    """Finds the colours of a page on a bright screen, or on a dark one by the page's own rules for it."""

    def __init__(self, styles: Styles, *, dark: bool = False, declares_dark: bool = False) -> None:
        self._styles = styles
        self._dark = dark
        self._canvas, self._default = (DARK_CANVAS, DARK_TEXT) if dark and declares_dark else (WHITE, BLACK)

    def own_ground(self, element: Any) -> tuple[Colour | None, bool]:
        """Give the background that an element itself sets, and whether an image covers it."""
        said = self._styles.of(element, dark=self._dark)
        colour, has_image = None, bool(element.get("background"))
        shorthand, longhand = said.get("background"), said.get("background-color")
        if shorthand is not None:
            colour = _colour_within(shorthand.text)
            has_image = has_image or "url(" in shorthand.text or "gradient(" in shorthand.text
        if longhand is not None:
            colour = parse_colour(longhand.text)
        if (image := said.get("background-image")) is not None:
            has_image = image.text != "none"
        if colour is None and not (shorthand or longhand) and element.get("bgcolor"):
            colour = parse_attribute(element.get("bgcolor"))
        return colour, has_image

    def ground(self, element: Any) -> Ground:
        """Find what is behind the text of an element."""
        layers: list[Colour] = []
        first = None
        for each in (element, *element.iterancestors()):
            colour, has_image = self.own_ground(each)
            if has_image:
                return Ground(None, each)
            if colour is not None and colour.alpha > 0:
                first = each if first is None else first
                layers.append(colour)
                if colour.alpha >= 1:
                    break
        behind = self._canvas
        for layer in reversed(layers):
            behind = layer.over(behind)
        return Ground(behind, first)

    def ink(self, element: Any) -> Ink:
        """Find what the text of an element is written with."""
        for each in (element, *element.iterancestors()):
            said = self._styles.value(each, "color", dark=self._dark)
            colour = parse_colour(said) if said not in (None, "inherit", "currentcolor") else None
            if colour is None and said is None and each.tag == "font" and each.get("color"):
                colour = parse_attribute(each.get("color"))
            if colour is None and said is None and each.tag == "body" and each.get("text"):
                colour = parse_attribute(each.get("text"))
            if colour is not None:
                return Ink(colour, each)
            if said is None and each.tag == "a" and each.get("href"):
                return Ink(LINK, None)
        return Ink(self._default, None)


@lru_cache(maxsize=512)
def _colour_within(shorthand: str) -> Colour | None:
    """Find the colour among the words of a background."""
    for token in parse_component_value_list(shorthand):
        if token.type in {"ident", "hash", "function"} and (colour := parse_colour(token.serialize())) is not None:
            return colour
    return None
