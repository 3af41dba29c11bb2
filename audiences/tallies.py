"""How many companies, contacts or requests have each value of a field, the most frequent first."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Select, SQLColumnExpression, func, select
from sqlalchemy.orm import InstrumentedAttribute

from audiences.fields import Store, Tally
from audiences.models import Company, Contact, Request
from audiences.text import fold, quote

Key: TypeAlias = SQLColumnExpression[Any]

Name: TypeAlias = Callable[[Any], tuple[str, str] | None]
"""Gives the value and the label of a key of the store; None leaves it out. A key of several columns is a row."""


def ordered(tallies: Iterable[Tally]) -> list[Tally]:
    """Put the most frequent first, equals by name."""

    def weight(tally: Tally) -> int:
        return tally.requests or tally.companies or tally.contacts or 0

    return sorted(tallies, key=lambda tally: (-weight(tally), fold(tally.value)))


def company_tallies(store: Store, key: Key | tuple[Key, ...], name: Name) -> list[Tally]:
    """Count the companies and their contacts by what the company has: a company has one value, so sums are exact."""
    keys = _columns(key)
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    companies = select(*keys, func.count()).select_from(Company).group_by(*keys)
    contacts = select(*keys, func.count()).select_from(Company).join(Contact, Contact.company_id == Company.id)
    for at, query in enumerate((companies, contacts.group_by(*keys))):
        for row in store.session.execute(query):
            if named := name(_key(row, keys)):
                counts[named][at] += row[-1]
    return ordered(Tally(quote(value), label, *found) for (value, label), found in counts.items())


def contact_tallies(store: Store, key: Key, counted: Select[Any], name: Name) -> list[Tally]:
    """Count contacts and their companies; `counted` selects the contacts to count, `key` is one of its expressions."""
    query = counted.with_only_columns(key, func.count(Contact.company_id.distinct()), func.count(Contact.id.distinct()))
    return ordered(
        Tally(quote(named[0]), named[1], companies, contacts)
        for value, companies, contacts in store.session.execute(query.group_by(key))
        if (named := name(value))
    )


def request_tallies(store: Store, key: Key | tuple[Key, ...], name: Name) -> list[Tally]:
    """Count the requests, and the companies that made them."""
    keys = _columns(key)
    query = select(*keys, func.count(Request.company_id.distinct()), func.count()).group_by(*keys)
    return ordered(
        Tally(quote(named[0]), named[1], row[-2], None, row[-1])
        for row in store.session.execute(query)
        if (named := name(_key(row, keys)))
    )


def word_tallies(store: Store, column: InstrumentedAttribute[Any], field: str) -> list[Tally]:
    """Count the requests by a word; two spellings that a query takes for one count as one, under the more frequent.

    A word of relais.toml that no request has counts zero.
    """
    found = request_tallies(store, column, lambda word: (word, "") if word else None)
    spellings: dict[str, list[str]] = defaultdict(list)
    for word in [*store.vocabulary(column), *store.terms.get(field, ())]:
        if word not in spellings[fold(word)]:
            spellings[fold(word)].append(word)
    by_value = {tally.value: tally for tally in found}
    tallies = []
    for words in spellings.values():
        same = [by_value[quote(word)] for word in words if quote(word) in by_value]
        if len(same) < 2:
            tallies += same or [Tally(quote(words[0]), companies=0, requests=0)]
            continue
        counted = select(func.count(Request.company_id.distinct()), func.count()).where(column.in_(words))
        companies, requests = store.session.execute(counted).one()
        tallies.append(ordered(same)[0]._replace(companies=companies, requests=requests))
    return ordered(tallies)


def _columns(key: Key | tuple[Key, ...]) -> Sequence[Key]:
    return key if isinstance(key, tuple) else (key,)


def _key(row: Any, keys: Sequence[object]) -> Any:
    return row[0] if len(keys) == 1 else row[: len(keys)]
