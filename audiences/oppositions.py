"""Imports the opposition list of a former tool into the suppression list: what is on it stays, nothing is ever lifted."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, tzinfo
from gettext import gettext as _
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy.orm import Session

from audiences.addresses import parse_address
from audiences.addresslists import AddressList, Row, open_list
from audiences.errors import InvalidAddress
from audiences.imports import CHUNK, Progress, RejectedRows
from audiences.models import Suppression, SuppressionReason, SuppressionScope
from audiences.rows import Rejection
from audiences.suppressions import active, history
from audiences.text import fold
from audiences.values import parse_date

HEADERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "reason": ("motif", "raison", "cause", "type", "statut", "reason", "status"),
        "date": (
            "date", "date d opposition", "date opposition", "date de desinscription", "date desinscription",
            "desinscrit le", "oppose le", "le", "date d ajout", "ajoute le", "created at", "added on",
        ),
        "scope": ("perimetre", "portee", "scope", "champ"),
        "evidence": ("preuve", "commentaire", "commentaires", "remarque", "remarques", "observation", "note", "evidence"),
    }
)  # fmt: skip

_REASONS: Mapping[SuppressionReason, tuple[str, ...]] = MappingProxyType(
    {
        SuppressionReason.ERASED: ("efface", "erase", "oubli", "suppression des donnees"),
        SuppressionReason.COMPLAINT: ("plainte", "spam", "complain", "abus", "signale", "indesirable"),
        SuppressionReason.HARD_BOUNCE: (
            "bounce", "rejet", "npai", "invalide", "invalid", "inexistant", "non distribu", "undeliverable",
        ),
        SuppressionReason.UNSUBSCRIBED: ("desinscri", "desabon", "unsubscri", "opt out", "oppos", "stop"),
        SuppressionReason.MANUAL: ("manuel", "manual"),
    }
)  # fmt: skip
"""What words of former tools begin with, folded, in the order in which they decide."""

WRITTEN_REASONS: Mapping[SuppressionReason, str] = MappingProxyType(
    {
        SuppressionReason.UNSUBSCRIBED: "désinscription",
        SuppressionReason.HARD_BOUNCE: "rejet définitif",
        SuppressionReason.COMPLAINT: "plainte",
        SuppressionReason.MANUAL: "ajout manuel",
        SuppressionReason.ERASED: "effacement",
    }
)
"""What a list that is written to a file says; `read_reason` reads it back."""

WRITTEN_SCOPES: Mapping[SuppressionScope, str] = MappingProxyType(
    {SuppressionScope.ALL: "tout", SuppressionScope.MARKETING: "marketing"}
)

_SCOPES: Mapping[str, SuppressionScope] = MappingProxyType(
    dict.fromkeys(
        ("tout", "tous", "toutes", "tous les envois", "tout envoi", "all", "total", "general", "global"),
        SuppressionScope.ALL,
    )
    | dict.fromkeys(
        ("marketing", "prospection", "commercial", "publicite", "promotion", "prospection commerciale"),
        SuppressionScope.MARKETING,
    )
)


class Opposition(NamedTuple):
    """One row of such a list: the mailbox, why, how far, where that is recorded, and since when."""

    address_key: str
    reason: SuppressionReason
    scope: SuppressionScope
    evidence: str
    at: datetime


@dataclass
class OppositionSummary:
    """What one list came to, in rows; `widened` ones were stopped for marketing only until now, and count as added.

    `remarks` name cells of accepted rows that could not be read.
    """

    file: str
    rows: int = 0
    added: int = 0
    widened: int = 0
    known: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    remarks: list[Rejection] = field(default_factory=list)
    ignored_columns: tuple[str, ...] = ()


def import_oppositions(
    session: Session,
    path: Path,
    *,
    reason: SuppressionReason,
    scope: SuppressionScope,
    now: datetime,
    zone: tzinfo,
    skip_rejected: bool = False,
    is_dry_run: bool = False,
    progress: Callable[[int], Progress] | None = None,
) -> OppositionSummary:
    """Add the addresses of a CSV or workbook to the list, in the caller's transaction; `is_dry_run` only counts.

    `reason` and `scope` are what a row without them has. A date is a day in `zone`, which the row then has stood on the
    list since. Raises RejectedRows, for the caller to roll back, if a row is faulty and `skip_rejected` is not set.

    Only an address makes a row faulty. Who opposed is not written to because the date cannot be read: the row then
    counts from now on, one whose scope cannot be read stops all mail, and both are among the remarks.
    """
    sheet = open_list(path, HEADERS)
    advance = progress(sheet.size) if progress else lambda _done: None
    summary = OppositionSummary(path.name, ignored_columns=sheet.ignored)
    parser = _Parser(sheet, reason, scope, now, zone)
    seen: dict[str, set[tuple[SuppressionReason, SuppressionScope]]] = {}
    summary.rejections, summary.remarks = parser.rejections, parser.remarks
    rows = sheet.rows()
    while chunk := list(islice(rows, CHUNK)):
        summary.rows += len(chunk)
        found = list(parser.parse(chunk))
        known = history(session, (each.address_key for each in found if each.address_key not in seen))
        for each in found:
            if each.address_key not in seen:
                standing = active(known.get(each.address_key, ()))
                seen[each.address_key] = {(row.reason, row.scope) for row in standing}
            if _put(each, seen[each.address_key], summary) and not is_dry_run:
                session.add(_row_of(each))
        if not is_dry_run:
            session.flush()
        session.expunge_all()
        advance(len(chunk))
    rejected = len({rejection.row for rejection in summary.rejections})
    if rejected and not skip_rejected and not is_dry_run:
        raise RejectedRows(path, summary.rejections, rejected, summary.rows - rejected)
    return summary


def _put(
    opposition: Opposition, standing: set[tuple[SuppressionReason, SuppressionScope]], summary: OppositionSummary
) -> bool:
    """Count what a row says beside what stands already; True where it says more."""
    reason, scope = opposition.reason, opposition.scope
    if (reason, scope) in standing or (reason, SuppressionScope.ALL) in standing:
        summary.known += 1
        return False
    is_wider = scope == SuppressionScope.ALL and {each for _reason, each in standing} == {SuppressionScope.MARKETING}
    summary.widened += is_wider
    summary.added += 1
    standing.add((reason, scope))
    return True


def _row_of(each: Opposition) -> Suppression:
    return Suppression(
        address_key=each.address_key,
        reason=each.reason,
        scope=each.scope,
        evidence=each.evidence,
        created_at=each.at,
    )


class _Parser:
    """Types the rows of an opposition list; what makes a row useless goes to `rejections`, the rest to `remarks`."""

    def __init__(
        self, sheet: AddressList, reason: SuppressionReason, scope: SuppressionScope, now: datetime, zone: tzinfo
    ) -> None:
        self._sheet = sheet
        self._reason = reason
        self._scope = scope
        self._now = now
        self._zone = zone
        self.rejections: list[Rejection] = []
        self.remarks: list[Rejection] = []

    def parse(self, rows: list[Row]) -> Iterator[Opposition]:
        """Give the rows that can be read."""
        for row in rows:
            key = self._key(row)
            if key is not None:
                reason = read_reason(row.values.get("reason", "")) or self._reason
                yield Opposition(key, reason, self._scope_of(row), self._evidence(row), self._at(row))

    def _key(self, row: Row) -> str | None:
        written = row.values.get("address", "")
        try:
            if written:
                return parse_address(written).key
            cause = _("the cell is empty")
        except InvalidAddress as error:
            cause = str(error)
        self.rejections.append(self._tell(row, "address", cause))
        return None

    def _at(self, row: Row) -> datetime:
        written = row.values.get("date", "")
        if not written:
            return self._now
        try:
            at = datetime.combine(parse_date(written), time(), tzinfo=self._zone).astimezone(UTC)
        except (ValueError, OverflowError):
            at = None
        if at is None or at > self._now:
            self.remarks.append(self._tell(row, "date", _("not a day of the past: the opposition counts from today")))
            return self._now
        return at

    def _scope_of(self, row: Row) -> SuppressionScope:
        written = row.values.get("scope", "")
        if not written:
            return self._scope
        scope = _SCOPES.get(fold(written))
        if scope is None:
            self.remarks.append(self._tell(row, "scope", _("neither “tout” nor “marketing”: all mail is stopped")))
        return scope or SuppressionScope.ALL

    def _evidence(self, row: Row) -> str:
        """Say which row it was, with all that it said in words: what no rule knows is kept at least so."""
        said = [text for name in ("reason", "evidence", "date", "scope") if (text := row.values.get(name))]
        place = _("{file}, row {row}").format(file=self._sheet.name, row=row.number)
        return f"{place}: {' – '.join(said)}" if said else place

    def _tell(self, row: Row, name: str, reason: str) -> Rejection:
        return Rejection(row.number, self._sheet.columns.get(name, ""), row.values.get(name, ""), reason)


def read_reason(text: str) -> SuppressionReason | None:
    """Give the reason that a former tool's word means ("Désabonné", "hard bounce"), None for one that no rule knows."""
    words = fold(text)
    exact = {reason.value.replace("_", " "): reason for reason in SuppressionReason}
    if words in exact:
        return exact[words]
    return next((reason for reason, signs in _REASONS.items() if any(sign in words for sign in signs)), None)
