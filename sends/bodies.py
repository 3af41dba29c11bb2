"""A body part's Jinja source, compiled so that rendering it writes quoted-printable at once."""

from collections.abc import Mapping
from functools import lru_cache
from gettext import gettext as _
from types import MappingProxyType

from jinja2 import nodes
from markupsafe import Markup, escape

from sends import quotedprintable
from templates import bare_context, make_environment, parse_filled
from templates.environment import refuse_none

# For values that come back with the next recipient: communes, civilities, the paragraphs of the officer's text.
_CACHED = 1024

_encode = lru_cache(_CACHED)(quotedprintable.encode)


class Body:
    """One part of a campaign's messages.

    The static text, `constants` included, is encoded here, once, and each value by Jinja's `finalize` when it is
    written, as encoding a rendered page takes several times as long as rendering it. A source that takes rendered text
    up again, which would then be encoded twice (filter and set blocks, macros, recursive loops), is rendered first and
    encoded after.
    """

    def __init__(
        self, source: str, constants: Mapping[str, object] = MappingProxyType({}), *, autoescape: bool
    ) -> None:
        self._static: set[str] = set()
        tree = parse_filled(source, constants, autoescape=autoescape)
        self.is_direct = all(_only_writes(statement) for statement in tree.find_all(nodes.Stmt))
        if self.is_direct:
            for static in tree.find_all(nodes.TemplateData):
                static.data = quotedprintable.encode(static.data)
                self._static.add(static.data)
            environment = make_environment(autoescape=autoescape, finalize=_encode_html if autoescape else _encode_text)
            tree.set_environment(environment)
            self._template = environment.from_string(tree)
        else:
            self._template = make_environment(autoescape=autoescape).from_string(tree)

    def render(self, names: dict[str, object]) -> str:
        """Write the part for one recipient: ASCII, lines of at most 76 characters ended by CR LF.

        Raises one of RENDERING_ERRORS.
        """
        template = self._template
        written = list(template.root_render_func(bare_context(template, names)))
        if not self.is_direct:
            return quotedprintable.finish(quotedprintable.encode("".join(written)))
        static = self._static
        for part in written:  # what a recipient's values became is looked at once more; the rest was encoded here
            if part not in static and not quotedprintable.is_segment(part):
                raise ValueError(_("{part!r} was not encoded").format(part=part[:60]))
        return quotedprintable.finish("".join(written))


def _only_writes(statement: nodes.Stmt) -> bool:
    """Tell whether a statement writes its content straight to the output, if it has any."""
    if isinstance(statement, nodes.For):
        return not statement.recursive
    return isinstance(statement, nodes.Output | nodes.If | nodes.Assign)


def _encode_text(value: object) -> str:
    return _encode(str(refuse_none(value)))


def _encode_html(value: object) -> Markup:
    if type(value) is str:
        return _encode_escaped(value)
    return _done(_encode(str(escape(refuse_none(value)))))


@lru_cache(_CACHED)
def _encode_escaped(value: str) -> Markup:
    return _done(quotedprintable.encode(str(escape(value))))


def _done(encoded: str) -> Markup:
    """Mark what is escaped and encoded, so that Jinja does not escape it again."""
    return Markup(encoded)  # noqa: S704 - both callers escape
