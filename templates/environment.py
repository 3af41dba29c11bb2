"""The Jinja environment that templates are compiled and rendered in: sandboxed, strict, French."""

from collections.abc import Callable
from gettext import gettext as _

from jinja2 import StrictUndefined, UndefinedError
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from templates import typography

Finalize = Callable[[object], object]

RENDERING_ERRORS = (JinjaError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError)
"""What expressions and filters raise on values that they cannot write."""


def refuse_none(value: object) -> object:
    """Let every value pass but None, which would be written as a word into somebody's mail."""
    if value is None:
        raise UndefinedError(_("a value is None"))
    return value


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with a short way to the recipient's fields, which takes a third off a rendering."""

    def getattr(self, obj: object, attribute: str) -> object:
        """Look a field up before an attribute: the fields are plain strings, so nothing unsafe is reached."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


def make_environment(*, autoescape: bool, finalize: Finalize | None = None) -> ImmutableSandboxedEnvironment:
    """Build an environment without a loader: compiled templates are self-contained.

    `autoescape` is on for HTML, off for subjects and text parts. `finalize` sees each value before it is written and
    replaces the check against None; it has to escape by itself where it returns Markup.
    """
    environment = _Environment(
        autoescape=autoescape,
        undefined=StrictUndefined,
        finalize=finalize or refuse_none,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        typography=typography.typography,
        amount=typography.amount,
        date=typography.date,
        time=typography.time,
        plural=typography.plural,
        honorific=typography.honorific,
        capital=typography.capital,
        paragraphs=typography.paragraphs,
        wrapped=typography.wrapped,
    )
    return environment
