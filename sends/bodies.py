"""A body part's Jinja source, compiled so that rendering it writes quoted-printable at once."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from markupsafe import escape

from sends import quotedprintable
from templates import bare_context, make_environment, parse_filled
from templates.environment import refuse_none

# For values that come back in the other part, or with the next recipient: communes, civilities, the officer's text.
_CACHED = 1024

_SPECIAL = re.compile("[&<>'\"]")  # what escape() writes otherwise

_encode = lru_cache(_CACHED)(quotedprintable.encode)


class _EncodedOutput(CodeGenerator):
    """Writes static text as octets, and of values what `finalize` gives, where Jinja would write strings."""

    _default_finalize = staticmethod(lambda value: value)

    def _output_const_repr(self, group: Iterable[str | bytes]) -> str:
        return repr(b"".join(each if isinstance(each, bytes) else each.encode() for each in group))

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:  # noqa: ARG002
        self.write(finalize.src or "(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:  # noqa: ARG002
        self.write(")")


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
        tree = parse_filled(source, constants, autoescape=autoescape)
        self.is_direct = all(_only_writes(statement) for statement in tree.find_all(nodes.Stmt))
        if self.is_direct:
            for static in tree.find_all(nodes.TemplateData):
                static.data = quotedprintable.encode(static.data).decode()
            environment = make_environment(autoescape=autoescape, finalize=_encode_html if autoescape else _encode_text)
            environment.code_generator_class = _EncodedOutput
            tree.set_environment(environment)
            self._template = environment.from_string(tree)
        else:
            self._template = make_environment(autoescape=autoescape).from_string(tree)

    def write(self, names: dict[str, object]) -> list[bytes]:
        """Write the part for one recipient: pieces that joined are ASCII, in lines of at most 76 octets ended by CR LF.

        None of the lines begins with a dot. Raises one of RENDERING_ERRORS.
        """
        template = self._template
        written: list[Any] = list(template.root_render_func(bare_context(template, names)))
        if not self.is_direct:
            written = [quotedprintable.encode("".join(written))]
        while written and not written[-1]:
            del written[-1]
        if written:
            written[-1] = quotedprintable.finish(written[-1])
        return written


def _only_writes(statement: nodes.Stmt) -> bool:
    """Tell whether a statement writes its content straight to the output, if it has any."""
    if isinstance(statement, nodes.For):
        return not statement.recursive
    return isinstance(statement, nodes.Output | nodes.If | nodes.Assign)


def _encode_text(value: object) -> bytes:
    return _encode(value if type(value) is str else str(refuse_none(value)))


def _encode_html(value: object) -> bytes:
    if type(value) is str and not _SPECIAL.search(value):
        return _encode(value)
    return _encode(str(escape(refuse_none(value))))
