"""Commands that lint: what would be wrong with a mail, in French, and the rules by which it is judged."""

from gettext import gettext as _
from gettext import ngettext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.options import Json, Sets, parse_sets
from campaigns.cli.output import FOUND, emit_json, examples, say, show_table, wrap

if TYPE_CHECKING:
    from templates.lint import Finding, Place, Report

app = typer.Typer()

SHOWN = 5
"""How many places of a finding the screen names; --json names them all."""

Strict = Annotated[bool, typer.Option("--strict", help=_("Let warnings fail as errors do."))]


@app.command(
    epilog=examples(
        "relais templates lint fonds",
        'relais templates lint fonds --set montant="2 M€" --strict',
        "relais templates lint",
    ),
    help=_("Check what a template's mail would get wrong. Without a name, every template; the findings are in French."),
)
def lint(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help=_("The template; all without it."))] = None,
    sets: Sets = None,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    from campaigns.cli.context import make_clock
    from campaigns.linting import lint_template
    from campaigns.settings import load_settings
    from templates import find_templates, load_template

    settings = load_settings()
    folders = settings.template_folders
    given = parse_sets(sets)
    if given and name is None:
        raise typer.BadParameter(_("Name the template whose variables these are."), param_hint="--set")
    found = [load_template(name, folders)] if name else list(find_templates(folders).values())
    today = make_clock(settings.clock)().astimezone(settings.zone).date()
    reports = {each.name: lint_template(each, given, settings, today=today) for each in found}
    if as_json:
        emit_json([{"template": name, **record(report)} for name, report in reports.items()])
    else:
        for at, (title, report) in enumerate(reports.items()):
            if at:
                say("")
            show(title, report)
    if any(fails(report, strict=strict) for report in reports.values()):
        raise typer.Exit(FOUND)


@app.command(
    epilog=examples("relais templates rules", "relais templates rules --json"),
    help=_("List the rules of the lint, with levels and meaning. A template may ignore one, with a reason."),
)
def rules(as_json: Json = False) -> None:
    from templates.lint import RULES

    if as_json:
        emit_json(
            [
                {"rule": each.name, "level": each.level, "can_be_ignored": not each.is_law, "meaning": each.meaning}
                for each in RULES.values()
            ]
        )
        return
    rows = [
        (each.name, level_label(each.level) + (" *" if each.is_law else ""), each.meaning) for each in RULES.values()
    ]
    show_table([_("Rule"), _("Level"), _("Meaning")], rows)
    say("")
    say(wrap(_("* asked for by law: cannot be ignored. Another is, by these lines of template.toml:"), indent=0))
    say('\n  [lint]\n  ignore = ["font-small"]\n  reason = "…"')


def level_label(level: str) -> str:
    """Give a level in the officer's language."""
    return {"error": _("error"), "warning": _("warning"), "hint": _("hint")}[level]


def fails(report: "Report", *, strict: bool) -> bool:
    """Tell whether a lint's findings make a command fail."""
    from templates.lint import Level

    return bool(report.count(Level.ERROR) or (strict and report.count(Level.WARNING)))


def record(report: "Report") -> dict[str, Any]:
    """Give a lint as plain values."""
    from templates.lint import Level

    return {
        "errors": report.count(Level.ERROR),
        "warnings": report.count(Level.WARNING),
        "hints": report.count(Level.HINT),
        "findings": [_record_finding(each) for each in report.findings],
        "ignored": [_record_finding(each) for each in report.silenced],
        "reason": report.reason,
    }


def _record_finding(finding: "Finding") -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "level": finding.level,
        "cause": finding.cause,
        "remedy": finding.remedy,
        "places": [vars(place) for place in finding.places],
    }


def show(title: str, report: "Report") -> None:
    """Print a lint, the gravest findings first."""
    from templates.lint import Level

    errors, warnings, hints = (report.count(level) for level in (Level.ERROR, Level.WARNING, Level.HINT))
    counts = [
        ngettext("{count} error", "{count} errors", errors).format(count=errors),
        ngettext("{count} warning", "{count} warnings", warnings).format(count=warnings),
        ngettext("{count} hint", "{count} hints", hints).format(count=hints),
    ]
    say(_("{title}: {counts}").format(title=title, counts=", ".join(counts)))
    for finding in report.findings:
        say("")
        say(f"{level_label(finding.level)} [{finding.rule}]")
        say(wrap(finding.cause, indent=2))
        say(wrap(f"→ {finding.remedy}", indent=2))
        for place in finding.places[:SHOWN]:
            if told := place_label(place):
                say(wrap(told, indent=4))
        if (more := len(finding.places) - SHOWN) > 0:
            say(
                wrap(
                    ngettext("… and {count} more place", "… and {count} more places", more).format(count=more), indent=4
                )
            )
    if report.silenced:
        say("")
        ignored = ", ".join(sorted({finding.rule for finding in report.silenced}))
        say(
            wrap(
                _("Ignored by template.toml: {rules} ({reason}).").format(rules=ignored, reason=report.reason), indent=0
            )
        )


def place_label(place: "Place") -> str:
    """Write where a finding is."""
    from templates.lint import Part

    parts = {Part.SUBJECT: _("subject"), Part.TEXT: _("text part"), Part.HTML: ""}
    told = [parts[place.part]]
    if place.file and place.line and place.column:
        told.append(
            _("{file}, line {line}, column {column}").format(file=place.file, line=place.line, column=place.column)
        )
    elif place.file and place.line:
        told.append(_("{file}, line {line}").format(file=place.file, line=place.line))
    if place.variable:
        told.append(_("variable {name}").format(name=place.variable))
    told.append(place.element)
    return " · ".join(filter(None, told))
