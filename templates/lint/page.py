"""One rendered message as the rules look at it: its parts, its element tree, its visible passages."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, is_dataclass, replace
from functools import cached_property
from typing import Any

from lxml import etree

from templates.brand import Brand
from templates.compiler import CompiledTemplate
from templates.errors import RenderingFailed
from templates.lint.findings import Part, Place
from templates.lint.passages import UNSHOWN, Passage, clean, gather
from templates.lint.places import Places, number_tags, strip_numbers
from templates.lint.styles import Styles
from templates.renderer import Renderer
from templates.sources import Purpose

Encode = Callable[[str], str]
"""Writes a part as it travels, in quoted-printable."""

_FOR_OUTLOOK = re.compile(r"\s*\[if\s+(?!!)[^\]]*\]>", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """One message, rendered, with what the rules compare it with.

    `variables` are the bound ones and `examples` the names of those that have only their example; `recipient` is
    whose message it is, as `Renderer.render` takes it; `today` is what dates are compared with.
    """

    subject: str
    numbered: str
    text: str
    purpose: Purpose
    brand: Brand
    variables: Mapping[str, object]
    recipient: Mapping[str, object]
    today: dt.date
    encode: Encode
    places: Places = field(default_factory=Places)
    examples: frozenset[str] = frozenset()
    obstacle: str = ""
    image_sizes: Mapping[str, int] = field(default_factory=dict)
    image_names: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def html(self) -> str:
        """The HTML as it is sent."""
        return strip_numbers(self.numbered)

    @cached_property
    def tree(self) -> Any:
        """The root element of the HTML."""
        parser = etree.HTMLParser(encoding="utf-8")
        octets = self.numbered.encode(errors="replace")
        root = etree.fromstring(octets, parser) if octets.strip() else None
        return etree.fromstring(b"<body></body>", parser) if root is None else root

    @cached_property
    def styles(self) -> Styles:
        """What CSS says of each element."""
        return Styles(self.tree)

    @cached_property
    def elements(self) -> tuple[Any, ...]:
        """Every element of the body in document order, comments left out."""
        body = self.tree.find("body")
        return () if body is None else tuple(each for each in body.iter() if isinstance(each.tag, str))

    @cached_property
    def links(self) -> tuple[Any, ...]:
        """Every a with an href, and every area."""
        return tuple(each for each in self.elements if each.tag in {"a", "area"} and each.get("href") is not None)

    @cached_property
    def for_outlook(self) -> tuple[tuple[str, Any], ...]:
        """The sources of the conditional comments that Outlook for Windows reads, each with the element around it."""
        comments = self.tree.iter(etree.Comment)
        found = ((each.text or "", each.getparent()) for each in comments if each.getparent() is not None)
        return tuple((text, parent) for text, parent in found if _FOR_OUTLOOK.match(text))

    @cached_property
    def texts(self) -> tuple[Any, ...]:
        """Every shown element that has text of its own."""
        return tuple(
            each
            for each in self.elements
            if any(text and text.strip() for text in (each.text, *(child.tail for child in each)))
            and self.styles.is_shown(each)
        )

    @cached_property
    def declares_dark(self) -> bool:
        """Tell whether the page says that it can be shown dark."""
        metas = self.tree.iter("meta")
        return any("dark" in (each.get("content") or "") for each in metas if each.get("name") == "color-scheme")

    @cached_property
    def preheader(self) -> str:
        """The hidden text at the top that the list of messages shows beside the subject; "" without one."""
        for element in self.elements:
            if element.tag != "body" and self.styles.is_hidden(element):
                text = clean("".join(element.itertext()))
                if text:
                    return text
            elif (element.text or "").strip() and element.tag not in UNSHOWN | {"body"}:
                return ""
        return ""

    @cached_property
    def passages(self) -> tuple[Passage, ...]:
        """The subject, the preview text, each block of the HTML and each paragraph of the text part."""
        body = self.tree.find("body")
        found = [Passage(self.subject, Place(Part.SUBJECT), is_shown=False)]
        found += [] if body is None else gather(body, self.styles, self.at)
        for paragraph in re.split(r"\n\s*\n", self.text):
            if text := " ".join(paragraph.split()):
                found.append(Passage(text, Place(Part.TEXT), is_shown=False))
        return tuple(found)

    @cached_property
    def shown(self) -> str:
        """All that the HTML shows, blocks apart by line ends, with the alternative texts of its images."""
        lines = [passage.text for passage in self.passages if passage.is_shown]
        return "\n".join((*lines, *(each.get("alt", "") for each in self.elements if each.tag == "img")))

    @cached_property
    def unsubscribe(self) -> str:
        """The recipient's own link out."""
        links = self.recipient.get("links")
        return str(links.get("unsubscribe", "")) if isinstance(links, Mapping) else ""

    def at(self, element: Any, *, value: object = None) -> Place:
        """Tell where an element comes from, and of which variable `value` is, if it is of one."""
        return self.places.of(element, variable=self.variable_of(value))

    def variable_of(self, value: object) -> str:
        """Name the variable that has this value, or a text that holds it; "" where none has."""
        if value in (None, ""):
            return ""
        text = " ".join(value.split()) if isinstance(value, str) else ""  # typography has written its own spaces
        for name, given in self.variables.items():
            for known in leaves(given):
                same_text = isinstance(known, str) and len(text) > 3 and text in " ".join(known.split())
                if known == value or same_text or (isinstance(known, dt.datetime) and known.date() == value):
                    return name
        return ""


def make_page(
    compiled: CompiledTemplate,
    brand: Brand,
    variables: Mapping[str, object],
    recipient: Mapping[str, object],
    **rest: Any,
) -> Page:
    """Render one recipient's message for the lint; `rest` are the other fields of Page. Raises RenderingFailed."""
    return _write(_numbering(compiled, brand, variables), compiled, brand, variables, recipient, rest)


def make_pages(
    compiled: CompiledTemplate,
    brand: Brand,
    variables: Mapping[str, object],
    recipients: Iterable[Mapping[str, object]],
    **rest: Any,
) -> Iterator[Page]:
    """Render several recipients' messages; one that cannot be rendered is left out, as it is no mail to look at."""
    renderer = _numbering(compiled, brand, variables)
    for recipient in recipients:
        with suppress(RenderingFailed):
            yield _write(renderer, compiled, brand, variables, recipient, rest)


def _numbering(compiled: CompiledTemplate, brand: Brand, variables: Mapping[str, object]) -> Renderer:
    return Renderer(replace(compiled, html=number_tags(compiled.html)), brand, variables)


def _write(
    renderer: Renderer,
    compiled: CompiledTemplate,
    brand: Brand,
    variables: Mapping[str, object],
    recipient: Mapping[str, object],
    rest: Mapping[str, Any],
) -> Page:
    rendered = renderer.render(recipient)
    return Page(
        subject=rendered.subject,
        numbered=rendered.html,
        text=rendered.text,
        brand=brand,
        variables=variables,
        recipient=recipient,
        obstacle=compiled.obstacle,
        **rest,
    )


def leaves(value: object) -> Iterator[object]:
    """Give the single values of a variable, which may be a list or have several parts."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    elif is_dataclass(value) and not isinstance(value, type):
        value = tuple(vars(value).values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each)
    else:
        yield value
