"""Commands about sending: the worker, and what became of each recipient."""

from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.options import Json, Slug, Yes, changing
from campaigns.cli.output import Clipped, confirm, emit_json, examples, say, show_table

if TYPE_CHECKING:
    from collections import Counter
    from zoneinfo import ZoneInfo

    from sends.log import LogLine

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help=_("How mail leaves: the worker, and the log of every recipient.")
)


@app.command(
    epilog=examples("relais sends work", "relais sends work --once"),
    help=_("Launch what is due and retry what was deferred. Goes on until Ctrl-C."),
)
def work(
    once: Annotated[bool, typer.Option("--once", help=_("Do what is due now, and end: for a task scheduler."))] = False,
) -> None:
    from campaigns.cli import sending
    from campaigns.cli.context import open_context

    sending.work(open_context(), once=once)


@app.command(
    epilog=examples("relais sends retry info-fonds-cua", "relais sends retry info-fonds-cua --only blocked"),
    help=_("Put back into the queue what the relay refused. That is, failed and deferred deliveries."),
)
def retry(
    slug: Slug,
    only: Annotated[
        str | None, typer.Option(help=_("failed, deferred, bounced, or a reason as `sends log` shows it."))
    ] = None,
) -> None:
    from campaigns import lifecycle
    from sends import ledger, tally

    with changing(slug) as (session, campaign, now):
        count = ledger.requeue(session, campaign.id, only=only, now=now)
        if count:
            lifecycle.reopen(campaign)
        elif only is not None and only not in ("failed", "deferred", "bounced"):
            known = tally.count_refusals(session, campaign.id)
            raise typer.BadParameter(_nothing_of(slug, only, known), param_hint="--only")
    say(ngettext("{count} message is queued again.", "{count} messages are queued again.", count).format(count=count))
    if count:
        say(_("Next: relais campaigns send {slug}, or a running `relais sends work`.").format(slug=slug))


def _nothing_of(slug: str, only: str, known: "Counter[str]") -> str:
    """Say that nothing was refused for this reason, and what was."""
    if not known:
        return _("Nothing of {slug} was refused.").format(slug=slug)
    found = ", ".join(f"{reason} ({count})" for reason, count in known.most_common(10))
    return _("Nothing of {slug} was refused as “{only}”. There is: {found}.").format(slug=slug, only=only, found=found)


@app.command(
    epilog=examples("relais sends reconcile info-fonds-cua --postfix-log /var/log/mail.log"),
    help=_("Settle uncertain messages by the relay's own log. Taken over is sent, never seen is queued again."),
)
def reconcile(
    slug: Slug,
    postfix_log: Annotated[
        Path | None, typer.Option(help=_("The mail log of the relay, from before the launch on."))
    ] = None,
    log_zone: Annotated[
        str | None, typer.Option(help=_("The time zone of the relay's clock, like UTC; yours without it."))
    ] = None,
    as_json: Json = False,
) -> None:
    from datetime import timedelta

    from campaigns import lifecycle
    from campaigns.calendar import show_instant
    from campaigns.cli.context import open_context
    from campaigns.models import CampaignStatus
    from sends.postfix_log import read_postfix_log
    from sends.reconcile import reconcile as settle

    if postfix_log is None:
        lines = _uncertain(slug)
        if as_json:
            emit_json([line._asdict() for line in lines])
            return
        say(
            ngettext("{count} message is uncertain.", "{count} messages are uncertain.", len(lines)).format(
                count=len(lines)
            )
        )
        for line in lines:
            say(f"  {line.address}  {line.message_id}")
        if lines:
            say(_("Look for these Message-IDs in the relay's log, or give it: --postfix-log FILE."))
            say(_("Without a log: relais sends resolve {slug} --as sent, or --as resend.").format(slug=slug))
        return
    context = open_context()
    read_in = _zone(log_zone) if log_zone else context.settings.zone
    log = read_postfix_log(postfix_log, now=context.now(), zone=read_in)
    with changing(slug) as (session, campaign, now):
        found = settle(session, campaign.id, log, now=now)
        if found.not_sent:
            lifecycle.take_up(session, campaign, now=now)
        is_cancelled = campaign.status == CampaignStatus.CANCELLED
    if as_json:
        emit_json({name: value for name, value in vars(found).items() if name != "needs"})
        return
    said = (
        _("{sent} were sent, {not_sent} were not and will not leave, {open} stay uncertain.")
        if is_cancelled
        else _("{sent} were sent, {not_sent} were not and are queued again, {open} stay uncertain.")
    )
    say(said.format(**vars(found)))
    if found.half_seen:
        say(
            ngettext(
                "{count} came in, and the log does not say what became of it: it may wait in the relay's queue.",
                "{count} came in, and the log does not say what became of them: they may wait in the relay's queue.",
                found.half_seen,
            ).format(count=found.half_seen)
        )
    if found.is_partial:
        say(
            _(
                "The log lacks messages that the relay accepted, so that what it does not name proves nothing. "
                "Is it the whole log of this relay?"
            )
        )
    elif found.needs:
        zone = context.settings.zone
        times = (log.begins, log.ends, found.needs[0], found.needs[1] + timedelta(minutes=1))  # shown to the minute
        begins, ends, since, until = (show_instant(each, zone) for each in times)
        say(
            _("The log goes from {begins} to {ends}; give one that goes from {since} to {until}.").format(
                begins=begins, ends=ends, since=since, until=until
            )
        )
        say(_("Its times without a zone are read as {zone}: --log-zone says otherwise.").format(zone=read_in.key))


def _zone(name: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise typer.BadParameter(_("no such time zone; write it like Europe/Paris"), param_hint="--log-zone") from None


def _uncertain(slug: str) -> "list[LogLine]":
    from audiences.database import reading
    from campaigns.cli.context import open_context
    from campaigns.lifecycle import get_campaign
    from sends.log import read_log
    from sends.states import DeliveryStatus

    with reading(open_context().engine) as session:
        return read_log(session, get_campaign(session, slug).id, status=DeliveryStatus.UNCERTAIN)


@app.command(
    epilog=examples("relais sends resolve info-fonds-cua --as sent", "relais sends resolve info-fonds-cua --as resend"),
    help=_("Settle uncertain messages by your own decision. As sent, or send them again (some may then arrive twice)."),
)
def resolve(slug: Slug, how: Annotated[str, typer.Option("--as", help=_("sent or resend."))], yes: Yes = False) -> None:
    from campaigns import lifecycle
    from sends import ledger
    from sends.states import DeliveryStatus

    decisions = {"sent": DeliveryStatus.SENT, "resend": DeliveryStatus.QUEUED}
    if how not in decisions:
        raise typer.BadParameter(_("“{how}” is neither sent nor resend.").format(how=how), param_hint="--as")
    if how == "resend" and not yes:
        confirm(_("Some of them may have arrived and would arrive twice. Send them again?"))
    with changing(slug) as (session, campaign, now):
        count = ledger.resolve(session, campaign.id, decisions[how], reason=f"resolved by hand: {how}", now=now)
        if count and how == "resend":
            lifecycle.reopen(campaign)
    say(ngettext("{count} message is settled.", "{count} messages are settled.", count).format(count=count))


@app.command(
    epilog=examples("relais sends log info-fonds-cua", "relais sends log info-fonds-cua --status failed"),
    help=_(
        "List every recipient of a campaign. Status, attempts, reason and last reply; and who was left out, and why."
    ),
)
def log(
    slug: Slug,
    status: Annotated[
        str | None, typer.Option(help=_("Only this status: sent, deferred, bounced, failed, uncertain, left_out …"))
    ] = None,
    as_json: Json = False,
) -> None:
    from audiences.database import reading
    from campaigns.cli.context import open_context
    from campaigns.lifecycle import get_campaign
    from sends.log import LEFT_OUT, read_log
    from sends.states import DeliveryStatus

    known = [*DeliveryStatus, LEFT_OUT]
    if status is not None and status not in known:
        names = ", ".join(known)
        raise typer.BadParameter(
            _("“{status}” is no status: {names}.").format(status=status, names=names), param_hint="--status"
        )
    with reading(open_context().engine) as session:
        campaign = get_campaign(session, slug)
        lines = read_log(session, campaign.id, status=status)
        is_launched = campaign.launched_at is not None
    if as_json:
        emit_json([line._asdict() for line in lines])
        return
    rows = [
        (line.address or line.company, line.status, str(line.attempts), line.reason or "", _reply(line))
        for line in lines
    ]
    columns = [_("Recipient"), _("Status"), _("Tries"), _("Reason"), _("Last reply")]
    empty = _("There is none.") if is_launched else _("{slug} was not launched yet.").format(slug=slug)
    show_table(columns, rows, empty=empty)


def _reply(line: "LogLine") -> str:
    """Give the relay's last word; of a success the code says enough where the room is short."""
    reply = line.reply or ""
    return Clipped(reply) if line.status == "sent" else reply
