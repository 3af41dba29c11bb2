"""Commands about sending: the worker, and what became of each recipient."""

from gettext import gettext as _
from typing import Annotated

import typer

from campaigns.cli.options import Json
from campaigns.cli.output import emit_json, examples, show_table

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help=_("How mail leaves: the worker, and the log of every recipient.")
)


@app.command(
    epilog=examples("relais sends work", "relais sends work --once"),
    help=_("Launch campaigns at their time and retry what was deferred, until Ctrl-C."),
)
def work(
    once: Annotated[bool, typer.Option("--once", help=_("Do what is due now, and end: for a task scheduler."))] = False,
) -> None:
    from campaigns.cli import sending
    from campaigns.cli.context import open_context

    sending.work(open_context(), once=once)


@app.command(
    epilog=examples("relais sends log info-fonds-cua", "relais sends log info-fonds-cua --status failed"),
    help=_("List every recipient of a campaign: status, reason, last reply, attempts; and who was left out, and why."),
)
def log(
    slug: Annotated[str, typer.Argument(help=_("The campaign's short name."))],
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
        lines = read_log(session, get_campaign(session, slug).id, status=status)
    if as_json:
        emit_json([line._asdict() for line in lines])
        return
    rows = [(line.address or "–", line.status, line.reason or "", line.reply or "", line.attempts) for line in lines]
    show_table([_("Recipient"), _("Status"), _("Reason"), _("Last reply"), _("Attempts")], rows, numbers=1)
