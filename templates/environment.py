"""The Jinja environment that templates are compiled and rendered in: sandboxed, strict, French."""

from collections.abc import Callable
from functools import lru_cache
from gettext import gettext as _

from jinja2 import StrictUndefined, UndefinedError
from jinja2 import TemplateError as JinjaError
from markupsafe import Markup

from templates import links
from templates.phrases import FILTERS, FRENCH_NAMES
from templates.sandbox import Sandbox

Finalize = Callable[[object], object]

RENDERING_ERRORS = (JinjaError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError)
"""What expressions and filters raise on values that they cannot write."""


def refuse_none(value: object) -> object:
    """Let every value pass but None, which would be written as a word into somebody's mail."""
    if value is None:
        raise UndefinedError(_("a value is None"))
    return value


def make_environment(*, autoescape: bool, finalize: Finalize | None = None) -> Sandbox:
    """Build an environment without a loader: compiled templates are self-contained.

    `autoescape` is on for HTML, off for subjects and text parts. `finalize` sees each value before it is written and
    replaces the check against None; it has to escape by itself where it returns Markup.
    """
    environment = Sandbox(
        autoescape=autoescape,
        undefined=StrictUndefined,
        finalize=finalize or refuse_none,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        FILTERS,
        **{french: FILTERS[name] for french, name in FRENCH_NAMES.items()},
        link=links.link,
        link_part=links.link_part,
        inlined=_inlined,
        as_text=_as_text,
    )
    return environment


@lru_cache(maxsize=2)  # the text part follows the HTML part of the same recipient
def _inline(html: str) -> str:
    from templates.inliner import inline_rendered  # premailer and lxml, which most campaigns do not need to send

    return inline_rendered(html)


def _inlined(html: str) -> Markup:
    return Markup(_inline(str(html)))  # noqa: S704 - a rendered page


def _as_text(html: str) -> str:
    from templates.plaintext import text_of_rendered

    return text_of_rendered(_inline(str(html)))
