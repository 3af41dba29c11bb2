"""The sandbox that templates run in: nothing of Python is reachable, and nothing grows or turns without bound."""

from collections.abc import Iterable, Iterator
from functools import wraps
from gettext import gettext as _
from typing import Any

from jinja2 import TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from markupsafe import Markup, escape

from templates.errors import LimitExceeded

MOST_TURNS = 10_000
"""Turns of all loops and calls of all macros in one rendering of one part."""

LONGEST = 100_000
"""Characters and items, those of inner lists too, that an expression may make."""

MOST_BITS = 4_096
"""Length of a whole number; squaring one again and again would take all memory after thirty turns."""

WIDEST = 200
"""What may be asked of filters that pad, indent, break or round; and characters of what they put in."""

MOST_JOINED = 500
"""Parts put together with ~ in one template: each may be LONGEST."""

LARGEST_PAGE = 2_000_000
"""Characters of a rendered part; Gmail shows 102 KB of it."""

_UNSAFE_FILTERS = ("attr", "pprint", "random", "xmlattr", "center", "filesizeformat", "format")
_GROWING_FILTERS = ("indent", "wordwrap", "batch", "slice", "round", "truncate", "tojson", "string")
_TEXT_METHODS = frozenset(
    "upper lower title capitalize casefold swapcase strip lstrip rstrip startswith endswith split rsplit splitlines "
    "partition rpartition find rfind index rindex count isdigit isalpha isalnum isupper islower isspace istitle isnumeric "
    "isdecimal replace removeprefix removesuffix join".split()
)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with bounds on loops, macros and texts, and a short way to the recipient's fields."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, **options: Any) -> None:
        """Take out of Jinja's filters and globals what no mail needs."""
        super().__init__(**options)
        for name in _UNSAFE_FILTERS:
            del self.filters[name]
        for name in _GROWING_FILTERS:
            self.filters[name] = _bounded(self.filters[name])
        self.filters["map"] = _gradual(self.filters["map"])
        self.filters["list"] = _list
        self.filters["urlize"] = _short(_bounded(self.filters["urlize"]))
        self.filters["join"] = _joining(self.filters["join"])
        self.filters["replace"] = _replace
        self.filters["bounded_turns"] = _turns
        self.filters["bounded_text"] = bounded
        self.globals = {name: self.globals[name] for name in ("dict", "namespace", "cycler", "joiner")}
        self.globals["range"] = _range

    def getattr(self, obj: object, attribute: str) -> object:
        """Look a field up before an attribute: the fields are plain strings, so nothing unsafe is reached."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Allow the methods of a text that give a text of no more than about its length."""
        if isinstance(obj, str):
            return attr in _TEXT_METHODS
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Leave the method format of a text out of reach: it pads to any width."""

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse products and powers that would not fit into a mail."""
        if operator == "%" and isinstance(left, str):
            raise LimitExceeded(_("% does not write into a text here; put the value between texts with ~"))
        if operator == "*" and not (isinstance(left, int | float) and isinstance(right, int | float)):
            repeated, times = (left, right) if isinstance(right, int) else (right, left)
            if not isinstance(times, int) or _measure(repeated) * times > LONGEST:
                raise LimitExceeded(_too_long())
        if operator == "**" and not (abs(left) < 10_000 and abs(right) < 20):
            raise LimitExceeded(_("a power this large cannot be computed; write the number"))
        return bounded(super().call_binop(context, operator, left, right))

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Count the calls of macros, and bound what the methods of a text make."""
        if isinstance(obj, Macro):
            _count(context)
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str) and args:
            if obj.__name__ == "replace" and len(args) > 1:
                _check_replace(owner, str(args[0]), str(args[1]))
            if obj.__name__ == "join":
                args = (_list(args[0]), *args[1:])
                if len(owner) * len(args[0]) > LONGEST:
                    raise LimitExceeded(_too_long())
        return bounded(super().call(context, obj, *args, **kwargs))

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            if not (isinstance(loop.iter, nodes.List | nodes.Tuple) and len(loop.iter.items) <= 1):
                loop.iter = nodes.Filter(loop.iter, "bounded_turns", [], [], None, None, lineno=loop.lineno)
        if sum(len(node.nodes) for node in tree.find_all(nodes.Concat)) > MOST_JOINED:
            raise TemplateSyntaxError(_("more than {count} parts are put together with ~").format(count=MOST_JOINED), 1)
        _bound_literals(tree)
        for node in tree.find_all(nodes.Assign):
            if not isinstance(node.node, nodes.Const):
                node.node = nodes.Filter(node.node, "bounded_text", [], [], None, None, lineno=node.lineno)
        for block in tree.find_all(nodes.AssignBlock):
            block.filter = nodes.Filter(block.filter, "bounded_text", [], [], None, None, lineno=block.lineno)
        return tree


def _bound_literals(node: nodes.Node) -> None:
    """Measure lists and tables as they are made: each may hold the one before it twice."""
    for name, value in node.iter_fields():
        if isinstance(value, list):
            value[:] = [_measured(each) for each in value]
        elif isinstance(value, nodes.Node):
            setattr(node, name, _measured(value))


def _measured(node: Any) -> Any:
    if not isinstance(node, nodes.Node):
        return node
    _bound_literals(node)
    is_made = isinstance(node, nodes.Dict | nodes.List) or (isinstance(node, nodes.Tuple) and node.ctx == "load")
    if is_made and any(not isinstance(each, nodes.Const) for each in node.find_all(nodes.Expr)):
        return nodes.Filter(node, "bounded_text", [], [], None, None, lineno=node.lineno)
    return node


def bounded(value: Any) -> Any:
    """Give a value on, unless it is longer than a mail could hold."""
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise LimitExceeded(_too_long())
    elif isinstance(value, int):
        if value.bit_length() > MOST_BITS:
            raise LimitExceeded(_("a number this large cannot be computed; write it out"))
    elif isinstance(value, _HOLDERS):
        _measure(value)
    return value


_HOLDERS = (list, tuple, dict, Namespace)


def _measure(value: Any) -> int:
    """Count the characters and items of a value, inner ones as often as they show; LimitExceeded past LONGEST."""
    total, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            total += len(each)
        elif isinstance(each, _HOLDERS):
            if isinstance(each, dict | Namespace):
                inner = each if isinstance(each, dict) else each._Namespace__attrs
                waiting += [*inner.keys(), *inner.values()]
            else:
                waiting += each
            total += 1
        else:
            total += 1
        if total + len(waiting) > LONGEST:
            raise LimitExceeded(_too_long())
    return total


def _too_long() -> str:
    return _("an expression makes a text or list of more than {count} characters; shorten it").format(count=LONGEST)


def _bounded(filter_: Any) -> Any:
    """Wrap a filter whose result may be longer than what goes in, by what its arguments ask for."""

    @wraps(filter_)  # keeps the marks by which Jinja knows what to pass
    def checked(*args: Any, **kwargs: Any) -> Any:
        asked = (*args[_first_argument(filter_) :], *kwargs.values())
        if any((isinstance(each, str) and len(each) > WIDEST) or _is_over(each) for each in asked):
            raise LimitExceeded(_("a filter is asked for more than {count} characters").format(count=WIDEST))
        return bounded(filter_(*args, **kwargs))

    return checked


def _short(filter_: Any) -> Any:
    """Wrap a filter that takes a hundred times as long for a text ten times as long."""

    @wraps(filter_)
    def checked(eval_context: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        if len(str(value)) > LONGEST // 10:
            raise LimitExceeded(_too_long())
        return filter_(eval_context, value, *args, **kwargs)

    return checked


def _first_argument(filter_: Any) -> int:
    """Tell where the arguments begin, behind the value and what Jinja passes by itself."""
    return 2 if getattr(filter_, "jinja_pass_arg", None) else 1


def _is_over(asked: object) -> bool:
    return isinstance(asked, int | float) and abs(asked) > WIDEST


def _gradual(filter_: Any) -> Any:
    """Wrap a filter that gives one item after the other, each of which may be as long as a text may be."""

    @wraps(filter_)
    def counted(*args: Any, **kwargs: Any) -> Iterator[Any]:
        total = 0
        for item in filter_(*args, **kwargs):
            total += _measure(item) if isinstance(item, (str, *_HOLDERS)) else 1
            if total > LONGEST:
                raise LimitExceeded(_too_long())
            yield item

    return counted


def _list(items: Iterable[Any]) -> list[Any]:
    return list(_gradual(iter)(items))


def _joining(filter_: Any) -> Any:
    @wraps(filter_)
    def joined(context: Any, value: Iterable[Any], d: str = "", attribute: Any = None) -> Any:
        items = _list(value)
        if len(str(d)) * len(items) > LONGEST:
            raise LimitExceeded(_too_long())
        return bounded(filter_(context, items, d, attribute))

    return joined


def _replace(value: object, old: object, new: object, count: int = -1) -> str:
    text = value if isinstance(value, str) else str(value)
    plain = str(old), escape(new) if isinstance(text, Markup) else str(new)
    _check_replace(text, *plain)
    return text.replace(*plain, count)


def _check_replace(text: str, old: str, new: str) -> None:
    if (text.count(old) if old else len(text) + 1) * len(new) > LONGEST:
        raise LimitExceeded(_too_long())


@pass_context
def _turns(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        _count(context)
        yield item


def _count(context: Context) -> None:
    context.turns = turns = getattr(context, "turns", 0) + 1  # type: ignore[attr-defined]  # lives as long as one rendering
    if turns > MOST_TURNS:
        raise LimitExceeded(
            _("the loops and macros make more than {count} turns; loop over less").format(count=MOST_TURNS)
        )


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MOST_TURNS:
        raise LimitExceeded(_("range() gives at most {count} numbers; loop over less").format(count=MOST_TURNS))
    return numbers
