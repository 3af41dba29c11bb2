"""Macros written out where they are called, so that the CSS of each call's surroundings reaches their markup."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from gettext import gettext as _
from pathlib import Path

from templates.errors import InvalidTemplate
from templates.pieces import Piece, PieceKind

_MOST_PIECES = 20_000
_OPENING, _CLOSING = {"(", "[", "{"}, {")", "]", "}"}
_NONE = "_aucun"  # what a call without arguments binds


@dataclass(frozen=True)
class _Macro:
    name: str
    defaults: dict[str, tuple[str, ...] | None]  # of each argument, None where a call has to give it
    body: tuple[Piece, ...]
    is_simple: bool  # no caller, varargs, kwargs or block set; defined at the top


def expand(pieces: Sequence[Piece]) -> tuple[list[Piece], Piece | None]:
    """Write each macro out in place of its calls; where one cannot be, give all pieces back with the first such piece.

    A call becomes a loop of one turn, which binds the arguments for the body alone, as the macro would.
    Raises InvalidTemplate where the macros write each other out without end.
    """
    macros, rest = _take(pieces)
    if not macros:
        return list(pieces), None
    expanded: list[Piece] = []
    for piece in _write(rest, macros, frozenset(), ()):
        if piece.kind is not PieceKind.TEXT and (piece.keyword == "macro" or _mentions(piece, macros)):
            return list(pieces), piece
        expanded.append(piece)
        if len(expanded) > _MOST_PIECES:
            raise piece.refuse(_("the macros write more than {count} pieces; call fewer").format(count=_MOST_PIECES))
    return expanded, None


def _mentions(piece: Piece, macros: dict[str, _Macro]) -> bool:
    return any(word in macros for word in piece.words)


def _take(pieces: Sequence[Piece]) -> tuple[dict[str, _Macro], list[Piece]]:
    """Part the definitions from the rest; those inside other statements stay in the rest."""
    macros: dict[str, _Macro] = {}
    rest: list[Piece] = []
    depth, start = 0, None
    for at, piece in enumerate(pieces):
        if start is None and piece.keyword == "macro" and not depth:
            start = at
        elif start is not None and piece.keyword == "endmacro":
            macro = _read(pieces[start], tuple(pieces[start + 1 : at]))
            macros[macro.name] = macro
            start = None
        elif start is None:
            depth += {"if": 1, "for": 1, "with": 1, "endif": -1, "endfor": -1, "endwith": -1}.get(piece.keyword, 0)
            rest.append(piece)
    return macros, rest


def _read(header: Piece, body: tuple[Piece, ...]) -> _Macro:
    name, arguments = header.words[1], _arguments(header.words[2:])
    defaults = {words[0]: words[2:] if len(words) > 1 else None for words in arguments}
    used = {word for piece in body for word in piece.words}
    depends = any(word in defaults for words in defaults.values() if words for word in words)
    captures = any(piece.keyword in {"macro", "call", "filter"} or _is_block_set(piece) for piece in body)
    is_simple = not (used & {"caller", "varargs", "kwargs", "loop"} or depends or captures)
    return _Macro(name, defaults, body, is_simple)


def _is_block_set(piece: Piece) -> bool:
    return piece.keyword == "set" and "=" not in piece.words


def _arguments(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Part what stands between the outer parentheses at its commas."""
    found: list[tuple[str, ...]] = []
    current: list[str] = []
    depth = 0
    for word in words[1:-1]:
        depth += (word in _OPENING) - (word in _CLOSING)
        if word == "," and not depth:
            found.append(tuple(current))
            current = []
        else:
            current.append(word)
    return [*found, tuple(current)] if current else found


def _write(
    pieces: Sequence[Piece], macros: dict[str, _Macro], bound: frozenset[str], within: tuple[str, ...]
) -> Iterator[Piece]:
    loops: list[frozenset[str]] = []
    for piece in pieces:
        if piece.keyword == "for":
            loops.append(frozenset(piece.words[1 : piece.words.index("in")]))
        elif piece.keyword == "endfor":
            loops.pop()
        around = bound.union(*loops)
        call = _call(piece, macros, around, within)
        if call is None:
            yield piece
            continue
        macro, values = call
        names, given = ", ".join(values) or _NONE, ", ".join(map(_joined, values.values())) or "0"
        yield _statement(piece, f"for {names} in [({given}{',' if len(values) > 1 else ''})]")
        yield from _write(macro.body, macros, around | frozenset(values), (*within, macro.name))
        yield _statement(piece, "endfor")


def _call(
    piece: Piece, macros: dict[str, _Macro], bound: frozenset[str], within: tuple[str, ...]
) -> tuple[_Macro, dict[str, tuple[str, ...]]] | None:
    """Read a piece that is one call of a macro and nothing else; None for any other, or one that must stay a call."""
    words = piece.words
    if piece.kind is not PieceKind.EXPRESSION or len(words) < 3 or words[0] not in macros:
        return None
    macro = macros[words[0]]
    inner = [word for words in _arguments(words[1:]) for word in words]
    is_one_call = words[1] == "(" and _closes_at(words, 1) == len(words) - 1 and not {"*", "**"} & set(inner)
    if not is_one_call or not macro.is_simple or macro.name in within:
        return None
    free = {word for each in macro.body for word in each.words} - set(macro.defaults)
    if free & bound:
        return None  # the body would see a name of the loop around the call
    values = dict(macro.defaults)
    for at, argument in enumerate(_arguments(words[1:])):
        is_named = len(argument) > 2 and argument[1] == "="
        name = argument[0] if is_named else next(iter(list(values)[at : at + 1]), "")
        if name not in values:
            return None
        values[name] = argument[2:] if is_named else argument
    complete = {name: value for name, value in values.items() if value is not None}
    return (macro, complete) if len(complete) == len(values) else None


def _closes_at(words: Sequence[str], start: int) -> int:
    depth = 0
    for at in range(start, len(words)):
        depth += (words[at] in _OPENING) - (words[at] in _CLOSING)
        if not depth:
            return at
    return -1


def _joined(words: Sequence[str]) -> str:
    return " ".join(words)


def _statement(piece: Piece, inside: str) -> Piece:
    """Make a statement that leaves the line ends around it, as an expression does."""
    return replace(piece, kind=PieceKind.STATEMENT, source=f"{{%+ {inside} +%}}", words=tuple(inside.split()))


def imported(pieces: Sequence[Piece], file: Path, *, names: dict[str, str] | None, prefix: str) -> list[Piece]:
    """Take the macros of an imported file: all under their own names, and as `names` or `prefix` call them.

    Raises InvalidTemplate for a name that the file does not define.
    """
    taken: list[Piece] = []
    spans: dict[str, list[Piece]] = {}
    start = None
    for at, piece in enumerate(pieces):
        if piece.keyword == "macro" and start is None:
            start = at
        elif piece.keyword == "endmacro" and start is not None:
            spans[pieces[start].words[1]] = list(pieces[start : at + 1])
            start = None
        elif piece.keyword == "set" and start is None:
            taken.append(piece)
    for missing in set(names or ()) - set(spans):
        raise InvalidTemplate(
            _("has no macro {name}; known: {names}").format(name=missing, names=", ".join(sorted(spans)) or "–"),
            file=file,
        )
    for name, span in spans.items():
        others = {prefix + name} if prefix else {(names or {}).get(name, name)} - {name}
        for other in ("", *others):
            taken += [_renamed(span[0], other) if other else span[0], *span[1:]]
    return taken


def _renamed(header: Piece, name: str) -> Piece:
    words = (header.words[0], name, *header.words[2:])
    return replace(header, source=f"{{% {_joined(words)} %}}", words=words)
