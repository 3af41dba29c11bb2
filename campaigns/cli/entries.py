"""Shows entries of the suppression list: a table for the officer, values for programs, cells for a file."""

from collections.abc import Iterator
from gettext import gettext as _
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from campaigns.cli.output import show_table

if TYPE_CHECKING:
    from datetime import datetime

    from audiences.addresses import Address
    from audiences.exports import Cell
    from audiences.models import Suppression


def record_of(row: "Suppression", zone: ZoneInfo) -> dict[str, Any]:
    from campaigns.calendar import local_iso

    return {
        "address": row.address_key,
        "reason": row.reason,
        "scope": row.scope,
        "evidence": row.evidence,
        "since": local_iso(row.created_at, zone),
        "lifted_at": local_iso(row.lifted_at, zone),
        "lifted_by": row.lifted_by,
        "lifted_why": row.lifted_why,
    }


def show_entries(rows: "Iterator[Suppression]", zone: ZoneInfo) -> None:
    columns = [_("Address"), _("Reason"), _("Scope"), _("Since"), _("Evidence")]
    shown = [(row.address_key, *words_of(row), day_of(row.created_at, zone), _told(row, zone)) for row in rows]
    show_table(columns, shown, empty=_("There is none."))


def words_of(row: "Suppression") -> tuple[str, str]:
    """Give the reason and the scope of a row as the officer reads them."""
    from audiences.suppressions import suppression_words

    scopes = {"all": _("all mail"), "marketing": _("marketing")}
    return suppression_words()[row.reason], scopes[row.scope]


def day_of(at: "datetime", zone: ZoneInfo) -> str:
    return str(at.astimezone(zone).date())


def _told(row: "Suppression", zone: ZoneInfo) -> str:
    """Give the evidence of a row and, of a lifted one, when that was, by whom and why."""
    if row.lifted_at is None:
        return row.evidence
    return _("{evidence}; lifted on {day} by {who}: {why}").format(
        evidence=row.evidence, day=day_of(row.lifted_at, zone), who=row.lifted_by or "?", why=row.lifted_why or "?"
    )


COLUMNS = ("Adresse", "Motif", "Périmètre", "Date", "Preuve", "Levée le", "Levée par", "Raison de la levée")
"""The columns of the file; the first four are what `suppressions import` reads."""


def cells_of(rows: "Iterator[Suppression]", zone: ZoneInfo) -> "Iterator[tuple[Cell, ...]]":
    from audiences.oppositions import WRITTEN_REASONS, WRITTEN_SCOPES

    for row in rows:
        lifted = row.lifted_at.astimezone(zone).date() if row.lifted_at else None
        since = row.created_at.astimezone(zone).date()
        history = (lifted, row.lifted_by, row.lifted_why)
        said = (WRITTEN_REASONS[row.reason], WRITTEN_SCOPES[row.scope])
        yield (row.address_key, *said, since, row.evidence, *history)


def lines_of(address: "Address", rows: "list[Suppression]", zone: ZoneInfo) -> list[tuple[object, ...]]:
    """Give a line for each row that holds, one that says so for an address that may be written to."""
    if not rows:
        return [(address.text, _("nothing"), "", "", "")]
    lines: list[tuple[object, ...]] = []
    for row in rows:
        reason, scope = words_of(row)
        lines.append((address.text, scope, reason, day_of(row.created_at, zone), row.evidence))
    return lines
