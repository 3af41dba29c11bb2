"""Commands about audiences: fill the contact store, ask it, save what was asked."""

from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.options import Json
from campaigns.cli.output import emit_json, examples, note, progress_bar, say, show_pairs, show_table, show_waterfall

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from audiences.imports import ImportSummary
    from audiences.rows import Rejection
    from audiences.waterfall import Waterfall
    from templates import Purpose

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help=_("Who may be written to: contacts, requests, saved audiences.")
)

REJECTIONS_SHOWN = 20
"""Rejected cells that are printed; more of them are counted."""

Query = Annotated[str, typer.Argument(help=_("A query, like epci:CUA, or the name of a saved audience."))]
PurposeOption = Annotated[
    str,
    typer.Option(
        "--purpose", help=_("public_information, service or marketing: marketing needs a basis for each contact.")
    ),
]


@app.command(
    "import",
    epilog=examples(
        "relais audiences import contacts.xlsx",
        "relais audiences import suivi-demandes.xlsx --kind requests",
    ),
    help=_("Import contacts or requests from a spreadsheet. All rows or none; XLSX, XLS, ODS or CSV."),
)
def import_(
    file: Path,
    kind: Annotated[str, typer.Option(help=_("contacts, or requests: what companies asked the chamber."))] = "contacts",
    skip_rejected: Annotated[
        bool, typer.Option("--skip-rejected", help=_("Import the good rows and leave the faulty ones out."))
    ] = False,
    keep_invalid: Annotated[
        bool,
        typer.Option(
            "--keep-invalid", help=_("Keep a company whose address is faulty; the waterfall counts it as invalid.")
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    from audiences.database import gather_statistics, writing
    from audiences.imports import RejectedRows, import_sheet
    from audiences.models import STORE
    from audiences.rows import SheetKind
    from campaigns.cli.context import open_context

    if kind not in set(SheetKind):
        raise typer.BadParameter(_("“{kind}” is neither contacts nor requests.").format(kind=kind), param_hint="--kind")
    context = open_context()
    settings = context.settings
    try:
        with writing(context.engine) as session, progress_bar(_("Importing")) as bar:
            summary = import_sheet(
                session,
                file,
                SheetKind(kind),
                territory=settings.places,
                natures=settings.natures,
                channels=settings.channels,
                now=context.now(),
                skip_rejected=skip_rejected,
                keep_invalid=keep_invalid,
                progress=bar.start,
            )
            gather_statistics(session, *STORE)
    except RejectedRows as error:
        show_rejections(error.rejections)
        raise
    if as_json:
        emit_json(_summary_json(summary))
        return
    show_rejections(summary.rejections)
    _show_summary(summary)


def _summary_json(summary: "ImportSummary") -> dict[str, object]:
    return {
        "file": summary.file,
        "kind": summary.kind,
        "rows": summary.rows,
        "created": summary.created,
        "changed": summary.changed,
        "unchanged": summary.unchanged,
        "unplaced": summary.unplaced,
        "rejected": [rejection._asdict() for rejection in summary.rejections],
        "ignored_columns": summary.ignored_columns,
        "new": dict(summary.new),
    }


def _show_summary(summary: "ImportSummary") -> None:
    say(
        ngettext("{file}: {rows} row.", "{file}: {rows} rows.", summary.rows).format(
            file=summary.file, rows=summary.rows
        )
    )
    labels = {
        "company": _("new companies"),
        "contact": _("new contacts"),
        "request": _("new requests"),
        "suppression": _("new oppositions"),
        "tag": _("new tags"),
    }
    show_pairs(
        [
            (_("  new rows"), summary.created),
            (_("  changed rows"), summary.changed),
            (_("  unchanged rows"), summary.unchanged),
            (_("  rejected rows"), len({rejection.row for rejection in summary.rejections}) or None),
            *((f"  {labels[name]}", count) for name, count in summary.new.items()),
            (_("  commune not found"), summary.unplaced or None),
            (_("  columns not used"), ", ".join(summary.ignored_columns)),
        ]
    )


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
    epilog=examples("relais audiences count epci:CUA"),
    help=_("Count the companies, contacts and recipients of a query."),
)
def count(query: Query, purpose: PurposeOption = "public_information", as_json: Json = False) -> None:
    waterfall = _explain(query, purpose)
    if as_json:
        emit_json(
            {"companies": waterfall.companies, "contacts": waterfall.contacts, "recipients": waterfall.recipients}
        )
        return
    show_pairs(
        [
            (_("companies"), waterfall.companies),
            (_("contacts"), waterfall.contacts),
            (_("recipients"), waterfall.recipients),
        ]
    )


def _explain(query: str, purpose: str) -> "Waterfall":
    from audiences.database import reading
    from campaigns.cli.context import open_context
    from campaigns.planning import explain_query

    context = open_context()
    with reading(context.engine) as session:
        text = _query_of(session, query)
        return explain_query(session, text, context.settings, purpose=parse_purpose(purpose), now=context.now())


def _query_of(session: "Session", text: str) -> str:
    """Give the query of a saved audience, or the text itself when it is a query."""
    from audiences.catalogue import SLUG, get_audience

    return get_audience(session, text).query if SLUG.fullmatch(text) else text


@app.command(
    epilog=examples(
        'relais audiences save cua-aides \'epci:CUA AND nature:"Aides financières"\' --describe "CUA, aides"'
    ),
    help=_("Save a query under a short name. It is evaluated anew at each launch."),
)
def save(
    name: str,
    query: str,
    describe: Annotated[str | None, typer.Option(help=_("A sentence that says who this is."))] = None,
    replace: Annotated[bool, typer.Option("--replace", help=_("Replace the query saved under this name."))] = False,
) -> None:
    from audiences.catalogue import save_audience
    from audiences.database import writing
    from campaigns.cli.context import open_context
    from campaigns.planning import explain_query
    from templates import Purpose

    context = open_context()
    with writing(context.engine) as session:
        waterfall = explain_query(
            session, query, context.settings, purpose=Purpose.PUBLIC_INFORMATION, now=context.now()
        )
        save_audience(session, name, query, description=describe, now=context.now(), replace=replace)
    say(
        _("Saved: {name}, {companies} companies, {recipients} recipients today.").format(
            name=name, companies=waterfall.companies, recipients=waterfall.recipients
        )
    )


@app.command("list", epilog=examples("relais audiences list"), help=_("List the saved audiences."))
def list_(as_json: Json = False) -> None:
    from audiences.catalogue import list_audiences
    from audiences.database import reading
    from campaigns.cli.context import open_context

    with reading(open_context().engine) as session:
        rows = [
            {"name": each.slug, "query": each.query, "description": each.description}
            for each in list_audiences(session)
        ]
    if as_json:
        emit_json(rows)
    else:
        empty = _("There is no audience yet. Save one: relais audiences save --help")
        show_table([_("Name"), _("Query"), _("Description")], [tuple(row.values()) for row in rows], empty=empty)


@app.command(
    epilog=examples("relais audiences show cua-aides"), help=_("Show a saved audience and what it comes down to today.")
)
def show(name: str, as_json: Json = False) -> None:
    from audiences.catalogue import get_audience
    from audiences.database import reading
    from campaigns.calendar import show_instant
    from campaigns.cli.context import open_context
    from campaigns.planning import explain_query
    from templates import Purpose

    context = open_context()
    with reading(context.engine) as session:
        audience = get_audience(session, name)
        waterfall = explain_query(
            session, audience.query, context.settings, purpose=Purpose.PUBLIC_INFORMATION, now=context.now()
        )
        facts = {"name": audience.slug, "query": audience.query, "description": audience.description}
        saved = show_instant(audience.updated_at, context.settings.zone)
    if as_json:
        emit_json({**facts, "saved_at": saved, **waterfall.as_dict()})
        return
    labels = (_("Name"), _("Query"), _("Description"), _("Saved"))
    show_pairs(zip(labels, (*facts.values(), saved), strict=True))
    say("")
    show_waterfall(waterfall)


@app.command(epilog=examples("relais audiences fields"), help=_("List the fields of the query language."))
def fields(as_json: Json = False) -> None:
    from audiences.fields import FIELDS
    from campaigns.planning import SEND_FIELDS

    found = [*FIELDS.values(), *SEND_FIELDS]
    if as_json:
        emit_json(
            [
                {"name": each.name, "aliases": each.aliases, "meaning": each.meaning, "example": each.example}
                for each in found
            ]
        )
        return
    rows = [(each.name, ", ".join(each.aliases), each.meaning, each.example) for each in found]
    show_table([_("Field"), _("Also"), _("Meaning"), _("Example")], rows)


@app.command(
    epilog=examples("relais audiences sectors", "relais audiences sectors --export sectors.csv"),
    help=_("List the sectors that queries may name. --export writes the table for you to edit."),
)
def sectors(
    export: Annotated[Path | None, typer.Option(help=_("Write the sector table to this file."))] = None,
    as_json: Json = False,
) -> None:
    from campaigns.errors import AlreadyInitialised
    from campaigns.settings import load_settings

    settings = load_settings()
    if export is not None:
        from audiences.reference import SECTORS

        if export.exists():
            raise AlreadyInitialised(_("{file} exists and was not changed. Choose another name.").format(file=export))
        export.write_bytes(SECTORS.read_bytes())
        say(_("Written: {file}. Edit it, and name it as sectors under [files] in relais.toml.").format(file=export))
        return
    rows = [
        {"name": each.slug, "kind": each.kind, "label": each.label, "naf": [prefix.prefix for prefix in each.prefixes]}
        for each in settings.sectors
    ]
    if as_json:
        emit_json(rows)
    else:
        show_table([_("Name"), _("Kind"), _("Label")], [(row["name"], row["kind"], row["label"]) for row in rows])


def parse_purpose(text: str) -> "Purpose":
    """Read a purpose; a usage error names the three."""
    from templates import Purpose

    try:
        return Purpose(text)
    except ValueError:
        known = ", ".join(Purpose)
        raise typer.BadParameter(
            _("“{text}” is no purpose: {known}.").format(text=text, known=known), param_hint="--purpose"
        ) from None
