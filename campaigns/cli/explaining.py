"""The command that explains an audience: the waterfall, with everybody who is in it."""

from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from campaigns.cli.audiences import PurposeOption, parse_purpose
from campaigns.cli.lists import show_first, write_list
from campaigns.cli.options import Json, parse_per
from campaigns.cli.output import emit_json, examples, say, show_table, show_waterfall, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from audiences.exports import Cell
    from audiences.listing import Listed
    from audiences.waterfall import Waterfall
    from campaigns.cli.context import Context
    from campaigns.models import Campaign
    from campaigns.targets import Target

app = typer.Typer()

RECIPIENTS, LEFT_OUT = "recipients", "left_out"

CampaignOption = Annotated[
    str | None, typer.Option("--campaign", metavar="NAME", help=_("A campaign, with its purpose and options."))
]


class Subject(NamedTuple):
    """What is asked about: a target, and the campaign that it is of."""

    target: "Target"
    campaign: "Campaign | None"

    @property
    def is_launched(self) -> bool:
        """Whether its launch decided already."""
        return self.campaign is not None and self.campaign.launched_at is not None


def refuse_given(ctx: typer.Context, *names: str) -> None:
    """Refuse options that a campaign has settled already: what they say would count for nothing."""
    for name in names:
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(_("The campaign has its own: leave this out."), param_hint=f"--{name}")


def subject_of(session: "Session", query: str | None, campaign: str | None, purpose: str, per: str) -> Subject:
    """Read what a command asks about: a query or the name of an audience, or else a campaign."""
    from audiences.catalogue import query_of
    from campaigns.lifecycle import get_campaign
    from campaigns.targets import Target

    if (query is None) == (campaign is None):
        raise typer.BadParameter(_("Give a query (or the name of an audience), or a campaign: one of the two."))
    if campaign is not None:
        found = get_campaign(session, campaign)
        return Subject(Target.of(found), found)
    text = query_of(session, query or "")
    return Subject(Target(text, parse_purpose(purpose), parse_per(per)), None)


@app.command(
    epilog=examples(
        "relais audiences explain 'epci:CUA AND nature:\"Aides financières\"'",
        "relais audiences explain cua-aides --show opposed",
        "relais audiences explain cua-aides --by epci",
        "relais audiences explain --campaign info-cua --show left_out --out exclus.xlsx",
    ),
    help=_("Show how a query comes down to its recipients. Who matches, and who is left out for which reason."),
)
def explain(
    ctx: typer.Context,
    query: Annotated[str | None, typer.Argument(help=_("A query, like epci:CUA, or the name of an audience."))] = None,
    campaign: CampaignOption = None,
    purpose: PurposeOption = "public_information",
    per: Annotated[
        str, typer.Option("--per", help=_("mailbox or company: what gets one mail where one serves several."))
    ] = "mailbox",
    show: Annotated[
        str | None,
        typer.Option(metavar="STEP", help=_("List the contacts: recipients, left_out, or a rule like opposed.")),
    ] = None,
    by: Annotated[str | None, typer.Option(help=_("epci or sector: the waterfall of each of them."))] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help=_("Write what is shown to this file, .xlsx or .csv."))
    ] = None,
    as_json: Json = False,
) -> None:
    from audiences.database import reading
    from campaigns.cli.context import open_context

    if by is not None and by not in _GROUPS:
        raise typer.BadParameter(_("“{by}” is neither epci nor sector.").format(by=by), param_hint="--by")
    if by is not None and show is not None:
        raise typer.BadParameter(_("--show lists contacts, --by counts them: give one of the two."))
    if campaign is not None:
        refuse_given(ctx, "purpose", "per")
    context = open_context()
    with reading(context.engine) as session:
        subject = subject_of(session, query, campaign, purpose, per)
        if show is not None:
            _show_contacts(context, session, subject, show, out=out, as_json=as_json)
        elif by is not None:
            _show_groups(context, session, subject, by, out=out, as_json=as_json)
        else:
            _show_whole(context, session, subject, out=out, as_json=as_json)


def _waterfall(context: "Context", session: "Session", subject: Subject) -> "Waterfall":
    from campaigns import planning

    if subject.campaign is not None and subject.is_launched:
        return planning.stored_waterfall(subject.campaign)
    return planning.explain_target(session, subject.target, context.settings, now=context.now())


def _show_whole(context: "Context", session: "Session", subject: Subject, *, out: Path | None, as_json: bool) -> None:
    waterfall = _waterfall(context, session, subject)
    sentence = _in_words(context, session, subject)
    if out is not None:
        rows = [(_("companies matched"), waterfall.companies), (_("contacts"), waterfall.contacts)]
        rows += [(step.label, -step.count) for step in waterfall.steps]
        rows.append((_("recipients"), waterfall.recipients))
        write_list(out, [_("Step"), _("Contacts")], rows, as_json=as_json)
    elif as_json:
        emit_json({"in_words": sentence, **waterfall.as_dict()})
    else:
        if sentence:
            say(wrap(sentence, indent=0))
            say("")
        show_waterfall(waterfall)
        _say_choice(subject, waterfall)


def _in_words(context: "Context", session: "Session", subject: Subject) -> str | None:
    """Say in French whom the query means, or meant at the launch."""
    from campaigns.queries import describe_past

    launched = subject.campaign.launched_at if subject.campaign is not None else None
    return describe_past(session, subject.target.query, context.settings, at=launched or context.now())


def _say_choice(subject: Subject, waterfall: "Waterfall") -> None:
    """Say whose data the mail carries where a mailbox has several contacts."""
    if subject.is_launched and subject.campaign is not None:
        say(_("As it was at the launch of {slug}.").format(slug=subject.campaign.slug))
    if any(step.name == "same_mailbox" and step.count for step in waterfall.steps):
        say(wrap(choice_of(subject.target), indent=0))


def choice_of(target: "Target") -> str:
    """Say what gets one mail, and with whose data."""
    if target.is_per_company:
        return _("A mailbox gets one mail for each of its companies, with the data of that company.")
    return _("A mailbox gets one mail, with the data of its company that asked something most recently.")


def _explanation(context: "Context", session: "Session", subject: Subject) -> Any:
    from campaigns import planning

    if subject.campaign is not None and subject.is_launched:
        return planning.explanation_of_launch(subject.campaign)
    return planning.explanation_of(session, subject.target, context.settings, now=context.now())


def _show_contacts(
    context: "Context", session: "Session", subject: Subject, step: str, *, out: Path | None, as_json: bool
) -> None:
    from audiences.listing import list_contacts

    explanation = _explanation(context, session, subject)
    named: dict[str, str] = dict(explanation.labels)
    reasons: dict[str, Sequence[str | None]] = {RECIPIENTS: [None], LEFT_OUT: list(named), **{n: [n] for n in named}}
    if step not in reasons:
        raise typer.BadParameter(
            _("“{step}” is no step of this waterfall: {known}.").format(step=step, known=", ".join(reasons)),
            param_hint="--show",
        )
    listed = list_contacts(session, explanation.found, tell=explanation.tell, reasons=reasons[step])
    if as_json and out is None:
        emit_json({**_waterfall(context, session, subject).as_dict(), "shown": step, "list": [*map(_plain, listed)]})
        return
    cells: dict[str, Callable[[Listed], str | None]] = {
        _("Address"): lambda each: each.address,
        _("Company"): lambda each: each.company,
    }
    if step == LEFT_OUT:
        cells[_("Reason")] = lambda each: named.get(each.reason or "")
    if step not in (RECIPIENTS, "no_address"):  # of these there is nothing more to say
        cells[_("Evidence")] = lambda each: each.evidence
    columns = list(cells)
    rows = ([cell(each) for cell in cells.values()] for each in listed)
    if out is not None:
        write_list(out, columns, rows, as_json=as_json)
    else:
        show_first(columns, rows)


def _plain(each: "Listed") -> dict[str, Any]:
    return each._asdict()


_GROUPS = {"epci": "epci_siren", "sector": "naf_code"}


def _show_groups(
    context: "Context", session: "Session", subject: Subject, by: str, *, out: Path | None, as_json: bool
) -> None:
    from audiences.breakdown import explain_by
    from audiences.models import Company

    settings = context.settings
    sirens = {epci.siren for epci in settings.places.epcis}

    def name(value: str | None, has_company: bool) -> str:
        if not has_company:
            return _("without a company")
        if by == "sector":
            sector = settings.sectors.main(value) if value else None
            return sector.label if sector else _("other sectors") if value else _("sector unknown")
        if value in sirens:
            return settings.places.label(value)
        return settings.outside_label if value else _("EPCI unknown")

    explanation = _explanation(context, session, subject)
    column = getattr(Company, _GROUPS[by])
    groups = explain_by(session, explanation.found, explanation.labels, column, name)
    if as_json and out is None:
        whole = _waterfall(context, session, subject).as_dict()
        emit_json({**whole, "by": by, "groups": [{"name": label, **fall.as_dict()} for label, fall in groups]})
        return
    first = _("EPCI") if by == "epci" else _("Sector")
    steps = explanation.labels
    rows: list[tuple[Cell, ...]] = [
        (label, fall.companies, fall.contacts, *(step.count for step in fall.steps), fall.recipients)
        for label, fall in groups
    ]
    if out is not None:
        columns = [first, _("Companies"), _("Contacts"), *steps.values(), _("Recipients")]
        write_list(out, columns, rows, as_json=as_json)
        return
    short = _short_labels()
    columns = [first, _("Comp."), _("Cont."), *(short.get(name, label) for name, label in steps.items()), _("Recip.")]
    show_table(columns, rows, numbers=len(columns) - 1, empty=_("There is none."))


def _short_labels() -> dict[str, str]:
    """Give the rules as the heads of narrow columns."""
    return {
        "no_address": _("Addr."),
        "invalid": _("Inv."),
        "opposed": _("Opp."),
        "bounced": _("Bnc."),
        "not_prospected": _("SIRENE"),
        "no_basis": _("Basis"),
        "too_often": _("Often"),
        "already_received": _("Got it"),
        "same_mailbox": _("Rep."),
    }
