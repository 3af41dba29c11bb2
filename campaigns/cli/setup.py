"""Commands that stand at the root: `relais init` and `relais demo`."""

from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.output import examples, open_private, progress_bar, say, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from campaigns.demo.month import Imported, Sent, Step
    from campaigns.reports import Report


def register(app: typer.Typer) -> None:
    """Add the commands to the root."""
    app.command(
        name="init",
        epilog=examples("relais init"),
        help=_("Set Relais up in this folder: relais.toml and the database."),
    )(init)
    app.command(
        name="demo",
        epilog=examples("relais demo", "relais demo --folder essai"),
        help=_("Replay one month of a chamber of commerce. With invented companies and a relay of its own."),
    )(demo)


def init() -> None:
    """Write relais.toml and the database; a relais.toml that has no database yet gets one, another is refused."""
    from audiences.database import open_engine
    from campaigns.errors import AlreadyInitialised
    from campaigns.schema import has_tables, upgrade
    from campaigns.settings import SETTINGS_FILE, load_settings

    if SETTINGS_FILE.exists():
        engine = open_engine(load_settings().database.url)
        if has_tables(engine):
            raise AlreadyInitialised(
                _(
                    "{file} is here already: this folder is set up, and nothing was changed. Go on with `relais audiences import`."
                ).format(file=SETTINGS_FILE)
            )
        upgrade(engine)
        say(_("The database that {file} names is set up.").format(file=SETTINGS_FILE))
        return
    database = Path("relais.db")
    if database.exists():
        raise AlreadyInitialised(
            _("{file} is here without relais.toml. Move it away, or bring back its relais.toml.").format(file=database)
        )
    with open_private(SETTINGS_FILE, "w") as file:  # it may get the relay's password
        file.write((Path(__file__).parent.parent / "example.toml").read_text(encoding="utf-8"))
    upgrade(open_engine(load_settings().database.url))
    say(_("Relais is set up in this folder:"))
    say(_("  relais.toml   your chamber, territory and SMTP server: open it, fill it in"))
    say(_("  relais.db     contacts, campaigns, and what became of every message"))
    say(_("Next: relais audiences import contacts.xlsx"))


def demo(
    folder: Annotated[Path, typer.Option(help=_("The folder to write; an earlier demo in it is replaced."))] = Path(
        "relais-demo"
    ),
) -> None:
    """Replay the month, telling each step."""
    from campaigns.cli.review import show_report
    from campaigns.demo.month import replay

    steps = replay(folder)
    report = _tell(steps)
    say("")
    show_report(report)
    for _end in steps:  # the report reads from the month's store, which closes at its end
        pass
    say("")
    say(_("The folder {folder} is a Relais of its own: cd {folder}").format(folder=folder))
    say(_("Go on there with: relais campaigns list"))
    say(_("Its sheets: {folder}/fichiers. Some of its messages: {folder}/messages").format(folder=folder))


def _tell(steps: "Iterator[Step]") -> "Report":
    """Say what happens, with a bar, up to the month's report."""
    from campaigns.demo.month import Finished, Imported

    with progress_bar(_("Replaying the month")) as bar:
        while not isinstance(step := next(steps), Finished):
            bar.tell(_imported_line(step) if isinstance(step, Imported) else _sent_line(step))
    return step.report


def _imported_line(step: "Imported") -> str:
    summary = step.summary
    return _("{day}  imported {file}: {rows} rows, {created} new").format(
        day=step.day, file=summary.file, rows=summary.rows, created=summary.created
    )


def _sent_line(step: "Sent") -> str:
    """Say how a campaign came down to its recipients, and what became of them."""
    found = step.waterfall
    left_out = "".join(f", -{each.count} {each.label}" for each in found.steps if each.count)
    funnel = _("{contacts} contacts{left_out} = {recipients} recipients").format(
        contacts=found.contacts, left_out=left_out, recipients=found.recipients
    )
    if found.companies:
        funnel = _("{companies} companies: {funnel}").format(companies=found.companies, funnel=funnel)
    result = _("{sent} accepted, {bounced} refused").format(sent=step.figures.sent, bounced=step.figures.bounced)
    margin = len(f"{step.day}  ")
    return "\n".join([f"{step.day}  {step.name}", wrap(funnel, indent=margin), wrap(result, indent=margin)])
