"""Commands that look back at campaigns: the list, one of them, the report of a period."""

from gettext import gettext as _
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli import changes
from campaigns.cli.options import Json, Slug, parse_word
from campaigns.cli.output import emit_json, examples, say, show_pairs, show_table, show_waterfall

if TYPE_CHECKING:
    from campaigns.cli.context import Context
    from campaigns.reports import Report

app = typer.Typer()


@app.command(
    "list",
    epilog=examples("relais campaigns list", "relais campaigns list --json"),
    help=_("List the campaigns, upcoming ones first."),
)
def list_(as_json: Json = False) -> None:
    from campaigns.cli.context import open_context
    from campaigns.lifecycle import status_label

    found = records(open_context())
    if as_json:
        emit_json(found)
        return
    figures = ("recipients", "sent", "bounced", "failed", "deferred", "uncertain")
    rows = []
    for each in found:
        numbers = [each[name] if each["recipients"] is not None else None for name in figures]
        when = _minute(each["launched_at"] or each["scheduled_at"])
        rows.append((each["slug"], status_label(each["status"]), when, *numbers))
    columns = [_("Name"), _("Status"), _("When")]
    columns += [_("Recip."), _("Sent"), _("Bounced"), _("Failed"), _("Deferred"), _("Uncertain")]
    empty = _("There is no campaign yet. Prepare one: relais campaigns create --help")
    show_table(columns, rows, numbers=len(figures), empty=empty)


_PURPOSES = {
    "public_information": lambda: _("public information"),
    "service": lambda: _("service mail"),
    "marketing": lambda: _("marketing"),
}
_PER = {
    "mailbox": lambda: _("mailbox, with the data of its company that asked most recently"),
    "company": lambda: _("company, where a mailbox serves several"),
}


def _minute(iso: str | None) -> str | None:
    """Show a time of a record as the officer reads it, to the minute."""
    return iso[:16].replace("T", " ") if iso else None


def records(context: "Context", slug: str | None = None) -> list[dict[str, Any]]:
    """Give all campaigns, or one, as plain values."""
    from audiences.database import reading
    from campaigns.lifecycle import get_campaign, list_campaigns
    from campaigns.reports import campaign_record, figures_of

    with reading(context.engine) as session:
        campaigns = [get_campaign(session, slug)] if slug else list_campaigns(session)
        figures = figures_of(session, campaigns)
        return [campaign_record(each, figures[each.id], context.settings.zone) for each in campaigns]


@app.command(
    epilog=examples("relais campaigns show info-fonds-cua"),
    help=_("Show a campaign: what it says, who gets it, what became of it."),
)
def show(slug: Slug, as_json: Json = False) -> None:
    from audiences.database import reading
    from campaigns import lifecycle, planning, queries, reports, snapshots
    from campaigns.calendar import local_iso
    from campaigns.cli.context import open_context
    from campaigns.lifecycle import status_label
    from campaigns.models import Campaign, WebinarChange
    from campaigns.targets import Target
    from sends import tally

    context = open_context()
    [record] = records(context, slug)
    with reading(context.engine) as session:
        campaign = lifecycle.get_campaign(session, slug)
        target = Target.of(campaign)
        record |= {"query": campaign.query or campaign.audience.query, "variables": campaign.variables}
        record |= {"subject": campaign.subject, "redirect_to": campaign.redirect_to}
        webinar = session.get(Campaign, campaign.webinar_id) if campaign.webinar_change else None
        record |= {"webinar": webinar.slug if webinar else None, "webinar_change": campaign.webinar_change}
        record |= {"attachments": campaign.attachments, "give_up_hours": campaign.give_up_hours}
        if campaign.waterfall is not None:
            waterfall = planning.stored_waterfall(campaign)
        else:
            waterfall = planning.explain_target(session, target, context.settings, now=context.now())
        at = campaign.launched_at or context.now()
        record["in_words"] = queries.describe_past(session, record["query"], context.settings, at=at)
        changed = snapshots.changes_of(session, campaign, context.settings, now=context.now())
        held = tally.held(session, [campaign.id])
        end = reports.forecast_end(session, record, waterfall, context.settings, now=context.now())
    record |= {"waterfall": waterfall.as_dict(), "expected_end": end}
    record |= {"per": target.per, "except_received": target.except_received}
    since = local_iso(changed.since, context.settings.zone) if changed else None
    record["changes"] = {**changed._asdict(), "since": since} if changed else None
    record["held_until"] = local_iso(held.until, context.settings.zone)
    if as_json:
        emit_json(record)
        return
    show_pairs(
        [
            (_("Name"), f"{record['name']} ({slug})"),
            (_("Status"), status_label(record["status"])),
            (_("Note"), record["note"]),
            (_("Audience"), f"{record['audience']}: {record['query']}"),
            (_("In words"), record["in_words"]),
            (_("Template"), record["template"]),
            (_("Variables"), ", ".join(f"{name}={value}" for name, value in record["variables"].items())),
            (_("Subject"), record["subject"]),
            (_("Attachments"), ", ".join(record["attachments"])),
            (
                _("Takes out") if record["webinar_change"] == WebinarChange.CANCEL else _("Moves"),
                record["webinar"] and _("the webinar of {slug}, in calendars too").format(slug=record["webinar"]),
            ),
            (_("Purpose"), _PURPOSES[record["purpose"]]()),
            (_("One mail per"), _PER[target.per]()),
            (_("Except who got"), ", ".join(target.except_received)),
            (_("Rehearsal to"), record["redirect_to"]),
            (_("Gives up after"), record["give_up_hours"] and _("{hours} h").format(hours=record["give_up_hours"])),
            (_("Scheduled"), _minute(record["scheduled_at"])),
            (_("Launched"), _minute(record["launched_at"])),
            (_("Finished"), _minute(record["finished_at"])),
            (_("Expected end"), _minute(end)),
        ]
    )
    say("")
    say(_("Recipients") if record["launched_at"] else _("Recipients, as of today"))
    show_waterfall(waterfall)
    if changed is not None:
        say(changes.sentence(context, changed))
        if changed.came or changed.went:
            say(_("Who, and why: relais campaigns diff {slug}").format(slug=slug))
    if record["launched_at"]:
        say("")
        show_figures(context, slug)
    if record["held_until"]:
        say("")
        say(
            _(
                "{count} of those that wait are in the hands of a worker. If it has vanished they are free at {time}."
            ).format(count=held.messages, time=record["held_until"][11:19])
        )


def show_figures(context: "Context", slug: str) -> None:
    """Print what became of a campaign's deliveries."""
    [record] = records(context, slug)
    labels = {
        "recipients": _("recipients"),
        "sent": _("sent"),
        "delivered": _("delivered"),
        "bounced": _("bounced"),
        "failed": _("failed"),
        "deferred": _("deferred"),
        "uncertain": _("uncertain"),
        "suppressed": _("suppressed"),
        "cancelled": _("cancelled"),
        "waiting": _("waiting"),
    }
    always = {"recipients", "sent", "bounced", "failed", "deferred"}
    for name, label in labels.items():
        if record[name] or name in always:
            say(f"  {label:<14}{record[name] or 0:>8}")
    if record["uncertain"]:
        say(_("To settle what is uncertain: relais sends reconcile {slug}").format(slug=slug))


@app.command(
    epilog=examples(
        "relais campaigns report --since 2020-03-17 --until 2020-04-30",
        "relais campaigns report --format csv > avril.csv",
    ),
    help=_("Report on a period, in French. What companies asked, what was sent, what is coming."),
)
def report(
    since: Annotated[str | None, typer.Option(help=_("First day; thirty days ago without it."))] = None,
    until: Annotated[str | None, typer.Option(help=_("Last day; today without it."))] = None,
    form: Annotated[str, typer.Option("--format", help=_("table, md, csv or json."))] = "table",
) -> None:
    from audiences.database import reading
    from campaigns import reports
    from campaigns.calendar import parse_day
    from campaigns.cli.context import open_context
    from campaigns.errors import InvalidDate

    written = parse_word(reports.Format, form, "--format")
    context = open_context()
    settings = context.settings
    first, last = reports.default_period(context.now().astimezone(settings.zone).date())
    first = parse_day(since) if since else first
    last = parse_day(until) if until else last
    if first > last:
        raise InvalidDate(
            _("The period ends ({last}) before it begins ({first}). Exchange the two days.").format(
                first=first, last=last
            )
        )
    with reading(context.engine) as session:
        found = reports.build_report(session, settings, since=first, until=last)
        match written:
            case reports.Format.JSON:
                typer.echo(reports.to_json(found))
            case reports.Format.CSV:
                typer.echo(reports.to_csv(found), nl=False)
            case reports.Format.MARKDOWN:
                typer.echo(reports.to_markdown(found))
            case reports.Format.TABLE:
                show_report(found)


def show_report(report: "Report") -> None:
    """Print a report as tables, in French as the chamber reads it."""
    from campaigns import reports

    say(f"Activité du {reports.day_fr(report.since)} au {reports.day_fr(report.until)}\n")
    say(f"Sollicitations : {report.requests.total}\n")
    for heading, counts in reports.request_tables(report):
        if counts:
            show_table([heading, "Nombre"], list(counts.items()), numbers=1)
            say("")
    numbers = len(reports.COLUMNS) - 2
    rows = reports.launched_rows(report)
    show_table(reports.SHORT_COLUMNS, rows, title="Campagnes", numbers=numbers, empty="Aucune campagne.")
    if report.upcoming:
        say("")
        show_table(("Date", "Campagne", "Cible"), reports.upcoming_rows(report), title="Prochaines campagnes")
