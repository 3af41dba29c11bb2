"""The command that tells how a campaign's audience changed since it was scheduled."""

from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.lists import show_first, write_list
from campaigns.cli.options import Json, Slug
from campaigns.cli.output import emit_json, examples, say

if TYPE_CHECKING:
    from campaigns.cli.context import Context
    from campaigns.snapshots import Change, Changes

app = typer.Typer()


@app.command(
    epilog=examples("relais campaigns diff info-fonds-cua", "relais campaigns diff info-fonds-cua --out ecarts.xlsx"),
    help=_("List who came and went since a campaign was scheduled. With the reason; up to its launch, or to now."),
)
def diff(
    slug: Slug,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Write what is shown to this file, .xlsx or .csv."))
    ] = None,
    as_json: Json = False,
) -> None:
    from audiences.database import reading
    from campaigns.calendar import local_iso
    from campaigns.cli.context import open_context
    from campaigns.lifecycle import get_campaign
    from campaigns.snapshots import changes_of, list_changes

    context = open_context()
    with reading(context.engine) as session:
        campaign = get_campaign(session, slug)
        now = context.now()
        changes = changes_of(session, campaign, context.settings, now=now)
        if changes is None:
            if as_json:
                emit_json({"campaign": slug, "since": None, "came": 0, "went": 0, "contacts": []})
            else:
                say(_("{slug} was not scheduled: there is nothing to compare with.").format(slug=slug))
            return
        listed = list_changes(session, campaign, context.settings, now=now)
        if as_json and out is None:
            since = local_iso(changes.since, context.settings.zone)
            contacts = [{**each._asdict(), "came": each.came, "why": reason_of(each)} for each in listed]
            emit_json(
                {"campaign": slug, "since": since, "came": changes.came, "went": changes.went, "contacts": contacts}
            )
            return
        columns = [_("Recipient"), _("Company"), _("Change"), _("Reason")]
        rows = (
            (each.address or each.contact_id, each.company, "+" if each.came else "-", reason_of(each))
            for each in listed
        )
        if out is not None:
            write_list(out, columns, rows, as_json=as_json)
            return
        say(sentence(context, changes))
        if changes.came or changes.went:
            say("")
            show_first(columns, rows)


def sentence(context: "Context", changes: "Changes") -> str:
    """Say how many came and went since when."""
    from campaigns.calendar import show_instant

    when = show_instant(changes.since, context.settings.zone)
    if not changes.came and not changes.went:
        return _("The recipients are those of {when}, when it was scheduled.").format(when=when)
    return _("Recipients: +{came}, -{went} since it was scheduled on {when}.").format(
        came=changes.came, went=changes.went, when=when
    )


def reason_of(change: "Change") -> str:
    """Say why a contact came or went."""
    from campaigns.snapshots import GONE, NOT_MATCHED
    from campaigns.targets import rule_labels

    known = rule_labels()
    if change.came:
        if change.before == NOT_MATCHED or change.before is None:
            return _("newly matched by the query")
        return _("no longer left out: {label}").format(label=known.get(change.before, change.before))
    if change.after == GONE:
        return _("no longer in the store")
    if change.after == NOT_MATCHED or change.after is None:
        return _("no longer matched by the query")
    return known.get(change.after, change.after)
