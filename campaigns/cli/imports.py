"""Commands that fill the contact store from spreadsheets, and remember how their columns read."""

import sys
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.options import Json, parse_word
from campaigns.cli.output import FOUND, confirm, emit_json, examples, note, progress_bar, say, show_pairs, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from audiences.columns import SheetKind
    from audiences.imports import ImportSummary, Prepared
    from audiences.mapping import ColumnMapping
    from audiences.rows import Rejection
    from campaigns.cli.context import Context

app = typer.Typer()

REJECTIONS_SHOWN = 20
"""Rejected cells that are printed; more of them are counted."""

CLOSED_SHOWN = 20
"""Closed establishments that are printed; --json names them all."""


@app.command(
    "import",
    epilog=examples(
        "relais audiences import contacts.xlsx",
        "relais audiences import suivi.xlsx --dry-run",
        'relais audiences import export.csv --map "Adresse pro=address"',
        "relais audiences import StockEtablissement_utf8.csv --kind sirene",
    ),
    help=_("Import contacts, requests or SIRENE from a file. All rows or none; XLSX, XLS, ODS or CSV."),
)
def import_(
    file: Path,
    kind: Annotated[
        str | None, typer.Option(help=_("contacts, requests or sirene; left out, the headers tell."))
    ] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="HEADER=FIELD", help=_("Say what a column is; may be repeated.")),
    ] = None,
    sheet: Annotated[str | None, typer.Option(metavar="NAME", help=_("The sheet of the workbook."))] = None,
    ask: Annotated[bool, typer.Option("--ask", help=_("Show what each column is, and ask."))] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help=_("Take the guesses about the columns, do not ask."))
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Say what would happen, write nothing."))] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(metavar="FILE.xlsx", help=_("Where rejected rows go; --skip-rejected alone: beside the file.")),
    ] = None,
    skip_rejected: Annotated[
        bool, typer.Option("--skip-rejected", help=_("Import the good rows and leave the faulty ones out."))
    ] = False,
    keep_invalid: Annotated[
        bool,
        typer.Option(
            "--keep-invalid", help=_("Keep a company whose address is faulty; the waterfall counts it as invalid.")
        ),
    ] = False,
    create: Annotated[
        bool, typer.Option("--create", help=_("SIRENE: add the establishments that are not known."))
    ] = False,
    as_json: Json = False,
) -> None:
    from audiences.database import reading
    from audiences.errors import UnwritableFile
    from audiences.imports import RejectedRows, prepare
    from audiences.rejects import free_name
    from campaigns.cli.context import open_context

    wanted = _kind_of(kind)
    if rejects is not None and rejects.exists():
        raise UnwritableFile(_("{file} exists and was not changed. Choose another name.").format(file=rejects))
    context = open_context()
    with reading(context.engine) as session:
        prepared = prepare(session, file, wanted, maps=maps or (), sheet=sheet)
    prepared = _settle(prepared, ask=ask, yes=yes)
    if create and prepared.mapping.kind != "sirene":
        raise typer.BadParameter(_("only a SIRENE file can be used with it."), param_hint="--create")
    try:
        summary = _import(
            context, prepared, dry_run=dry_run, skip_rejected=skip_rejected, keep_invalid=keep_invalid, create=create
        )
    except RejectedRows as error:
        if rejects is not None:  # a refusal writes nothing that was not asked for
            _write_rejects(rejects, prepared, error.rejections, is_refused=True)
        show_rejections(error.rejections)
        raise
    written = None
    if summary.rejections and not dry_run:
        written = rejects or free_name(file)
        _write_rejects(written, prepared, summary.rejections)
    is_refused = dry_run and summary.rejected > 0 and not skip_rejected
    if as_json:
        facts = {"dry_run": dry_run, "rejects_file": None if written is None else str(written)}
        emit_json(_summary_json(summary) | facts)
    else:
        show_rejections(summary.rejections)
        if dry_run:
            show_mapping(prepared.mapping)
        _show_summary(summary)
        _tell_age(summary, context.now().astimezone(context.settings.zone).date())
        show_outcome(is_dry=dry_run, is_refused=is_refused)
    if is_refused:
        raise typer.Exit(FOUND)


def _kind_of(kind: str | None) -> "SheetKind | None":
    from audiences.columns import SheetKind

    return None if kind is None else parse_word(SheetKind, kind, "--kind")


def _settle(prepared: "Prepared", *, ask: bool, yes: bool) -> "Prepared":
    """Give the file with its columns settled: no question where all that is needed is known, else one on a terminal."""
    guessed = prepared.confirmed()
    if yes:
        guessed.require()
        return guessed
    is_helped = not prepared.mapping.is_complete and guessed.mapping.is_complete
    if ask or (is_helped and sys.stdin.isatty()):
        guessed.require()
        show_mapping(guessed.mapping, before=prepared.mapping)
        confirm(_("Are the columns right?"))
        return guessed
    prepared.require()
    for column in prepared.mapping.likely:
        note(
            _('“{column}” looks like {field} and is not read. Add --map "{column}={field}", or --ask.').format(
                column=column.header, field=column.field
            )
        )
    return prepared


def _import(
    context: "Context", prepared: "Prepared", *, dry_run: bool, skip_rejected: bool, keep_invalid: bool, create: bool
) -> "ImportSummary":
    from audiences.database import gather_statistics, writing
    from audiences.imports import import_table
    from audiences.models import STORE

    settings = context.settings
    label = _("Rehearsing the import") if dry_run else _("Importing")
    with writing(context.engine) as session, progress_bar(label) as bar:
        summary = import_table(
            session,
            prepared,
            territory=settings.places,
            natures=settings.natures,
            channels=settings.channels,
            now=context.now(),
            skip_rejected=skip_rejected or dry_run,
            keep_invalid=keep_invalid,
            create=create,
            progress=bar.start,
        )
        if dry_run:
            session.rollback()
        else:
            gather_statistics(session, *STORE)
    return summary


def _write_rejects(
    path: Path, prepared: "Prepared", rejections: "Sequence[Rejection]", *, is_refused: bool = False
) -> None:
    from audiences.rejects import write_rejects

    write_rejects(path, prepared.table, rejections)
    said = _("The rejected rows, with their reasons: {file}.")
    if not is_refused:
        said = _("The rejected rows, with their reasons: {file}. Mend them there and import that file.")
    note(said.format(file=path))


def _summary_json(summary: "ImportSummary") -> dict[str, object]:
    columns = summary.mapping.columns if summary.mapping else ()
    return {
        "file": summary.file,
        "kind": summary.kind,
        "run": summary.run,
        "rows": summary.rows,
        "created": summary.created,
        "changed": summary.changed,
        "unchanged": summary.unchanged,
        "aside": summary.aside,
        "rejected_rows": summary.rejected,
        "opposed": summary.opposed,
        "unplaced": summary.unplaced,
        "closed": [{"siret": siret, "name": name} for siret, name in summary.closed],
        "rejected": [rejection._asdict() for rejection in summary.rejections],
        "columns": [each._asdict() for each in columns if each.header],
        "source_date": summary.source_date,
        "ignored_columns": summary.ignored_columns,
        "other_sheets": summary.other_sheets,
        "new": dict(summary.new),
    }


def _show_summary(summary: "ImportSummary") -> None:
    said = ngettext("{file}: {rows} row.", "{file}: {rows} rows.", summary.rows)
    say(said.format(file=summary.file, rows=summary.rows))
    labels = {
        "company": _("new companies"),
        "contact": _("new contacts"),
        "request": _("new requests"),
        "suppression": _("new oppositions"),
        "tag": _("new tags"),
    }
    order = ("request", "company", "contact", "tag", "suppression")
    show_pairs(
        [
            (_("  new rows"), summary.created),
            (_("  changed rows"), summary.changed),
            (_("  unchanged rows"), summary.unchanged),
            (_("  not in the store, left aside"), summary.aside or None),
            (_("  rejected rows"), summary.rejected or None),
            *((f"  {labels[name]}", summary.new[name]) for name in order if summary.new[name]),
            (_("  opposed before, and still"), summary.opposed or None),
            (_("  commune not found"), summary.unplaced or None),
            (_("  closed establishments"), len(summary.closed) or None),
            (_("  columns not used"), ", ".join(summary.ignored_columns)),
            (_("  sheets not read"), ", ".join(summary.other_sheets)),
        ]
    )
    for siret, name in summary.closed[:CLOSED_SHOWN]:
        say(_("  closed: {name} ({siret})").format(name=name, siret=siret))
    if len(summary.closed) > CLOSED_SHOWN:
        say(_("… and {count} more.").format(count=len(summary.closed) - CLOSED_SHOWN))


def _tell_age(summary: "ImportSummary", today: "date") -> None:
    """Say of a register that it is old: some who objected since are not marked in it."""
    from audiences.sirene import FRESH

    if summary.source_date is not None and today - summary.source_date > FRESH:
        note(
            _(
                "{file} tells of {day}: it is over {days} days old, and who objected to being prospected since is not marked in it. Download a newer one."
            ).format(file=summary.file, day=summary.source_date, days=FRESH.days)
        )


def show_outcome(*, is_dry: bool, is_refused: bool) -> None:
    """Say whether anything was written, and what is in the way."""
    if is_dry:
        say(_("This was a rehearsal: nothing was written."))
    if is_refused:
        say(_("As it stands nothing would be imported. Mend the rejected rows, or add --skip-rejected."))


def show_mapping(mapping: "ColumnMapping", *, before: "ColumnMapping | None" = None) -> None:
    """Print what each column of a sheet is, and how sure that is; `before` tells which were guesses."""
    labels = {
        "given": _("said by you"),
        "confirmed": _("a guess that you took"),
        "remembered": _("as confirmed before"),
        "known": _("known name"),
        "likely": _("a guess"),
        "repeated": _("not read: another column is it"),
        "unused": _("not read"),
    }
    rows = [
        (column.header, column.field if column.certainty != "unused" else None, labels[known.certainty])
        for column, known in zip(mapping.columns, (before or mapping).columns, strict=True)
        if column.header
    ]
    show_table([_("Column"), _("Field"), _("Why")], rows)


def show_rejections(rejections: "tuple[Rejection, ...] | list[Rejection]") -> None:
    """Print the cells that were rejected, on stderr: row, column, value, reason."""
    for rejection in rejections[:REJECTIONS_SHOWN]:
        is_value_named = rejection.value in rejection.reason
        line = (
            _("row {row}, column “{column}”: {reason}")
            if is_value_named
            else _("row {row}, column “{column}”, value “{value}”: {reason}")
        )
        note(line.format(**rejection._asdict()))
    if len(rejections) > REJECTIONS_SHOWN:
        note(_("… and {count} more.").format(count=len(rejections) - REJECTIONS_SHOWN))


@app.command(
    epilog=examples("relais audiences layouts", "relais audiences layouts --forget 2"),
    help=_("List the layouts of sheets that are remembered. --forget takes one out; its columns are guessed anew."),
)
def layouts(
    forget: Annotated[int | None, typer.Option(metavar="NUMBER", help=_("Forget this layout."))] = None,
    as_json: Json = False,
) -> None:
    from audiences.database import reading, writing
    from audiences.layouts import forget_layout, list_layouts
    from campaigns.calendar import show_instant
    from campaigns.cli.context import open_context

    context = open_context()
    if forget is not None:
        with writing(context.engine) as session:
            file = forget_layout(session, forget).file_name
        say(_("Forgotten: layout {number} ({file}).").format(number=forget, file=file))
        return
    with reading(context.engine) as session:
        found = list_layouts(session)
        rows = [
            (each.id, each.kind, each.file_name, show_instant(each.used_at, context.settings.zone), each.columns)
            for each in found
        ]
    if as_json:
        emit_json([dict(zip(("number", "kind", "file", "used_at", "columns"), row, strict=True)) for row in rows])
        return
    table = [
        (*row[:-1], ", ".join(f"{header} = {field}" for header, field in row[-1].items() if field)) for row in rows
    ]
    titles = [_("No."), _("Kind"), _("Last file"), _("Used"), _("Columns")]
    show_table(titles, table, empty=_("No layout is remembered yet: each import that succeeds remembers its own."))
