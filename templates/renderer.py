"""One recipient's message from a compiled template."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from gettext import gettext as _

from jinja2 import Template as JinjaTemplate
from jinja2.runtime import Context

from templates.brand import Brand
from templates.compiler import CompiledTemplate
from templates.constants import fixed_text, parse_filled
from templates.environment import RENDERING_ERRORS, make_environment
from templates.errors import LimitExceeded, RenderingFailed
from templates.sandbox import LARGEST_PAGE
from templates.sources import RESERVED

_BREAKS = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True)
class Rendered:
    """One recipient's subject (one line), HTML and text."""

    subject: str
    html: str
    text: str


class Renderer:
    """Renders one campaign's compiled template for one recipient after the other."""

    def __init__(self, compiled: CompiledTemplate, brand: Brand, variables: Mapping[str, object]) -> None:
        """Compile each source once, the two parts when they are first rendered; `variables` are bound ones.

        `constants` are what is equal for all recipients, for whoever renders the sources in an environment of its own.
        """
        self.constants: Mapping[str, object] = {"brand": brand.names(), **variables}
        self._compiled = compiled
        plain = make_environment(autoescape=False)
        subject = parse_filled(compiled.subject, self.constants, autoescape=False)
        self._subject = plain.from_string(subject)
        fixed = fixed_text(subject)
        self._fixed_subject = None if fixed is None else _one_line(fixed)
        self._common = {**plain.globals, **self.constants}

    @cached_property
    def _html(self) -> JinjaTemplate:
        filled = parse_filled(self._compiled.html, self.constants, autoescape=True)
        return make_environment(autoescape=True).from_string(filled)

    @cached_property
    def _text(self) -> JinjaTemplate:
        filled = parse_filled(self._compiled.text, self.constants, autoescape=False)
        return make_environment(autoescape=False).from_string(filled)

    def names(self, recipient: Mapping[str, object], **more: object) -> dict[str, object]:
        """Give every name that the template may use for this recipient, and `more`, as the parent of a Jinja context."""
        return {**self._common, **recipient, **more}

    def subject(self, names: dict[str, object]) -> str:
        """Write the subject alone, on one line, for what `names` gave; raises one of RENDERING_ERRORS."""
        return self._fixed_subject or _one_line(write_bounded(self._subject, names))

    def render(self, recipient: Mapping[str, object]) -> Rendered:
        """Write one recipient's message.

        `recipient` has the keys contact, company, links and campaign, mappings of plain strings ("" when unknown).
        Raises RenderingFailed, naming what is missing.
        """
        names = self.names(recipient)
        try:
            subject, html, text = (
                self.subject(names),
                write_bounded(self._html, names),
                write_bounded(self._text, names),
            )
        except RENDERING_ERRORS as error:
            raise RenderingFailed(
                _("template {template}: {cause}; complete the contact or correct the template").format(
                    template=self._compiled.name, cause=_cause(error, names)
                )
            ) from error
        return Rendered(subject=subject, html=html, text=text)


def _one_line(text: str) -> str:
    return _BREAKS.sub(" ", text).strip()


def write_bounded(template: JinjaTemplate, names: dict[str, object]) -> str:
    """Render one part; raises LimitExceeded before it takes more memory than any mail has."""
    written: list[str] = []
    room = LARGEST_PAGE
    for part in template.root_render_func(bare_context(template, names)):
        written.append(part)
        room -= len(part)
        if room < 0:
            raise LimitExceeded(_("the page has more than {count} characters; shorten it").format(count=LARGEST_PAGE))
    return "".join(written)


def bare_context(template: JinjaTemplate, names: dict[str, object]) -> Context:
    """Make the context of one rendering, whose names have the globals in them.

    Template.new_context copies the names and the globals, which takes longer than rendering a short part.
    """
    return template.environment.context_class(template.environment, names, template.name, template.blocks)


def _cause(error: Exception, names: Mapping[str, object]) -> str:
    """Name the fields that have no value, as Jinja only knows the last word of contact.given_name."""
    missing = []
    for group, fields in RESERVED.items():
        values = names.get(group)
        if isinstance(values, Mapping):
            missing += [f"{group}.{field}" for field in fields if values.get(field) is None]
        elif values is None:
            missing.append(group)
    return (
        _("{error} (without a value: {missing})").format(error=error, missing=", ".join(missing))
        if missing
        else str(error)
    )
