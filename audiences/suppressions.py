"""The suppression list: who is added, why, and whether a mailbox stands on it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audiences.models import Suppression, SuppressionReason, SuppressionScope


def suppress(
    session: Session,
    address_key: str,
    reason: SuppressionReason,
    *,
    evidence: str,
    now: datetime,
    scope: SuppressionScope = SuppressionScope.ALL,
) -> bool:
    """Put a mailbox on the list; False, and nothing changed, when it is there for this reason and scope already."""
    known = select(Suppression.id).where(
        Suppression.address_key == address_key,
        Suppression.reason == reason,
        Suppression.scope == scope,
        Suppression.lifted_at.is_(None),
    )
    if session.scalar(known.limit(1)) is not None:
        return False
    session.add(Suppression(address_key=address_key, reason=reason, scope=scope, evidence=evidence, created_at=now))
    return True


def find_suppressed(session: Session, keys: Iterable[str], *, is_marketing: bool) -> dict[str, SuppressionReason]:
    """Tell which of these mailboxes may not be written to now, and why; scope `marketing` stops marketing only."""
    found = select(Suppression.address_key, Suppression.reason).where(
        Suppression.address_key.in_(list(keys)), Suppression.lifted_at.is_(None)
    )
    if not is_marketing:
        found = found.where(Suppression.scope == SuppressionScope.ALL)
    return {key: SuppressionReason(reason) for key, reason in session.execute(found)}


def last_suppression(session: Session) -> int:
    """Give the id of the newest row of the list, to tell later whether something came since."""
    return session.scalar(select(func.max(Suppression.id))) or 0
