"""A template made ready to render: self-contained Jinja sources with the CSS inlined, and their version."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from gettext import gettext as _
from pathlib import Path
from typing import Self

from jinja2 import meta, nodes

from templates.environment import make_environment
from templates.inheritance import flatten
from templates.nearest import nearest
from templates.pieces import Piece, cut, join
from templates.sources import RESERVED, Template

_UNSAFE = {"safe", "urlize", "xmlattr"}


@dataclass(frozen=True)
class CompiledTemplate:
    """A template's version: Jinja sources that need no file, kept with a campaign so that it never changes under way.

    `version` is a hash of the three sources.
    """

    name: str
    version: str
    subject: str
    html: str
    text: str

    def to_dict(self) -> dict[str, str]:
        """Give the fields as a JSON object."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, str]) -> Self:
        """Read what `to_dict` gave."""
        return cls(**stored)


def compile_template(template: Template) -> CompiledTemplate:
    """Merge a template with its layout, check the names it uses, inline its CSS and derive its text part.

    Raises InvalidTemplate for what is not valid, or cannot be inlined once for all recipients.
    """
    from templates.inliner import inline  # premailer and lxml take longer to import than a stored campaign to render
    from templates.plaintext import derive_text

    html_file = template.folder / "body.html"
    purpose = f'{{% set purpose = "{template.purpose}" %}}\n'
    pieces = flatten(template.html, html_file, template.folder)
    _check_names(template, pieces)
    html = purpose + inline(pieces, html_file)
    if template.text is None:
        text = derive_text(cut(html, html_file))
    else:
        text_pieces = flatten(template.text, template.folder / "body.txt", template.folder)
        _check_names(template, text_pieces)
        text = purpose + join(text_pieces)
    subject_pieces = flatten(template.subject, _subject_file(template), template.folder)
    _check_names(template, subject_pieces)
    subject = join(subject_pieces)
    version = hashlib.sha256(json.dumps([subject, html, text]).encode()).hexdigest()[:16]
    return CompiledTemplate(name=template.name, version=version, subject=subject, html=html, text=text)


def _subject_file(template: Template) -> Path:
    file = template.folder / "subject.txt"
    return file if file.is_file() else template.folder / "template.toml"


def _check_names(template: Template, pieces: list[Piece]) -> None:
    """Refuse names that no recipient will ever have, and markup let through unescaped."""
    environment = make_environment(autoescape=True)
    tree = environment.parse(join(pieces))
    known = {*template.variables, *RESERVED, "purpose", *environment.globals}
    for name in sorted(meta.find_undeclared_variables(tree) - known):
        raise _locate(pieces, name).refuse(
            _("{name} is neither a variable of template.toml nor a name of the recipient's; {nearest}").format(
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
    for node in tree.find_all(nodes.Filter):
        if node.name in _UNSAFE:
            raise _locate(pieces, node.name).refuse(
                _(
                    "the filter {name} lets markup through, which gets no styles; write the markup in the template"
                ).format(name=node.name)
            )


def _fields(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name in RESERVED:
            yield node.node.name, node.attr


def _locate(pieces: list[Piece], word: str) -> Piece:
    return next((piece for piece in pieces if word in piece.words), pieces[0])
