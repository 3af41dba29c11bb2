"""What depends on the recipient is inlined for each of them."""

from dataclasses import replace

import pytest

from templates import (
    InvalidTemplate,
)
from templates.compiler import compile_template
from templates.previews import preview_recipient
from tests.unit.compiling import STYLE, VARIABLES, assert_same_as_inlining_afterwards, make_template, render

INLINED_LATE = {
    "Jinja in a class": '<p class=\'{{ "cell" if vide }}{{ "main" if not vide }}\'>x</p>',
    "Jinja in an id": "<p id='a{{ titre }}'>x</p>",
    "class in a branch": "<p{% if vide %} class=cell{% endif %}>x</p>",
    "style twice": "<p{% if vide %} style='color:red'{% else %} style='color:blue'{% endif %}>x</p>",
    "half an element in a branch": "{% if vide %}<div class=main>{% endif %}<p class=cell>x</p>{% if vide %}</div>{% endif %}",
    "tag of another branch": "{% if vide %}<div class=main>{% else %}<div>{% endif %}<p class=cell>x</p></div>",
    "attribute made of an expression": "<p {{ 'title' if vide else 'lang' }}=a>x</p>",
    "safe": "<p>{{ balises | safe }}</p>",
    "macro used as a value": "{% macro m() %}<p class=cell>x</p>{% endmacro %}{{ m() | upper }}",
    "macro with a caller": "{% macro m() %}<div class=main>{{ caller() }}</div>{% endmacro %}"
    "{% call m() %}<p class=cell>x</p>{% endcall %}",
    "block set": "{% set x %}<p class=cell>a</p>{% endset %}{{ x }}{{ x }}",
    "filter block": "{% filter replace('u', 'o') %}<p class=cell>un &amp; deux</p>{% endfilter %}",
    "first child beside a block": "<ol>{% if vide %}<li>a</li>{% endif %}<li>b</li></ol>",
    "sibling beside a block": "<ul>{% if vide %}<li>a</li>{% endif %}<li>b</li></ul>",
    "attribute that Jinja writes": "<i title='{{ vide }}'>a</i>",
    "a tag that cannot stand there": "<body class=cell><p>a</p>",
}
LATE_CSS = "<style>ol li:first-child { color: red } ul li + li { color: blue } i[title=plein] { color: green }</style>"


@pytest.mark.parametrize("body", INLINED_LATE.values(), ids=INLINED_LATE)
@pytest.mark.parametrize("vide", ["", "plein"], ids=["empty", "filled"])
def test_what_cannot_be_compiled_is_inlined_for_each_recipient(body, vide):
    template = make_template(f"\n<i>a</i>\n{body}", head=STYLE + LATE_CSS)
    template = replace(template, variables={**template.variables, "balises": template.variables["titre"]})
    names = {**VARIABLES, "vide": vide, "balises": "<i class=cell>{{ titre }}</i>"}
    compiled = compile_template(template)
    assert "body.html, line" in compiled.obstacle
    assert_same_as_inlining_afterwards(template, names)
    text = render(compiled.text, {**preview_recipient(), **names}, autoescape=False)
    assert "<" not in text
    assert render(compiled.without_inlining().html, {**preview_recipient(), **names})


LATE_SHEETS = {
    "statement in style": "{% if vide %}p { color: red }{% endif %}",
    "expression as a selector": ".{{ mot }} { color: red }",
    "expression as a rule": ".x { color: red } {{ regle }}",
    "expression behind #": "p { background: #{{ teinte }} }",
    "expression in a selector": ".a{{ mot }} { color: red }",
}


@pytest.mark.parametrize("css", LATE_SHEETS.values(), ids=LATE_SHEETS)
@pytest.mark.parametrize("vide", ["", "plein"], ids=["empty", "filled"])
def test_sheets_that_depend_on_the_recipient_are_inlined_for_each(css, vide):
    template = make_template("<p class='cell acell x'>a</p>", head=f"<style>{css}</style>")
    names = {"mot": "cell", "regle": ".x { margin: 0 }", "teinte": "ffeedd"}
    template = replace(template, variables={**template.variables, **dict.fromkeys(names, template.variables["vide"])})
    assert compile_template(template).obstacle
    assert_same_as_inlining_afterwards(template, {**VARIABLES, "vide": vide, **names})


def test_jinja_in_media_queries_does_not_hinder():
    css = "p { color: red } @media (max-width: 9px) { {% if vide %}p { color: #{{ couleur }} }{% endif %} }"
    template = make_template("<p>a</p>", head=f"<style>{css}</style>")
    assert not compile_template(template).obstacle
    assert_same_as_inlining_afterwards(template, {**VARIABLES, "vide": "oui"})


def test_without_rules_nothing_is_inlined_late():
    compiled = compile_template(make_template("<p class='{{ titre }}'>x</p>", head=""))
    assert "inlined" not in compiled.html
    assert "x" in render(compiled.text, {**preview_recipient(), **VARIABLES}, autoescape=False)


@pytest.mark.parametrize(
    "css",
    ["@\\69mport 'https://example.org/a.css';", "p { color: red } @import 'https://example.org/a.css'"],
    ids=ascii,
)
def test_imports_that_cannot_be_read_are_refused(css):
    with pytest.raises(InvalidTemplate, match="@import"):
        compile_template(make_template("<p>a</p>", head=f"<style>{css}</style>"))
