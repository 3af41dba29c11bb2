"""One recipient's message from a compiled template."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from gettext import gettext as _

from jinja2 import Template as JinjaTemplate
from jinja2 import TemplateError as JinjaError

from templates.compiler import CompiledTemplate
from templates.constants import fill_constants
from templates.environment import make_environment
from templates.errors import RenderingFailed
from templates.sources import RESERVED

_BREAKS = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True)
class Brand:
    """Who writes: what the header, the footer and the colours of every mail are made of.

    `address` is a line each; `logo_url` is an https link or None; colours are written as #rrggbb.
    """

    name: str
    short_name: str
    address: tuple[str, ...]
    website: str
    email: str
    phone: str
    logo_url: str | None
    primary_colour: str
    accent_colour: str


@dataclass(frozen=True)
class Rendered:
    """One recipient's subject (one line), HTML and text."""

    subject: str
    html: str
    text: str


class Renderer:
    """Renders one campaign's compiled template for one recipient after the other."""

    def __init__(self, compiled: CompiledTemplate, brand: Brand, variables: Mapping[str, object]) -> None:
        """Compile the sources once; `variables` are bound ones.

        `compiled` is kept with the campaign's constants filled in, for whoever renders it in an environment of its own.
        """
        constants = {"brand": asdict(brand), **variables}
        self.compiled = fill_constants(compiled, constants)
        html, plain = make_environment(autoescape=True), make_environment(autoescape=False)
        self._html = html.from_string(self.compiled.html)
        self._subject = plain.from_string(self.compiled.subject)
        self._text = plain.from_string(self.compiled.text)
        self._constants = {**html.globals, **constants}

    def names(self, recipient: Mapping[str, object]) -> dict[str, object]:
        """Give every name that the template may use for this recipient, as the parent of a Jinja context."""
        return {**self._constants, **recipient}

    def render(self, recipient: Mapping[str, object]) -> Rendered:
        """Write one recipient's message.

        `recipient` has the keys contact, company, links and campaign, mappings of plain strings ("" when unknown).
        Raises RenderingFailed, naming what is missing.
        """
        names = self.names(recipient)
        try:
            subject, html, text = (_render(part, names) for part in (self._subject, self._html, self._text))
        except (JinjaError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise RenderingFailed(
                _("template {template}: {cause}; complete the contact or correct the template").format(
                    template=self.compiled.name, cause=_cause(error, names)
                )
            ) from error
        return Rendered(subject=_BREAKS.sub(" ", subject).strip(), html=html, text=text)


def _render(template: JinjaTemplate, names: dict[str, object]) -> str:
    # shared: the context does not copy the names, which takes longer than rendering a subject.
    return "".join(template.root_render_func(template.new_context(names, shared=True)))


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
