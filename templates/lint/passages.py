"""What a reader sees as one run of text, and where it stands."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from templates.lint.findings import Place
from templates.lint.styles import Styles

_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 "
    "header html main nav ol p pre section table tbody td tfoot th thead tr ul li br hr".split()
)
UNSHOWN = frozenset({"head", "style", "script", "title", "template", "noscript"})
"""Elements whose text no client shows."""

_PADDING = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2060-\u2064\ufeff]")
"""Characters without ink, which keep the first lines of a mail out of the list of messages."""


class Passage(NamedTuple):
    """A run of text that a reader sees as one, with where it stands; `is_shown` is False for the preview text."""

    text: str
    place: Place
    is_shown: bool = True


def clean(text: str) -> str:
    """Take characters without ink out of a text, and every run of spaces to one."""
    return " ".join(_PADDING.sub("", text).split())


def text_of(element: Any) -> str:
    """Give what an element shows as text, the alternative texts of its images included."""
    parts = [element.text or "" if isinstance(element.tag, str) else ""]
    for child in element:
        if isinstance(child.tag, str):
            parts.append(child.get("alt", "") if child.tag == "img" else text_of(child))
        parts.append(child.tail or "")
    return clean("".join(parts))


def _around(elements: Sequence[Any]) -> Any:
    """Give the innermost element that holds all of these, itself one of them where it holds the others."""
    first, *others = elements
    common = [first, *first.iterancestors()]
    for other in others:
        line = {other, *other.iterancestors()}
        common = [each for each in common if each in line]
    return common[0]


def gather(body: Any, styles: Styles, at: Callable[[Any], Place]) -> Iterator[Passage]:
    """Walk the body and cut its text at the blocks; `at` tells the place of an element."""
    run: list[str] = []
    places: list[Any] = []

    def end(is_shown: bool) -> Iterator[Passage]:
        if text := clean("".join(run)):
            place = at(_around(places))
            yield Passage(text, place, is_shown)
        run.clear()
        places.clear()

    def add(text: str | None, element: Any) -> None:
        if text:
            run.append(text)
            if text.strip() and element not in places:
                places.append(element)

    def walk(element: Any, is_shown: bool) -> Iterator[Passage]:
        if element.tag in UNSHOWN:
            return
        was_shown = is_shown
        is_shown = is_shown and not styles.is_hidden(element)
        is_block = element.tag in _BLOCKS or is_shown != was_shown
        if is_block:
            yield from end(was_shown)
        add(element.text, element)
        for child in element:
            if isinstance(child.tag, str):
                yield from walk(child, is_shown)
            add(child.tail, element)
        if is_block:
            yield from end(is_shown)

    if body is not None:
        yield from walk(body, is_shown=True)
        yield from end(is_shown=True)
