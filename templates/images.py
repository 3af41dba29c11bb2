"""Pictures of a template's own folder, which travel inside the message."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from gettext import gettext as _
from html import unescape
from pathlib import Path
from urllib.parse import unquote

from templates.pieces import Piece, PieceKind
from templates.sources import own_file

_IMAGE = re.compile(
    r"<img\b(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?\ssrc\s*=\s*(?P<quote>[\"'])(?P<src>[^\"'\ue000]+)(?P=quote)",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//|#", re.IGNORECASE)
_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


@dataclass(frozen=True)
class Image:
    """One picture; `content_id` is its name in cid: links (RFC 2392), made of what it shows; `content` is base64."""

    filename: str
    content_type: str
    content_id: str
    content: str


def take_in(pieces: Sequence[Piece], folder: Path) -> tuple[list[Piece], tuple[Image, ...]]:
    """Point each <img> that names a file of the folder at a picture inside the message; give the pictures.

    Raises InvalidTemplate, with its line, for a file that is not there, lies outside, or that mail clients do not show.
    """
    marked = "".join(piece.source if piece.kind is PieceKind.TEXT else "\ue000" for piece in pieces)
    found: dict[str, Image] = {}
    changes: list[tuple[int, int, str]] = []
    for match in _IMAGE.finditer(marked):
        name = unquote(unescape(match["src"].strip()))
        if name and not _ELSEWHERE.match(name):
            image = _read(name, folder, *_piece_at(pieces, match.start("src")))
            found[image.content_id] = image
            changes.append((*match.span("src"), f"cid:{image.content_id}"))
    return _changed(pieces, changes), tuple(found.values())


def _piece_at(pieces: Sequence[Piece], offset: int) -> tuple[Path, int]:
    """Give the file and line of an offset of the marked text."""
    for piece in pieces:
        length = len(piece.source) if piece.kind is PieceKind.TEXT else 1
        if offset < length:
            return piece.file, piece.line + piece.source[:offset].count("\n")
        offset -= length
    raise IndexError(offset)


def _read(name: str, folder: Path, file: Path, line: int) -> Image:
    path = own_file(folder, name, file, line)
    content = path.read_bytes()
    kind = next((kind for begin, kind in _KINDS.items() if content.startswith(begin)), None)
    if kind is None:
        cause = _("{name} is no picture that mail clients show; save it as PNG, JPEG or GIF").format(name=name)
        raise Piece(PieceKind.TEXT, "", (), file, line).refuse(cause)
    content_id = hashlib.sha256(content).hexdigest()[:32] + "@relais"
    return Image(path.name, kind, content_id, base64.b64encode(content).decode())


def _changed(pieces: Sequence[Piece], changes: Sequence[tuple[int, int, str]]) -> list[Piece]:
    changed, begin = [], 0
    for piece in pieces:
        length = len(piece.source) if piece.kind is PieceKind.TEXT else 1
        source = piece.source
        for start, end, new in reversed(changes):
            if begin <= start < begin + length:
                source = source[: start - begin] + new + source[end - begin :]
        changed.append(replace(piece, source=source))
        begin += length
    return changed


def show_inside(html: str, images: Sequence[Image]) -> str:
    """Put the pictures into a page for a browser, which knows no cid: links."""
    for image in images:
        html = html.replace(f"cid:{image.content_id}", f"data:{image.content_type};base64,{image.content}")
    return html
