"""Commands about audiences: fill the contact store, ask it, save what was asked."""

from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli import imports, places, queries, runs, statistics
from campaigns.cli.options import Json, parse_word
from campaigns.cli.output import (
    emit_json,
    examples,
    say,
    show_pairs,
    show_table,
    show_waterfall,
    wrap,
)

if TYPE_CHECKING:
    from audiences.waterfall import Waterfall
    from templates import Purpose

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help=_("Who may be written to: contacts, requests, saved audiences.")
)

app.add_typer(imports.app)
app.add_typer(runs.app)

Query = Annotated[str, typer.Argument(help=_("A query, like epci:CUA, or the name of a saved audience."))]
PurposeOption = Annotated[
    str,
    typer.Option(
        "--purpose", help=_("public_information, service or marketing: marketing needs a basis for each contact.")
    ),
]


@app.command(
    epilog=examples("relais audiences count epci:CUA"),
    help=_("Count the companies, contacts and recipients of a query."),
)
def count(query: Query, purpose: PurposeOption = "public_information", as_json: Json = False) -> None:
    waterfall, _sentence = _explain(query, purpose)
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


def _explain(query: str, purpose: str) -> "tuple[Waterfall, str]":
    from audiences.catalogue import query_of
    from audiences.database import reading
    from campaigns.cli.context import open_context
    from campaigns.planning import explain_segment
    from campaigns.queries import read_query
    from campaigns.targets import Target

    context = open_context()
    wanted = parse_purpose(purpose)
    with reading(context.engine) as session:
        text = query_of(session, query)
        name = query if text != query else None
        segment = read_query(session, text, context.settings, now=context.now(), name=name)
        waterfall = explain_segment(session, segment, Target(text, wanted), context.settings, now=context.now())
        return waterfall, segment.in_french


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
    from campaigns.planning import explain_segment
    from campaigns.queries import read_query
    from campaigns.targets import Target
    from templates import Purpose

    context = open_context()
    with writing(context.engine) as session:
        segment = read_query(session, query, context.settings, now=context.now(), name=name)
        waterfall = explain_segment(
            session, segment, Target(query, Purpose.PUBLIC_INFORMATION), context.settings, now=context.now()
        )
        save_audience(session, name, query, description=describe, now=context.now(), replace=replace)
    say(
        _("Saved: {name}, {companies} companies, {recipients} recipients today.").format(
            name=name, companies=waterfall.companies, recipients=waterfall.recipients
        )
    )
    say(wrap(segment.in_french, indent=0))


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
    from campaigns.planning import explain_segment
    from campaigns.queries import read_query
    from campaigns.targets import Target
    from templates import Purpose

    context = open_context()
    with reading(context.engine) as session:
        audience = get_audience(session, name)
        segment = read_query(session, audience.query, context.settings, now=context.now(), name=name)
        waterfall = explain_segment(
            session, segment, Target(audience.query, Purpose.PUBLIC_INFORMATION), context.settings, now=context.now()
        )
        facts = {"name": audience.slug, "query": audience.query, "in_words": segment.in_french}
        facts["description"] = audience.description
        saved = show_instant(audience.updated_at, context.settings.zone)
    if as_json:
        emit_json({**facts, "saved_at": saved, **waterfall.as_dict()})
        return
    labels = (_("Name"), _("Query"), _("In words"), _("Description"), _("Saved"))
    show_pairs(zip(labels, (*facts.values(), saved), strict=True))
    say("")
    show_waterfall(waterfall)


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

    return parse_word(Purpose, text, "--purpose")


app.add_typer(places.app)
app.add_typer(statistics.app)
app.add_typer(queries.app)
