"""The text part's Jinja source, derived from the compiled HTML: links written out, tables flattened, lines wrapped."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeGuard

from lxml import etree

from templates.pieces import Piece, PieceKind, openers
from templates.protection import Protected, protect
from templates.typography import NARROW
from templates.wrapping import GLUE, wrap, wrap_rendered

WIDTH = 76
"""Columns of a line (RFC 5322 2.1.1 asks for 78 at most)."""

_BLOCKS = set(
    "address article aside blockquote body center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header "
    "html main nav ol p pre section table tbody td tfoot th thead tr ul li".split()
)
_SKIPPED = {"head", "style", "script", "title", "template"}
_LINE = "\ue003"  # a <br>
_BRACE = "\ue004"  # the author's, which never makes up a tag with what comes to stand beside it
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_RULE = "-" * 40 + "\n\n"
_HIDDEN = re.compile(r"display\s*:\s*none")


def derive_text(pieces: Sequence[Piece]) -> str:
    """Write the text part of an HTML source: every paragraph, link and statement of it, without the markup.

    Statements between paragraphs stand on lines of their own, which Jinja takes out (trim_blocks).
    """
    return _derive(pieces).replace(_BRACE, "{{ '{' }}")


def text_of_rendered(html: str) -> str:
    """Write the text part of a page that holds no Jinja any more."""
    return _derive([Piece(PieceKind.TEXT, _PRIVATE.sub("", html), (), Path(), 1)]).replace(_BRACE, "{")


def _derive(pieces: Sequence[Piece]) -> str:
    protected = protect(pieces)
    tree = etree.fromstring(protected.parsable, etree.HTMLParser(remove_blank_text=False))
    return _Writer(protected).write(tree)


class _Writer:
    """Walks a page and keeps the paragraph that is being gathered."""

    def __init__(self, protected: Protected) -> None:
        self._pieces = protected.pieces
        self._word = protected.word
        self._openers = openers(protected.pieces)
        self._done: list[str] = []
        self._run: list[str | int] = []  # texts, and the numbers of the statements between them
        self._indent = ""  # of the next line: a bullet, or the spaces below it
        self._is_tight = False  # inside a list or a row: no blank line between paragraphs

    def write(self, tree: Any) -> str:
        # Statements above <html>, such as {% set %}, are siblings of the root to the parser.
        for node in tree.getroottree().xpath("/node()"):
            self._node(node)
        self._flush()
        return re.sub(r"\n{3,}", "\n\n", "".join(self._done)).strip("\n") + "\n"

    def _node(self, node: Any) -> None:
        if node.tag is etree.Comment:
            self._comment(node.text or "")
        elif isinstance(node.tag, str):
            if node.tag in _SKIPPED or _HIDDEN.search(node.get("style", "")) or node.get("hidden") is not None:
                self._statements_of(node)
            else:
                self._element(node)

    def _element(self, node: Any) -> None:
        if node.get("role") == "contentinfo":
            self._flush()
            self._done.append(_RULE)
        match node.tag:
            case "br":
                self._run.append(_LINE)
            case "img":
                self._text(node.get("alt", ""))
            case "hr":
                self._flush()
                self._done.append(_RULE)
            case "a" if node.get("href"):
                self._link(node)
            case "tr" if _is_row(node):
                self._flush()
                self._row(node)
                self._flush_tight()
            case "li":
                self._flush()
                self._indent = "- "
                self._children(node)
                self._flush_tight()
                self._indent = ""
            case tag if tag in _BLOCKS:
                self._flush()
                self._children(node)
                self._flush()
                if tag in {"table", "ul", "ol"}:
                    self._done.append("\n")
            case _:
                self._children(node)

    def _children(self, node: Any) -> None:
        self._text(node.text or "")
        for child in node:
            self._node(child)
            self._text(child.tail or "")

    def _link(self, node: Any) -> None:
        opens_paragraph = not self._has_run()
        label_at = len(self._run)
        self._children(node)
        label = "".join(item for item in self._run[label_at:] if isinstance(item, str)).strip()
        target = node.get("href").strip()
        href = self._literal(target).replace(" ", GLUE)
        if target.startswith(("#", "tel:")) or label in {
            href,
            re.sub(r"^(mailto:|tel:|https://)", "", href).rstrip("/"),
        }:
            return
        self._run.append(href if not label else f"{NARROW}: {href}" if opens_paragraph else f" <{href}>")

    def _row(self, node: Any) -> None:
        """Write a row of a data table on one line: a heading cell introduces the next one, and so does a number."""
        separator = ""
        for cell in node:
            if "".join(cell.itertext()).strip() or cell.find(".//img") is not None:
                if self._has_run():
                    self._run.append(separator)
                self._children(cell)
                is_number = str(self._run[-1]).rstrip().endswith("}}.")  # of a step: 1. Open the form.
                separator = NARROW + ": " if cell.tag == "th" else " " if is_number else " | "

    def _comment(self, text: str) -> None:
        if match := self._word.fullmatch(text):
            self._run.append(int(match[1]))

    def _statements_of(self, node: Any) -> None:
        """Keep the statements of what is not shown when they set a name, which may be used later."""
        numbers = [
            int(match[1]) for comment in node.iter(etree.Comment) if (match := self._word.fullmatch(comment.text or ""))
        ]
        if any(self._pieces[number].keyword == "set" for number in numbers):
            self._run += numbers

    def _inside(self, number: int) -> str:
        source = self._pieces[number].source
        return source[2 : source.rindex("%}")].strip("+-").strip()

    def _has_run(self) -> bool:
        return any(isinstance(item, str) and item.strip(f" {_LINE}") for item in self._run)

    def _text(self, text: str) -> None:
        self._run.append(self._literal(re.sub(r"[ \t\r\n\f]+", " ", text)))

    def _literal(self, text: str) -> str:
        """Write text so that only the author's own expressions are Jinja."""
        text = text.replace("{", _BRACE)
        return self._word.sub(lambda match: self._expression(self._pieces[int(match[1])]), text)

    def _expression(self, piece: Piece) -> str:
        return re.sub(r"\s", GLUE, piece.source.strip()) if piece.kind is PieceKind.EXPRESSION else ""

    def _flush(self) -> None:
        """End the paragraph; statements at its ends that belong to more than it get lines of their own."""
        run, self._run = self._run, []
        mine = {item for item in run if isinstance(item, int)}
        start, end = 0, len(run)
        while start < end and (self._is_outer(run[start], mine) or _is_blank(run[start])):
            start += 1
        while end > start and (self._is_outer(run[end - 1], mine) or _is_blank(run[end - 1])):
            end -= 1
        self._own_lines(run[:start])
        if start < end:
            first, last = run[start], run[end - 1]
            if self._is(first, "if") and self._is(last, "endif") and self._openers[last] == first:
                self._choice(
                    run[start:end],
                    [item for item in run[start:end] if item in mine and self._openers.get(item) == first],
                )
            else:
                self._paragraph(run[start:end])
        self._own_lines(run[end:])

    def _flush_tight(self) -> None:
        self._is_tight = True
        self._flush()
        self._is_tight = False

    def _is(self, item: str | int, keyword: str) -> TypeGuard[int]:
        return isinstance(item, int) and self._pieces[item].keyword == keyword

    def _is_outer(self, item: str | int, mine: set[int]) -> bool:
        """Tell a statement whose if or for reaches beyond the paragraph, or that shows nothing, such as set."""
        if isinstance(item, str):
            return False
        opener = self._openers.get(item)
        return opener is None or not {number for number, of in self._openers.items() if of == opener} <= mine

    def _own_lines(self, items: list[str | int]) -> None:
        self._done += [f"{{% {self._inside(item)} %}}\n" for item in items if isinstance(item, int)]

    def _choice(self, run: list[str | int], branches: list[str | int]) -> None:
        """Write a paragraph that is one if as a paragraph a branch, so that an empty one leaves no gap."""
        bounds = [run.index(branch) for branch in branches]
        for begin, stop in pairwise(bounds):
            self._own_lines(run[begin : begin + 1])
            if not all(_is_blank(item) for item in run[begin + 1 : stop]):
                self._paragraph(run[begin + 1 : stop])
        self._own_lines(run[-1:])

    def _paragraph(self, run: list[str | int]) -> None:
        text = "".join(
            item if isinstance(item, str) else f"{{%+ {self._inside(item)} +%}}".replace(" ", GLUE) for item in run
        )
        indent = self._indent
        lines = []
        for each in text.strip(f" {_LINE}").split(_LINE):
            line = each.strip()
            lines.append(wrap_rendered(line, indent, WIDTH) or wrap(line, indent, WIDTH))
            indent = " " * len(indent)
        self._indent = indent
        self._done.append("\n".join(lines).replace(GLUE, " ") + ("\n" if self._is_tight else "\n\n"))


def _is_blank(item: str | int) -> bool:
    return isinstance(item, str) and not item.strip(f" {_LINE}")


def _is_row(node: Any) -> bool:
    """Tell a row of data from a row of the layout: several cells, each shown, with no block inside."""
    cells = [child for child in node if child.tag in {"td", "th"}]
    return (
        len(cells) > 1
        and not any(child.tag is etree.Comment for child in node)
        and not any(inner.tag in _BLOCKS for cell in cells for inner in cell.iterdescendants())
    )
