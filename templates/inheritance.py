"""Inheritance and includes resolved, so that one self-contained source is left of a template and its layout."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from gettext import gettext as _
from pathlib import Path
from typing import TypeAlias

from templates.errors import InvalidTemplate
from templates.macros import imported
from templates.pieces import CONTROL, Piece, PieceKind, cut
from templates.sources import BASE_FOLDER, LIBRARY, read_source

_KEPT = {
    "",
    "set",
    "endset",
    "with",
    "endwith",
    "macro",
    "endmacro",
    "call",
    "endcall",
    "filter",
    "endfilter",
} | CONTROL
_DEPTH = 12  # files within files; more is a circle


@dataclass(frozen=True)
class _Block:
    name: str
    body: "list[_Node]" = field(default_factory=list)


_Node: TypeAlias = "Piece | _Block"


def flatten(source: str, file: Path, folder: Path) -> list[Piece]:
    """Merge a source with all that it extends and includes; only if, for and set statements are left.

    Files are taken from `folder` or, as `_base/…`, from the shipped base. Raises InvalidTemplate.
    """
    generations = [_read(source, file, folder, depth=0)]
    hoisted: list[Piece] = []
    while parent := _parent(generations[-1]):
        hoisted = _statements(generations[-1]) + hoisted
        base = _locate(parent, folder)
        if len(generations) > _DEPTH:
            raise parent.refuse(_("the layouts extend each other in a circle; take one extends out"))
        generations.append(_read(read_source(base), base, folder, depth=0))
    bodies: dict[str, list[list[_Node]]] = {}
    for generation in generations:
        for block in _blocks(generation):
            bodies.setdefault(block.name, []).append(block.body)
    layout = {block.name for block in _blocks(generations[-1])}
    nested = {block.name for name in layout for body in bodies[name] for block in _blocks(body)}
    pieces = hoisted + list(_emit(generations[-1], bodies, []))
    unused = [name for name in bodies if name not in layout | nested]
    if unused:
        raise InvalidTemplate(
            _("block {name} is not in the layout; known blocks: {names}").format(
                name=unused[0], names=", ".join(sorted(layout))
            ),
            file=file,
        )
    return pieces


def _read(source: str, file: Path, folder: Path, depth: int) -> list[_Node]:
    if depth > _DEPTH:
        raise InvalidTemplate(_("the files include each other in a circle; take one include out"), file=file)
    root: list[_Node] = []
    open_blocks: list[_Block] = []
    prefixes: set[str] = set()
    for piece in cut(source, file):
        nodes = open_blocks[-1].body if open_blocks else root
        match piece.keyword:
            case "block":
                block = _Block(piece.words[1])
                nodes.append(block)
                open_blocks.append(block)
            case "endblock":
                open_blocks.pop()
            case "include":
                included = _locate(piece, folder)
                nodes.extend(_read(read_source(included), included, folder, depth + 1))
            case "extends":
                if depth or open_blocks or any(isinstance(node, _Block) for node in root):
                    raise piece.refuse(_("extends only works at the top of a body; move it there"))
                nodes.append(piece)
            case "import" | "from":
                nodes.extend(_import(piece, folder, prefixes))
            case keyword if keyword in _KEPT:
                nodes.append(_unprefixed(piece, prefixes))
            case keyword:
                raise piece.refuse(
                    _("{keyword} is not known here; use if, for, set, with, macro, import, include or extends").format(
                        keyword="{% " + keyword + " %}"
                    )
                )
    return root


def _import(piece: Piece, folder: Path, prefixes: set[str]) -> list[Piece]:
    """Take the macros that an import names out of their file; `prefixes` learns the name of a whole import."""
    words = list(piece.words)
    if words[-2:] in (["with", "context"], ["without", "context"]):
        words = words[:-2]
    file = _locate(piece, folder, word=words[1])
    source = [node for node in _read(read_source(file), file, folder, depth=1) if isinstance(node, Piece)]
    match words:
        case ["import", _file, "as", name]:
            prefixes.add(name)
            return imported(source, file, names=None, prefix=f"{name}__")
        case ["from", _file, "import", *rest]:
            parts = [part.split() for part in " ".join(rest).split(",")]
            return imported(source, file, names={part[0]: part[-1] for part in parts if part}, prefix="")
    raise piece.refuse(_('write {% import "FILE" as NAME %} or {% from "FILE" import NAME %}'))


def _unprefixed(piece: Piece, prefixes: set[str]) -> Piece:
    """Call an imported macro ui.button by the name that it got, ui__button."""
    if piece.kind is PieceKind.TEXT or not prefixes & set(piece.words):
        return piece
    pattern = rf"(?<![\w.])({'|'.join(sorted(prefixes))})\s*\.\s*(?=[A-Za-z_])"
    words: list[str] = []
    for word in piece.words:
        if words[-1:] == ["."] and words[-2:-1] and words[-2] in prefixes and words[-3:-2] != ["."]:
            words[-2:] = [f"{words[-2]}__{word}"]
        else:
            words.append(word)
    return replace(piece, source=re.sub(pattern, r"\1__", piece.source), words=tuple(words))


def _locate(piece: Piece, folder: Path, word: str | None = None) -> Path:
    """Find the file that an include or extends names by a plain string."""
    name = word or (piece.words[1] if len(piece.words) == 2 else "")
    if not (len(name) > 2 and name[0] == name[-1] and name[0] in "'\""):
        raise piece.refuse(_("name one file in quotes, without further words"))
    name = name[1:-1]
    root = LIBRARY if name.startswith(BASE_FOLDER + "/") else folder
    allowed = LIBRARY / BASE_FOLDER if root is LIBRARY else folder
    file = (root / name).resolve()
    if not file.is_relative_to(allowed.resolve()) or not file.is_file():
        raise piece.refuse(
            _("there is no file {name} in the template's folder; only its own files and {base}/… can be used").format(
                name=name, base=BASE_FOLDER
            )
        )
    return file


def _parent(nodes: list[_Node]) -> Piece | None:
    return next((node for node in nodes if isinstance(node, Piece) and node.keyword == "extends"), None)


def _statements(nodes: list[_Node]) -> list[Piece]:
    """Keep what a child sets outside its blocks; anything else there would silently never be shown."""
    kept = []
    is_macro = False
    for node in nodes:
        if isinstance(node, Piece) and (is_macro or node.keyword == "macro"):
            is_macro = node.keyword != "endmacro"
            kept.append(node)
            continue
        if (
            isinstance(node, _Block)
            or node.keyword == "extends"
            or (node.kind is PieceKind.TEXT and not node.source.strip())
        ):
            continue
        if node.keyword != "set":
            raise node.refuse(_("this stands outside of every block and would not be shown; move it into a block"))
        kept.append(node)
    return kept


def _blocks(nodes: list[_Node]) -> Iterator[_Block]:
    for node in nodes:
        if isinstance(node, _Block):
            yield node
            yield from _blocks(node.body)


def _emit(nodes: list[_Node], bodies: dict[str, list[list[_Node]]], older: list[list[_Node]]) -> Iterator[Piece]:
    """Write nodes with each block's youngest body; `older` are the bodies that super() reaches."""
    for node in nodes:
        if isinstance(node, _Block):
            youngest, *rest = bodies[node.name]
            yield from _emit(youngest, bodies, rest)
        elif node.kind is PieceKind.EXPRESSION and node.words == ("super", "(", ")"):
            if not older:
                raise node.refuse(_("super() has nothing to show here; take it out"))
            yield from _emit(older[0], bodies, older[1:])
        else:
            yield node
