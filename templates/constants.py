"""What is the same for every recipient of a campaign, worked out and written into its sources once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from jinja2 import Environment, StrictUndefined, nodes
from jinja2.compiler import has_safe_repr
from jinja2.runtime import LoopContext
from jinja2.visitor import NodeTransformer
from markupsafe import escape

from templates.environment import RENDERING_ERRORS, make_environment

MOST_UNROLLED = 2_000
"""Turns of loops that are written out one after the other in one source; longer loops stay loops."""

_UNKNOWN = object()


def parse_filled(source: str, constants: Mapping[str, object], *, autoescape: bool) -> nodes.Template:
    """Parse a source, with everything that needs nothing but `constants` worked out: values, conditions and loops.

    What is left asks for a recipient: of a page of twenty paragraphs some ten expressions. The values stand in the tree
    as text of the source: written into the source itself, Jinja would take their line ends and spaces for those around
    its tags and trim them. Expressions that fail, such as the link of a logo that is not there, stay for the rendering,
    which may never reach them.
    """
    environment = make_environment(autoescape=autoescape)
    tree = environment.parse(source)
    if tree.find(nodes.ScopedEvalContextModifier):
        return tree  # a text part that is derived per recipient holds HTML, which is escaped in its own way
    tree.body = _Filling(environment, tree).fill_source(tree.body, constants)
    return tree


def fixed_text(tree: nodes.Template) -> str | None:
    """Give what a source writes where that is the same for all recipients."""
    match tree.body:
        case [nodes.Output(nodes=[nodes.TemplateData(data=data)])]:
            return str(data)
        case _:
            return None


class _Filling:
    """One source that is being filled; names that it binds in more than one way are no constants of it."""

    def __init__(self, environment: Environment, tree: nodes.Template) -> None:
        self._environment = environment
        self._bound = Counter(name.name for name in tree.find_all(nodes.Name) if name.ctx != "load")
        self._turns_left = MOST_UNROLLED
        self._worked_out: dict[tuple[object, ...], object] = {}  # a brand's colour stands in a source thirty times
        self._kept: list[Mapping[str, object]] = []  # the ids of their values are keys above

    def fill_source(self, body: Sequence[nodes.Node], constants: Mapping[str, object]) -> list[nodes.Node]:
        """Fill the statements at the top of a source: a name that one of them sets, once in all, is known after it."""
        known = {name: value for name, value in constants.items() if name not in self._bound}
        filled: list[nodes.Node] = []
        for statement in body:
            filled += self._fill_statement(statement, known)
            if isinstance(statement, nodes.Assign) and isinstance(statement.target, nodes.Name):
                name = statement.target.name
                value = self._value(statement.node, known) if self._bound[name] == 1 else _UNKNOWN
                if value is not _UNKNOWN and name not in constants:
                    known = {**known, name: value}
        read = Counter(
            name.name for name in nodes.Template(filled, lineno=1).find_all(nodes.Name) if name.ctx == "load"
        )
        return list(_joined([each for each in filled if not _is_idle(each, known, read)]))

    def _fill(self, body: Sequence[nodes.Node], known: Mapping[str, object]) -> list[nodes.Node]:
        return list(_joined([each for statement in body for each in self._fill_statement(statement, known)]))

    def _fill_statement(self, statement: nodes.Node, known: Mapping[str, object]) -> list[nodes.Node]:
        match statement:
            case nodes.Output():
                statement.nodes = list(_merge([self._fill_value(node, known) for node in statement.nodes]))
                return [statement]
            case nodes.If():
                return self._fill_condition(statement, known)
            case nodes.For():
                return self._fill_loop(statement, known)
            case _:
                # A macro or block hides names behind its own, as do loops below; those are not known here anyway.
                for field in ("body", "else_"):
                    if inner := getattr(statement, field, None):
                        setattr(statement, field, self._fill(inner, known))
                return [statement]

    def _fill_value(self, node: nodes.Expr, known: Mapping[str, object]) -> nodes.Expr:
        if isinstance(node, nodes.TemplateData) or not (isinstance(node, nodes.Name) or node.find(nodes.Name)):
            return node
        written = self._work_out(node, known, is_written=True)
        return nodes.TemplateData(written, lineno=node.lineno) if isinstance(written, str) else node

    def _fill_condition(self, statement: nodes.If, known: Mapping[str, object]) -> list[nodes.Node]:
        """Keep the branches that a recipient may take; the first that is always taken ends them."""
        open_branches: list[nodes.If] = []
        rest: Sequence[nodes.Node] = statement.else_
        for branch in (statement, *statement.elif_):
            value = self._value(branch.test, known)
            if value is _UNKNOWN:
                open_branches.append(branch)
            elif value:
                rest = branch.body
                break
        otherwise = self._fill(rest, known)
        if not open_branches:
            return otherwise
        for branch in open_branches:
            branch.body = self._fill(branch.body, known)
        first, *others = open_branches
        first.elif_, first.else_ = others, otherwise
        return [first]

    def _fill_loop(self, loop: nodes.For, known: Mapping[str, object]) -> list[nodes.Node]:
        names = [name.name for name in (loop.target, *loop.target.find_all(nodes.Name)) if isinstance(name, nodes.Name)]
        inside = {name: value for name, value in known.items() if name not in (*names, "loop")}
        items = self._value(_without_bound(loop.iter), known)
        if items is not _UNKNOWN and loop.test is None and not loop.recursive and _is_plain(loop):
            unrolled = self._unroll(loop, items, inside)
            if unrolled is not None:
                return unrolled
        loop.body, loop.else_ = self._fill(loop.body, inside), self._fill(loop.else_, known)
        return [loop]

    def _unroll(self, loop: nodes.For, items: Any, known: Mapping[str, object]) -> list[nodes.Node] | None:
        """Write a loop out, one turn after the other; None where that is not possible."""
        try:
            items = list(items)
        except TypeError:
            return None
        if not items:
            return self._fill(loop.else_, known)
        if len(items) > self._turns_left:
            return None
        self._turns_left -= len(items)
        turns: list[nodes.Node] = []
        for item, state in LoopContext(items, StrictUndefined, None):
            named = _unpack(loop.target, item)
            if named is None:
                return None
            body = nodes.Template([_copy(each) for each in loop.body], lineno=loop.lineno)
            body.body = self._fill(body.body, {**known, **named, "loop": state})
            for name in list(body.find_all(nodes.Name)):
                # what is written of a recipient in a loop over constants has them in it as literals
                if name.name == "loop" or (name.name in named and not has_safe_repr(named[name.name])):
                    return None
            turns += _Literals(named).visit(body).body
        return turns

    def _value(self, node: nodes.Node, known: Mapping[str, object]) -> Any:
        """Work out an expression that needs nothing but these names; _UNKNOWN otherwise."""
        return self._work_out(node, known, is_written=False)

    def _work_out(self, node: nodes.Node, known: Mapping[str, object], *, is_written: bool) -> object:
        """Give an expression's value, or the text that it writes."""
        names = {each.name for each in (node, *node.find_all(nodes.Name)) if isinstance(each, nodes.Name)}
        if not names <= known.keys():
            return _UNKNOWN
        key = (is_written, repr(node), *sorted((name, id(known[name])) for name in names))
        # `loop` is one object that changes with every turn
        if "loop" in names or key not in self._worked_out:
            self._kept.append(known)
            self._worked_out[key] = self._run(node, known, is_written=is_written)
        return self._worked_out[key]

    def _run(self, node: nodes.Node, known: Mapping[str, object], *, is_written: bool) -> object:
        with suppress(*RENDERING_ERRORS):
            value = self._fold(node, known)
            if value is not _UNKNOWN:
                return self._write(value) if is_written else _lasting(value)
            if is_written:
                alone = nodes.Template([nodes.Output([_copy(node)], lineno=1)], lineno=1)
                alone.set_environment(self._environment)
                return self._environment.from_string(alone).render(known)
            result = nodes.Assign(nodes.Name("result", "store"), _copy(node), lineno=1)
            alone = nodes.Template([result], lineno=1)
            alone.set_environment(self._environment)
            module = self._environment.from_string(alone).make_module(dict(known))
            return _lasting(getattr(module, "result", _UNKNOWN))
        return _UNKNOWN

    def _fold(self, node: nodes.Node, known: Mapping[str, object]) -> object:
        """Work an expression out as Jinja folds constants, in a twentieth of the time of compiling it, if that can be."""
        if isinstance(node, nodes.Concat) or node.find(nodes.Concat):
            return _UNKNOWN  # folded without a look at what is escaped already
        literal: nodes.Expr = _Literals(known).visit(_copy(node))
        try:
            return literal.as_const(nodes.EvalContext(self._environment))
        except nodes.Impossible:
            return _UNKNOWN

    def _write(self, value: object) -> str:
        value = self._environment.finalize(value) if self._environment.finalize else value
        return str(escape(value)) if self._environment.autoescape else str(value)


def _lasting(value: object) -> object:
    """Give a value that can be kept: a generator gives its items once only, what is undefined is for the rendering to tell."""
    return _UNKNOWN if isinstance(value, StrictUndefined | Iterator) else value


class _Literals(NodeTransformer):
    """Writes known values in the place of names."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def visit_Name(self, node: nodes.Name) -> nodes.Expr:  # noqa: N802 - as Jinja calls it
        """Replace a name that is read."""
        if node.ctx == "load" and node.name in self._values:
            return nodes.Const(self._values[node.name], lineno=node.lineno)
        return node


def _is_idle(statement: nodes.Node, known: Mapping[str, object], read: Mapping[str, int]) -> bool:
    """Tell whether a statement only sets a name whose value is known and that nothing reads any more."""
    if not isinstance(statement, nodes.Assign) or not isinstance(statement.target, nodes.Name):
        return False
    return statement.target.name in known and not read.get(statement.target.name)


def _is_plain(loop: nodes.For) -> bool:
    """Tell whether a loop's body binds nothing but the variables of loops in it, and keeps no state between turns."""
    inner = {
        id(name)
        for each in loop.find_all(nodes.For)
        for name in (each.target, *each.target.find_all(nodes.Name))
        if isinstance(name, nodes.Name)
    }
    body = nodes.Template(list(loop.body))
    outer = {name.name for name in (loop.target, *loop.target.find_all(nodes.Name)) if isinstance(name, nodes.Name)}
    for name in body.find_all(nodes.Name):
        if name.ctx != "load" and (id(name) not in inner or name.name in outer):
            return False
    stateful = {each.attr for each in body.find_all(nodes.Getattr) if isinstance(each.node, nodes.Name)}
    return (
        not stateful & {"changed", "cycle", "next", "reset"}
        and not body.find(nodes.Macro)
        and not body.find(nodes.CallBlock)
    )


def _without_bound(node: nodes.Node) -> nodes.Node:
    """Give what a loop goes through, without the sandbox's count of its turns."""
    if isinstance(node, nodes.Filter) and node.name == "bounded_turns" and node.node is not None:
        return node.node
    return node


def _unpack(target: nodes.Node, item: object) -> dict[str, object] | None:
    """Give the variables of a loop for one item; None where they do not fit it, as the rendering will tell."""
    if isinstance(target, nodes.Name):
        return {target.name: item}
    names = (
        [name.name for name in target.items if isinstance(name, nodes.Name)] if isinstance(target, nodes.Tuple) else []
    )
    try:
        values = list(item)  # type: ignore[call-overload]  # what is no sequence raises TypeError
    except TypeError:
        return None
    is_fitting = isinstance(target, nodes.Tuple) and len(names) == len(target.items) == len(values)
    return dict(zip(names, values, strict=True)) if is_fitting else None


def _copy(node: Any) -> Any:
    """Copy a node with all below it: what is worked out in one turn of a loop stays in the others."""
    if isinstance(node, nodes.Node):
        copied = object.__new__(type(node))
        for name in (*node.fields, *node.attributes):
            setattr(copied, name, _copy(getattr(node, name, None)))
        return copied
    return [_copy(each) for each in node] if isinstance(node, list) else node


def _joined(statements: Sequence[nodes.Node]) -> Iterator[nodes.Node]:
    """Join neighbouring outputs, so that a text that goes on is one."""
    output: nodes.Output | None = None
    for statement in statements:
        if isinstance(statement, nodes.Output):
            if output is None:
                output = statement
            else:
                output.nodes = list(_merge([*output.nodes, *statement.nodes]))
            continue
        if output is not None:
            yield output
            output = None
        yield statement
    if output is not None:
        yield output


def _merge(written: Sequence[nodes.Expr]) -> Iterator[nodes.Expr]:
    """Join neighbouring texts, so that whoever encodes them breaks no line between two."""
    text: nodes.TemplateData | None = None
    for node in written:
        if isinstance(node, nodes.TemplateData):
            if text is None:
                text = nodes.TemplateData(node.data, lineno=node.lineno)
            else:
                text.data += node.data
            continue
        if text is not None:
            yield text
            text = None
        yield node
    if text is not None:
        yield text
