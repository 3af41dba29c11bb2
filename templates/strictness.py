"""Renders a message to learn what it would miss: a field of the recipient's that is written and is empty."""

from collections.abc import Iterator, Mapping
from gettext import gettext as _
from typing import TypeVar

from jinja2 import nodes

from templates.brand import Brand
from templates.compiler import CompiledTemplate
from templates.constants import parse_filled
from templates.environment import RENDERING_ERRORS, make_environment
from templates.errors import RenderingFailed
from templates.renderer import Renderer, write_bounded

_Node = TypeVar("_Node", bound=nodes.Node)

_GROUPS = {"contact", "company"}
_EXCUSES: tuple[type[nodes.Node], ...] = (nodes.CondExpr, nodes.Or, nodes.And, nodes.Compare, nodes.Not, nodes.Test)


class StrictRenderer:
    """Finds, for one recipient after the other, the values that a message needs and does not get.

    A field counts as needed where it is written as it is, through filters or as a part of a text put together with ~;
    one with a stand-in (or, if … else, default) or behind an if does not.
    """

    def __init__(self, compiled: CompiledTemplate, brand: Brand, variables: Mapping[str, object]) -> None:
        """Compile the sources with a probe at each value that is needed; styles are left alone, which takes no time."""
        bare = compiled.without_inlining()
        self._renderer = Renderer(bare, brand, variables)
        # An empty variable stays an expression, so that a probe sees it.
        empty = {name for name, value in variables.items() if value == ""}
        constants = {name: value for name, value in self._renderer.constants.items() if name not in empty}
        self._missing: dict[str, None] = {}
        self._templates = []
        for source, is_html in ((bare.subject, False), (bare.html, True), (bare.text, False)):
            tree = parse_filled(source, constants, autoescape=is_html)
            _probe(tree, empty)
            environment = make_environment(autoescape=is_html)
            environment.filters["needed"] = self._note
            self._templates.append(environment.from_string(tree))

    def missing(self, recipient: Mapping[str, object]) -> list[str]:
        """Name what is empty and needed, as `company.name`; `recipient` is what Renderer.render takes.

        Raises RenderingFailed where the message breaks.
        """
        self._missing.clear()
        names = self._renderer.names(recipient)
        try:
            for template in self._templates:
                write_bounded(template, names)
        except RENDERING_ERRORS:
            self._renderer.render(recipient)  # raises RenderingFailed, which names what is missing
            raise RenderingFailed(_("the message cannot be written")) from None
        return list(self._missing)

    def _note(self, value: object, field: str) -> object:
        if not str(value).strip():
            self._missing[field] = None
        return value


def _probe(tree: nodes.Template, variables: set[str]) -> None:
    """Put a filter on each value of the tree that is needed."""
    derived = {name: name for name in variables}
    for assign in tree.find_all(nodes.Assign):
        if isinstance(assign.target, nodes.Name) and (field := _field(assign.node, derived)):
            derived[assign.target.name] = field
    for output in tree.find_all(nodes.Output):
        output.nodes = [_needed(node, derived) for node in output.nodes]


def _needed(node: nodes.Expr, derived: Mapping[str, str]) -> nodes.Expr:
    if isinstance(node, nodes.Concat):
        node.nodes = [_needed(each, derived) for each in node.nodes]
        return node
    field = _field(node, derived)
    if not field:
        return node
    arguments: list[nodes.Expr] = [nodes.Const(field)]
    return nodes.Filter(node, "needed", arguments, [], None, None, lineno=node.lineno)


def _field(node: nodes.Node, derived: Mapping[str, str]) -> str:
    """Name the field that an expression writes; "" where it writes none, or has a stand-in for it."""
    if any(_within(node, _EXCUSES)) or any(each.name in {"default", "d"} for each in _within(node, nodes.Filter)):
        return ""
    for each in _within(node, nodes.Getattr):
        if isinstance(each.node, nodes.Name) and each.node.name in _GROUPS:
            return f"{each.node.name}.{each.attr}"
    return next((derived[each.name] for each in _within(node, nodes.Name) if each.name in derived), "")


def _within(node: nodes.Node, kinds: type[_Node] | tuple[type[_Node], ...]) -> Iterator[_Node]:
    if isinstance(node, kinds):
        yield node
    yield from node.find_all(kinds)
