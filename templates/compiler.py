"""A template made ready to render: self-contained Jinja sources with the CSS inlined, and their version."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from gettext import gettext as _
from pathlib import Path
from typing import Any, NamedTuple, Self

from jinja2 import TemplateSyntaxError, meta, nodes

from templates.environment import make_environment
from templates.errors import InvalidTemplate
from templates.images import Image, take_in
from templates.inheritance import flatten
from templates.macros import expand
from templates.nearest import nearest
from templates.pieces import Piece, cut, join
from templates.protection import Place, Protected
from templates.sources import RESERVED, Template

_UNSAFE = {"safe", "urlize"}


@dataclass(frozen=True)
class CompiledTemplate:
    """A template's version: Jinja sources that need no file, kept with a campaign so that it never changes under way.

    `version` is a hash of the three sources. Where `obstacle` says why the CSS could not be inlined once for all, the
    sources inline it when they are rendered, some thousand times slower.
    """

    name: str
    version: str
    subject: str
    html: str
    text: str
    obstacle: str = ""
    images: tuple[Image, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the fields as a JSON object."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave."""
        return cls(**{**stored, "images": tuple(Image(**each) for each in stored.get("images", ()))})

    def without_inlining(self) -> Self:
        """Give the same template with the same values in it and without its styles inlined, for quick checks."""
        if not self.obstacle:
            return self
        return replace(self, html=self.html.replace(_INLINED, "").removesuffix(_END), text=self.text)


_INLINED, _END = "{% filter inlined %}", "{% endfilter %}"
_AS_TEXT, _END_TEXT = "{% filter as_text %}{% autoescape true %}", "{% endautoescape %}{% endfilter %}"


def compile_template(template: Template) -> CompiledTemplate:
    """Merge a template with its layout, check the names it uses, inline its CSS and derive its text part.

    Raises InvalidTemplate for what is not valid. What cannot be inlined once for all recipients is inlined for each.
    """
    try:
        return _compile(template)
    except (RecursionError, SyntaxError, MemoryError):  # of Python, which compiles what Jinja writes
        raise InvalidTemplate(
            _("an expression or a page is nested too deep to be read; write it simpler"),
            file=template.body_file,
        ) from None


def _compile(template: Template) -> CompiledTemplate:
    html_file = template.body_file
    purpose = f'{{% set purpose = "{template.purpose}" %}}\n'
    body = compile_html(template)
    html = purpose + body.html
    if template.text is None:
        text = purpose + body.text
    else:
        text_pieces = flatten(template.text, template.folder / "body.txt", template.folder)
        _check_names(template, text_pieces)
        text = purpose + join(text_pieces)
    subject_pieces = flatten(template.subject, template.subject_file, template.folder)
    _check_names(template, subject_pieces)
    subject = join(subject_pieces)
    version = hashlib.sha256(json.dumps([subject, html, text]).encode()).hexdigest()[:16]
    obstacle = str(body.obstacles[0]) if body.obstacles else ""
    for source, file in ((html, html_file), (text, template.folder / "body.txt"), (subject, template.subject_file)):
        _check_runs(source, file)
    return CompiledTemplate(
        name=template.name,
        version=version,
        subject=subject,
        html=html,
        text=text,
        obstacle=obstacle,
        images=body.images,
    )


class Body(NamedTuple):
    """A compiled body: its HTML and text sources, what kept its CSS from being inlined once, and its numbered tags."""

    html: str
    text: str
    obstacles: tuple[InvalidTemplate, ...]
    protected: Protected
    images: tuple[Image, ...]


def compile_html(template: Template) -> Body:
    """Compile the HTML of a template. Raises InvalidTemplate."""
    from templates.inliner import has_rules, inline  # premailer and lxml take longer to import than a mail to render
    from templates.plaintext import derive_text

    file = template.body_file
    pieces = flatten(template.html, file, template.folder)
    raw = _check_names(template, pieces)
    pieces, images = take_in(pieces, template.folder)
    pieces, kept = expand(pieces)
    causes = [
        piece.refuse(_("what the filter {name} lets through gets no styles").format(name=name)) for piece, name in raw
    ]
    if kept is not None:
        causes.append(kept.refuse(_("this macro cannot be written out where it is called; include a file instead")))
    causes += [
        piece.refuse(_("{keyword} takes rendered markup up again").format(keyword=piece.keyword))
        for piece in pieces
        if piece.keyword in {"call", "filter"} or (piece.keyword == "set" and "=" not in piece.words)
    ]
    inlined = inline(pieces, file)
    obstacles = (*causes, *inlined.obstacles)
    protected = inlined.protected

    def write(number: int, piece: Piece) -> str:
        return _GUARDS[protected.links[number]](piece) if number in protected.links else piece.source

    html = protected.restore(inlined.marked, write)
    if not obstacles:
        return Body(html, derive_text(cut(protected.restore(inlined.marked), file)), (), protected, images)
    if has_rules(protected.marked):
        page = protected.restore(protected.marked, write)
        return Body(f"{_INLINED}{page}{_END}", f"{_AS_TEXT}{page}{_END_TEXT}", obstacles, protected, images)
    return Body(html, f"{_AS_TEXT}{html}{_END_TEXT}", obstacles, protected, images)


def _filtered(piece: Piece, name: str) -> str:
    """Give an expression one more filter."""
    begin, end = _BEGIN.match(piece.source), _BACK.search(piece.source)
    if begin is None or end is None:
        raise ValueError(piece.source)
    return f"{begin[0]} ({piece.source[begin.end() : end.start()].strip()}) | {name} {end[0]}"


_BEGIN, _BACK = re.compile(r"\{\{[-+]?"), re.compile(r"[-+]?\}\}\s*\Z")
_GUARDS: Mapping[Place, Callable[[Piece], str]] = {
    Place.START: lambda piece: _filtered(piece, "link"),
    Place.PATH: lambda piece: _filtered(piece, "link_part"),
    Place.QUERY: lambda piece: piece.source if "urlencode" in piece.words else _filtered(piece, "urlencode"),
}


def _check_runs(source: str, file: Path) -> None:
    """Refuse what only Jinja's own compiler finds wrong with the finished source."""
    try:
        make_environment(autoescape=True).compile(source)
    except TemplateSyntaxError as error:
        raise InvalidTemplate(
            _("Jinja: {message}; correct the tag").format(message=error.message), file=file
        ) from error


def _check_names(template: Template, pieces: list[Piece]) -> list[tuple[Piece, str]]:
    """Refuse names that no recipient will ever have; give the filters that let markup through, with their pieces."""
    environment = make_environment(autoescape=True)
    try:
        tree = environment.parse(join(pieces))
    except TemplateSyntaxError as error:
        raise InvalidTemplate(
            _("Jinja: {message}; correct the tag").format(message=error.message), file=pieces[0].file
        ) from error
    known = {*template.variables, *RESERVED, "purpose", *environment.globals}
    # Jinja counts what one branch of an if sets as undeclared, even where it is used in that branch.
    given = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    for name in sorted(meta.find_undeclared_variables(tree) - known - given):
        raise _locate(pieces, name).refuse(
            _("{name} is neither a variable of the template nor a name of the recipient's; {nearest}").format(
                name=name, nearest=nearest(name, sorted(known - set(environment.globals)))
            )
        )
    for group, field in _fields(tree):
        if field not in RESERVED[group]:
            raise _locate(pieces, field).refuse(
                _("{group} has no {field}; {nearest}").format(
                    group=group, field=field, nearest=nearest(field, RESERVED[group])
                )
            )
    for loop in tree.find_all(nodes.For):
        if loop.recursive:
            raise _locate(pieces, "recursive").refuse(
                _("a recursive loop is not known here; write the loops one in the other")
            )
    raw = []
    for node in tree.find_all(nodes.Filter):
        if node.name in _UNSAFE:
            piece = _locate(pieces, node.name)
            if node.name == "safe" and any(group in {"contact", "company"} for group, _field in _fields(node)):
                raise piece.refuse(_("a contact's own data never go out unescaped; take the filter safe away"))
            raw.append((piece, node.name))
        elif node.name in {"inlined", "as_text", "bounded_text", "bounded_turns"} and node.name in {
            word for piece in pieces for word in piece.words
        }:
            raise _locate(pieces, node.name).refuse(_("there is no filter {name} for templates").format(name=node.name))
    return raw


def _fields(tree: nodes.Node) -> Iterator[tuple[str, str]]:
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name in RESERVED:
            yield node.node.name, node.attr


def _locate(pieces: list[Piece], word: str) -> Piece:
    return next((piece for piece in pieces if word in piece.words), pieces[0])
