"""The audiences that the officer saved: a name, a query and a sentence that says what it is for."""

import re
from datetime import datetime
from gettext import gettext as _

from sqlalchemy import select
from sqlalchemy.orm import Session

from audiences.errors import AudienceExists, UnknownAudience
from audiences.fields import did_you_mean
from audiences.models import Audience

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def save_audience(
    session: Session, slug: str, query: str, *, description: str | None, now: datetime, replace: bool = False
) -> Audience:
    """Save a query, which the caller has compiled, under a short name; saving the same again changes nothing.

    Raises AudienceExists when the name stands for another query, unless `replace`.
    """
    if not SLUG.fullmatch(slug):
        raise UnknownAudience(
            _("“{slug}” cannot be the name of an audience. Use a-z, 0-9 and hyphens, like cua-aides.").format(slug=slug)
        )
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
