"""Commands about campaigns: prepare, try, send or schedule, and review."""

from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli import changes, checks, previews, review, webinars
from campaigns.cli.audiences import parse_purpose
from campaigns.cli.options import RedirectTo, Sets, Slug, Yes, changing, parse_per, parse_sets
from campaigns.cli.output import confirm, examples, progress_bar, say, show_waterfall

if TYPE_CHECKING:
    from campaigns.cli.context import Context

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help=_("What goes to whom and when: prepare, send, schedule, review.")
)


@app.command(
    epilog=examples(
        'relais campaigns create info-fonds-cua --name "Info fonds de soutien CUA" \\',
        '      --audience cua-aides --template fonds --set epci=CUA --set montant="1 M€"',
        "relais campaigns create relance-cua --audience cua-aides --template fonds \\",
        '      --set epci=CUA --set montant="1 M€" --except-received info-fonds-cua',
    ),
    help=_("Prepare a campaign: an audience, a template and its variables."),
)
def create(
    slug: Slug,
    audience: Annotated[str, typer.Option(help=_("A saved audience."))],
    template: Annotated[str, typer.Option(help=_("A template."))],
    name: Annotated[str | None, typer.Option(help=_("The name that reports show; the short name without it."))] = None,
    subject: Annotated[str | None, typer.Option(help=_("The subject line; the template's own without it."))] = None,
    purpose: Annotated[
        str | None, typer.Option(help=_("public_information, service or marketing; the template's own without it."))
    ] = None,
    sets: Sets = None,
    attach: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help=_("A file for every message; may be repeated."))
    ] = None,
    update_of: Annotated[
        str | None, typer.Option(metavar="NAME", help=_("The campaign whose webinar this one moves, in calendars too."))
    ] = None,
    cancel_of: Annotated[
        str | None, typer.Option(metavar="NAME", help=_("The campaign whose webinar this one takes out of calendars."))
    ] = None,
    give_up: Annotated[
        int | None,
        typer.Option(
            metavar="HOURS", min=1, max=240, help=_("When to give up what is refused for now; 96 without it.")
        ),
    ] = None,
    per: Annotated[
        str, typer.Option("--per", help=_("mailbox or company: what gets one mail where one serves several."))
    ] = "mailbox",
    except_received: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=_("Leave out who got this campaign; may be repeated.")),
    ] = None,
) -> None:
    from audiences.database import writing
    from campaigns import invitations, lifecycle
    from campaigns.cli.context import open_context
    from campaigns.content import freeze
    from campaigns.errors import WrongStatus
    from campaigns.models import WebinarChange
    from templates import load_template

    context = open_context()
    chosen = load_template(template, context.settings.template_folders)
    variables = parse_sets(sets)
    if update_of and cancel_of:
        raise WrongStatus(_("A webinar is either moved or cancelled. Leave --update-of or --cancel-of out."))
    with writing(context.engine) as session:
        webinar = invitations.find_webinar(session, changed) if (changed := update_of or cancel_of) else None
        if webinar is not None:
            variables = invitations.inherited(webinar, chosen, variables)
        campaign = lifecycle.create_campaign(
            session,
            slug,
            name=name or slug,
            audience=audience,
            template=template,
            variables=variables,
            purpose=parse_purpose(purpose) if purpose else chosen.purpose,
            subject=subject,
            attachments=[str(path) for path in attach or ()],
            give_up_hours=give_up,
            per=parse_per(per),
            except_received=except_received or (),
            now=context.now(),
        )
        if webinar is not None:
            change = WebinarChange.UPDATE if update_of else WebinarChange.CANCEL
            invitations.follow(session, campaign, webinar, change)
        freeze(
            campaign, context.settings, now=context.now()
        )  # a missing variable or file is told now, not at the launch
    say(_("Created: {slug}, a draft.").format(slug=slug))
    say(_("Next: relais campaigns test {slug} --to you@example.org").format(slug=slug))


@app.command(
    epilog=examples("relais campaigns test info-fonds-cua --to moi@example.org"),
    help=_("Send the message to yourself. You get what the first recipient of the audience would get."),
)
def test(slug: Slug, to: Annotated[str, typer.Option(help=_("The mailbox that gets it."))]) -> None:
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
    help=_("Send a campaign now. Shows who gets it, asks once, and sends; running it again never sends twice."),
)
def send(slug: Slug, yes: Yes = False, redirect_to: RedirectTo = None) -> None:
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
            review.show_figures(context, slug)
            return
    from campaigns.cli.sending import send_now

    send_now(context, [slug])
    review.show_figures(context, slug)


def _launch(context: "Context", slug: str, *, yes: bool, redirect_to: str | None) -> None:
    """Check everything that can be checked before the first message, ask, and plan."""
    from audiences.database import reading, writing
    from campaigns import lifecycle, planning, snapshots
    from campaigns.content import content_of
    from campaigns.preflight import check_campaign, refuse_faults
    from campaigns.schema import secret_of
    from campaigns.targets import Target
    from campaigns.worker import probe_relay

    settings = context.settings
    given = _mailbox(redirect_to)
    most_octets = probe_relay(settings)
    with reading(context.engine) as session, progress_bar(_("Checking the messages")) as bar:
        campaign = lifecycle.get_campaign(session, slug)
        target = given or campaign.redirect_to or settings.redirect_to  # scheduled as a rehearsal, it stays one
        content = content_of(campaign, settings, now=context.now())
        name = campaign.name
        audience, now = Target.of(campaign), context.now()
        waterfall = planning.explain_target(session, audience, settings, now=now)
        shown = planning.Approval.of(waterfall, planning.recipients_of(session, audience, settings, now=now))
        changed = snapshots.changes_of(session, campaign, settings, now=context.now())
        faults = check_campaign(
            session,
            campaign,
            settings,
            content,
            secret=secret_of(context.engine),
            now=context.now(),
            most_octets=most_octets,
            advance=bar.start(waterfall.recipients),
        )
        refuse_faults(slug, faults)
    say(f"{name} ({slug})")
    show_waterfall(waterfall)
    if changed is not None:
        say(changes.sentence(context, changed))
    if target:
        say(_("A rehearsal: every message goes to {address}.").format(address=target))
    if not yes:
        confirm(_("Send to {count} recipients?").format(count=waterfall.recipients))
    with writing(context.engine) as session:
        campaign = lifecycle.get_campaign(session, slug)
        campaign.redirect_to = target
        approved = None if yes else shown
        planning.launch(session, campaign, settings, content=content, now=context.now(), approved=approved)


def _mailbox(text: str | None) -> str | None:
    from audiences.addresses import parse_address

    return parse_address(text).text if text else None


@app.command(
    epilog=examples('relais campaigns schedule info-fonds-call "2026-12-01 09:00"'),
    help=_("Let a campaign leave at a local date and time. `relais sends work` launches it then."),
)
def schedule(
    slug: Slug, at: Annotated[str, typer.Argument(help=_("Like 2026-12-01 09:00."))], redirect_to: RedirectTo = None
) -> None:
    from audiences.database import writing
    from campaigns import lifecycle, scheduling
    from campaigns.calendar import parse_instant, show_instant
    from campaigns.cli.context import open_context

    context = open_context()
    settings = context.settings
    now = context.now()
    instant = parse_instant(at, settings.zone, now=now)
    with writing(context.engine) as session:
        campaign = lifecycle.get_campaign(session, slug)
        rehearsal = _mailbox(redirect_to)
        scheduling.schedule(session, campaign, instant, settings, redirect_to=rehearsal, now=now)
    when = show_instant(instant, settings.zone)
    say(_("Scheduled: {slug} leaves on {when} ({zone}).").format(slug=slug, when=when, zone=settings.timezone))
    say(_("Keep `relais sends work` running at that time."))


@app.command(
    epilog=examples("relais campaigns unschedule info-fonds-call"), help=_("Make a scheduled campaign a draft again.")
)
def unschedule(slug: Slug) -> None:
    from campaigns import scheduling

    with changing(slug) as (session, campaign, _now):
        scheduling.unschedule(session, campaign)
    say(_("{slug} is a draft again.").format(slug=slug))


@app.command(
    epilog=examples("relais campaigns pause info-fonds-cua"),
    help=_("Stop a campaign that is sending. What is on the wire is finished first."),
)
def pause(slug: Slug) -> None:
    from campaigns import lifecycle

    with changing(slug) as (_session, campaign, _now):
        lifecycle.pause(campaign, _("paused by hand"))
    say(_("{slug} is paused. To go on: relais campaigns resume {slug}").format(slug=slug))


@app.command(epilog=examples("relais campaigns resume info-fonds-cua"), help=_("Let a paused campaign go on."))
def resume(slug: Slug) -> None:
    from campaigns import lifecycle

    with changing(slug) as (_session, campaign, _now):
        lifecycle.resume(campaign)
    say(_("{slug} may send again: relais campaigns send {slug}, or a running `relais sends work`.").format(slug=slug))


@app.command(
    epilog=examples("relais campaigns cancel info-fonds-cua"),
    help=_("Give a campaign up: what has not left will not leave."),
)
def cancel(slug: Slug, yes: Yes = False) -> None:
    from campaigns import lifecycle

    if not yes:
        confirm(_("Cancel {slug} for good?").format(slug=slug))
    with changing(slug) as (session, campaign, now):
        count = lifecycle.cancel(session, campaign, now=now)
    told = ngettext(
        "{slug} is cancelled; {count} message will not leave.",
        "{slug} is cancelled; {count} messages will not leave.",
        count,
    )
    say(told.format(slug=slug, count=count))


app.add_typer(checks.app)
app.add_typer(previews.app)
app.add_typer(webinars.app)
app.add_typer(changes.app)
app.add_typer(review.app)
