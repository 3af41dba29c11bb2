"""HTML with its Jinja pieces replaced by words that are legal where they stand, so that an HTML parser can read it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from gettext import gettext as _

from templates.errors import InvalidTemplate
from templates.pieces import Piece, PieceKind, literal

TAG_NUMBER = "data-relais-tag"
"""The attribute that numbers the start tags of a protected text."""

URL_ATTRIBUTES = frozenset({"href", "src", "action", "background", "formaction", "poster", "cite", "longdesc"})
"""The attributes whose values are links (HTML standard, index of attributes); a client opens or loads them."""

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
_COMMENTED_LINK = re.compile(r"\b(?:href|src)\s*=\s*(\"[^\"]*\"|'[^']*')", re.IGNORECASE)  # what Outlook reads
_RAW = {"style", "script", "title", "textarea"}  # elements whose text holds no tags (HTML standard 13.1.2)


class Place(StrEnum):
    """Where in a link an expression stands, which decides how its value has to be written."""

    START = "start"  # the value names the scheme
    PATH = "path"
    QUERY = "query"  # behind the ?


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
    numbered start tags; statements are comments there, where comments may stand. `word` finds the number of a piece in
    the word that stands for it, jphnx, also legal as a CSS identifier and behind a #. `obstacles` tell what CSS cannot
    be copied past; `links` are the expressions within links.
    """

    pieces: tuple[Piece, ...]
    marked: str
    parsable: str
    tags: tuple[StartTag, ...]
    word: re.Pattern[str]
    obstacles: tuple[InvalidTemplate, ...]
    links: Mapping[int, Place]

    def restore(self, text: str, write: Callable[[int, Piece], str] = lambda _number, piece: piece.source) -> str:
        """Put the pieces back where their marks or words stand; what is left of the text stays text to Jinja."""
        marked = self.word.sub("\ue000\\1\ue001", text)
        parts = _MARK.split(marked)
        return "".join(
            write(int(part), self.pieces[int(part)]) if at % 2 else literal(part) for at, part in enumerate(parts)
        )

    def refuse(self, offset: int, cause: str) -> InvalidTemplate:
        """Make the error that points at an offset of the marked text."""
        return _refuse(self.pieces, offset, cause)

    def numbered(self) -> str:
        """Write the marked text with its start tags numbered, so that what becomes of each can be found again."""
        written, position = [], 0
        for number, tag in enumerate(self.tags):
            end = tag.end - (2 if self.marked[tag.end - 2] == "/" else 1)
            written += [self.marked[position:end], f' {TAG_NUMBER}="{number}"']
            position = end
        return "".join((*written, self.marked[position:]))


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


def protect(pieces: Sequence[Piece]) -> Protected:
    """Replace the Jinja pieces of an HTML source. Raises InvalidTemplate for the private characters it needs."""
    text = "".join(piece.source for piece in pieces if piece.kind is PieceKind.TEXT)
    if re.search("[\ue000\ue001]", text):
        odd = next(piece for piece in pieces if re.search("[\ue000\ue001]", piece.source))
        raise odd.refuse(_("two private characters (U+E000, U+E001) are kept for the compiler; write another"))
    stem = "jph"
    while re.search(rf"{stem}\d", text):
        stem += "h"
    marked = "".join(
        piece.source if piece.kind is PieceKind.TEXT else _mark(number) for number, piece in enumerate(pieces)
    )
    scan = _Scan(tuple(pieces), marked, stem)
    parsable = "".join(scan.run())
    return Protected(
        scan.pieces,
        marked,
        parsable,
        tuple(scan.tags),
        re.compile(rf"{stem}(\d+)x"),
        tuple(scan.obstacles),
        scan.links,
    )


class _Scan:
    """One pass over a marked text, from token to token."""

    def __init__(self, pieces: tuple[Piece, ...], marked: str, stem: str) -> None:
        self.pieces = pieces
        self.marked = marked
        self.tags: list[StartTag] = []
        self.obstacles: list[InvalidTemplate] = []
        self.links: dict[int, Place] = {}
        self._stem = stem

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
                    is_style = match["name"].lower() == "style"
                    inside = self.marked[position:end]
                    yield self._text(inside, comment="/*{}*/") if is_style else self._words(inside)
                    position = end
            else:
                for link in _COMMENTED_LINK.finditer(match["comment"] or ""):
                    self._link(link[1])
                yield self._words(match[0])
        yield self._text(self.marked[position:])

    def _word(self, number: str) -> str:
        return f"{self._stem}{number}x"

    def _words(self, text: str) -> str:
        return _MARK.sub(lambda match: self._word(match[1]), text)

    def _text(self, text: str, comment: str = "<!--{}-->") -> str:
        def replace(match: re.Match[str]) -> str:
            statement = self.pieces[int(match[1])].kind is PieceKind.STATEMENT
            return comment.format(self._word(match[1])) if statement else self._word(match[1])

        return _MARK.sub(replace, text)

    def _link(self, value: str) -> None:
        """Note where in a link its expressions stand."""
        place = Place.START
        begun: list[Place] = []  # how far each open if had come
        for at, part in enumerate(_MARK.split(value)):
            if not at % 2:
                if part.strip(" \t\r\n=\"'"):
                    place = Place.QUERY if "?" in part or place is Place.QUERY else Place.PATH
            elif self.pieces[int(part)].kind is PieceKind.EXPRESSION:
                self.links[int(part)] = place
                place = Place.PATH if place is Place.START else place
            else:
                match self.pieces[int(part)].keyword:
                    case "if" | "for":
                        begun.append(place)
                    case "elif" | "else" if begun:
                        place = begun[-1]
                    case "endif" | "endfor" if begun:
                        begun.pop()

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
                    self.obstacles.append(
                        piece.refuse(_("an expression makes up an attribute; write the attribute's name and quotes"))
                    )
                depth += {"if": 1, "for": 1, "endif": -1, "endfor": -1}.get(piece.keyword, 0)
                continue
            name, value = attribute["name"].lower(), attribute["value"] or ""
            if name in seen and not depth:
                continue  # HTML parsers keep the first one
            has_jinja = "\ue000" in value
            if has_jinja:
                dynamic.add(name)
                if name in URL_ATTRIBUTES:
                    self._link(value)
            if depth:
                conditional.add(name)
            if (name in {"class", "id"} and (has_jinja or depth)) or (name == "style" and depth):
                self.obstacles.append(
                    _refuse(
                        self.pieces,
                        match.start(),
                        _(
                            "Jinja decides about {name} of <{tag}>, which the style rules need; write one whole tag a case"
                        ).format(name=name, tag=match["name"]),
                    )
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
