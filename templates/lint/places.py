"""Leads from an element of the rendered page back to the file, line and column where its author wrote it."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from templates.inheritance import flatten
from templates.lint.findings import Part, Place
from templates.macros import expand
from templates.pieces import Piece, PieceKind, cut
from templates.protection import protect
from templates.sources import LIBRARY, Template

NUMBER = "data-relais-at"
"""The attribute that numbers the start tags of a page for the lint; never sent."""

_NUMBERED = re.compile(rf' {NUMBER}="\d+"')
_LONGEST = 60  # characters of an element's description
_TELLING = ("id", "class", "href", "src", "name", "alt")


def number_tags(source: str) -> str:
    """Number the start tags of a compiled HTML source, so that each is found again when it is rendered."""
    protected = protect(cut(source, Path()))
    written, position = [], 0
    for number, tag in enumerate(protected.tags):
        end = tag.end - (2 if protected.marked[tag.end - 2] == "/" else 1)
        written += [protected.marked[position:end], f' {NUMBER}="{number}"']
        position = end
    return protected.restore("".join((*written, protected.marked[position:])))


def strip_numbers(page: str) -> str:
    """Give a rendered page as it is sent."""
    return _NUMBERED.sub("", page)


class _Origin(NamedTuple):
    tag: str
    file: str
    line: int
    column: int | None


class Places:
    """The places of one template's start tags; without a template, elements are only described."""

    def __init__(self, template: Template | None = None) -> None:
        """Read where the start tags stand. The compiler keeps their order and number, whatever it does to styles."""
        self._places = [] if template is None else _locate_tags(template)

    def of(self, element: Any, *, variable: str = "") -> Place:
        """Tell where an element comes from; one that the parser added has the place of its parent."""
        known = element
        while known is not None and known.get(NUMBER) is None:
            known = known.getparent()
        described = describe(element)
        number = len(self._places) if known is None else int(known.get(NUMBER))
        if number >= len(self._places) or self._places[number].tag != known.tag:
            return Place(Part.HTML, element=described, variable=variable)
        _tag, file, line, column = self._places[number]
        return Place(Part.HTML, file, line, column, described, variable)


def describe(element: Any) -> str:
    """Write the beginning of an element's start tag, with what tells it from others."""
    told = next((name for name in _TELLING if (element.get(name) or "").strip()), None)
    if told is None:
        return f"<{element.tag}>"
    value = " ".join(element.get(told).split())
    return f'<{element.tag} {told}="{value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"}">'


def _locate_tags(template: Template) -> list[_Origin]:
    pieces, _kept = expand(flatten(template.html, template.body_file, template.folder))
    protected = protect(pieces)
    lengths = [len(_marked(number, piece)) for number, piece in enumerate(protected.pieces)]
    ends = list(accumulate(lengths))
    lowered = protected.marked.lower()
    files: dict[Path, list[str]] = {}
    found = []
    for tag in protected.tags:
        start = lowered.rfind(f"<{tag.name}", 0, tag.end)
        number = bisect_right(ends, start)
        piece = protected.pieces[number]
        offset = start - (ends[number] - lengths[number])
        line = piece.line + piece.source.count("\n", 0, offset)
        begin = protected.marked[start : tag.end].partition("\ue000")[0].partition("\n")[0]
        found.append(
            _Origin(tag.name, _short(piece.file, template), line, _column(_lines(piece.file, files), line, begin))
        )
    return found


def _marked(number: int, piece: Piece) -> str:
    return piece.source if piece.kind is PieceKind.TEXT else f"\ue000{number}\ue001"


def _lines(file: Path, files: dict[Path, list[str]]) -> list[str]:
    if file not in files:
        files[file] = []
        with suppress(OSError, UnicodeDecodeError):
            files[file] = file.read_text(encoding="utf-8").splitlines()
    return files[file]


def _column(lines: Sequence[str], line: int, begin: str) -> int | None:
    """Find a tag in its line; the same one twice in a line counts as the first."""
    at = lines[line - 1].find(begin) if line <= len(lines) else -1
    return at + 1 if at >= 0 else None


def _short(file: Path, template: Template) -> str:
    """Name a file as its author does: from the template's folder, or from the one that the templates share."""
    for root in (template.folder, template.folder.parent, LIBRARY):
        with suppress(ValueError):
            return file.relative_to(root).as_posix()
    return file.name
