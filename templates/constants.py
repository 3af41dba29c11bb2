"""What is the same for every recipient of a campaign, written into its sources once."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from jinja2 import TemplateError as JinjaError
from jinja2 import meta, nodes

from templates.compiler import CompiledTemplate
from templates.environment import make_environment
from templates.pieces import PieceKind, cut


def fill_constants(compiled: CompiledTemplate, constants: Mapping[str, object]) -> CompiledTemplate:
    """Replace the expressions that need nothing but these names by their values, which halves the time of a rendering.

    Expressions that fail, such as the link of a logo that is not there, stay for the rendering, which may never reach them.
    """
    return replace(
        compiled,
        subject="".join(_fill(compiled.subject, constants, autoescape=False)),
        html="".join(_fill(compiled.html, constants, autoescape=True)),
        text="".join(_fill(compiled.text, constants, autoescape=False)),
    )


def _fill(source: str, constants: Mapping[str, object], *, autoescape: bool) -> Iterator[str]:
    environment = make_environment(autoescape=autoescape)
    rebound = {node.name for node in environment.parse(source).find_all(nodes.Name) if node.ctx == "store"}
    usable = {name: value for name, value in constants.items() if name not in rebound}
    written: dict[str, str] = {}  # a brand's colour stands in a source thirty times
    for piece in cut(source, Path("compiled")):
        if piece.kind is PieceKind.EXPRESSION and piece.source not in written:
            written[piece.source] = piece.source
            names = meta.find_undeclared_variables(environment.parse(piece.source))
            if names and names <= usable.keys():
                with suppress(JinjaError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError):
                    value = environment.from_string(piece.source).render(usable)
                    written[piece.source] = value.replace("{", "{{ '{' }}")
        yield written.get(piece.source, piece.source)
