"""Commands about the suppression list: who is not written to any more, why, and who lifted what."""

from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.entries import COLUMNS, cells_of, day_of, lines_of, record_of, show_entries, words_of
from campaigns.cli.lists import write_list
from campaigns.cli.options import Json, parse_word
from campaigns.cli.output import FOUND, emit_json, examples, note, progress_bar, say, show_pairs, show_table

if TYPE_CHECKING:
    from audiences.addresses import Address
    from audiences.models import SuppressionReason, SuppressionScope
    from audiences.oppositions import OppositionSummary

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help=_("Who is not written to: add, import, look up, lift.")
)

Addresses = Annotated[list[str], typer.Argument(metavar="ADDRESS", help=_("Addresses, known as contacts or not."))]
Reason = Annotated[
    str | None, typer.Option(help=_("unsubscribed, hard_bounce, complaint, manual or erased."), show_default=False)
]
Scope = Annotated[str | None, typer.Option(help=_("all, or marketing: no advertising, but information."))]


def _reason(text: str) -> "SuppressionReason":
    from audiences.models import SuppressionReason

    return parse_word(SuppressionReason, text, "--reason")


def _scope(text: str) -> "SuppressionScope":
    from audiences.models import SuppressionScope

    return parse_word(SuppressionScope, text, "--scope")


def _parse(addresses: list[str]) -> "list[Address]":
    """Read the addresses of a command, each mailbox once; all of them are checked before anything is done."""
    from audiences.addresses import parse_address

    parsed = {address.key: address for address in map(parse_address, addresses)}
    return list(parsed.values())


def _said(text: str, option: str) -> str:
    """Give what stands as evidence or ground; a usage error for nothing."""
    if not text.strip():
        raise typer.BadParameter(_("Say where that is recorded, or why, in a few words."), param_hint=option)
    return " ".join(text.split())


@app.command(
    epilog=examples(
        'relais suppressions add jean@example.org --evidence "phone call of 3 April"',
        "relais suppressions add a@example.org b@example.org --scope marketing \\",
        '      --reason unsubscribed --evidence "letter of 2 April"',
    ),
    help=_("Stop writing to addresses. Adding the same again changes nothing."),
)
def add(
    addresses: Addresses,
    evidence: Annotated[str, typer.Option(help=_("Where the wish is recorded: a mail, a call, its date."))],
    reason: Reason = "manual",
    scope: Scope = "all",
    as_json: Json = False,
) -> None:
    from audiences.database import writing
    from audiences.suppressions import suppress
    from campaigns.cli.context import open_context

    why, far = _reason(reason or "manual"), _scope(scope or "all")
    proof, wanted = _said(evidence, "--evidence"), _parse(addresses)
    context = open_context()
    with writing(context.engine) as session:
        added = {
            each.key: suppress(session, each.key, why, evidence=proof, now=context.now(), scope=far) for each in wanted
        }
    if as_json:
        emit_json(
            [
                {"address": each.text, "key": each.key, "added": added[each.key], "reason": why, "scope": far}
                for each in wanted
            ]
        )
        return
    new = sum(added.values())
    if new:
        say(ngettext("{count} address added.", "{count} addresses added.", new).format(count=new))
    for each in wanted:
        if not added[each.key]:
            say(_("{address} was on the list already; nothing changed.").format(address=each.text))


@app.command(
    "import",
    epilog=examples(
        "relais suppressions import oppositions.csv --dry-run",
        "relais suppressions import oppositions.xlsx --scope marketing",
    ),
    help=_("Import the opposition list of a former tool. All rows or none; nobody is ever lifted."),
)
def import_(
    file: Path,
    reason: Annotated[str, typer.Option(help=_("Of the rows whose own is missing or not known."))] = "unsubscribed",
    scope: Annotated[str, typer.Option(help=_("Of the rows without one: all, or marketing."))] = "all",
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Say what would be done, and do nothing."))] = False,
    skip_rejected: Annotated[
        bool, typer.Option("--skip-rejected", help=_("Import the good rows and leave the faulty ones out."))
    ] = False,
    as_json: Json = False,
) -> None:
    from audiences.database import reading, writing
    from audiences.imports import RejectedRows
    from audiences.oppositions import import_oppositions
    from campaigns.cli.context import open_context
    from campaigns.cli.imports import show_outcome, show_rejections

    why, far = _reason(reason), _scope(scope)
    context = open_context()
    opened = reading if dry_run else writing
    try:
        with opened(context.engine) as session, progress_bar(_("Importing")) as bar:
            summary = import_oppositions(
                session,
                file,
                reason=why,
                scope=far,
                now=context.now(),
                zone=context.settings.zone,
                skip_rejected=skip_rejected,
                is_dry_run=dry_run,
                progress=bar.start,
            )
    except RejectedRows as error:
        show_rejections(error.rejections)
        raise
    is_refused = dry_run and bool(summary.rejections) and not skip_rejected
    if as_json:
        emit_json(
            {
                "file": summary.file,
                "rows": summary.rows,
                "added": summary.added,
                "widened": summary.widened,
                "known": summary.known,
                "rejected": [rejection._asdict() for rejection in summary.rejections],
                "remarks": [remark._asdict() for remark in summary.remarks],
                "ignored_columns": summary.ignored_columns,
                "dry_run": dry_run,
            }
        )
    else:
        show_rejections(summary.remarks)
        show_rejections(summary.rejections)
        _show_import(summary)
        show_outcome(is_dry=dry_run, is_refused=is_refused)
    if is_refused:
        raise typer.Exit(FOUND)


def _show_import(summary: "OppositionSummary") -> None:
    say(
        ngettext("{file}: {rows} row.", "{file}: {rows} rows.", summary.rows).format(
            file=summary.file, rows=summary.rows
        )
    )
    show_pairs(
        [
            (_("  added"), summary.added),
            (_("  of these, only marketing was stopped before"), summary.widened or None),
            (_("  already there"), summary.known),
            (_("  rejected rows"), len({rejection.row for rejection in summary.rejections}) or None),
            (_("  columns not used"), ", ".join(summary.ignored_columns)),
        ]
    )


@app.command(
    "list",
    epilog=examples(
        "relais suppressions list --reason complaint --since 2026-01-01",
        "relais suppressions list --lifted --out oppositions.xlsx",
    ),
    help=_("List who is not written to, the newest first."),
)
def list_(
    reason: Reason = None,
    scope: Scope = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", help=_("Added on this day or later."))] = None,
    search: Annotated[str | None, typer.Option(help=_("A part of the address or of the evidence."))] = None,
    lifted: Annotated[bool, typer.Option("--lifted", help=_("Those that were lifted, too."))] = False,
    out: Annotated[Path | None, typer.Option(help=_("Write the list to this file, .xlsx or .csv."))] = None,
    as_json: Json = False,
) -> None:
    from datetime import UTC, datetime, time

    from audiences.database import reading
    from audiences.suppressions import list_suppressions
    from campaigns.calendar import parse_day
    from campaigns.cli.context import open_context

    context = open_context()
    zone = context.settings.zone
    start = datetime.combine(parse_day(since), time(), tzinfo=zone).astimezone(UTC) if since else None
    with reading(context.engine) as session:
        found = list_suppressions(
            session,
            reasons=[_reason(reason)] if reason else (),
            scope=_scope(scope) if scope else None,
            since=start,
            search=search,
            with_lifted=lifted,
        )
        if out is not None:
            write_list(out, COLUMNS, cells_of(found, zone), as_json=as_json, name="Oppositions")
        elif as_json:
            emit_json([record_of(row, zone) for row in found])
        else:
            show_entries(found, zone)


@app.command(
    epilog=examples('relais suppressions lift jean@example.org --why "his mail of 4 May"'),
    help=_("Write to an address again. The list keeps who lifted it, when and why."),
)
def lift(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help=_("The address to write to again."))],
    why: Annotated[str, typer.Option(help=_("What the person said, and where that is recorded."))],
    force: Annotated[bool, typer.Option("--force", help=_("Lift a complaint or an erasure, too."))] = False,
    as_json: Json = False,
) -> None:
    from audiences import suppressions
    from audiences.database import writing
    from campaigns.cli.context import open_context, whoami

    ground = _said(why, "--why")
    [wanted] = _parse([address])
    context = open_context()
    with writing(context.engine) as session:
        rows = suppressions.lift(session, wanted.key, why=ground, by=whoami(), now=context.now(), is_forced=force)
        records = [record_of(row, context.settings.zone) for row in rows]
        told = [(*words_of(row), day_of(row.created_at, context.settings.zone)) for row in rows]
    if as_json:
        emit_json(records)
        return
    for reason, scope, since in told:
        say(
            _("Lifted: {address}, {reason}, {scope}, on the list since {since}.").format(
                address=wanted.key, reason=reason, scope=scope, since=since
            )
        )


@app.command(
    epilog=examples(
        "relais suppressions check jean@example.org", "relais suppressions check --file participants.xlsx --json"
    ),
    help=_("Tell of addresses whether they may be written to, and why not."),
)
def check(
    addresses: Annotated[
        list[str] | None, typer.Argument(metavar="ADDRESS", help=_("Addresses, known as contacts or not."))
    ] = None,
    file: Annotated[Path | None, typer.Option(help=_("A sheet with a column of addresses."))] = None,
    as_json: Json = False,
) -> None:
    from audiences.database import reading
    from audiences.suppressions import active, history, stopped_by
    from campaigns.cli.context import open_context

    wanted = _parse(addresses or [])
    invalid: list[tuple[str, str]] = []
    if file is not None:
        wanted, invalid = _parse_file(file, {each.key: each for each in wanted})
    if not wanted and not invalid:
        raise typer.BadParameter(_("Write an address, or --file with a sheet of addresses."), param_hint="ADDRESS")
    context = open_context()
    zone = context.settings.zone
    with reading(context.engine) as session:
        found = history(session, [each.key for each in wanted])
        records = [
            {
                "address": each.text,
                "key": each.key,
                "stopped": stopped_by(found.get(each.key, [])),
                "history": [record_of(row, zone) for row in found.get(each.key, [])],
            }
            for each in wanted
        ]
        standing = {key: active(rows) for key, rows in found.items()}
        lines = [line for each in wanted for line in lines_of(each, standing.get(each.key, []), zone)]
    for text, cause in invalid:
        records.append({"address": text, "key": None, "stopped": None, "history": [], "error": cause})
    if as_json:
        emit_json(records)
        return
    show_table([_("Address"), _("Stopped"), _("Reason"), _("Since"), _("Evidence")], lines)
    for _text, cause in invalid:
        note(cause)


def _parse_file(path: Path, wanted: "dict[str, Address]") -> "tuple[list[Address], list[tuple[str, str]]]":
    """Read the addresses of a sheet beside those in `wanted`, each mailbox once, and what is no address with the cause."""
    from audiences.addresses import parse_address
    from audiences.addresslists import open_list
    from audiences.errors import InvalidAddress

    invalid = []
    for row in open_list(path, {}).rows():
        text = row.values["address"]
        try:
            parsed = parse_address(text)
        except InvalidAddress as error:
            if text:
                cause = _("{file}, row {row}: {cause}").format(file=path.name, row=row.number, cause=error)
                invalid.append((text, cause))
        else:
            wanted.setdefault(parsed.key, parsed)
    return list(wanted.values()), invalid
