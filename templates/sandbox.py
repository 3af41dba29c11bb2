"""The sandbox that templates run in: nothing of Python is reachable, and nothing grows or turns without bound."""

from collections.abc import Iterable, Iterator
from functools import wraps
from gettext import gettext as _
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from templates.errors import LimitExceeded

MOST_TURNS = 10_000
"""Turns of all loops and calls of all macros in one rendering of one part."""

LONGEST = 100_000
"""Characters of a text, or items of a list, that an expression may make."""

LARGEST_PAGE = 2_000_000
"""Characters of a rendered part; Gmail shows 102 KB of it."""

_UNSAFE_FILTERS = ("attr", "pprint", "random", "xmlattr", "center", "filesizeformat", "format")
_GROWING_FILTERS = ("join", "indent", "wordwrap", "batch", "slice", "list", "string", "tojson")
_TEXT_METHODS = frozenset(
    "upper lower title capitalize casefold swapcase strip lstrip rstrip startswith endswith split rsplit splitlines "
    "partition rpartition find rfind index rindex count isdigit isalpha isalnum isupper islower isspace istitle isnumeric "
    "isdecimal replace removeprefix removesuffix join".split()
)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with bounds on loops, macros and texts, and a short way to the recipient's fields."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        """Take out of Jinja's filters and globals what no mail needs."""
        super().__init__(**options)
        for name in _UNSAFE_FILTERS:
            del self.filters[name]
        for name in _GROWING_FILTERS:
            self.filters[name] = _bounded(self.filters[name])
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
            length, times = (left, right) if isinstance(right, int) else (right, left)
            if not isinstance(times, int) or len(length) * times > LONGEST:
                raise LimitExceeded(_too_long())
        if operator == "**" and not (abs(left) < 10_000 and abs(right) < 20):
            raise LimitExceeded(_("a power this large cannot be computed; write the number"))
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Count the calls of macros, and bound what the methods of a text make."""
        if isinstance(obj, Macro):
            _count(context)
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str) and args:
            if obj.__name__ == "replace" and len(args) > 1:
                _check_replace(owner, str(args[0]), str(args[1]))
            if obj.__name__ == "join":
                args = ([*args[0]], *args[1:])
                if len(owner) * len(args[0]) > LONGEST:
                    raise LimitExceeded(_too_long())
        return bounded(super().call(context, obj, *args, **kwargs))

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            if not isinstance(loop.iter, nodes.List | nodes.Tuple):  # those are as long as the source
                loop.iter = nodes.Filter(loop.iter, "bounded_turns", [], [], None, None, lineno=loop.lineno)
        for node in tree.find_all(nodes.Assign):
            if not isinstance(node.node, nodes.Const):
                node.node = nodes.Filter(node.node, "bounded_text", [], [], None, None, lineno=node.lineno)
        for block in tree.find_all(nodes.AssignBlock):
            block.filter = nodes.Filter(block.filter, "bounded_text", [], [], None, None, lineno=block.lineno)
        return tree


def bounded(value: Any) -> Any:
    """Give a value on, unless it is longer than a mail could hold."""
    if isinstance(value, str | list | tuple | dict) and len(value) > LONGEST:
        raise LimitExceeded(_too_long())
    return value


def _too_long() -> str:
    return _("an expression makes a text or list of more than {count} characters; shorten it").format(count=LONGEST)


def _bounded(filter_: Any) -> Any:
    """Wrap a filter whose result may be longer than what goes in."""

    @wraps(filter_)  # keeps the marks by which Jinja knows what to pass
    def checked(*args: Any, **kwargs: Any) -> Any:
        return bounded(filter_(*args, **kwargs))

    return checked


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
