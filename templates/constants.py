"""What is the same for every recipient of a campaign, written into its sources once."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress

from jinja2 import Environment, nodes

from templates.environment import RENDERING_ERRORS, make_environment


def parse_filled(source: str, constants: Mapping[str, object], *, autoescape: bool) -> nodes.Template:
    """Parse a source, with the values of what needs nothing but `constants` in it, which halves the time of a rendering.

    The values stand in the tree as text of the source: written into the source itself, Jinja would take their line
    ends and spaces for those around its tags and trim them. Expressions that fail, such as the link of a logo that is
    not there, stay for the rendering, which may never reach them.
    """
    environment = make_environment(autoescape=autoescape)
    tree = environment.parse(source)
    if tree.find(nodes.ScopedEvalContextModifier):
        return tree  # a text part that is derived per recipient holds HTML, which is escaped in its own way
    stored = Counter(name.name for name in tree.find_all(nodes.Name) if name.ctx != "load")
    filler = _Filler(environment, {name: value for name, value in constants.items() if name not in stored})
    filler.take_in(tree.body, {name for name, times in stored.items() if times == 1} - constants.keys())
    tree.body = filler.fold(tree.body)
    for output in tree.find_all(nodes.Output):
        output.nodes = [filler.fill(node) for node in output.nodes]
    tree.body = filler.fold(filler.without_unused(tree))
    for output in tree.find_all(nodes.Output):
        output.nodes = list(_merge(output.nodes))
    return tree


def fixed_text(tree: nodes.Template) -> str | None:
    """Give what a source writes for every recipient alike, where it does."""
    match tree.body:
        case [nodes.Output(nodes=[nodes.TemplateData(data=str(text))])]:
            return text
    return None


class _Filler:
    """Replaces what needs nothing but some names by what comes of it."""

    def __init__(self, environment: Environment, constants: dict[str, object]) -> None:
        self._environment = environment
        self._constants = constants
        self._written: dict[str, str | None] = {}  # a brand's colour stands in a source thirty times

    def take_in(self, body: list[nodes.Node], once: set[str]) -> None:
        """Count what the top of the source sets once, and for everybody the same, among the constants."""
        for node in body:
            if isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name) and node.target.name in once:
                with suppress(*RENDERING_ERRORS, KeyError):
                    self._constants[node.target.name] = self._evaluate(node.node)

    def without_unused(self, tree: nodes.Template) -> list[nodes.Node]:
        """Leave out what sets a constant that nothing reads any more."""
        read = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "load"}
        unused = self._constants.keys() - read
        return [
            node
            for node in tree.body
            if not (
                isinstance(node, nodes.Assign) and isinstance(node.target, nodes.Name) and node.target.name in unused
            )
        ]

    def fold(self, body: list[nodes.Node]) -> list[nodes.Node]:
        """Keep of each condition that is the same for everybody the branch that shows, and join the texts around it."""
        folded: list[nodes.Node] = []
        for node in self._unfolded(body):
            before = folded[-1] if folded else None
            if isinstance(node, nodes.Output) and isinstance(before, nodes.Output):
                before.nodes = [*before.nodes, *node.nodes]
            else:
                folded.append(node)
        return folded

    def _unfolded(self, body: list[nodes.Node]) -> Iterator[nodes.Node]:
        for node in body:
            if isinstance(node, nodes.If):
                yield from self._branch(node)
                continue
            if isinstance(node, nodes.For | nodes.With | nodes.Macro | nodes.CallBlock | nodes.FilterBlock):
                node.body = self.fold(node.body)
            yield node

    def _branch(self, node: nodes.If) -> list[nodes.Node]:
        try:
            holds = bool(self._evaluate(node.test)) if _names(node.test) else None
        except (*RENDERING_ERRORS, KeyError):
            holds = None
        if holds:
            return self.fold(node.body)
        if holds is None:
            node.body, node.else_ = self.fold(node.body), self.fold(node.else_)
            for each in node.elif_:
                each.body = self.fold(each.body)
            return [node]
        if node.elif_:
            first, *others = node.elif_
            first.elif_, first.else_ = others, node.else_
            return self._branch(first)
        return self.fold(node.else_)

    def _evaluate(self, node: nodes.Node) -> object:
        """Give the value of an expression; KeyError where it needs more than the constants."""
        if not _names(node) <= self._constants.keys():
            raise KeyError
        assign = nodes.Assign(nodes.Name("value", "store"), node, lineno=1)
        alone = nodes.Template([assign], lineno=1)
        alone.set_environment(self._environment)
        return vars(self._environment.from_string(alone).make_module(self._constants))["value"]

    def fill(self, node: nodes.Expr) -> nodes.Expr:
        """Write an expression, where it is one and needs nothing but the constants."""
        key = repr(node)
        if key not in self._written:
            self._written[key] = _value(node, self._constants, self._environment)
        value = self._written[key]
        return node if value is None else nodes.TemplateData(value, lineno=node.lineno)


def _names(node: nodes.Node) -> set[str]:
    return {name.name for name in nodes.Template([node], lineno=1).find_all(nodes.Name)}


def _value(node: nodes.Expr, constants: Mapping[str, object], environment: Environment) -> str | None:
    """Write an expression, where it is one and needs nothing but these names; None otherwise."""
    alone = nodes.Template([nodes.Output([node], lineno=1)], lineno=1)
    alone.set_environment(environment)
    names = {name.name for name in alone.find_all(nodes.Name)}
    if names and names <= constants.keys():
        with suppress(*RENDERING_ERRORS):
            return environment.from_string(alone).render(constants)
    return None


def _merge(written: list[nodes.Expr]) -> Iterator[nodes.Expr]:
    """Join neighbouring texts, so that whoever encodes them breaks no line between two."""
    text: nodes.TemplateData | None = None
    for node in written:
        if isinstance(node, nodes.TemplateData):
            if text is None:
                text = node
            else:
                text.data += node.data
            continue
        if text is not None:
            yield text
            text = None
        yield node
    if text is not None:
        yield text
