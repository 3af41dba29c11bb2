"""Rules of the lint that a template's author sets aside, and why."""

from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path

from templates.errors import InvalidTemplate
from templates.nearest import nearest

_KEYS = ("ignore", "reason")


@dataclass(frozen=True)
class Silence:
    """The names of the rules to ignore, and the one reason given; the lint itself checks the names."""

    rules: tuple[str, ...] = ()
    reason: str = ""


NOTHING = Silence()
"""No rule is ignored."""


def read_silence(table: object, file: Path) -> Silence:
    """Read the table [lint] of a template's settings. Raises InvalidTemplate; rules need a reason."""
    if not isinstance(table, dict):
        raise InvalidTemplate(_('write lint as a table [lint] with ignore = ["…"] and reason = "…"'), file=file)
    for key in table:
        if key not in _KEYS:
            raise InvalidTemplate(
                _("key {key!r} is unknown; {nearest}").format(key=key, nearest=nearest(key, _KEYS)), file=file
            )
    rules, reason = table.get("ignore", []), table.get("reason", "")
    if not isinstance(rules, list) or not all(isinstance(name, str) for name in rules):
        raise InvalidTemplate(_('[lint] ignore is a list of rules, as in ignore = ["font-small"]'), file=file)
    if not rules:
        return NOTHING
    if not isinstance(reason, str) or not reason.strip():
        raise InvalidTemplate(_('[lint] ignores rules without saying why; add reason = "…"'), file=file)
    return Silence(tuple(rules), reason.strip())
