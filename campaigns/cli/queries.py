"""Commands about the query language: its fields, their values, and the names that saved queries have."""

from gettext import gettext as _
from typing import Annotated

import typer

from campaigns.cli.options import Json, Yes
from campaigns.cli.output import confirm, emit_json, examples, say, show_table, wrap

app = typer.Typer()

SHOWN = 40
"""Values that the screen shows; --json and --all give them all."""


@app.command(epilog=examples("relais audiences fields"), help=_("List the fields of the query language."))
def fields(as_json: Json = False) -> None:
    from audiences.segments import AUDIENCE_FIELD, FIELDS
    from campaigns.queries import SEND_FIELDS

    found = [*FIELDS.values(), *SEND_FIELDS, AUDIENCE_FIELD]
    if as_json:
        emit_json(
            [
                {"name": each.name, "aliases": each.aliases, "meaning": each.meaning, "example": each.example}
                for each in found
            ]
        )
        return
    rows = [(each.name, ", ".join(each.aliases), each.meaning, each.example) for each in found]
    group = "request:(nature:Autre requested:2020-03)"
    rows.append(("request", "demande", _("conditions on one and the same request"), group))
    show_table([_("Field"), _("Also"), _("Meaning"), _("Example")], rows)
    say("")
    for sentence in (
        _("Join conditions by AND, OR and NOT (in French ET, OU, SAUF); without one between them, both must hold."),
        _("AND and OR side by side need parentheses. * stands for any letters, and *:* for the whole base."),
        _("The values of a field: relais audiences values FIELD"),
    ):
        say(wrap(sentence, indent=0))


@app.command(
    epilog=examples("relais audiences values nature", "relais audiences values epci --json"),
    help=_("List the values that a field has in the store. With the companies, contacts or requests that have each."),
)
def values(
    field: Annotated[str, typer.Argument(metavar="FIELD", help=_("A field of the query language, like nature."))],
    show_all: Annotated[
        bool, typer.Option("--all", help=_("Show every value, not only the most frequent ones."))
    ] = False,
    as_json: Json = False,
) -> None:
    from audiences.database import reading
    from campaigns.cli.context import open_context
    from campaigns.queries import tally_values

    context = open_context()
    with reading(context.engine) as session:
        found = tally_values(session, field, context.settings, now=context.now())
    if as_json:
        emit_json([{name: value for name, value in each._asdict().items() if value is not None} for each in found])
        return
    shown = found if show_all else found[:SHOWN]
    labels = {"companies": _("Companies"), "contacts": _("Contacts"), "requests": _("Requests")}
    counted = [name for name in labels if any(getattr(each, name) is not None for each in found)]
    texts = ["value", "label"] if any(each.label for each in found) else ["value"]
    rows = [tuple(getattr(each, name) for name in (*texts, *counted)) for each in shown]
    headings = [_("Value"), _("Meaning")][: len(texts)] + [labels[name] for name in counted]
    show_table(headings, rows, numbers=len(counted), empty=_("No company or contact has a value yet."))
    if len(found) > len(shown):
        say(_("… and {count} more: --all").format(count=len(found) - len(shown)))


@app.command(
    epilog=examples("relais audiences rename cua-aides cua-aides-2020"),
    help=_("Give a saved audience another name. In the queries that name it, too."),
)
def rename(name: str, new: str) -> None:
    from audiences.catalogue import rename_audience
    from audiences.database import writing
    from campaigns.cli.context import open_context

    context = open_context()
    with writing(context.engine) as session:
        users = [user.slug for user in rename_audience(session, name, new, now=context.now())]
    say(_("{name} is now {new}.").format(name=name, new=new))
    if users:
        say(_("Changed with it, for their queries name it: {names}.").format(names=", ".join(users)))


@app.command(
    epilog=examples("relais audiences remove cua-aides"),
    help=_("Delete a saved audience that nothing needs. Contacts stay."),
)
def remove(name: str, yes: Yes = False) -> None:
    from audiences.catalogue import get_audience
    from audiences.database import reading, writing
    from campaigns.cli.context import open_context
    from campaigns.queries import remove_audience

    context = open_context()
    with reading(context.engine) as session:
        get_audience(session, name)
    if not yes:
        confirm(_("Delete the audience {name}?").format(name=name))
    with writing(context.engine) as session:
        remove_audience(session, name)
    say(_("{name} is deleted; its contacts stay.").format(name=name))
