"""The errors of this room; each message says the cause, then the remedy."""

from gettext import gettext as _
from pathlib import Path


class TemplateError(Exception):
    """The root of everything that goes wrong with a template."""


class UnknownTemplate(TemplateError, LookupError):
    """No folder holds a template of this name."""


class InvalidTemplate(TemplateError, ValueError):
    """A template's files cannot be used as they stand."""

    def __init__(self, cause: str, *, file: Path | str, line: int | None = None) -> None:
        """Keep the place beside the message, so that a finding can point at it."""
        self.cause = cause
        self.file = Path(file)
        self.line = line
        place = _("{file}, line {line}").format(file=file, line=line) if line else str(file)
        super().__init__(_("{place}: {cause}").format(place=place, cause=cause))


class MissingVariable(TemplateError, LookupError):
    """Required variables have no value."""


class UnknownVariable(TemplateError, LookupError):
    """A value is given for a variable that the template does not have."""


class InvalidValue(TemplateError, ValueError):
    """A given value is not of its variable's type."""


class TemplateExists(TemplateError, FileExistsError):
    """A new template would take the place of another one."""


class RenderingFailed(TemplateError, ValueError):
    """A recipient's message cannot be written."""


class LimitExceeded(TemplateError, ValueError):
    """A template would turn, or grow, without bound."""
