"""What a field of the query language is: its names, its SQL condition, how it reads in French, the values it has."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from gettext import gettext as _
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import InstrumentedAttribute, Session

from audiences.errors import InvalidQuery, UnknownValue
from audiences.sectors import Sectors
from audiences.territory import Territory
from audiences.text import did_you_mean, fold
from audiences.tree import Range, Text
from audiences.vocabulary import distinct_words

Condition: TypeAlias = ColumnElement[bool]


class Subject(StrEnum):
    """Of what a condition speaks."""

    COMPANY = "company"  # it holds for no contact without a company
    CONTACT = "contact"
    REQUEST = "request"


class Phrase(NamedTuple):
    """How a condition reads in French, as a clause after “entreprises” or “ceux”.

    `{}` takes the values, joined by “ou”; in `fails`, `{pas}` is “pas ” before one value, and before several nothing:
    they are then joined by “ni”. `short` can stand without the relative pronoun ("de la CUA").
    """

    holds: str
    fails: str
    short: str = ""


class RequestPhrase(NamedTuple):
    """How a condition on a request reads, after “une demande”; `participle` stands after a noun without a verb.

    `alone` says it of the company where no request is spoken of.
    """

    holds: str
    fails: str
    participle: str
    alone: Phrase | None = None


ASKED = Phrase("qui ont fait une demande", "qui n’ont fait aucune demande")
"""Said where any request will do."""


class Meaning(NamedTuple):
    """What a value of a field means: the condition in SQL and in French; `words` is the value in the phrase."""

    condition: Condition
    phrase: Phrase | RequestPhrase
    words: str = ""


class Tally(NamedTuple):
    """A value that a field has, as a query takes it, what it stands for, and how many have it."""

    value: str
    label: str = ""
    companies: int | None = None
    contacts: int | None = None
    requests: int | None = None


Build: TypeAlias = "Callable[[Store, Text | Range], Meaning]"


@dataclass(frozen=True)
class Field:
    """One field: English name, other names, an example for the help; `tally` counts its values, if they can be listed.

    `build` gives what a value means; `audience` alone has none: its value is a query of its own.
    """

    name: str
    aliases: tuple[str, ...]
    meaning: str
    example: str
    build: "Build | None" = None
    subject: Subject = Subject.COMPANY
    tally: "Callable[[Store], Iterable[Tally]] | None" = None


@dataclass(frozen=True)
class Store:
    """What the values of a query are resolved against; `terms` are words of a field that the store may not hold yet.

    `today` is the day that relative dates count from, in the officer's zone.
    """

    session: Session
    territory: Territory
    sectors: Sectors
    today: date
    terms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _known: dict[InstrumentedAttribute[Any], list[str]] = field(default_factory=dict, repr=False, compare=False)

    def vocabulary(self, column: InstrumentedAttribute[Any]) -> list[str]:
        """List the distinct values of an indexed text column; they are read once."""
        if column not in self._known:
            self._known[column] = distinct_words(self.session, column)
        return self._known[column]


def guillemets(text: str) -> str:
    """Put a French text in quotation marks, with the narrow spaces that belong to them."""
    return f"«\u202f{text}\u202f»"


def match_words(text: Text, known: Iterable[str], field: str, key: Callable[[str], str] = fold) -> list[str]:
    """Find the known words that a value or pattern means, accents and case aside; UnknownValue names the nearest."""
    words = list(known)
    if text.is_pattern:
        pattern = re.compile(
            "".join({"*": ".*", "?": "."}.get(part, re.escape(fold(part))) for part in re.split(r"([*?])", text.text))
        )
        return [word for word in words if pattern.fullmatch(fold(word))]
    wanted = key(text.text)
    found = [word for word in words if key(word) == wanted]
    if not found:
        hint = did_you_mean(text.text, words)
        raise UnknownValue(
            _("Unknown {field} “{value}”. {hint}").format(field=field, value=text.text, hint=hint), text.span
        )
    return found


def spelling(text: Text, found: Sequence[str]) -> str:
    """Give a value as the store spells it; a pattern stays as written."""
    return text.text if text.is_pattern or not found else found[0]


def only_values(value: Text | Range, field: str) -> Text:
    """Refuse a range."""
    if isinstance(value, Range):
        raise InvalidQuery(_("The field {field} takes values, not a range.").format(field=field), value.span)
    return value


def between(
    column: InstrumentedAttribute[Any], bounds: Range, parse: Callable[[Text], Any]
) -> tuple[Condition, Any, Any]:
    """Give the condition that a column lies in a range, with the two bounds as parsed; the wrong way round is refused."""
    parts: list[Condition] = [column.is_not(None)]
    low = None if bounds.low is None else parse(bounds.low)
    high = None if bounds.high is None else parse(bounds.high)
    check_order(bounds, low, high)
    if low is not None:
        parts.append(column >= low if bounds.with_low else column > low)
    if high is not None:
        parts.append(column <= high if bounds.with_high else column < high)
    return and_(*parts), low, high


def check_order(bounds: Range, low: Any, high: Any) -> None:
    """Refuse a range that ends before it begins: it would match nobody, and not say so."""
    if low is not None and high is not None and low > high:
        raise InvalidQuery(_("The range ends before it begins. Exchange the two bounds."), bounds.span)
