"""Commands about companies that could not be placed or sorted: find them, mend them, put one where it belongs."""

from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campaigns.cli.options import Json
from campaigns.cli.output import FOUND, emit_json, examples, progress_bar, say, show_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audiences.places import Fault, Misfit
    from audiences.reference import Commune
    from campaigns.cli.context import Context

app = typer.Typer()

SHOWN = 20
"""How many companies the screen names; --json and --out name them all."""


def _labels() -> "dict[Fault, str]":
    from audiences.places import Fault

    return {
        Fault.NO_PLACE: _("no commune, no postcode"),
        Fault.UNKNOWN_COMMUNE: _("commune not known"),
        Fault.CONTRADICTION: _("commune and postcode contradict each other"),
        Fault.AMBIGUOUS: _("several communes are meant"),
        Fault.OUTDATED: _("commune merged or in another EPCI since"),
        Fault.NO_NAF: _("no NAF code"),
        Fault.UNKNOWN_NAF: _("NAF code not known"),
        Fault.NO_SIRET: _("no SIRET"),
        Fault.INVALID_SIRET: _("SIRET not valid"),
    }


def _faults(only: str | None) -> "frozenset[Fault]":
    from audiences import places

    groups = {"commune": places.PLACE, "naf": places.NAF, "siret": places.SIRET}
    if only is None:
        return frozenset(places.Fault)
    if only not in groups:
        words = ", ".join(groups)
        raise typer.BadParameter(
            _("“{text}” is not one of {words}.").format(text=only, words=words), param_hint="--only"
        )
    return groups[only]


@app.command(
    epilog=examples("relais audiences check --only commune", "relais audiences check --out a-corriger.xlsx"),
    help=_("Find companies that no audience can place. By commune, NAF code or SIRET, with the likely commune."),
)
def check(
    only: Annotated[str | None, typer.Option(help=_("commune, naf or siret."))] = None,
    out: Annotated[
        Path | None, typer.Option(help=_("Write them to this file, .xlsx or .csv, to mend and import again."))
    ] = None,
    as_json: Json = False,
) -> None:
    from audiences.database import reading
    from audiences.places import find_misfits
    from campaigns.cli.context import open_context

    wanted = _faults(only)
    context = open_context()
    settings = context.settings
    with reading(context.engine) as session, progress_bar(_("Checking the companies")):
        found = list(find_misfits(session, settings.places, settings.sectors, only=wanted))
    order = {fault: at for at, fault in enumerate(_labels())}
    found.sort(key=lambda each: order[each.faults[0]])  # what keeps it out of an EPCI first, then by name
    if out is not None:
        _write(out, found)
    if as_json:
        emit_json([_record(each) for each in found])
    elif out is not None:
        _tell(out, len(found))
    else:
        _show(found)
    if found:
        raise typer.Exit(FOUND)


def _record(misfit: "Misfit") -> dict[str, Any]:
    likely = [
        {"code": each.code, "name": each.name, "postcodes": each.postcodes.split(), "epci_siren": each.epci or None}
        for each in misfit.likely
    ]
    return {**vars(misfit), "likely": likely}


def _written(communes: "Iterable[Commune]") -> str:
    return ", ".join(f"{each.code} {each.name}" for each in communes)


def _show(found: "list[Misfit]") -> None:
    if not found:
        say(_("Every company has its commune, its NAF code and its SIRET."))
        return
    labels = _labels()
    counts = [(labels[fault], sum(fault in each.faults for each in found)) for fault in labels]
    show_table([_("Companies"), _("Number")], [line for line in counts if line[1]], numbers=1)
    say("")
    rows = [
        (
            each.name,
            each.siret or "",
            " ".join(filter(None, [each.postcode, each.commune])),
            ", ".join(labels[fault] for fault in each.faults),
            _written(each.likely[:2]),
        )
        for each in found[:SHOWN]
    ]
    show_table([_("Company"), _("SIRET"), _("Place"), _("Fault"), _("Likely")], rows)
    if len(found) > SHOWN:
        say(_("… and {count} more: --json or --out FILE.xlsx has them all.").format(count=len(found) - SHOWN))
    if any(each.likely for each in found):
        say(_("Put one where it belongs: relais audiences place SIRET --commune CODE"))
    say(_("Mend many: relais audiences check --out FILE.xlsx, then import that file."))


COLUMNS = (
    "SIRET", "Raison sociale", "Code NAF", "Code postal", "Commune", "Code commune", "Email", "À corriger",
    "Communes probables",
)  # fmt: skip
"""What `audiences import` reads, without addresses, and two columns for the reader."""


def _write(out: Path, found: "list[Misfit]") -> None:
    from audiences.exports import write_sheet

    labels = _labels()
    rows = (
        (
            each.siret,
            each.name,
            each.naf,
            each.postcode,
            each.commune,
            each.commune_code,
            None,
            ", ".join(labels[fault] for fault in each.faults),
            _written(each.likely),
        )
        for each in found
    )
    write_sheet(out, COLUMNS, rows, name="À corriger")


def _tell(out: Path, count: int) -> None:
    say(ngettext("{file}: {count} row.", "{file}: {count} rows.", count).format(file=out, count=count))
    say(_("Correct the cells, and import it: relais audiences import {file}").format(file=out))


@app.command(
    epilog=examples(
        "relais audiences place 82345678900012 --commune 62041",
        'relais audiences place "Boulangerie Morel" --commune Arras',
        "relais audiences place --outdated",
    ),
    help=_("Put a company into its commune. Imports that repeat the faulty text do not undo it."),
)
def place(
    company: Annotated[
        str | None, typer.Argument(metavar="SIRET", help=_("The company's SIRET, or its whole name."))
    ] = None,
    commune: Annotated[str | None, typer.Option(help=_("INSEE code or name of the commune."))] = None,
    outdated: Annotated[
        bool, typer.Option("--outdated", help=_("Follow all communes that merged or changed their EPCI."))
    ] = False,
    as_json: Json = False,
) -> None:
    from campaigns.cli.context import open_context

    if outdated and company is None and commune is None:
        _update(open_context(), as_json=as_json)
    elif outdated or company is None or not (commune or "").strip():
        raise typer.BadParameter(_("Write a company with --commune, or --outdated alone."), param_hint="SIRET")
    else:
        _place(open_context(), company, commune or "", as_json=as_json)


def _place(context: "Context", text: str, commune: str, *, as_json: bool) -> None:
    from audiences.database import writing
    from audiences.places import correct_place, find_company
    from campaigns.cli.context import whoami

    territory = context.settings.places
    with writing(context.engine) as session:
        company = find_company(session, text)
        found = territory.find_commune(commune, postcode=company.postcode)
        correct_place(company, found, by=whoami(), now=context.now())
        facts = {"siret": company.siret, "company": company.name, **found._asdict()}
    epci = territory.label(found.epci_siren) if found.epci_siren else _("no EPCI")
    if as_json:
        emit_json({**facts, "epci": epci if found.epci_siren else None})
        return
    say(
        _("{company}: {commune} ({code}), {epci}.").format(
            company=facts["company"], commune=found.commune, code=found.commune_code, epci=epci
        )
    )


def _update(context: "Context", *, as_json: bool) -> None:
    from audiences.database import writing
    from audiences.places import update_places

    with writing(context.engine) as session:
        count = update_places(session, context.settings.places, now=context.now())
    if as_json:
        emit_json({"updated": count})
        return
    say(ngettext("{count} company was updated.", "{count} companies were updated.", count).format(count=count))
