"""Which branches of a template one recipient's message takes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from jinja2 import nodes

from templates.brand import Brand
from templates.compiler import CompiledTemplate
from templates.environment import RENDERING_ERRORS, make_environment
from templates.pieces import Piece, cut
from templates.renderer import Renderer, write_bounded


class Branch(NamedTuple):
    """One way past a condition: its tag as the compiled source has it, its number, and whether it held."""

    tag: str
    number: int
    holds: bool


class BranchFinder:
    """Writes one recipient's HTML after the other, to learn which way it takes at each condition."""

    def __init__(self, compiled: CompiledTemplate, brand: Brand, variables: Mapping[str, object]) -> None:
        """Compile the source with a probe at each condition."""
        bare = compiled.without_inlining()
        self._renderer = Renderer(bare, brand, variables)
        self._taken: set[Branch] = set()
        self._tags = list(_tags(cut(bare.html, Path(compiled.name))))
        tree = make_environment(autoescape=True).parse(bare.html)
        self.conditions = [node for node in tree.find_all(nodes.Node) if isinstance(node, nodes.If | nodes.CondExpr)]
        for number, node in enumerate(self.conditions):
            arguments: list[nodes.Expr] = [nodes.Const(number)]
            node.test = nodes.Filter(node.test, "noted", arguments, [], None, None, lineno=node.lineno)
        environment = make_environment(autoescape=True)
        environment.filters["noted"] = self._note
        self._template = environment.from_string(tree)

    def taken(self, recipient: Mapping[str, object]) -> frozenset[Branch]:
        """Give the branches of one message; `recipient` is what Renderer.render takes. A message that breaks has some."""
        self._taken.clear()
        try:
            write_bounded(self._template, self._renderer.names(recipient))
        except RENDERING_ERRORS:
            return frozenset(self._taken)
        return frozenset(self._taken)

    def _note(self, value: object, number: int) -> object:
        tag = self._tags[number] if len(self._tags) == len(self.conditions) else f"condition {number + 1}"
        self._taken.add(Branch(tag, number, bool(value)))
        return value


def _tags(pieces: list[Piece]) -> Iterator[str]:
    """Give the tag of each condition, in the order in which Jinja reads them."""
    for piece in pieces:
        if piece.source.lstrip().startswith("{"):
            count = sum(word in {"if", "elif"} for word in piece.words)
            yield from [" ".join(piece.source.split())] * count
