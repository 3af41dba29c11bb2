"""The command that says of one address whether it is in or out, and why."""

from gettext import gettext as _
from gettext import ngettext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.audiences import PurposeOption
from campaigns.cli.explaining import CampaignOption, Subject, choice_of, refuse_given, subject_of
from campaigns.cli.options import Json
from campaigns.cli.output import emit_json, examples, say, show_pairs, show_table, wrap

if TYPE_CHECKING:
    from campaigns.cli.context import Context
    from campaigns.why import Answer, Verdict
    from sends.history import History

app = typer.Typer()


@app.command(
    epilog=examples(
        "relais audiences why compta@example.org --audience cua-aides",
        "relais audiences why compta@example.org --campaign info-fonds-cua",
    ),
    help=_("Say whether an address is in or out, and why. For each company that it serves."),
)
def why(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(help=_("The address."))],
    audience: Annotated[str | None, typer.Option(help=_("A saved audience."))] = None,
    query: Annotated[str | None, typer.Option(help=_("A query; all contacts without it."))] = None,
    campaign: CampaignOption = None,
    purpose: PurposeOption = "public_information",
    as_json: Json = False,
) -> None:
    from audiences.database import reading
    from campaigns.cli.context import open_context
    from campaigns.why import why as judge

    given = [each for each in (audience, query, campaign) if each is not None]
    if len(given) > 1:
        raise typer.BadParameter(_("Give one of --audience, --query and --campaign."))
    if campaign is not None:
        refuse_given(ctx, "purpose")
    context = open_context()
    with reading(context.engine) as session:
        if audience is not None:
            from audiences.catalogue import get_audience

            query = get_audience(session, audience).query
        text = query if campaign is not None else query or "*:*"
        subject = subject_of(session, text, campaign, purpose, "mailbox")
        answer = judge(session, address, subject.target, context.settings, now=context.now(), campaign=subject.campaign)
        if as_json:
            emit_json(_answer_json(context, answer))
        else:
            _show_answer(context, answer, subject)


def _answer_json(context: "Context", answer: "Answer") -> dict[str, Any]:
    from campaigns.calendar import local_iso

    zone = context.settings.zone
    return {
        "address": answer.address,
        "in": any(each.is_in for each in answer.verdicts) or bool(answer.history),
        "contacts": [{**each._asdict(), "in": each.is_in, "label": _reason(each)} for each in answer.verdicts],
        "suppressions": [
            {
                "reason": each.reason,
                "scope": each.scope,
                "since": local_iso(each.created_at, zone),
                "evidence": each.evidence,
            }
            for each in answer.suppressions
        ],
        "deliveries": [
            {
                "contact_id": each.contact_id,
                **each.line._asdict(),
                "planned_at": local_iso(each.planned_at, zone),
                "updated_at": local_iso(each.updated_at, zone),
                "events": [{**step._asdict(), "at": local_iso(step.at, zone)} for step in each.steps],
            }
            for each in answer.history
        ],
    }


def _reason(verdict: "Verdict") -> str:
    from campaigns.snapshots import NOT_MATCHED
    from campaigns.targets import rule_labels

    if verdict.reason is None:
        return _("recipient")
    return _("the query does not match it") if verdict.reason == NOT_MATCHED else rule_labels()[verdict.reason]


def _with_evidence(reason: str, evidence: str) -> str:
    return _("{reason}: {evidence}").format(reason=reason, evidence=evidence) if evidence else reason


def _show_answer(context: "Context", answer: "Answer", subject: Subject) -> None:
    if not answer.verdicts and not answer.history:
        say(_("{address} is out: no contact of the store has it.").format(address=answer.address))
    else:
        is_in = any(each.is_in for each in answer.verdicts) or bool(answer.history)
        verdict = _("{address} is in.") if is_in else _("{address} is out.")
        say(verdict.format(address=answer.address))
    rows = [
        (
            each.company or _("contact {number}, no company").format(number=each.contact_id),
            _("in") if each.is_in else _("out"),
            _with_evidence(_reason(each), each.evidence),
        )
        for each in answer.verdicts
    ]
    if rows:
        say("")
        show_table([_("Company"), _("Verdict"), _("Reason")], rows)
    if len(answer.verdicts) > 1:
        say("")
        say(wrap(choice_of(subject.target), indent=0))
    _show_suppressions(context, answer)
    several = len(answer.history) > 1
    companies: dict[int | None, str | None] = {each.contact_id: each.company for each in answer.verdicts if several}
    for each in answer.history:
        _show_history(context, each, companies.get(each.contact_id))


def _show_suppressions(context: "Context", answer: "Answer") -> None:
    from audiences.suppressions import suppression_words
    from campaigns.calendar import show_instant

    words = suppression_words()
    for each in answer.suppressions:
        say("")
        say(
            _("On the suppression list since {when}: {reason} ({scope}). {evidence}").format(
                when=show_instant(each.created_at, context.settings.zone),
                reason=words.get(each.reason, each.reason),
                scope=_("marketing only") if each.scope == "marketing" else _("all mail"),
                evidence=each.evidence,
            )
        )


def _status_words() -> dict[str, str]:
    """Give how one delivery stands, as the officer reads it; `sends.states` says what each means."""
    return {
        "queued": _("in the queue"),
        "claimed": _("held by a worker"),
        "sending": _("on the wire"),
        "sent": _("sent to the relay"),
        "deferred": _("deferred for now"),
        "delivered": _("delivered to the mailbox"),
        "bounced": _("bounced back"),
        "failed": _("given up"),
        "uncertain": _("in doubt"),
        "suppressed": _("stopped by an opposition"),
        "cancelled": _("cancelled with its campaign"),
    }


def _show_history(context: "Context", each: "History", company: str | None) -> None:
    from campaigns.calendar import show_instant

    zone = context.settings.zone
    say("")
    steps = [(show_instant(each.planned_at, zone), _("planned"))]
    words = _status_words()
    steps += [
        (show_instant(step.at, zone), ", ".join(part for part in (words[step.status], step.reason, step.reply) if part))
        for step in each.steps
    ]
    status = words[each.line.status]
    if not each.steps or each.steps[-1].status != each.line.status:
        said = ", ".join(part for part in (status, each.line.reason, each.line.reply) if part)
        steps.append((show_instant(each.updated_at, zone), said))
    told = ngettext(
        "The delivery is {status}, after {attempts} attempt:",
        "The delivery is {status}, after {attempts} attempts:",
        each.line.attempts,
    )
    if company:
        say(company)
    say(told.format(status=status, attempts=each.line.attempts))
    show_pairs(steps)
