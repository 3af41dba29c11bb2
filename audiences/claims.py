"""A query whose names and values are resolved: a tree of claims, each with its meaning in SQL and in French."""

from dataclasses import dataclass
from typing import TypeAlias

from audiences.fields import Meaning, Subject
from audiences.tree import All, Either, Tree


@dataclass(frozen=True, slots=True)
class Claim:
    """One condition of a query, resolved: of what it speaks, and what it means."""

    subject: Subject
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Named:
    """A saved audience inside a query."""

    name: str
    part: "Tree[Claim | Named]"


Resolved: TypeAlias = Tree[Claim | Named]


def speaks_of_companies(tree: Resolved) -> bool:
    """Tell whether the condition can hold for companies alone, and for no contact without one."""
    match tree:
        case Claim(subject):
            return subject is Subject.COMPANY
        case Named(_, part):
            return speaks_of_companies(part)
        case All(parts):
            return any(map(speaks_of_companies, parts))
        case Either(parts):
            return all(map(speaks_of_companies, parts))
    return False
