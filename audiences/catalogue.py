"""The audiences that the officer saved: a name, a query and a sentence that says what it is for."""

import re
from collections.abc import Iterator
from datetime import datetime
from gettext import gettext as _
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from audiences.errors import AudienceExists, AudienceInUse, QueryError, UnknownAudience
from audiences.models import Audience
from audiences.syntax import AUDIENCE_NAMES, normalise, parse, terms_of
from audiences.text import SLUG, did_you_mean, fold
from audiences.tree import Span, Text


def save_audience(
    session: Session, slug: str, query: str, *, description: str | None, now: datetime, replace: bool = False
) -> Audience:
    """Save a query, which the caller has compiled, under a short name; saving the same again changes nothing.

    Raises AudienceExists when the name stands for another query, unless `replace`.
    """
    _check_name(slug)
    audience = session.scalar(select(Audience).where(Audience.slug == slug))
    if audience is None:
        audience = Audience(slug=slug, query=query, description=description or "", created_at=now, updated_at=now)
        session.add(audience)
    elif audience.query != query and not replace:
        raise AudienceExists(
            _("The audience {slug} exists with another query: {query}. Choose another name, or add --replace.").format(
                slug=slug, query=audience.query
            )
        )
    elif audience.query != query or description not in (None, audience.description):
        audience.query = query
        audience.description = audience.description if description is None else description
        audience.updated_at = now
    session.flush()
    return audience


def _check_name(slug: str) -> None:
    if not SLUG.fullmatch(slug):
        raise UnknownAudience(
            _("“{slug}” cannot be the name of an audience. Use a-z, 0-9 and hyphens, like cua-aides.").format(slug=slug)
        )


def get_audience(session: Session, slug: str) -> Audience:
    """Find a saved audience; UnknownAudience names the nearest one."""
    audience = session.scalar(select(Audience).where(Audience.slug == slug))
    if audience is None:
        hint = did_you_mean(slug, session.scalars(select(Audience.slug)))
        raise UnknownAudience(_("There is no audience {slug}. {hint}").format(slug=slug, hint=hint))
    return audience


def query_of(session: Session, text: str) -> str:
    """Give the query of a saved audience, or the text itself when it is a query."""
    return get_audience(session, text).query if SLUG.fullmatch(text) else text


def list_audiences(session: Session) -> list[Audience]:
    """List the saved audiences by name."""
    return list(session.scalars(select(Audience).order_by(Audience.slug)))


def find_query(session: Session, slug: str) -> tuple[str | None, list[str]]:
    """Give the query of a saved audience, None where there is none of this name, and the names that there are."""
    queries: dict[str, str] = dict(session.execute(select(Audience.slug, Audience.query)).all())
    return queries.get(slug), list(queries)


def users_of(session: Session, slug: str) -> list[Audience]:
    """List the audiences whose query names this one."""
    return [each for each in list_audiences(session) if any(_named(each.query, slug))]


def rename_audience(session: Session, slug: str, new: str, *, now: datetime) -> list[Audience]:
    """Give an audience another name, in the queries that name it too; give the audiences whose query was changed."""
    audience = get_audience(session, slug)
    _check_name(new)
    if session.scalar(select(Audience).where(Audience.slug == new)) is not None:
        raise AudienceExists(_("The audience {slug} exists. Choose another name.").format(slug=new))
    users = users_of(session, slug)
    for user in users:
        query = normalise(user.query)
        for term in sorted(_named(query, slug), reverse=True):
            start, end = term.value.span
            query = query[:start] + new + query[end:]
        user.query, user.updated_at = query, now
    audience.slug, audience.updated_at = new, now
    session.flush()
    return users


def remove_audience(session: Session, slug: str) -> None:
    """Delete a saved audience; AudienceInUse names the audiences whose query needs it."""
    audience = get_audience(session, slug)
    if users := users_of(session, slug):
        names = ", ".join(user.slug for user in users)
        cause = _("The audience {slug} is part of others: {names}. Change their queries first.")
        raise AudienceInUse(cause.format(slug=slug, names=names))
    session.delete(audience)
    session.flush()


def written_out(session: Session, query: str) -> str:
    """Give a query with the queries of the audiences that it names in their place: what they are today.

    So the record of a launched campaign still says whom it meant when these audiences have changed. The query must be
    one that was compiled: its audiences are there, and none contains itself.
    """
    query = normalise(query)
    edits = []
    for term in _named(query):
        start, end = term.name_span
        colon = re.compile(r"\s*:\s*").match(query, end)
        edits.append((start, colon.end() if colon else end, ""))
        inner, _names = find_query(session, term.value.text)
        edits.append((*term.value.span, f"({written_out(session, inner or '')})"))
    for start, end, text in sorted(set(edits), reverse=True):
        query = query[:start] + text + query[end:]
    return query


class _Mention(NamedTuple):
    """Where a query names an audience: its field and its value."""

    name_span: Span
    value: Text


def _named(query: str, slug: str | None = None) -> Iterator[_Mention]:
    """Give where a query names an audience, or this one; a query that cannot be read names none."""
    try:
        tree = parse(normalise(query))
    except QueryError:
        return
    for term in terms_of(tree):
        if fold(term.name) in AUDIENCE_NAMES and isinstance(term.value, Text) and slug in (None, term.value.text):
            yield _Mention(term.name_span, term.value)
