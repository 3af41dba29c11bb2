"""Bodies written in Markdown: their front matter, and their HTML with the Jinja tags and the line numbers kept."""

import json
import re
from collections.abc import Mapping, Sequence
from gettext import gettext as _
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.front_matter import front_matter_plugin

from templates.errors import InvalidTemplate
from templates.pieces import PieceKind, cut
from templates.typography import typography

BUTTON = "bouton"
"""The title that makes a link, alone in its paragraph, a button: [Je m’inscris](https://… "bouton")."""

_TAG = re.compile(
    r"\{\{(?:[^\"'}]|\"[^\"]*\"|'[^']*'|\}(?!\}))*\}\}"
    r"|\{%(?:[^\"'%]|\"[^\"]*\"|'[^']*'|%(?!\}))*%\}"
    r"|\{#.*?#\}",
    re.DOTALL,
)
_KEYWORD = re.compile(r"\{%[-+]?\s*(\w+)")
_TABLE = '<table class="facts" width="100%" cellpadding="0" cellspacing="0" border="0">'
_PANEL = (
    '<table role="presentation" class="panel" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="#f4f6f9">'
    '<tr><td class="panel-in">'
)
_WRAPPED: Mapping[str, tuple[str, str]] = {
    "strong": ('<strong class="strong">', "</strong>"),
    "em": ("<em>", "</em>"),
    "s": ("<s>", "</s>"),
    "blockquote": (_PANEL, "</td></tr></table>"),
    "list_item": ('<li class="item">', "</li>"),
}


class Document(NamedTuple):
    """A Markdown file: what its front matter says, as YAML reads it with every value a text, and the body below.

    The body begins with an empty line for each of the front matter's, so that lines keep their numbers.
    """

    settings: dict[str, Any]
    body: str


def read_document(source: str, file: Path) -> Document:
    """Part a Markdown file. Raises InvalidTemplate with the line where the front matter is not valid."""
    tokens = MarkdownIt().disable(["inline"]).use(front_matter_plugin).parse(source)
    if not tokens or tokens[0].type != "front_matter" or tokens[0].map is None:
        return Document({}, source)
    end = tokens[0].map[1]
    try:
        # A plain loader of texts: YAML itself would make a number of 11:00 and a truth value of non.
        settings = yaml.load(tokens[0].content, Loader=yaml.BaseLoader)  # noqa: S506 - builds texts, lists and tables only
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else None
        raise InvalidTemplate(
            _("the front matter is not valid ({cause}); put a text that holds a colon or a brace into quotes").format(
                cause=error.problem or error.context
            ),
            file=file,
            line=line,
        ) from error
    if settings in (None, ""):
        settings = {}
    if not isinstance(settings, dict):
        raise InvalidTemplate(_("the front matter is no list of key: value lines"), file=file, line=1)
    return Document(settings, "\n" * end + "\n".join(source.split("\n")[end:]))


def to_html(body: str, file: Path, blocks: Mapping[str, str]) -> str:
    """Write a Markdown body as a source that extends the base layout, each line's HTML on the line of its Markdown.

    `blocks` are Jinja texts for the layout's blocks, such as preheader; a first heading of level 1 becomes its heading.
    Raw HTML is refused. Raises InvalidTemplate with the line.
    """
    cut(body, file)  # tells what is not valid Jinja, with its line
    return _Writer(body, file).write(blocks)


def _escaped(text: str, file: Path) -> str:
    """Escape a Jinja text for HTML, its tags left as they are."""
    return "".join(
        escape(piece.source, quote=False) if piece.kind is PieceKind.TEXT else piece.source for piece in cut(text, file)
    )


class _Writer:
    """Writes the HTML of one body, line by line."""

    def __init__(self, body: str, file: Path) -> None:
        self._file = file
        self._tags: list[str] = []
        self._lines: list[int] = [1]  # of the text without tags, the author's line of each
        self._stem = "jmd"
        while self._stem in body:
            self._stem += "d"
        self._word = re.compile(rf"{self._stem}(\d+)x")
        self._alone = re.compile(rf"(?:{self._stem}\d+x\s*)+")
        self._written: list[str] = []
        self._line = 1
        self._text = self._without_tags(body)

    def _without_tags(self, body: str) -> str:
        """Put a word for each tag, which Markdown takes for a word of the author's."""
        parts, position, line = [], 0, 1
        for match in _TAG.finditer(body):
            line = self._count(body[position : match.start()], line)
            parts += [body[position : match.start()], f"{self._stem}{len(self._tags)}x"]
            self._tags.append(match[0])
            line += match[0].count("\n")
            position = match.end()
        self._count(body[position:], line)
        return "".join((*parts, body[position:]))

    def _count(self, text: str, line: int) -> int:
        for _newline in range(text.count("\n")):
            line += 1
            self._lines.append(line)
        return line

    def write(self, blocks: Mapping[str, str]) -> str:
        parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable(["code"])
        parser.block.ruler.before("table", "jinja", self._statement_line, {"alt": ["paragraph", "reference"]})
        tree = SyntaxTreeNode(parser.parse(self._text))
        children = list(tree.children)
        self._put('{% extends "_base/layout.html" %}')
        for name, text in blocks.items():
            self._put(f"{{% block {name} %}}{_escaped(text, self._file)}{{% endblock %}}")
        first = next((each for each in children if each.type != "jinja"), None)
        if first is not None and first.type == "heading" and first.tag == "h1" and "heading" not in blocks:
            children.remove(first)
            self._go_to(first)
            self._put("{% block heading %}")
            self._children(first)
            self._put("{% endblock %}")
        self._put("{% block content %}")
        self._sequence(children)
        self._put("\n{% endblock %}\n")
        return "".join(self._written)

    def _statement_line(self, state: StateBlock, start: int, _end: int, silent: bool) -> bool:
        """Read a line that holds nothing but statements as no paragraph."""
        line = state.getLines(start, start + 1, state.blkIndent, False).strip()
        if not self._alone.fullmatch(line) or any(tag.startswith("{{") for tag in self._tags_of(line)):
            return False
        if not silent:
            token = state.push("jinja", "", 0)
            token.content = line
            token.map = [start, start + 1]
            state.line = start + 1
        return True

    def _tags_of(self, text: str) -> list[str]:
        return [self._tags[int(number)] for number in self._word.findall(text)]

    def _put(self, text: str) -> None:
        restored = self._word.sub(lambda match: _shown(self._tags[int(match[1])]), text)
        self._line += restored.count("\n")
        self._written.append(restored)

    def _place(self, node: SyntaxTreeNode) -> int:
        return self._lines[node.map[0]] if node.map else self._line

    def _go_to(self, node: SyntaxTreeNode) -> None:
        self._put("\n" * (self._place(node) - self._line))

    def _refuse(self, node: SyntaxTreeNode, cause: str) -> InvalidTemplate:
        around: SyntaxTreeNode | None = node
        while around is not None and (around.is_root or not around.map):
            around = around.parent
        return InvalidTemplate(cause, file=self._file, line=self._place(around) if around else None)

    def _sequence(self, nodes: Sequence[SyntaxTreeNode]) -> None:
        """Write blocks; lists that only statements part become one list."""
        at = 0
        while at < len(nodes):
            if nodes[at].type not in _RUN:
                self._block(nodes[at])
                at += 1
                continue
            end = at
            kinds: set[str] = set()
            while end < len(nodes) and nodes[end].type in _RUN and len(kinds | {nodes[end].type} - {"jinja"}) <= 1:
                kinds |= {nodes[end].type} - {"jinja"}
                end += 1
            self._run(nodes[at:end])
            at = end

    def _run(self, run: Sequence[SyntaxTreeNode]) -> None:
        start, end = self._span(run)
        for node in run[:start]:
            self._block(node)
        if start < end:
            opened = next(node for node in run if node.type != "jinja")
            self._go_to(run[start])
            begin = opened.attrs.get("start", 1)
            number = f' start="{begin}"' if opened.type == "ordered_list" and begin != 1 else ""
            self._put(f'<{opened.tag} class="list"{number}>')
            for node in run[start:end]:
                if node.type == "jinja":
                    self._block(node)
                else:
                    self._children(node)
            self._put(f"</{opened.tag}>")
        for node in run[end:]:
            self._block(node)

    def _span(self, run: Sequence[SyntaxTreeNode]) -> tuple[int, int]:
        """Find the fewest neighbours that hold all lists and only whole statements; a for around them belongs to them."""
        lists = [at for at, node in enumerate(run) if node.type != "jinja"]
        if not lists:
            return len(run), len(run)
        words = [self._keywords(node) for node in run]
        spans = [(start, end) for start in range(lists[0], -1, -1) for end in range(lists[-1] + 1, len(run) + 1)]
        whole = [span for span in spans if _is_whole([word for each in words[slice(*span)] for word in each])]
        if not whole:
            raise self._refuse(run[0], _("a statement opens before a list and closes inside it; put it around items"))
        start, end = min(whole, key=lambda span: span[1] - span[0])
        while start and end < len(run) and words[start - 1] == ["for"] and words[end] == ["endfor"]:
            start, end = start - 1, end + 1
        return start, end

    def _keywords(self, node: SyntaxTreeNode) -> list[str]:
        if node.type != "jinja":
            return []
        return [match[1] for tag in self._tags_of(node.content) if (match := _KEYWORD.match(tag))]

    def _block(self, node: SyntaxTreeNode) -> None:
        self._go_to(node)
        match node.type:
            case "jinja":
                self._put(node.content)
            case "paragraph" if link := self._button(node):
                self._write_button(link)
            case "paragraph":
                self._around(node, ("", "") if node.hidden else ("<p>", "</p>"))
            case "heading":
                tag = "h2" if node.tag == "h1" else node.tag
                self._around(node, (f"<{tag}>", f"</{tag}>"))
            case "hr":
                self._put("<hr>")
            case "fence":
                self._put(f"<pre>{escape(node.content, quote=False)}</pre>")
            case "table":
                self._table(node)
            case "html_block":
                raise self._refuse(node, _("HTML cannot stand in Markdown; write body.html instead, or take it out"))
            case kind:
                self._around(node, _WRAPPED[kind])

    def _around(self, node: SyntaxTreeNode, tags: tuple[str, str]) -> None:
        self._put(tags[0])
        self._children(node)
        self._put(tags[1])

    def _children(self, node: SyntaxTreeNode) -> None:
        if node.type in {"bullet_list", "ordered_list", "blockquote", "list_item"}:
            self._sequence(node.children)
            return
        for child in node.children:
            self._inline(child)

    def _inline(self, node: SyntaxTreeNode) -> None:
        match node.type:
            case "inline":
                self._children(node)
            case "text":
                self._put(escape(typography(node.content), quote=False))
            case "softbreak":
                self._put("\n")
            case "hardbreak":
                self._put("<br>\n")
            case "code_inline":
                self._put(f"<code>{escape(node.content, quote=False)}</code>")
            case "link":
                if node.attrs.get("title") == BUTTON:
                    raise self._refuse(node, _("a button stands alone in its paragraph; put an empty line around it"))
                self._around(node, (f'<a href="{escape(str(node.attrs["href"]))}">', "</a>"))
            case "image":
                alt = escape("".join(child.content for child in node.children))
                self._put(f'<img src="{escape(str(node.attrs["src"]))}" alt="{alt}">')
            case "html_inline":
                raise self._refuse(node, _("HTML cannot stand in Markdown; write body.html instead, or take it out"))
            case kind:
                self._around(node, _WRAPPED[kind])

    def _button(self, node: SyntaxTreeNode) -> SyntaxTreeNode | None:
        """Find the link that is all of a paragraph and is to be a button."""
        inside = list(node.children[0].children)
        is_button = len(inside) == 1 and inside[0].type == "link" and inside[0].attrs.get("title") == BUTTON
        return inside[0] if is_button else None

    def _write_button(self, link: SyntaxTreeNode) -> None:
        label = "".join(typography(each.content) for each in link.walk() if each.type == "text")
        if not label:
            raise self._refuse(link, _("a button needs words; write them between [ and ]"))
        self._put(f"{{% set button_link = {self._expression(link, str(link.attrs['href']))} %}}")
        self._put(f"{{% set button_label = {self._expression(link, label)} %}}")
        self._put('{% include "_base/button.html" %}')

    def _expression(self, node: SyntaxTreeNode, text: str) -> str:
        """Write a text with tags in it as one Jinja expression."""
        parts = []
        for at, part in enumerate(self._word.split(text)):
            if at % 2:
                tag = self._tags[int(part)]
                if not tag.startswith("{{"):
                    raise self._refuse(node, _("only values can stand in a button; put the statement around it"))
                parts.append(f"({tag[2:-2].strip('-+ ')})")
            elif part:
                parts.append(json.dumps(part, ensure_ascii=False))
        return " ~ ".join(parts)

    def _table(self, node: SyntaxTreeNode) -> None:
        """Write a table; with empty headings, its first column heads the rows."""
        head, *bodies = node.children
        has_head = any(cell.children[0].content for cell in head.children[0].children)
        self._put(_TABLE)
        if has_head:
            self._row(head.children[0], 'th class="fact-name" scope="col"')
        rows = [row for body in bodies for row in body.children]
        depth, is_closed = 0, False
        for row in rows:
            words = self._row_keywords(row)
            for word in words or ():
                depth += (word in _OPENERS) - (word[3:] in _OPENERS and word.startswith("end"))
            if depth < 0 and not is_closed:  # closes what was opened above the table
                self._put("</table>")
                is_closed = True
            self._go_to(row)
            if words is not None:
                self._put(row.children[0].children[0].content)
            else:
                self._row(row, 'td class="fact"', is_headed=not has_head)
        if not is_closed:
            self._put("</table>")

    def _row_keywords(self, row: SyntaxTreeNode) -> list[str] | None:
        """Read a row that holds nothing but statements; None for any other."""
        first, *others = [cell.children[0].content for cell in row.children]
        if any(others) or not self._alone.fullmatch(first) or any(tag[:2] == "{{" for tag in self._tags_of(first)):
            return None
        return [match[1] for tag in self._tags_of(first) if (match := _KEYWORD.match(tag))]

    def _row(self, row: SyntaxTreeNode, cell_tag: str, *, is_headed: bool = False) -> None:
        self._put("<tr>")
        for at, cell in enumerate(row.children):
            tag = 'th class="fact-name" scope="row"' if is_headed and not at else cell_tag
            align = str(cell.attrs.get("style", "left")).removeprefix("text-align:")
            self._around(cell, (f'<{tag} align="{align}" valign="top">', f"</{tag[:2]}>"))
        self._put("</tr>")


_RUN = {"jinja", "bullet_list", "ordered_list"}
_OPENERS = {"if", "for", "with", "filter", "call", "macro", "block"}


def _shown(tag: str) -> str:
    """Give a tag as the source has it; a comment's line ends are kept."""
    return "\n" * tag.count("\n") if tag.startswith("{#") else tag


def _is_whole(words: Sequence[str]) -> bool:
    depth = 0
    for word in words:
        if word in {"elif", "else"} and not depth:
            return False
        depth += (word in _OPENERS) - (word.startswith("end") and word[3:] in _OPENERS)
        if depth < 0:
            return False
    return not depth
