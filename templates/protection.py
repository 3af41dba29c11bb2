"""HTML with its Jinja pieces replaced by words that are legal where they stand, so that an HTML parser can read it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from gettext import gettext as _

from templates.errors import InvalidTemplate
from templates.pieces import Piece, PieceKind

TAG_NUMBER = "data-relais-tag"
"""The attribute that numbers the start tags of a protected text."""

WORD = re.compile(r"jph(\d+)x")
"""The word that stands for piece number n: jphnx, also legal as a CSS identifier and behind a #."""

_MARK = re.compile("\ue000(\\d+)\ue001")
_TOKEN = re.compile(
    r"<!--(?P<comment>.*?)-->"
    r"|<!\[?[^>]*>|<\?[^>]*>|</[A-Za-z][^>]*>"
    r"|<(?P<name>[A-Za-z][^\s/>\ue000]*)(?P<attributes>(?:[^>\"']|\"[^\"]*\"|'[^']*')*)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(
    "(?P<mark>\ue000\\d+\ue001)|(?P<name>[^\\s\"'>/=\ue000]+)(?P<value>\\s*=\\s*(?:\"[^\"]*\"|'[^']*'|[^\\s\"'>]+))?"
)
_RAW = {"style", "script", "title", "textarea"}  # elements whose text holds no tags (HTML standard 13.1.2)


@dataclass(frozen=True)
class StartTag:
    """One start tag of the author's.

    Offsets count in the marked text; `style` is the span of that attribute's value without its `quote`. Jinja writes the
    values of the `dynamic` attributes and decides about the `conditional` ones.
    """

    name: str
    end: int
    style: tuple[int, int] | None
    quote: str
    dynamic: frozenset[str]
    conditional: frozenset[str]


@dataclass(frozen=True)
class Protected:
    """A source ready to be parsed.

    `marked` is the author's text with one private character sequence a piece, `parsable` the HTML with words and
    numbered start tags; statements are comments there, where comments may stand.
    """

    pieces: tuple[Piece, ...]
    marked: str
    parsable: str
    tags: tuple[StartTag, ...]

    def restore(self, text: str) -> str:
        """Put the pieces back where their marks or words stand."""
        text = _MARK.sub(lambda match: self.pieces[int(match[1])].source, text)
        return WORD.sub(lambda match: self.pieces[int(match[1])].source, text)

    def refuse(self, offset: int, cause: str) -> InvalidTemplate:
        """Make the error that points at an offset of the marked text."""
        return _refuse(self.pieces, offset, cause)


def _refuse(pieces: Sequence[Piece], offset: int, cause: str) -> InvalidTemplate:
    for number, piece in enumerate(pieces):
        length = len(piece.source if piece.kind is PieceKind.TEXT else _mark(number))
        if offset < length:
            skipped = piece.source[:offset].count("\n") if piece.kind is PieceKind.TEXT else 0
            return InvalidTemplate(cause, file=piece.file, line=piece.line + skipped)
        offset -= length
    return pieces[-1].refuse(cause)


def _mark(number: int) -> str:
    return f"\ue000{number}\ue001"


def protect(pieces: list[Piece]) -> Protected:
    """Replace the Jinja pieces of an HTML source. Raises InvalidTemplate for Jinja where no parser could see it."""
    for piece in pieces:
        if piece.kind is PieceKind.TEXT and (WORD.search(piece.source) or re.search("[\ue000\ue001]", piece.source)):
            raise piece.refuse(_("words like jph1x and private characters are kept for the compiler; write another"))
    marked = "".join(
        piece.source if piece.kind is PieceKind.TEXT else _mark(number) for number, piece in enumerate(pieces)
    )
    scan = _Scan(tuple(pieces), marked)
    parsable = "".join(scan.run())
    return Protected(scan.pieces, marked, parsable, tuple(scan.tags))


class _Scan:
    """One pass over a marked text, from token to token."""

    def __init__(self, pieces: tuple[Piece, ...], marked: str) -> None:
        self.pieces = pieces
        self.marked = marked
        self.tags: list[StartTag] = []

    def run(self) -> Iterator[str]:
        position = 0
        while match := _TOKEN.search(self.marked, position):
            yield self._text(self.marked[position : match.start()])
            position = match.end()
            if match["name"]:
                yield self._start_tag(match)
                if match["name"].lower() in _RAW:
                    close = re.compile(rf"</{match['name']}", re.IGNORECASE).search(self.marked, position)
                    end = close.start() if close else len(self.marked)
                    yield self._words(self.marked[position:end])
                    position = end
            else:
                yield self._words(match[0])
        yield self._text(self.marked[position:])

    def _words(self, text: str) -> str:
        return _MARK.sub(r"jph\1x", text)

    def _text(self, text: str) -> str:
        def replace(match: re.Match[str]) -> str:
            statement = self.pieces[int(match[1])].kind is PieceKind.STATEMENT
            return f"<!--jph{match[1]}x-->" if statement else f"jph{match[1]}x"

        return _MARK.sub(replace, text)

    def _start_tag(self, match: re.Match[str]) -> str:
        """Write a start tag with its attributes as words and its number; what stands between attributes is left out."""
        written = [f"<{match['name']}"]
        seen: set[str] = set()
        dynamic: set[str] = set()
        conditional: set[str] = set()
        style, quote, depth = None, "", 0
        offset = match.start("attributes")
        for attribute in _ATTRIBUTE.finditer(match["attributes"]):
            if attribute["mark"]:
                piece = self.pieces[int(attribute["mark"][1:-1])]
                if piece.kind is PieceKind.EXPRESSION:
                    raise piece.refuse(_("an expression makes up an attribute; write the attribute's name and quotes"))
                depth += {"if": 1, "for": 1, "endif": -1, "endfor": -1}.get(piece.keyword, 0)
                continue
            name, value = attribute["name"].lower(), attribute["value"] or ""
            if name in seen and not depth:
                continue  # HTML parsers keep the first one
            has_jinja = "\ue000" in value
            if has_jinja:
                dynamic.add(name)
            if depth:
                conditional.add(name)
            if (name in {"class", "id"} and (has_jinja or depth)) or (name == "style" and depth):
                raise _refuse(
                    self.pieces,
                    match.start(),
                    _(
                        "Jinja decides about {name} of <{tag}>, which the style rules need; write one whole tag a case"
                    ).format(name=name, tag=match["name"]),
                )
            if name == "style" and value:
                inside = re.match(r"\s*=\s*([\"']?)", value)
                quote = inside[1] if inside else ""
                start = offset + attribute.start("value") + (inside.end() if inside else 0)
                style = (start, offset + attribute.end("value") - len(quote))
                if has_jinja:
                    continue
            if name not in seen:
                written.append(name + self._words(value))
            seen.add(name)
        tag = StartTag(match["name"].lower(), match.end(), style, quote, frozenset(dynamic), frozenset(conditional))
        self.tags.append(tag)
        return " ".join((*written, f'{TAG_NUMBER}="{len(self.tags) - 1}"')) + (">")
