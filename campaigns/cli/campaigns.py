"""Commands about campaigns: prepare, try, send or schedule, and review."""

from gettext import gettext as _
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.audiences import parse_purpose
from campaigns.cli.options import Json, RedirectTo, Sets, Yes, parse_sets
from campaigns.cli.output import confirm, emit_json, examples, progress_bar, say, show_pairs, show_table, show_waterfall

if TYPE_CHECKING:
    from campaigns.cli.context import Context
    from campaigns.reports import Report

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help=_("What goes to whom and when: prepare, send, schedule, review.")
)

Name = Annotated[str, typer.Argument(help=_("The campaign's short name, like info-fonds-cua."))]


@app.command(
    epilog=examples(
        'relais campaigns create info-fonds-cua --name "Info fonds de soutien CUA" \\',
        '      --audience cua-aides --template fonds --set epci=CUA --set montant="1 M€"',
    ),
    help=_("Prepare a campaign: an audience, a template and its variables."),
)
def create(
    slug: Name,
    audience: Annotated[str, typer.Option(help=_("A saved audience."))],
    template: Annotated[str, typer.Option(help=_("A template."))],
    name: Annotated[str | None, typer.Option(help=_("The name that reports show; the short name without it."))] = None,
    subject: Annotated[str | None, typer.Option(help=_("The subject line; the template's own without it."))] = None,
    purpose: Annotated[
        str | None, typer.Option(help=_("public_information, service or marketing; the template's own without it."))
    ] = None,
    sets: Sets = None,
) -> None:
    from audiences.database import writing
    from campaigns import lifecycle
    from campaigns.cli.context import open_context
    from campaigns.content import freeze
    from templates import load_template

    context = open_context()
    chosen = load_template(template, context.settings.template_folders)
    with writing(context.engine) as session:
        campaign = lifecycle.create_campaign(
            session,
            slug,
            name=name or slug,
            audience=audience,
            template=template,
            variables=parse_sets(sets),
            purpose=parse_purpose(purpose) if purpose else chosen.purpose,
            subject=subject,
            now=context.now(),
        )
        freeze(campaign, context.settings, now=context.now())  # a missing variable is told now, not at the launch
    say(_("Created: {slug}, a draft. Next: relais campaigns test {slug} --to you@example.org").format(slug=slug))


@app.command(
    epilog=examples("relais campaigns test info-fonds-cua --to moi@example.org"),
    help=_("Send the message to yourself, as the first recipient of the audience would get it."),
)
def test(slug: Name, to: Annotated[str, typer.Option(help=_("The mailbox that gets it."))]) -> None:
    from campaigns.cli.context import open_context
    from campaigns.trial import send_test

    context = open_context()
    trial = send_test(context.engine, context.settings, slug, to, now=context.now())
    say(_("Sent to {to}: {subject}").format(to=to, subject=trial.subject))
    say(_("With the data of {recipient}. The relay said: {reply}").format(recipient=trial.recipient, reply=trial.reply))


@app.command(
    epilog=examples(
        "relais campaigns send info-fonds-cua", "relais campaigns send info-fonds-cua --redirect-to moi@example.org"
    ),
    help=_("Send a campaign now: shows who gets it, asks once, and sends; running it again never sends twice."),
)
def send(slug: Name, yes: Yes = False, redirect_to: RedirectTo = None) -> None:
    from campaigns import lifecycle
    from campaigns.cli.context import open_context
    from campaigns.errors import WrongStatus
    from campaigns.models import CampaignStatus

    context = open_context()
    from audiences.database import reading

    with reading(context.engine) as session:
        status = CampaignStatus(lifecycle.get_campaign(session, slug).status)
    match status:
        case CampaignStatus.DRAFT | CampaignStatus.SCHEDULED:
            _launch(context, slug, yes=yes, redirect_to=redirect_to)
        case CampaignStatus.PAUSED:
            raise WrongStatus(
                _("The campaign {slug} is paused. To go on: relais campaigns resume {slug}").format(slug=slug)
            )
        case CampaignStatus.CANCELLED:
            raise WrongStatus(_("The campaign {slug} is cancelled. Create a new one.").format(slug=slug))
        case CampaignStatus.FINISHED:
            say(_("The campaign {slug} is finished: nothing is sent twice.").format(slug=slug))
            _show_figures(context, slug)
            return
    from campaigns.cli.sending import send_now

    send_now(context, [slug])
    _show_figures(context, slug)


def _launch(context: "Context", slug: str, *, yes: bool, redirect_to: str | None) -> None:
    """Check everything that can be checked before the first message, ask, and plan."""
    from audiences.database import reading, writing
    from campaigns import lifecycle, planning
    from campaigns.content import freeze, open_mailing
    from campaigns.preflight import check_messages
    from campaigns.schema import secret_of
    from campaigns.worker import probe_relay
    from templates import Purpose

    settings = context.settings
    target = _mailbox(redirect_to) or settings.redirect_to
    with reading(context.engine) as session, progress_bar(_("Checking the messages")) as bar:
        campaign = lifecycle.get_campaign(session, slug)
        content = freeze(campaign, settings, now=context.now())
        purpose = Purpose(campaign.purpose)
        query, name = campaign.audience.query, campaign.name
        waterfall = planning.explain_query(session, query, settings, purpose=purpose)
        recipients = planning.recipients_of(session, query, settings, purpose=purpose)
        mailing = open_mailing(campaign, settings, secret=secret_of(context.engine), content=content)
        check_messages(session, mailing, recipients, now=context.now(), advance=bar.start(len(recipients)))
    probe_relay(settings)
    say(f"{name} ({slug})")
    show_waterfall(waterfall)
    if target:
        say(_("A rehearsal: every message goes to {address}.").format(address=target))
    if not yes:
        confirm(_("Send to {count} recipients?").format(count=waterfall.recipients))
    with writing(context.engine) as session:
        campaign = lifecycle.get_campaign(session, slug)
        campaign.redirect_to = target
        planning.launch(session, campaign, settings, content=content, now=context.now())


def _mailbox(text: str | None) -> str | None:
    from audiences.addresses import parse_address

    return parse_address(text).text if text else None


@app.command(
    epilog=examples('relais campaigns schedule info-fonds-call "2026-12-01 09:00"'),
    help=_("Let a campaign leave at a local date and time; `relais sends work` launches it."),
)
def schedule(
    slug: Name, at: Annotated[str, typer.Argument(help=_("Like 2026-12-01 09:00."))], redirect_to: RedirectTo = None
) -> None:
    from audiences.database import writing
    from campaigns import lifecycle
    from campaigns.calendar import parse_instant, show_instant
    from campaigns.cli.context import open_context
    from campaigns.content import freeze
    from campaigns.planning import compile_query

    context = open_context()
    settings = context.settings
    now = context.now()
    instant = parse_instant(at, settings.zone, now=now)
    with writing(context.engine) as session:
        campaign = lifecycle.get_campaign(session, slug)
        compile_query(session, campaign.audience.query, settings)
        lifecycle.schedule(campaign, instant, freeze(campaign, settings, now=now))
        campaign.redirect_to = _mailbox(redirect_to)
    when = show_instant(instant, settings.zone)
    say(_("Scheduled: {slug} leaves on {when} ({zone}).").format(slug=slug, when=when, zone=settings.timezone))
    say(_("Keep `relais sends work` running at that time."))


@app.command(
    epilog=examples("relais campaigns unschedule info-fonds-call"), help=_("Make a scheduled campaign a draft again.")
)
def unschedule(slug: Name) -> None:
    from campaigns import lifecycle

    with _changing(slug) as (_session, campaign, _now):
        lifecycle.unschedule(campaign)
    say(_("{slug} is a draft again.").format(slug=slug))


@app.command(
    epilog=examples("relais campaigns pause info-fonds-cua"),
    help=_("Stop a campaign that is sending; what is on the wire is finished."),
)
def pause(slug: Name) -> None:
    from campaigns import lifecycle

    with _changing(slug) as (_session, campaign, _now):
        lifecycle.pause(campaign, _("paused by hand"))
    say(_("{slug} is paused. To go on: relais campaigns resume {slug}").format(slug=slug))


@app.command(epilog=examples("relais campaigns resume info-fonds-cua"), help=_("Let a paused campaign go on."))
def resume(slug: Name) -> None:
    from campaigns import lifecycle

    with _changing(slug) as (_session, campaign, _now):
        lifecycle.resume(campaign)
    say(_("{slug} may send again: relais campaigns send {slug}, or a running `relais sends work`.").format(slug=slug))


@app.command(
    epilog=examples("relais campaigns cancel info-fonds-cua"),
    help=_("Give a campaign up: what has not left will not leave."),
)
def cancel(slug: Name, yes: Yes = False) -> None:
    from campaigns import lifecycle

    if not yes:
        confirm(_("Cancel {slug} for good?").format(slug=slug))
    with _changing(slug) as (session, campaign, now):
        count = lifecycle.cancel(session, campaign, now=now)
    say(_("{slug} is cancelled; {count} messages will not leave.").format(slug=slug, count=count))


def _changing(slug: str) -> Any:
    from contextlib import contextmanager

    from audiences.database import writing
    from campaigns import lifecycle
    from campaigns.cli.context import open_context

    @contextmanager
    def changing() -> Any:
        context = open_context()
        with writing(context.engine) as session:
            yield session, lifecycle.get_campaign(session, slug), context.now()

    return changing()


@app.command(
    "list",
    epilog=examples("relais campaigns list", "relais campaigns list --json"),
    help=_("List the campaigns, upcoming ones first."),
)
def list_(as_json: Json = False) -> None:
    from campaigns.cli.context import open_context

    records = _records(open_context())
    if as_json:
        emit_json(records)
        return
    rows = []
    for each in records:
        counts = ("sent", "bounced", "failed", "deferred")
        numbers = [each[name] if each["recipients"] is not None else None for name in counts]
        when = (each["launched_at"] or each["scheduled_at"] or "")[:16].replace("T", " ")
        rows.append((each["slug"], each["status"], when, each["recipients"], *numbers))
    columns = [_("Name"), _("Status"), _("When"), _("Recipients"), _("Sent"), _("Bounced"), _("Failed"), _("Deferred")]
    show_table(columns, rows, numbers=5)


def _records(context: "Context", slug: str | None = None) -> list[dict[str, Any]]:
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
def show(slug: Name, as_json: Json = False) -> None:
    from audiences.database import reading
    from campaigns import lifecycle, planning
    from campaigns.cli.context import open_context
    from templates import Purpose

    context = open_context()
    [record] = _records(context, slug)
    with reading(context.engine) as session:
        campaign = lifecycle.get_campaign(session, slug)
        purpose = Purpose(campaign.purpose)
        record |= {"query": campaign.query or campaign.audience.query, "variables": campaign.variables}
        record |= {"subject": campaign.subject, "redirect_to": campaign.redirect_to}
        if campaign.waterfall is not None:
            waterfall = planning.stored_waterfall(campaign)
        else:
            waterfall = planning.explain_query(session, record["query"], context.settings, purpose=purpose)
    record["waterfall"] = waterfall.as_dict()
    if as_json:
        emit_json(record)
        return
    show_pairs(
        [
            (_("Name"), f"{record['name']} ({slug})"),
            (_("Status"), record["status"]),
            (_("Note"), record["note"]),
            (_("Audience"), f"{record['audience']}: {record['query']}"),
            (_("Template"), record["template"]),
            (_("Variables"), ", ".join(f"{name}={value}" for name, value in record["variables"].items())),
            (_("Subject"), record["subject"]),
            (_("Purpose"), record["purpose"]),
            (_("Rehearsal to"), record["redirect_to"]),
            (_("Scheduled"), record["scheduled_at"]),
            (_("Launched"), record["launched_at"]),
            (_("Finished"), record["finished_at"]),
        ]
    )
    say("")
    say(_("Recipients") if record["launched_at"] else _("Recipients, as of today"))
    show_waterfall(waterfall)
    if record["launched_at"]:
        say("")
        _show_figures(context, slug)


def _show_figures(context: "Context", slug: str) -> None:
    """Print what became of a campaign's deliveries."""
    [record] = _records(context, slug)
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


@app.command(
    epilog=examples(
        "relais campaigns report --since 2020-03-17 --until 2020-04-30",
        "relais campaigns report --format csv > avril.csv",
    ),
    help=_("Report on a period, in French: what companies asked, what was sent, what is coming."),
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

    if form not in set(reports.Format):
        raise typer.BadParameter(
            _("“{form}” is none of table, md, csv, json.").format(form=form), param_hint="--format"
        )
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
        match reports.Format(form):
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
        show_table([heading, "Nombre"], list(counts.items()), numbers=1)
        say("")
    show_table(reports.COLUMNS, reports.launched_rows(report), title="Campagnes", numbers=len(reports.COLUMNS) - 2)
    if report.upcoming:
        say("")
        show_table(("Date", "Campagne", "Cible"), reports.upcoming_rows(report), title="Prochaines campagnes")
