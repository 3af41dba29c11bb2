"""Commands that check before anything leaves: a campaign's every message, and what it says."""

from gettext import gettext as _
from typing import TYPE_CHECKING

import typer

from campaigns.cli import lint
from campaigns.cli.lint import Strict
from campaigns.cli.options import Json, Slug
from campaigns.cli.output import FOUND, emit_json, examples, progress_bar, say, show_table

if TYPE_CHECKING:
    from campaigns.preflight import Fault

app = typer.Typer()

SHOWN = 20
"""How many recipients the screen names; --json names them all."""


@app.command(
    epilog=examples("relais campaigns check info-fonds-cua", "relais campaigns check info-fonds-cua --json"),
    help=_(
        "Check every message of a campaign, and lint it. Names each contact whose message would miss a value or break."
    ),
)
def check(slug: Slug, strict: Strict = False, as_json: Json = False) -> None:
    from audiences.database import reading
    from campaigns import lifecycle, planning
    from campaigns.cli.context import open_context
    from campaigns.content import content_of
    from campaigns.linting import lint_campaign
    from campaigns.preflight import check_campaign
    from campaigns.schema import secret_of
    from campaigns.targets import Target

    context = open_context()
    settings = context.settings
    first: list[Fault] = []
    count = 0
    with reading(context.engine) as session, progress_bar(_("Checking the messages")) as bar:
        campaign = lifecycle.get_campaign(session, slug)
        content = content_of(campaign, settings, now=context.now())
        waterfall = planning.explain_target(session, Target.of(campaign), settings, now=context.now())
        for fault in check_campaign(
            session,
            campaign,
            settings,
            content,
            secret=secret_of(context.engine),
            now=context.now(),
            advance=bar.start(waterfall.recipients),
        ):
            count += 1
            if as_json or count <= SHOWN:
                first.append(fault)
        secret = secret_of(context.engine)
        report = lint_campaign(session, campaign, settings, content, secret=secret, now=context.now())
    if as_json:
        faults = [fault._asdict() for fault in first]
        emit_json(
            {
                "campaign": slug,
                "recipients": waterfall.recipients,
                "faulty": count,
                "faults": faults,
                "lint": lint.record(report),
            }
        )
    else:
        _show(slug, first, count, waterfall.recipients)
        say("")
        lint.show(_("Lint of {name}").format(name=slug), report)
    if count or lint.fails(report, strict=strict):
        raise typer.Exit(FOUND)


def _show(slug: str, first: "list[Fault]", count: int, recipients: int) -> None:
    if not count:
        say(_("{count} messages checked: nothing is missing.").format(count=recipients))
        return
    say(
        _(
            "{count} of {recipients} messages would miss a value or break; nothing leaves before it is corrected."
        ).format(count=count, recipients=recipients)
    )
    rows = [(fault.address, fault.company, fault.cause) for fault in first]
    show_table([_("Address"), _("Company"), _("Cause")], rows)
    if count > len(first):
        say(_("… and {count} more: relais campaigns check {slug} --json").format(count=count - len(first), slug=slug))
    say(_("Complete the contacts and import them again, leave them out of the audience, or correct the template."))
