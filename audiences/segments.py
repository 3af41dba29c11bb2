"""Compiles a segment (a query in Lucene syntax) to one SQL condition on contacts and their companies."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from gettext import gettext as _

from sqlalchemy import BindParameter, and_, exists, false, func, not_, or_, select, true
from sqlalchemy.orm import Session
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import True_

from audiences.catalogue import find_query
from audiences.claims import Claim, Named, Resolved, speaks_of_companies
from audiences.company_fields import COMPANY_FIELDS
from audiences.contact_fields import CONTACT_FIELDS
from audiences.errors import InvalidQuery, QueryError, UnknownField, UnknownValue
from audiences.fields import Condition, Field, Store, Subject, only_values
from audiences.indexes import unindexed, without_indexes
from audiences.models import Company, Contact, Request
from audiences.place_fields import PLACE_FIELDS
from audiences.request_fields import REQUEST_FIELDS
from audiences.syntax import MOST_TERMS, normalise, parse
from audiences.text import did_you_mean, fold, nearest
from audiences.tree import All, Either, Everything, Not, SameRequest, Term, Tree
from audiences.wording import in_french

FIELDS: dict[str, Field] = {
    field.name: field for field in (*PLACE_FIELDS, *COMPANY_FIELDS, *CONTACT_FIELDS, *REQUEST_FIELDS)
}
"""The fields that the contact store answers, by name; the rooms above add theirs."""

AUDIENCE_FIELD = Field("audience", ("ciblage",), _("a saved audience, as a part of the query"), "audience:cua-aides")
"""The field that stands for the query of a saved audience."""

_WIDEST = 200
"""Parts of one AND or OR in SQL: SQLite takes an expression of depth 1000, and a chain is as deep as it is long."""

_LONGEST_PATH = 20
"""Audiences that contain each other."""

_FEW = 5_000
"""Companies whose requests are looked up one by one, at 10 µs each."""

_MOST_PARAMETERS = 20_000
"""Values that the database is handed with a query; SQLite takes 32 766 in all."""


@dataclass(frozen=True)
class Segment:
    """A query whose names and values are resolved against a store; `condition` is over Contact outer-joined to Company."""

    query: str
    tree: Resolved
    condition: Condition

    @property
    def in_french(self) -> str:
        """The sentence that says whom it means."""
        return in_french(self.tree)


def read_segment(query: str, store: Store, *, extra: Iterable[Field] = (), name: str | None = None) -> Segment:
    """Resolve a query, `name` if it is that of a saved audience; `extra` fields come from the rooms above.

    A bare request condition (`nature:…`) holds if some request has it; inside `request:( … )` all of them speak of one
    and the same request. Words beside each other without an operator must all hold. Raises InvalidQuery, UnknownField
    or UnknownValue, which know the place in the query.
    """
    query = normalise(query)
    fields = [*FIELDS.values(), AUDIENCE_FIELD, *extra]
    tree = _Resolver(store, fields).read(query, (name,) if name else ())
    condition = _Compiler(store.session).sql(tree)
    values = sum(
        len(element.value) if isinstance(element.value, (list, tuple)) else 1
        for element in visitors.iterate(condition)
        if isinstance(element, BindParameter)
    )
    if values > _MOST_PARAMETERS:
        cause = _("The query stands for more than {count} values. Write fewer, or fewer wildcards.")
        raise InvalidQuery(cause.format(count=_MOST_PARAMETERS), (0, len(query)), query, name)
    return Segment(query, tree, condition)


def find_field(name: str, fields: Iterable[Field]) -> Field | None:
    """Find the field of this name, French or English, accents and case aside."""
    wanted = fold(name)
    return next((field for field in fields if wanted in map(fold, (field.name, *field.aliases))), None)


def unknown_field(name: str, known: Iterable[str], span: tuple[int, int]) -> UnknownField:
    """Say that no field has this name, and which of the `known` ones come near or where they all are."""
    near = nearest(name, known)
    hint = did_you_mean(name, near) if near else _("See `relais audiences fields`.")
    return UnknownField(_("Unknown field “{name}”. {hint}").format(name=name, hint=hint), span)


class _Resolver:
    def __init__(self, store: Store, fields: Sequence[Field]) -> None:
        self._store = store
        self._terms = 0
        self._fields = {fold(name): field for field in fields for name in (field.name, *field.aliases)}
        self._names = [name for field in fields for name in (field.name, *field.aliases)] + ["request", "demande"]

    def read(self, query: str, path: tuple[str, ...]) -> Resolved:
        """Parse and resolve a query; `path` are the audiences that led here, the last one being its own."""
        try:
            return _map(parse(query), lambda term: self._resolve(term, path))
        except QueryError as error:
            raise error.within(query, path[-1] if path else None) from None

    def _resolve(self, term: Term, path: tuple[str, ...]) -> Resolved:
        self._terms += 1
        if self._terms > MOST_TERMS:
            cause = _("With the audiences that it names, the query has more than {count} values. Name fewer.")
            raise InvalidQuery(cause.format(count=MOST_TERMS), term.value.span)
        field = self._fields.get(fold(term.name))
        if field is None:
            raise unknown_field(term.name, self._names, term.name_span)
        if term.in_request and field.subject is not Subject.REQUEST:
            cause = _("{field} does not speak of a request. Take it out of request:( … ).")
            raise InvalidQuery(cause.format(field=field.name), term.name_span)
        if field.build is None:
            return self._audience(term, path)
        try:
            return Claim(field.subject, field.build(self._store, term.value))
        except QueryError as error:
            error.span = error.span or term.value.span
            raise

    def _audience(self, term: Term, path: tuple[str, ...]) -> Named:
        text = only_values(term.value, "audience")
        if text.text in path:
            circle = " → ".join((*path[path.index(text.text) :], text.text))
            cause = _("The audience {name} would contain itself: {circle}. Take it out.")
            raise InvalidQuery(cause.format(name=text.text, circle=circle), text.span)
        if len(path) >= _LONGEST_PATH:
            cause = _("More than {count} audiences stand inside each other. Write a part of the query out.")
            raise InvalidQuery(cause.format(count=_LONGEST_PATH), text.span)
        query, known = find_query(self._store.session, text.text)
        if query is None:
            cause = _("There is no audience {name}. {hint}")
            raise UnknownValue(cause.format(name=text.text, hint=did_you_mean(text.text, known)), text.span)
        return Named(text.text, self.read(query, (*path, text.text)))


def _map(tree: Tree[Term], resolve: Callable[[Term], Resolved]) -> Resolved:
    match tree:
        case Everything():
            return tree
        case SameRequest(part):
            return SameRequest(_map(part, resolve))
        case Not(part):
            return Not(_map(part, resolve))
        case All(parts):
            return All(tuple(_map(part, resolve) for part in parts))
        case Either(parts):
            return Either(tuple(_map(part, resolve) for part in parts))
    return resolve(tree)


class _Reach(Enum):
    """How many contacts the conditions beside a request condition leave, which decides how the requests are asked."""

    ANYBODY = auto()  # contacts without a company, too
    COMPANIES = auto()
    FEW_COMPANIES = auto()


class _Compiler:
    """Turns a resolved query into one condition."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def sql(self, tree: Resolved, reach: _Reach = _Reach.ANYBODY, *, in_request: bool = False) -> Condition:
        """Give the condition of a part, beside others that leave so many contacts."""
        condition: Condition
        match tree:
            case Everything():
                condition = true()
            case Claim(subject, meaning) if in_request or subject is not Subject.REQUEST:
                condition = meaning.condition
            case Claim(_, meaning):
                condition = _some_request(meaning.condition, reach)
            case Named(_, part):
                condition = self.sql(part, reach)
            case SameRequest(part):
                condition = _some_request(self.sql(part, in_request=True), reach)
            case Not(part):
                # A company without the value is one for which the condition does not hold: NULL counts as false.
                condition = not_(func.coalesce(self.sql(part, reach, in_request=in_request), false()))
            case All(parts):
                reach = reach if in_request else self._narrowed(parts, reach)
                condition = _join(and_, [self.sql(part, reach, in_request=in_request) for part in parts])
            case Either(parts):
                condition = self._either(parts, reach, in_request=in_request)
        return condition

    def _narrowed(self, parts: Sequence[Resolved], reach: _Reach) -> _Reach:
        """Look at how many companies these conditions leave; no more than `_FEW` and one are counted."""
        companies = [part for part in parts if _is_of_columns(part)]
        if not companies or reach is _Reach.FEW_COMPANIES:
            return _Reach.COMPANIES if reach is _Reach.ANYBODY and any(map(speaks_of_companies, parts)) else reach
        if len(companies) < len(parts):
            found = select(Company.id).where(*(self.sql(part) for part in companies)).limit(_FEW + 1)
            if (self._session.scalar(select(func.count()).select_from(found.subquery())) or 0) <= _FEW:
                return _Reach.FEW_COMPANIES
        return _Reach.COMPANIES

    def _either(self, parts: Sequence[Resolved], reach: _Reach, *, in_request: bool) -> Condition:
        """Join by OR; "some request is this, or some request is that" asks for one request that is either, once."""
        requests = [] if in_request else [part for part in parts if _is_of_request(part)]
        others = [part for part in parts if part not in requests]
        conditions = [self.sql(part, reach, in_request=in_request) for part in others]
        if requests:
            bare = [part.part if isinstance(part, SameRequest) else part for part in requests]
            wanted = _join(or_, [self.sql(part, in_request=True) for part in bare])
            conditions.append(_some_request(wanted, reach))
        return _join(or_, conditions)


def _is_of_request(tree: Resolved) -> bool:
    return isinstance(tree, SameRequest) or (isinstance(tree, Claim) and tree.subject is Subject.REQUEST)


def _is_of_columns(tree: Resolved) -> bool:
    """Tell whether a condition reads the company's own row alone."""
    parts = tree.parts if isinstance(tree, Either) else (tree,)
    return all(isinstance(part, Claim) and part.subject is Subject.COMPANY for part in parts)


def _some_request(condition: Condition, reach: _Reach) -> Condition:
    """Hold for the contacts whose company, or who without one themselves, made a request for which `condition` holds.

    The requests of a few companies are looked up one by one; of many, the requests are found first, and SQLite is
    still to begin with the companies. Those of contacts are few: they are found by their contact. (In a million
    contacts each way takes 0.1 s where it belongs, and several seconds in the place of the other.)
    """
    of_row = without_indexes(condition)
    if reach is _Reach.FEW_COMPANIES:
        return exists(select(Request.id).where(Request.company_id == Contact.company_id, of_row).correlate(Contact))
    # Of any request at all, the index of the companies tells; else it is to keep away.
    is_known = Request.company_id > 0 if isinstance(condition, True_) else Request.company_id.is_not(None)
    companies = select(Request.company_id).where(condition, is_known)
    if reach is _Reach.COMPANIES:
        return unindexed(Contact.company_id).in_(companies)
    contacts = select(Request.contact_id).where(of_row, Request.contact_id > 0)  # IS NOT NULL, by the index
    return or_(Contact.company_id.in_(companies), Contact.id.in_(contacts))


def _join(operator: Callable[..., Condition], parts: Sequence[Condition]) -> Condition:
    """Join conditions by AND or OR, in brackets of at most `_WIDEST` each."""
    while len(parts) > _WIDEST:
        chunks = [parts[at : at + _WIDEST] for at in range(0, len(parts), _WIDEST)]
        parts = [operator(*chunk).self_group() for chunk in chunks]
    return operator(*parts)
