"""CSS copied into style attributes once per template version, with the Jinja pieces left where they stand."""

import logging
import re
from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path
from typing import Any

import cssutils  # type: ignore[import-untyped]
from lxml import etree
from lxml.cssselect import CSSSelector
from premailer import Premailer

from templates.errors import InvalidTemplate
from templates.pieces import CONTROL, Piece, PieceKind, openers
from templates.protection import TAG_NUMBER, WORD, Protected, protect

_ATTRIBUTE_SELECTOR = re.compile(r"\[\s*([\w-]+)\s*([~|^$*]?=)?")
_IMPORT = re.compile(r"@import\s+(?:url\(\s*)?(?:\"[^\"]*\"|'[^']*'|[^\s\"'();{}]+)[^;{}]*;", re.IGNORECASE)
_SIBLING = re.compile(r"[+~](?!=)")

BASIC_ATTRIBUTES = ["align", "valign", "bgcolor", "width", "height"]
"""What premailer would set beside style; the author writes these for Outlook, so that the splice stays a splice."""


def inline(pieces: list[Piece], file: Path) -> str:
    """Inline the rules of the <style> elements into the source's style attributes and give the new source.

    Everything but style attributes stays byte for byte as the author wrote it; <style> stays, with its media queries.
    Raises InvalidTemplate for what would look different when inlined per recipient.
    """
    protected = protect(pieces)
    try:
        tree = etree.fromstring(protected.parsable, etree.HTMLParser())
    except etree.ParserError:
        tree = None
    if tree is None or tree.find("body") is None:
        raise InvalidTemplate(_("the body shows nothing; write at least a paragraph"), file=file)
    _check_branches(tree, protected)
    _check_rules(tree, protected)
    inlined = premail(tree)
    styles = {int(element.get(TAG_NUMBER)): element.get("style", "") for element in inlined.iter() if _is_tag(element)}
    return protected.restore("".join(_splice(protected, styles)))


def premail(tree: Any) -> Any:
    """Run premailer over a parsed page, which it changes and gives back."""
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
        if number not in styles:
            raise protected.refuse(
                tag.end - 1, _("<{tag}> cannot stand here; HTML parsers drop it").format(tag=tag.name)
            )
        if not styles[number]:
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


def _check_branches(tree: Any, protected: Protected) -> None:
    """Refuse blocks that open an element in one branch and close it elsewhere: ancestors would depend on the data."""
    opener_of = openers(protected.pieces)
    parents: dict[int, Any] = {}
    for number, comment in _statements(tree):
        opener = opener_of.get(number)
        if opener is None:
            continue
        parent = comment.getparent()
        if parents.setdefault(opener, parent) is not parent:
            raise protected.pieces[opener].refuse(
                _(
                    "this {keyword} opens elements that it does not close, or the reverse; put whole elements into it"
                ).format(keyword=protected.pieces[opener].keyword)
            )


def _statements(tree: Any) -> Iterator[tuple[int, Any]]:
    for comment in tree.getroottree().iter(etree.Comment):
        if match := WORD.fullmatch(comment.text or ""):
            yield int(match[1]), comment


def _check_rules(tree: Any, protected: Protected) -> None:
    """Refuse rules that premailer could not apply before the values are known."""
    controlled = {
        comment.getparent() for number, comment in _statements(tree) if protected.pieces[number].keyword in CONTROL
    }
    dynamic = {name for tag in protected.tags for name in tag.dynamic}
    conditional = {name for tag in protected.tags for name in tag.conditional}
    # Left to itself, cssutils opens what @import names, a file or a link. Web fonts come that way: an import stays in
    # the mail for the client and is taken out here, and any that is written too oddly for that is refused.
    imports: list[str] = []
    parser = cssutils.CSSParser(loglevel=logging.CRITICAL, validate=False, fetcher=imports.append)
    for style in tree.iter("style"):
        offset = protected.tags[int(style.get(TAG_NUMBER))].end
        css = style.text or ""
        words = set(WORD.findall(css))
        if statement := next((word for word in words if protected.pieces[int(word)].kind is PieceKind.STATEMENT), None):
            raise protected.pieces[int(statement)].refuse(
                _("a statement inside <style> cannot be inlined; choose a class in the body by whole tags instead")
            )
        style.text = css = _IMPORT.sub("", css)
        sheet = parser.parseString(css)
        if imports or any(rule.type == rule.IMPORT_RULE for rule in sheet):
            raise protected.refuse(offset, _("this @import is not valid; write @import url('https://…'); at the top"))
        if lost := words - set(WORD.findall(sheet.cssText.decode())):
            raise protected.pieces[int(lost.pop())].refuse(
                _(
                    "this expression cannot stand here in <style>; let it be a property's value, with its # or unit in it"
                )
            )
        for rule in sheet:
            if rule.type == rule.STYLE_RULE:
                for selector in rule.selectorText.split(","):
                    cause = _refused_selector(selector.strip(), tree, controlled, dynamic, conditional)
                    if cause:
                        raise protected.refuse(offset, cause)


def _refused_selector(
    selector: str, tree: Any, controlled: set[Any], dynamic: set[str], conditional: set[str]
) -> str | None:
    """Say why a selector cannot be inlined once, or None."""
    if WORD.search(selector):
        return _("Jinja stands in the selector of a style rule; write the selector out")
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
