"""A template's source cut into text, expressions and statements, each knowing its file and line."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from gettext import gettext as _
from pathlib import Path

from jinja2 import TemplateSyntaxError

from templates.environment import make_environment
from templates.errors import InvalidTemplate

CONTROL = {"if", "elif", "else", "endif", "for", "endfor"}
"""The statements that decide what is shown; set only names a value."""

_TAG_LIKE = re.compile(r"\{(?=[{%#]|\Z)")

_PLAIN = make_environment(autoescape=False)


class PieceKind(StrEnum):
    """What a piece of source is to Jinja."""

    TEXT = "text"
    EXPRESSION = "expression"  # {{ … }}
    STATEMENT = "statement"  # {% … %}


@dataclass(frozen=True)
class Piece:
    """One piece of a source; `words` are the Jinja tokens between the delimiters, without spaces."""

    kind: PieceKind
    source: str
    words: tuple[str, ...]
    file: Path
    line: int

    @property
    def keyword(self) -> str:
        """The statement's first word, such as if; empty for text and expressions."""
        return self.words[0] if self.kind is PieceKind.STATEMENT and self.words else ""

    def refuse(self, cause: str) -> InvalidTemplate:
        """Make the error that points here."""
        return InvalidTemplate(cause, file=self.file, line=self.line)


def cut(source: str, file: Path) -> list[Piece]:
    """Cut a source into pieces whose sources joined mean the same; Jinja comments are left out.

    Raises InvalidTemplate with the line of a syntax error.
    """
    try:
        _PLAIN.compile(source, raw=True)  # more than parsing: knows the filters
        return list(_cut(source, file))
    except TemplateSyntaxError as error:
        raise InvalidTemplate(
            _("Jinja: {message}; correct the tag").format(message=error.message), file=file, line=error.lineno
        ) from error


def _cut(source: str, file: Path) -> Iterator[Piece]:
    begun: list[str] = []
    words: list[str] = []
    start = 1
    in_comment = False
    for line, token, value in _PLAIN.lex(source):
        match token:
            case "comment_begin":
                in_comment = True
            case "comment_end":
                in_comment = False
            case "comment":
                pass
            case "raw_begin" | "raw_end":
                pass  # what stands between them is text, which restoring and joining write so that it stays text
            case "data":
                yield Piece(PieceKind.TEXT, value, (), file, line)
            case "variable_begin" | "block_begin":
                begun, words, start = [value], [], line
            case "variable_end" | "block_end":
                kind = PieceKind.EXPRESSION if token == "variable_end" else PieceKind.STATEMENT  # noqa: S105 - Jinja's word
                yield Piece(kind, "".join((*begun, value)), tuple(words), file, start)
            case _ if not in_comment:
                begun.append(value)
                if token != "whitespace":  # noqa: S105 - Jinja's word for a lexeme
                    words.append(value)


def join(pieces: Iterable[Piece]) -> str:
    """Put pieces together as a source again."""
    return "".join(literal(piece.source) if piece.kind is PieceKind.TEXT else piece.source for piece in pieces)


def literal(text: str) -> str:
    """Write text as Jinja source that stands for it, also where it looks like a tag (from a raw block)."""
    return _TAG_LIKE.sub("{{ '{' }}", text)


def openers(pieces: Sequence[Piece]) -> dict[int, int]:
    """Map each control statement's number to the number of the if or for it belongs to."""
    found: dict[int, int] = {}
    stack: list[int] = []
    for number, piece in enumerate(pieces):
        if piece.keyword in CONTROL:
            if piece.keyword in {"if", "for"}:
                stack.append(number)
            found[number] = stack[-1]
            if piece.keyword in {"endif", "endfor"}:
                stack.pop()
    return found
