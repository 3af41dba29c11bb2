"""Commands that show a campaign's messages as they will be, before anything leaves."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated

import typer

from campaigns.cli.options import Slug
from campaigns.cli.output import examples, open_private, progress_bar, say
from campaigns.cli.templates import Open, Out, show_in_browser

app = typer.Typer()


@app.command(
    epilog=examples(
        "relais campaigns preview info-fonds-cua --hard-cases --open",
        "relais campaigns preview info-fonds-cua --for contact@example.org",
    ),
    help=_(
        "Show real messages of a campaign on one page. Without options, that of its first recipient. The page holds "
        "contacts' data: keep it to yourself."
    ),
)
def preview(
    slug: Slug,
    hard_cases: Annotated[
        bool,
        typer.Option("--hard-cases", help=_("Pick the recipients whose messages look wrong most easily, and say why.")),
    ] = False,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="ADDRESS", help=_("The message of this contact."))
    ] = None,
    out: Out = None,
    opens: Open = False,
) -> None:
    from audiences.database import reading
    from campaigns import lifecycle, planning
    from campaigns.cli.context import open_context
    from campaigns.content import content_of
    from campaigns.hardcases import find_case, find_hard_cases, render_case
    from campaigns.targets import Target
    from templates.gallery import Card, show_cards

    context = open_context()
    settings = context.settings
    with reading(context.engine) as session, progress_bar(_("Looking at the recipients")) as bar:
        campaign = lifecycle.get_campaign(session, slug)
        content = content_of(campaign, settings, now=context.now())
        if hard_cases and for_ is None:
            waterfall = planning.explain_target(session, Target.of(campaign), settings, now=context.now())
            advance = bar.start(waterfall.recipients)
            cases = find_hard_cases(session, campaign, settings, content, now=context.now(), advance=advance)
        else:
            cases = [find_case(session, campaign, settings, for_, now=context.now())]
        cards = [
            Card(_title(case.recipient), case.reasons, render_case(case, campaign, settings, content)) for case in cases
        ]
        name = campaign.name
    target = out or Path(f"{slug}.html")
    remark = _("These are real contacts: keep this page to yourself, and delete it afterwards.")
    with open_private(target, "w") as page:
        page.write(show_cards(name, remark, settings.sender.name, cards))
    for card in cards:
        say(card.title)
        for reason in card.remarks:
            say(f"  – {reason}")
    say(_("Written: {file}").format(file=target))
    show_in_browser(target, opens=opens)


def _title(recipient: object) -> str:
    contact, company = recipient["contact"], recipient["company"]  # type: ignore[index]
    return " · ".join(filter(None, (company["name"], company["commune"], contact["address"])))
