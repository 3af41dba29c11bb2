"""Mails for the tests of the lint: a body in a frame that no rule finds fault with, compiled and rendered for real."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sends import quotedprintable
from templates import Brand, bind_variables, compile_template, example_variables, load_template, preview_recipient
from templates.lint import Finding, Page, Places, Report, make_page, run

TODAY = dt.date(2020, 4, 1)
BRAND = Brand(
    "Chambre de commerce d’Exemple", "CCI", ("1 rue du Port", "62000 Arras"), "https://cci.example.org",
    "contact@cci.example.org", "03 00 00 00 00", None, "#143a66", "#c8102e",
)  # fmt: skip
HEAD = """\
<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><title>Des nouvelles</title>
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
{style}</head>
<body><div style="display:none">Ce que la chambre fait pour les commerces du centre.</div>
<table role="presentation" width="100%" bgcolor="#fefefe"><tr><td style="font-size:16px;color:#222222;background-color:#fefefe">
<h1>Les commerces du centre</h1>
"""
FIRST = HEAD.count("\n") + 1
"""The line of body.html on which the body of a test begins."""

FOOT = """
<p>Chambre de commerce d’Exemple, 1 rue du Port, 62000 Arras. Ce message vous est adressé dans le cadre de sa mission.</p>
<p><a style="color:#143a66" href="{{ links.unsubscribe }}">Ne plus recevoir ces messages</a></p>
</td></tr></table></body></html>
"""
TEXT = "La chambre accompagne les commerces du centre et répond aux questions de leurs gérants, sur place ou par téléphone."
SUBJECT = "Les commerces du centre"


def write_template(
    folder: Path,
    body: str = "",
    *,
    style: str = "",
    subject: str = SUBJECT,
    purpose: str = "public_information",
    text: str | None = None,
    settings: str = "",
    whole: bool = False,
    files: Mapping[str, bytes] | None = None,
) -> Path:
    """Write a template called `essai`; `body` stands in the frame, or is all of it where it is `whole`."""
    target = folder / "essai"
    target.mkdir(parents=True, exist_ok=True)
    page = body if whole else f"{HEAD.replace('{style}', style)}{body}\n<p>{TEXT}</p>{FOOT}"
    (target / "body.html").write_text(page, encoding="utf-8")
    (target / "subject.txt").write_text(subject, encoding="utf-8")
    head = f'title = "Essai"\ndescription = "Un essai"\npurpose = "{purpose}"\n'
    (target / "template.toml").write_text(head + settings, encoding="utf-8")
    if text is not None:
        (target / "body.txt").write_text(text, encoding="utf-8")
    for name, content in (files or {}).items():
        (target / name).write_bytes(content)
    return target


def encode(html: str) -> str:
    """Encode a part as the sender does."""
    return quotedprintable.finish(quotedprintable.encode(html))


def open_page(
    folder: Path, *, name: str = "essai", today: dt.date = TODAY, given: Mapping[str, str] | None = None, **rest: Any
) -> Page:
    """Compile and render a template of a folder."""
    template = load_template(name, [folder])
    examples = {name: value for name, value in example_variables(template).items() if name not in (given or {})}
    return make_page(
        compile_template(template),
        BRAND,
        bind_variables(template, {**examples, **(given or {})}, today=today),
        rest.pop("recipient", preview_recipient()),
        purpose=template.purpose,
        today=today,
        encode=encode,
        places=Places(template),
        examples=frozenset(examples),
        **rest,
    )


def lint(folder: Path, body: str = "", *, today: dt.date = TODAY, **options: Any) -> Report:
    """Write a template and lint it."""
    rest = {name: options.pop(name) for name in ("image_sizes", "image_names", "given", "recipient") if name in options}
    write_template(folder, body, **options)
    return run([open_page(folder, today=today, **rest)], load_template("essai", [folder]))


def by_rule(report: Report, rule: str) -> list[Finding]:
    """Give the findings of one rule."""
    return [finding for finding in report.findings if finding.rule == rule]
