"""What a query is once it is read: a tree of conditions, each of which knows its place in the text."""

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeAlias, TypeVar


class Span(NamedTuple):
    """Where a part stands in the query: its first character, counted from 0, and the one after its last."""

    start: int
    end: int


NOWHERE = Span(0, 0)


class Text(NamedTuple):
    """A value as written, without its quotation marks; `*` and `?` stand for letters unless it was quoted."""

    text: str
    is_quoted: bool = False
    span: Span = NOWHERE

    @property
    def is_pattern(self) -> bool:
        """Whether the value has a wildcard."""
        return not self.is_quoted and any(mark in self.text for mark in "*?")

    @property
    def is_anything(self) -> bool:
        """Whether the value is a lone `*`: the field has some value."""
        return not self.is_quoted and self.text == "*"


class Range(NamedTuple):
    """Two bounds as written, None where open; each says whether it is inside."""

    low: Text | None
    high: Text | None
    with_low: bool = True
    with_high: bool = True
    span: Span = NOWHERE


Leaf = TypeVar("Leaf")


@dataclass(frozen=True, slots=True)
class Everything:
    """`*:*`: whoever is in the store; inside a request, any request."""


@dataclass(frozen=True, slots=True)
class SameRequest(Generic[Leaf]):
    """`request:( … )`: one and the same request fulfils the condition."""

    part: "Tree[Leaf]"


@dataclass(frozen=True, slots=True)
class Not(Generic[Leaf]):
    """The condition does not hold."""

    part: "Tree[Leaf]"


@dataclass(frozen=True, slots=True)
class All(Generic[Leaf]):
    """Every condition holds."""

    parts: "tuple[Tree[Leaf], ...]"


@dataclass(frozen=True, slots=True)
class Either(Generic[Leaf]):
    """At least one of the conditions holds."""

    parts: "tuple[Tree[Leaf], ...]"


Tree: TypeAlias = Everything | SameRequest[Leaf] | Not[Leaf] | All[Leaf] | Either[Leaf] | Leaf


@dataclass(frozen=True, slots=True)
class Term:
    """A field with one value, both as written; of `epci:(CUA OR CALL)` each value makes one."""

    name: str
    value: Text | Range
    name_span: Span
    in_request: bool
