"""Commands about imports that were made: list them, and take one back."""

from gettext import gettext as _
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.imports import show_outcome
from campaigns.cli.options import Json, Yes
from campaigns.cli.output import confirm, emit_json, examples, say, show_pairs, show_table

if TYPE_CHECKING:
    from audiences.undo import UndoSummary
    from campaigns.cli.context import Context

app = typer.Typer()

KEPT_SHOWN = 20
"""Rows that an undo keeps and the screen names; --json names up to 200."""


@app.command(
    epilog=examples("relais audiences imports", "relais audiences imports --json"),
    help=_("List the imports that were made, the last one first."),
)
def imports(as_json: Json = False) -> None:
    from audiences.database import reading
    from audiences.undo import list_runs
    from campaigns.calendar import show_instant
    from campaigns.cli.context import open_context

    context = open_context()
    with reading(context.engine) as session:
        rows = [
            {
                "number": each.id,
                "at": show_instant(each.started_at, context.settings.zone),
                "file": each.file_name,
                "kind": each.kind,
                "undone_at": None if each.undone_at is None else show_instant(each.undone_at, context.settings.zone),
                "source_date": each.source_date,
                "rows": each.rows,
                "created": each.created,
                "changed": each.changed,
                "unchanged": each.unchanged,
                "rejected": each.rejected,
            }
            for each in list_runs(session)
        ]
    if as_json:
        emit_json(rows)
        return
    titles = [_("No."), _("Day"), _("File"), _("Kind"), _("Rows"), _("New"), _("Chang."), _("Same"), _("Rej.")]
    table = []
    for number, at, file, kind, undone_at, _source_date, *figures in (row.values() for row in rows):
        undone = _("taken back on {day}").format(day=str(undone_at)[:10])
        table.append((number, str(at)[:10], f"{file} ({undone})" if undone_at else file, kind, *figures))
    show_table(titles, table, numbers=5, empty=_("Nothing was imported yet: relais audiences import contacts.xlsx"))


@app.command(
    epilog=examples("relais audiences undo 3", "relais audiences undo 3 --dry-run"),
    help=_(
        "Take back one import. What a later import, a send or a person built upon stays. Oppositions stay too, unless --lift-oppositions."
    ),
)
def undo(
    run: Annotated[int, typer.Argument(metavar="NUMBER", help=_("The import's number: relais audiences imports."))],
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Say what would happen, change nothing."))] = False,
    lift_oppositions: Annotated[
        bool, typer.Option("--lift-oppositions", help=_("Also lift the oppositions that it brought."))
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from campaigns.cli.context import open_context

    context = open_context()
    if not (yes or dry_run):
        _show(_undo(context, run, lift_oppositions=lift_oppositions, dry_run=True), is_done=False)
        confirm(_("Take back import {number}?").format(number=run))
    summary = _undo(context, run, lift_oppositions=lift_oppositions, dry_run=dry_run)
    if as_json:
        emit_json(_as_json(summary) | {"dry_run": dry_run})
    else:
        _show(summary, is_done=not dry_run)
        show_outcome(is_dry=dry_run, is_refused=False)


def _undo(context: "Context", run: int, *, lift_oppositions: bool, dry_run: bool) -> "UndoSummary":
    from audiences.database import writing
    from audiences.undo import undo_import
    from campaigns.cli.context import whoami
    from sends.models import Delivery, Exclusion

    held_by = [
        (_("it was written to, or is about to be"), Delivery.contact_id),
        (_("a campaign names it among those left out"), Exclusion.contact_id),
    ]
    with writing(context.engine) as session:
        summary = undo_import(
            session, run, now=context.now(), by=whoami(), held_by=held_by, lift_oppositions=lift_oppositions
        )
        if dry_run:
            session.rollback()
    return summary


def _as_json(summary: "UndoSummary") -> dict[str, object]:
    return {
        "run": summary.run,
        "file": summary.file,
        "deleted": dict(summary.deleted),
        "restored": dict(summary.restored),
        "oppositions_lifted": summary.lifted,
        "oppositions_kept": summary.oppositions_kept,
        "kept_count": summary.kept_count,
        "kept": [kept._asdict() for kept in summary.kept],
    }


def _show(summary: "UndoSummary", *, is_done: bool) -> None:
    said = (
        _("Import {number} ({file}) is taken back.")
        if is_done
        else _("Taking back import {number} ({file}) would mean:")
    )
    say(said.format(number=summary.run, file=summary.file))
    deleted = {
        "company": _("companies deleted"),
        "contact": _("contacts deleted"),
        "request": _("requests deleted"),
        "tag": _("tags deleted"),
    }
    restored = {
        "company": _("companies as before"),
        "contact": _("contacts as before"),
        "request": _("requests as before"),
    }
    show_pairs(
        [
            *((f"  {label}", summary.deleted[name] or None) for name, label in deleted.items()),
            *((f"  {label}", summary.restored[name] or None) for name, label in restored.items()),
            (_("  oppositions lifted"), summary.lifted or None),
            (_("  oppositions that stay"), summary.oppositions_kept or None),
            (_("  rows that stay"), summary.kept_count or None),
        ]
    )
    for kept in summary.kept[:KEPT_SHOWN]:
        say(_("  stays: {name}: {reason}").format(name=kept.name, reason=kept.reason))
    if summary.kept_count > KEPT_SHOWN:
        say(_("… and {count} more.").format(count=summary.kept_count - KEPT_SHOWN))
