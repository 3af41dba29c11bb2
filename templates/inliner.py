"""CSS copied into style attributes once per template version, with the Jinja pieces left where they stand."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path
from typing import Any, NamedTuple

import cssutils  # type: ignore[import-untyped]
from lxml import etree
from lxml.cssselect import CSSSelector
from premailer import Premailer

from templates.errors import InvalidTemplate
from templates.pieces import CONTROL, Piece, PieceKind, openers
from templates.protection import TAG_NUMBER, Protected, protect

_ATTRIBUTE_SELECTOR = re.compile(r"\[\s*([\w-]+)\s*([~|^$*]?=)?")
_IMPORT = re.compile(r"@import\s+(?:url\(\s*)?(?:\"[^\"]*\"|'[^']*'|[^\s\"'();{}]+)[^;{}]*;", re.IGNORECASE)
_AT_BLOCK = re.compile(
    r"@(?:media|supports|font-face|keyframes|-webkit-keyframes|layer|container|-ms-viewport|page)\b[^{;]*\{",
    re.IGNORECASE,
)
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_SIBLING = re.compile(r"[+~](?!=)")

BASIC_ATTRIBUTES = ["align", "valign", "bgcolor", "width", "height"]
"""What premailer would set beside style; the author writes these for Outlook, so that the splice stays a splice."""


@dataclass(frozen=True)
class Inlined:
    """A source with the rules of its <style> elements in its style attributes.

    `protected` restores `marked`, where everything but style attributes stays as the author wrote it, <style> with its
    media queries too. With `obstacles`, which say what cannot be inlined before the values are known, nothing is changed.
    """

    protected: Protected
    marked: str
    obstacles: tuple[InvalidTemplate, ...] = ()


def inline(pieces: Sequence[Piece], file: Path) -> Inlined:
    """Inline the CSS of a source once for all recipients. Raises InvalidTemplate where the body shows nothing."""
    protected = protect(pieces)
    try:
        tree = etree.fromstring(protected.parsable, etree.HTMLParser())
    except etree.ParserError:
        tree = None
    if tree is None or tree.find("body") is None:
        raise InvalidTemplate(_("the body shows nothing; write at least a paragraph"), file=file)
    obstacles = [*protected.obstacles, *_branches(tree, protected), *_rules(tree, protected)]
    if not obstacles:
        # Left to itself, premailer opens what @import names too.
        for style in tree.iter("style"):
            style.text = _IMPORT.sub("", style.text or "")
        styles = _styles(premail(tree))
        obstacles = [
            protected.refuse(tag.end - 1, _("<{tag}> cannot stand here; HTML parsers drop it").format(tag=tag.name))
            for number, tag in enumerate(protected.tags)
            if number not in styles
        ]
        if not obstacles:
            return Inlined(protected, "".join(_splice(protected, styles)))
    return Inlined(protected, protected.marked, tuple(obstacles))


def inline_rendered(html: str) -> str:
    """Inline the CSS of a page that holds no Jinja any more: one recipient's, where it could not be done for all."""
    page = _PRIVATE.sub("", html)
    protected = protect([Piece(PieceKind.TEXT, page, (), Path(), 1)])
    tree = etree.fromstring(protected.parsable, etree.HTMLParser())
    for style in tree.iter("style"):
        style.text = _IMPORT.sub("", style.text or "")
        if parse_css(style.text).has_import:
            return page  # written too oddly to take it out; nothing may be opened
    return "".join(_splice(protected, _styles(premail(tree))))


def has_rules(page: str) -> bool:
    """Tell whether a source has a <style> at all, without which nothing depends on classes."""
    return re.search(r"<style\b", page, re.IGNORECASE) is not None


class Sheet(NamedTuple):
    """A parsed style sheet, and whether it would load another one."""

    rules: Any
    has_import: bool


def parse_css(css: str) -> Sheet:
    """Parse CSS and open nothing: left to itself, cssutils opens what @import names, a file or a link."""
    imports: list[str] = []
    parser = cssutils.CSSParser(loglevel=logging.CRITICAL, validate=False, fetcher=imports.append)
    rules = parser.parseString(css)
    return Sheet(rules, bool(imports) or any(rule.type == rule.IMPORT_RULE for rule in rules))


def _styles(tree: Any) -> dict[int, str]:
    return {int(element.get(TAG_NUMBER)): element.get("style", "") for element in tree.iter() if _is_tag(element)}


def premail(tree: Any) -> Any:
    """Run premailer over a parsed page, which it changes and gives back."""
    for style in tree.iter("style"):
        style.text = style.text or " "  # premailer stumbles over an empty one
    return Premailer(
        tree.getroottree().getroot(),
        keep_style_tags=True,
        disable_basic_attributes=BASIC_ATTRIBUTES,
        disable_validation=True,
        align_floating_images=False,
        allow_network=False,
        cssutils_logging_level=logging.CRITICAL,
    ).transform()


def _is_tag(element: Any) -> bool:
    return isinstance(element.tag, str) and element.get(TAG_NUMBER) is not None


def _splice(protected: Protected, styles: dict[int, str]) -> Iterator[str]:
    """Write the marked text with each start tag's new style."""
    position = 0
    for number, tag in enumerate(protected.tags):
        if not styles.get(number):
            continue
        if tag.style is None:
            start = end = tag.end - (2 if protected.marked[tag.end - 2] == "/" else 1)
            new = f' style="{_attribute(styles[number])}"'
        elif "style" in tag.dynamic:
            start = end = tag.style[0]
            new = _attribute(styles[number], tag.quote or '"') + "; "
        else:
            start, end = tag.style
            new = _attribute(styles[number], tag.quote or '"')
            new = new if tag.quote else f'"{new}"'
        yield protected.marked[position:start]
        yield new
        position = end
    yield protected.marked[position:]


def _attribute(style: str, quote: str = '"') -> str:
    """Escape a style for its quotes; braces become entities, so that no text of the author's turns into Jinja."""
    if "'" not in style and quote == '"':
        style = style.replace('"', "'")
    entities: dict[str, str | int | None] = {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "{": "&#123;",
        "}": "&#125;",
        quote: f"&#{ord(quote)};",
    }
    return style.translate(str.maketrans(entities))


def _branches(tree: Any, protected: Protected) -> Iterator[InvalidTemplate]:
    """Find blocks that open an element in one branch and close it elsewhere: ancestors would depend on the data."""
    opener_of = openers(protected.pieces)
    parents: dict[int, Any] = {}
    for number, comment in _statements(tree, protected):
        opener = opener_of.get(number)
        if opener is None:
            continue
        parent = comment.getparent()
        if parents.setdefault(opener, parent) is not parent:
            yield protected.pieces[opener].refuse(
                _(
                    "this {keyword} opens elements that it does not close, or the reverse; put whole elements into it"
                ).format(keyword=protected.pieces[opener].keyword)
            )


def _statements(tree: Any, protected: Protected) -> Iterator[tuple[int, Any]]:
    for comment in tree.getroottree().iter(etree.Comment):
        if match := protected.word.fullmatch(comment.text or ""):
            yield int(match[1]), comment


def _rules(tree: Any, protected: Protected) -> Iterator[InvalidTemplate]:
    """Find the rules that premailer could not apply before the values are known."""
    pieces = protected.pieces
    controlled = {
        comment.getparent() for number, comment in _statements(tree, protected) if pieces[number].keyword in CONTROL
    }
    dynamic = {name for tag in protected.tags for name in tag.dynamic}
    conditional = {name for tag in protected.tags for name in tag.conditional}
    for style in tree.iter("style"):
        offset = protected.tags[int(style.get(TAG_NUMBER))].end
        # Web fonts come by @import: it stays in the mail for the client and is taken out here. What stands in a media
        # query is not inlined, so Jinja may write there what it likes.
        css = _without_blocks(_IMPORT.sub("", style.text or ""))
        words = set(protected.word.findall(css))
        if statement := next((word for word in words if pieces[int(word)].kind is PieceKind.STATEMENT), None):
            yield pieces[int(statement)].refuse(
                _("a statement inside <style> cannot be inlined; choose a class in the body by whole tags instead")
            )
            continue
        sheet = parse_css(css)
        if sheet.has_import:
            raise protected.refuse(offset, _("this @import is not valid; write @import url('https://…'); at the top"))
        if lost := words - set(protected.word.findall(sheet.rules.cssText.decode())):
            yield pieces[int(lost.pop())].refuse(
                _(
                    "this expression cannot stand here in <style>; let it be a property's value, with its # or unit in it"
                )
            )
            continue
        for rule in sheet.rules:
            if rule.type == rule.STYLE_RULE:
                for selector in rule.selectorText.split(","):
                    if protected.word.search(selector):
                        cause: str | None = _("Jinja stands in the selector of a style rule; write the selector out")
                    else:
                        cause = _refused_selector(selector.strip(), tree, controlled, dynamic, conditional)
                    if cause:
                        yield protected.refuse(offset, cause)


def _without_blocks(css: str) -> str:
    """Take the blocks of at-rules, such as media queries, out of CSS."""
    kept, position = [], 0
    for match in _AT_BLOCK.finditer(css):
        if match.start() < position:
            continue
        kept.append(css[position : match.start()])
        depth, end = 0, match.end() - 1
        while end < len(css):
            depth += {"{": 1, "}": -1}.get(css[end], 0)
            end += 1
            if not depth:
                break
        position = end
    return "".join((*kept, css[position:]))


def _refused_selector(
    selector: str, tree: Any, controlled: set[Any], dynamic: set[str], conditional: set[str]
) -> str | None:
    """Say why a selector cannot be inlined once, or None."""
    for name, operator in _ATTRIBUTE_SELECTOR.findall(selector):
        if name.lower() in conditional or (operator and name.lower() in dynamic):
            return _("the selector {selector} looks at {attribute}, which Jinja writes; use a class").format(
                selector=selector, attribute=name
            )
    subject = re.sub(r":(first|last)-child$", "", selector)
    if ":" in subject:
        return None  # stays in <style>: premailer inlines no other pseudo-class
    beside = _SIBLING.split(subject)
    if subject == selector and len(beside) == 1:
        return None
    is_close = subject != selector or not re.search(r"[\s>]", beside[-1].strip())
    for element in CSSSelector(beside[-1].strip() or "*")(tree):
        parents = [element.getparent()] if is_close else element.iterancestors()
        if any(parent in controlled for parent in parents):
            return _("the selector {selector} depends on what stands beside a Jinja block; use a class").format(
                selector=selector
            )
    return None
