"""The suppression list: who is added, why, who was lifted, and whether a mailbox stands on it.

Nothing is ever deleted or rewritten: a wider scope is a row of its own, a lifted row stays with who lifted it and why.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from gettext import gettext as _
from itertools import islice
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from audiences.errors import NotSuppressed, ProtectedSuppression
from audiences.hot import HotStatement, one_of
from audiences.models import Suppression, SuppressionReason, SuppressionScope

PROTECTED = frozenset({SuppressionReason.COMPLAINT, SuppressionReason.ERASED})
"""What only an express decision lifts: writing again to who complained, or asked to be erased, harms both sides."""

CHUNK = 500
"""Keys in one statement: SQLite and PostgreSQL both take many more, but plan no better for it."""


def suppression_words() -> dict[SuppressionReason, str]:
    """Give the reasons of the suppression list as the officer reads them."""
    return {
        SuppressionReason.UNSUBSCRIBED: _("unsubscribed"),
        SuppressionReason.HARD_BOUNCE: _("hard bounce"),
        SuppressionReason.COMPLAINT: _("complaint"),
        SuppressionReason.MANUAL: _("put on the list by hand"),
        SuppressionReason.ERASED: _("erased at the person's request"),
    }


def suppress(
    session: Session,
    address_key: str,
    reason: SuppressionReason,
    *,
    evidence: str,
    now: datetime,
    scope: SuppressionScope = SuppressionScope.ALL,
) -> bool:
    """Put a mailbox on the list; False, and nothing changed, when it is there for this reason as far or further.

    From `marketing` to `all` is a new row, so that a worker who judged the mailbox before judges it again.
    """
    known = select(Suppression.id).where(
        Suppression.address_key == address_key,
        Suppression.reason == reason,
        Suppression.scope.in_([scope, SuppressionScope.ALL]),
        Suppression.lifted_at.is_(None),
    )
    if session.scalar(known.limit(1)) is not None:
        return False
    session.add(Suppression(address_key=address_key, reason=reason, scope=scope, evidence=evidence, created_at=now))
    return True


def find_suppressed(session: Session, keys: Iterable[str], *, is_marketing: bool) -> dict[str, SuppressionReason]:
    """Tell which of these mailboxes may not be written to now, and why; scope `marketing` stops marketing only.

    Of several reasons the first recorded one is told.
    """
    rows = _FIND[is_marketing].fetch(session.connection(), (list(keys),))
    return {key: SuppressionReason(reason) for key, reason in rows}


def last_suppression(session: Session) -> int:
    """Give the id of the newest row of the list, to tell later whether something came since."""
    [(newest,)] = _NEWEST.fetch(session.connection(), ())
    return newest or 0


def _holding(dialect: str, *, is_marketing: bool) -> Select[*tuple[Any, ...]]:
    found = select(Suppression.address_key, Suppression.reason).where(
        one_of(Suppression.address_key, "b_keys", dialect), Suppression.lifted_at.is_(None)
    )
    if not is_marketing:
        found = found.where(Suppression.scope == SuppressionScope.ALL)
    return found.order_by(Suppression.id.desc())


_FIND = {
    is_marketing: HotStatement(partial(_holding, is_marketing=is_marketing), ("b_keys",))
    for is_marketing in (True, False)
}
_NEWEST = HotStatement(select(func.max(Suppression.id)), ())


def history(session: Session, keys: Iterable[str]) -> dict[str, list[Suppression]]:
    """Give every row of each of these mailboxes, lifted ones too, oldest first; a mailbox without one is missing."""
    found: dict[str, list[Suppression]] = defaultdict(list)
    wanted = iter(dict.fromkeys(keys))
    while chunk := list(islice(wanted, CHUNK)):
        rows = select(Suppression).where(Suppression.address_key.in_(chunk)).order_by(Suppression.id)
        for row in session.scalars(rows):
            found[row.address_key].append(row)
    return dict(found)


def active(rows: Iterable[Suppression]) -> list[Suppression]:
    """Keep the rows that hold."""
    return [row for row in rows if row.lifted_at is None]


def stopped_by(rows: Iterable[Suppression]) -> SuppressionScope | None:
    """Tell what the rows of one mailbox stop together: all mail, marketing only, or nothing."""
    scopes = {row.scope for row in active(rows)}
    return next((scope for scope in (SuppressionScope.ALL, SuppressionScope.MARKETING) if scope in scopes), None)


def list_suppressions(
    session: Session,
    *,
    reasons: Sequence[SuppressionReason] = (),
    scope: SuppressionScope | None = None,
    since: datetime | None = None,
    search: str | None = None,
    with_lifted: bool = False,
) -> Iterator[Suppression]:
    """Give the rows of the list that fit, newest first; `search` is a part of the address or of the evidence."""
    rows = select(Suppression).order_by(Suppression.created_at.desc(), Suppression.id.desc())
    if not with_lifted:
        rows = rows.where(Suppression.lifted_at.is_(None))
    if reasons:
        rows = rows.where(Suppression.reason.in_(reasons))
    if scope is not None:
        rows = rows.where(Suppression.scope == scope)
    if since is not None:
        rows = rows.where(Suppression.created_at >= since)
    if search:
        rows = rows.where(
            or_(
                Suppression.address_key.contains(search.strip().casefold(), autoescape=True),
                Suppression.evidence.icontains(search.strip(), autoescape=True),
            )
        )
    yield from session.scalars(rows.execution_options(yield_per=1_000))


def lift(
    session: Session, address_key: str, *, why: str, by: str, now: datetime, is_forced: bool = False
) -> list[Suppression]:
    """Lift everything that stops a mailbox, and give the rows, which stay as history.

    Raises NotSuppressed when nothing does, ProtectedSuppression for a complaint or an erasure unless `is_forced`.
    """
    rows = active(history(session, [address_key]).get(address_key, []))
    if not rows:
        raise NotSuppressed(
            _("{address} is not on the suppression list, so nothing was lifted.").format(address=address_key)
        )
    protected = sorted({row.reason for row in rows} & PROTECTED)
    if protected and not is_forced:
        raise ProtectedSuppression(
            _("{address} is on the list for {reason}: add --force to lift that, and keep the written consent.").format(
                address=address_key, reason=", ".join(suppression_words()[reason] for reason in protected)
            )
        )
    for row in rows:
        row.lifted_at, row.lifted_by, row.lifted_why = now, by, why
    return rows
