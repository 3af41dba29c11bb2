"""What a lint says: rules with a stable name, and what they found, where, with the remedy."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Level(StrEnum):
    """How grave a finding is."""

    ERROR = "error"  # the mail would be broken, unlawful or refused
    WARNING = "warning"  # some recipients get something worse
    HINT = "hint"  # could be better; nobody misses anything


class Part(StrEnum):
    """Which part of a message a place is in."""

    SUBJECT = "subject"
    HTML = "html"
    TEXT = "text"


@dataclass(frozen=True)
class Place:
    """Where something was found, as near to the author's own source as can be told.

    `line` and `column` count from 1; `element` is how the element begins, `variable` the one whose value it is.
    """

    part: Part
    file: str = ""
    line: int | None = None
    column: int | None = None
    element: str = ""
    variable: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing to correct: `cause` and `remedy` are French sentences; it may stand in several places."""

    rule: str
    level: Level
    cause: str
    remedy: str
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Rule:
    """What is looked for; `level` is the gravest it gives, `meaning` is French.

    What the law or the recipient's trust asks for (`is_law`) cannot be silenced.
    """

    name: str
    level: Level
    meaning: str
    is_law: bool = False

    def found(self, cause: str, remedy: str, *places: Place, level: Level | None = None) -> Finding:
        """Make a finding of this rule."""
        return Finding(self.name, level or self.level, cause, remedy, places)


_GRAVITY = list(Level)


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Join the findings that say the same and sort them, the gravest first; places keep their order.

    The text part mostly repeats the HTML: its place is left out where the HTML has the same.
    """
    merged: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        key = finding.rule, finding.cause, finding.remedy
        known = merged.get(key)
        merged[key] = replace(known, places=known.places + finding.places) if known else finding
    done = [replace(finding, places=_once(finding.places)) for finding in merged.values()]
    return sorted(done, key=lambda finding: _GRAVITY.index(finding.level))


def _once(places: tuple[Place, ...]) -> tuple[Place, ...]:
    kept = tuple(place for place in places if place.part is not Part.TEXT)
    return tuple(dict.fromkeys(kept or places))
