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


Out = Annotated[Path | None, typer.Option(help=_("The file to write; NAME.html without it."))]
Open = Annotated[bool, typer.Option("--open", help=_("Show it in the browser."))]


@app.command(
    epilog=examples(
        "relais templates preview fonds --open",
        'relais templates preview fonds --set epci=CUA --set montant="1 M€" --out p.html',
    ),
    help=_(
        "Show a template for an invented recipient. Writes one page with its desktop, phone, dark and text views; "
        "variables that are not set take their examples."
    ),
)
def preview(
    name: str,
    sets: Sets = None,
    out: Out = None,
    opens: Open = False,
    plain: Annotated[bool, typer.Option("--plain", help=_("Write the mail's own HTML and nothing else."))] = False,
) -> None:
    from campaigns.cli.context import make_clock
    from campaigns.content import render_preview
    from campaigns.settings import load_settings
    from templates import load_template
    from templates.gallery import inbox_line, show_template

    settings = load_settings()
    template = load_template(name, settings.template_folders)
    today = make_clock(settings.clock)().astimezone(settings.zone).date()
    rendered = render_preview(template, parse_sets(sets), settings, today=today)
    target = out or Path(f"{name}.html")
    page = rendered.html if plain else show_template(template.title, settings.sender.name, rendered)
    target.write_text(page, encoding="utf-8")
    subject, preheader = inbox_line(rendered)
    say(_("Subject: {subject}").format(subject=subject))
    say(_("Preheader: {preheader}").format(preheader=preheader))
    size = len(rendered.html.encode()) // 1024
    say(_("Written: {file} (the mail itself: {size} KB).").format(file=target, size=size))
    show_in_browser(target, opens=opens)


@app.command(
    epilog=examples(
        "relais templates new fonds-2027 --from fonds", "relais templates new ma-lettre --from information --markdown"
    ),
    help=_("Make a template of your own. Copies one that there is into your templates folder."),
)
def new(
    name: Annotated[str, typer.Argument(help=_("Its name, like fonds-2027."))],
    source: Annotated[str, typer.Option("--from", metavar="NAME", help=_("The template to begin with."))],
    markdown: Annotated[
        bool, typer.Option("--markdown", help=_("Write one Markdown file with the same variables."))
    ] = False,
) -> None:
    from campaigns.settings import load_settings
    from templates import load_template
    from templates.copies import copy_template

    settings = load_settings()
    template = load_template(source, settings.template_folders)
    target = copy_template(template, name, settings.files.templates, as_markdown=markdown)
    say(_("Written: {file}").format(file=target))
    say(_("Next: change it, then relais templates preview {name} --open").format(name=name))


def show_in_browser(file: Path, *, opens: bool) -> None:
    """Open a page where it is asked for, or say how."""
    import webbrowser

    if not opens:
        say(_("Open it in a browser, or add --open."))
    elif not webbrowser.open(file.resolve().as_uri()):
        say(_("No browser could be started here; open the file yourself."))
