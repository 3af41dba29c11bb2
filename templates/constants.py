"""What is the same for every recipient of a campaign, written into its sources once."""

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
    rebound = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
    usable = {name: value for name, value in constants.items() if name not in rebound}
    written: dict[str, str | None] = {}  # a brand's colour stands in a source thirty times
    for output in tree.find_all(nodes.Output):
        for at, node in enumerate(output.nodes):
            key = repr(node)
            if key not in written:
                written[key] = _value(node, usable, environment)
            if (value := written[key]) is not None:
                output.nodes[at] = nodes.TemplateData(value, lineno=node.lineno)
        output.nodes = list(_merge(output.nodes))
    return tree


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
