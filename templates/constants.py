"""What is the same for every recipient of a campaign, written into its sources once."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from jinja2 import Environment, nodes

from templates.environment import RENDERING_ERRORS, make_environment

_SETTING = (nodes.Assign, nodes.AssignBlock, nodes.Macro)


def parse_filled(source: str, constants: Mapping[str, object], *, autoescape: bool) -> nodes.Template:
    """Parse a source, with the values of what needs nothing but `constants` in it, which halves the time of a rendering.

    That is expressions, and whole if and for blocks. The values stand in the tree as text of the source: written into
    the source itself, Jinja would take their line ends and spaces for those around its tags and trim them. What fails,
    such as the link of a logo that is not there, stays for the rendering, which may never reach it.
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
    tree.body = _fold(tree.body, usable, environment)
    return tree


def _fold(body: list[nodes.Node], constants: Mapping[str, object], environment: Environment) -> list[nodes.Node]:
    """Write the if and for blocks of a body that need nothing but these names, and those within the others."""
    folded: list[nodes.Node] = []
    for node in body:
        kept = node
        if isinstance(node, nodes.If | nodes.For):
            if (value := _block_value(node, constants, environment)) is not None:
                kept = nodes.Output([nodes.TemplateData(value, lineno=node.lineno)], lineno=node.lineno)
            else:
                node.body = _fold(node.body, constants, environment)
                node.else_ = _fold(node.else_, constants, environment)
                for branch in node.elif_ if isinstance(node, nodes.If) else ():
                    branch.body = _fold(branch.body, constants, environment)
        before = folded[-1] if folded else None
        if isinstance(kept, nodes.Output) and isinstance(before, nodes.Output):
            before.nodes = list(_merge([*before.nodes, *kept.nodes]))
        else:
            folded.append(kept)
    return folded


def _block_value(block: nodes.If | nodes.For, constants: Mapping[str, object], environment: Environment) -> str | None:
    """Write a block, where it needs nothing but these names and leaves no name behind; None otherwise."""
    if any(block.find_all(nodes.NSRef)) or (isinstance(block, nodes.If) and any(block.find_all(_SETTING))):
        return None
    names = list(block.find_all(nodes.Name))
    own = {name.name for name in names if name.ctx != "load"} | ({"loop"} if isinstance(block, nodes.For) else set())
    if own & constants.keys() or not {name.name for name in names} <= constants.keys() | own:
        return None
    alone = nodes.Template([block], lineno=1)
    alone.set_environment(environment)
    with suppress(*RENDERING_ERRORS):
        return environment.from_string(alone).render(constants)
    return None


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
