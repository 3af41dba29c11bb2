"""Commands about templates: what there is, what each needs, and what it looks like."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated

import typer

from campaigns.cli import lint
from campaigns.cli.options import Json, Sets, parse_sets
from campaigns.cli.output import emit_json, examples, say, show_pairs, show_table

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_("What is written: the templates of mails."))
app.add_typer(lint.app)


@app.command("list", epilog=examples("relais templates list"), help=_("List the templates, shipped and your own."))
def list_(as_json: Json = False) -> None:
    from campaigns.settings import load_settings
    from templates import find_templates

    found = find_templates(load_settings().template_folders).values()
    if as_json:
        emit_json(
            [
                {"name": each.name, "title": each.title, "purpose": each.purpose, "description": each.description}
                for each in found
            ]
        )
        return
    show_table([_("Name"), _("Title"), _("Description")], [(each.name, each.title, each.description) for each in found])


@app.command(
    epilog=examples("relais templates show fonds"), help=_("Show what a template says and which variables it takes.")
)
def show(name: str, as_json: Json = False) -> None:
    from campaigns.settings import load_settings
    from templates import load_template

    template = load_template(name, load_settings().template_folders)
    variables = [vars(each) for each in template.variables.values()]
    facts = {
        "name": template.name,
        "title": template.title,
        "description": template.description,
        "purpose": template.purpose,
        "subject": template.subject,
    }
    if as_json:
        emit_json({**facts, "variables": variables})
        return
    labels = (_("Name"), _("Title"), _("Description"), _("Purpose"), _("Subject"))
    show_pairs(zip(labels, facts.values(), strict=True))
    say("")
    rows = [
        (
            each["name"],
            f"{each['type']}: {', '.join(each['choices'])}" if each["choices"] else each["type"],
            _("yes") if each["required"] else "",
            each["label"],
            each["default"] or each["example"],
        )
        for each in variables
    ]
    show_table([_("Variable"), _("Type"), _("Needed"), _("Meaning"), _("Default or example")], rows)


@app.command(
    epilog=examples('relais templates preview fonds --set epci=CUA --set montant="1 M€" --out p.html'),
    help=_("Write the HTML of a template for an invented recipient. Variables that are not set take their examples."),
)
def preview(
    name: str,
    sets: Sets = None,
    out: Annotated[Path | None, typer.Option(help=_("The file to write; NAME.html without it."))] = None,
) -> None:
    from campaigns.cli.context import make_clock
    from campaigns.content import render_preview
    from campaigns.settings import load_settings
    from templates import load_template

    settings = load_settings()
    template = load_template(name, settings.template_folders)
    today = make_clock(settings.clock)().astimezone(settings.zone).date()
    rendered = render_preview(template, parse_sets(sets), settings, today=today)
    target = out or Path(f"{name}.html")
    target.write_text(rendered.html, encoding="utf-8")
    say(_("Subject: {subject}").format(subject=rendered.subject))
    size = len(rendered.html.encode()) // 1024
    say(_("Written: {file} ({size} KB). Open it in a browser.").format(file=target, size=size))
