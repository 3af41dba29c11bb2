"""Templates for the tests of the compiler, and what they are compared with: rendered first, then inlined."""

from pathlib import Path

from lxml import etree

from templates import (
    Brand,
    Purpose,
    Template,
    Variable,
    VariableType,
    make_environment,
)
from templates.compiler import compile_template
from templates.inheritance import flatten
from templates.inliner import premail
from templates.pieces import join
from templates.previews import preview_recipient

STYLE = """
<style>
p { color: #222222; margin: 0 0 8px; }
.cell, li { padding: 4px; font-family: "Segoe UI", Arial; }
.main .cell { padding: 8px; }
a[href] { color: blue; }
a:hover { color: red; }
@media (max-width: 600px) { .cell { padding: 0 !important; } }
</style>
"""
VARIABLES = {
    "titre": "Des aides < 5 % & « plus »",
    "vide": "",
    "couleur": "#123456",
    "lignes": ["un", "deux 'trois'", 'quatre "cinq"'],
    "lien": "https://example.org/?a=1&b=2",
}
BRAND = Brand(
    name="Chambre",
    short_name="CCI",
    address=("1 rue", "62000 Arras"),
    website="https://example.org",
    email="a@example.org",
    phone="03 00 00 00 00",
    logo_url=None,
    primary_colour="#e3a008",  # dark letters stand on it: cssutils would write white as #fff
    accent_colour="#12467f",
).names()


def make_template(body, folder=Path(), text=None, head=STYLE, subject="Bonjour"):
    html = body if body.lstrip().startswith("{% extends") else f"<html><head>{head}</head><body>{body}</body></html>"
    variables = {name: Variable(name, VariableType.TEXT, name, False, "", "x") for name in VARIABLES}
    return Template("essai", "Essai", "Essai", Purpose.SERVICE, variables, folder, subject, html, text)


def render(source, names, *, autoescape=True):
    return make_environment(autoescape=autoescape).from_string(source).render(names)


def outline(tree):
    """Flatten a page to what a mail client would see of it, with styles as dictionaries."""
    rows = []
    for node in tree.getroot().iter():
        text = "" if node.tag == "style" else " ".join((node.text or "").split())
        attributes = dict(node.attrib) if isinstance(node.tag, str) else {}
        style = attributes.pop("style", "")
        declarations = [part.split(":", 1) for part in style.replace('"', "'").split(";") if part.strip()]
        styles = {name.strip(): " ".join(value.split()) for name, value in declarations}
        rows.append((str(node.tag), text, " ".join((node.tail or "").split()), attributes, styles))
    return rows


def assert_same_as_inlining_afterwards(template, names):
    names = {**preview_recipient(), "brand": BRAND, "purpose": str(template.purpose), **names}
    plain = join(flatten(template.html, template.folder / "body.html", template.folder))
    rendered = render(plain, names).strip()
    expected = premail(etree.fromstring(rendered, etree.HTMLParser()))
    ours = etree.fromstring(render(compile_template(template).html, names).strip(), etree.HTMLParser()).getroottree()
    assert outline(ours) == outline(expected)
