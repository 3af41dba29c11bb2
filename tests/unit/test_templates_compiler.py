import json
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from templates import (
    Brand,
    CompiledTemplate,
    InvalidTemplate,
    Purpose,
    Template,
    Variable,
    VariableType,
    bind_variables,
    example_variables,
    make_environment,
)
from templates.compiler import compile_template
from templates.inheritance import flatten
from templates.inliner import premail
from templates.pieces import join
from templates.previews import preview_recipient
from templates.sources import LIBRARY, find_templates, load_template

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


SNIPPETS = {
    "text": "<p>{{ titre }}</p>",
    "rows in a loop": "<table class=main>{% for l in lignes %}<tr><td class=cell>{{ l }}</td></tr>{% endfor %}</table>",
    "cells in branches": "<table class=main><tr>{% if vide %}<td class=cell>a</td>{% else %}<td>b</td>{% endif %}"
    "<td class='cell'>c</td></tr></table>",
    "link": '<p><a href="{{ lien }}">{{ titre }}</a></p>',
    "quotes inside an attribute": '<p title="{{ titre | replace("a", "b") }}">x</p>',
    "greater-than inside a tag": "<p title='{{ \"1>2\" if 2 > 1 else vide }}'>x</p>",
    "attribute in a branch": "<p{% if vide %} title='a'{% else %} lang='fr'{% endif %}>x</p>",
    "Jinja in a style": '<p style="color: {{ couleur }}; width: 10px">x</p>',
    "style in a branch": '<p style="{% if vide %}color: red{% else %}color: green{% endif %}">x</p>',
    "Jinja before a style of the author's": "<p style='{% if vide %}color: {{ couleur }};{% endif %}color: blue'>x</p>",
    "static style": "<p style='margin: 0; font-family: \"Open Sans\"'>x</p>",
    "unquoted style": "<p style=color:red>x</p>",
    "comment": "<p>a</p><!-- {{ titre }} {% if vide %}<p>{% endif %} --><p>b</p>",
    "MSO conditional": "<!--[if mso]><table><tr><td style='color:{{ couleur }}'><![endif]--><p>a</p>"
    "<!--[if mso]></td></tr></table><![endif]--><!--[if !mso]><!--><p>b</p><!--<![endif]-->",
    "entities": "<p title='&#123;&#123; titre }}'>&#123;&#123; titre }} &#123;% if %} &amp;lt;</p>",
    "void tags": "<p>{{ titre }}<br/><img src='https://example.org/x.png' alt='{{ titre }}'/><br /></p>",
    "nested blocks": "<ul>{% for l in lignes %}{% if not loop.first %}<li>{{ l }}</li>{% endif %}{% endfor %}</ul>",
    "set": "{% set a = titre %}<p>{{ a }}</p>{% set b = 1 %}",
    "comment of Jinja": "<p>{# <p> #}a</p>",
    "whitespace control": "<p>a {%- if titre -%} b {%- endif %} c</p>",
    "upper case": "<P CLASS=cell>a</P>",
}


@pytest.mark.parametrize("snippet", SNIPPETS.values(), ids=SNIPPETS)
@pytest.mark.parametrize("vide", ["", "plein"], ids=["empty", "filled"])
def test_compile_then_render_equals_render_then_inline(snippet, vide):
    assert_same_as_inlining_afterwards(make_template(snippet), {**VARIABLES, "vide": vide})


@pytest.mark.parametrize("name", find_templates())
@pytest.mark.parametrize("logo", [None, "https://example.org/logo.png"], ids=["no logo", "logo"])
def test_shipped_templates_equal_render_then_inline(name, logo, monkeypatch):
    template = find_templates()[name]
    monkeypatch.setitem(BRAND, "logo_url", logo)
    for examples in (
        example_variables(template),
        {name: value for name, value in example_variables(template).items() if template.variables[name].required},
    ):
        assert_same_as_inlining_afterwards(template, bind_variables(template, examples, today=date(2020, 4, 1)))


def test_css_values_may_be_expressions():
    head = "<style>p { color: {{ couleur }}; border: 1px solid {{ couleur }}; }</style>"
    template = make_template("<p>a</p>", head=head)
    assert_same_as_inlining_afterwards(template, VARIABLES)
    assert 'style="color:{{ couleur }}; border:1px solid {{ couleur }}"' in compile_template(template).html


def test_the_author_s_text_stays_byte_for_byte():
    body = "<p >a&nbsp;b é &eacute;</p >\n<!-- {{ titre }} -->\n<td  class=cell >"
    html = compile_template(make_template(body)).html
    assert body in re.sub(r' style="[^"]*"', "", html)
    assert STYLE.strip() in html


def test_entities_never_turn_into_live_tags():
    body = "<p style=\"content: '&#123;&#123; titre &#125;&#125;'\">&#123;&#123; titre }} &#x7b;% if x %}</p>"
    html = compile_template(make_template(body, head="<style>p { color: red }</style>")).html
    rendered = render(html, VARIABLES)
    assert VARIABLES["titre"] not in etree.fromstring(rendered, etree.HTMLParser()).xpath("string()")
    assert "&#123;&#123; titre" in rendered


@given(text=st.text(alphabet=st.sampled_from("{}%#<>\"'& aé\n"), max_size=30))
def test_any_escaped_text_comes_out_as_it_is(text):
    escaped = "".join(f"&#{ord(character)};" for character in text)
    compiled = compile_template(make_template(f"<p title='{escaped}'>{escaped}</p>"))
    page = etree.fromstring(render(compiled.html, VARIABLES).strip(), etree.HTMLParser())
    assert page.xpath("string(//p)") == text
    assert page.xpath("string(//p/@title)") == text


REFUSED = {
    "recipient's data unescaped": ("<p>{{ company.name | safe }}</p>", "unescaped"),
    "a compiler's own filter": ("<p>{{ titre | inlined }}</p>", "inlined"),
    "changed escaping": ("{% autoescape false %}<p>{{ titre }}</p>{% endautoescape %}", "autoescape"),
    "recursive loop": ("{% for l in lignes recursive %}{{ loop(l) }}{% endfor %}", "recursive"),
    "private characters": ("<p>\ue000</p>", "private"),
    "import of nothing": ("{% from 'autre.html' import m %}", "autre.html"),
    "unknown name": ("<p>{{ titer }}</p>", "titre"),
    "unknown field": ("<p>{{ contact.prenom }}</p>", "given_name"),
    "unknown filter": ("<p>{{ titre | majuscules }}</p>", "majuscules"),
    "unclosed": ("<p>\n{{ titre </p>", "line"),
    "filter that reaches into objects": ("<p>{{ titre | attr('upper') }}</p>", "attr"),
    "include of a name": ("{% include titre %}", "quotes"),
    "include that is not there": ("{% include 'autre.html' %}", "autre.html"),
    "include of another folder": ("{% include '../fonds/body.html' %}", "own files"),
    "include out of the base": ("{% include '_base/../fonds/body.html' %}", "own files"),
    "include of an absolute path": ("{% include '/etc/hostname' %}", "own files"),
}


@pytest.mark.parametrize(("body", "hint"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compiled_is_refused_with_its_line(body, hint, tmp_path):
    template = make_template(f"\n<i>a</i>\n{body}", folder=tmp_path)
    with pytest.raises(InvalidTemplate) as caught:
        compile_template(template)
    assert hint in str(caught.value)
    assert caught.value.file == tmp_path / "body.html"
    assert caught.value.line


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


MACROS = {
    "one": "{% macro m(a, b='x') %}<td class=cell title='{{ b }}'>{{ a }}</td>{% endmacro %}"
    "<table class=main><tr>{{ m(titre) }}{{ m('c', b=lien) }}</tr></table>",
    "in a loop": "{% macro m(a) %}<li>{{ a }}{% if vide %}!{% endif %}</li>{% endmacro %}"
    "<ul>{% for l in lignes %}{{ m(l ~ loop.index) }}{% endfor %}</ul>",
    "in a macro": "{% macro k(a) %}<b class=cell>{{ a }}</b>{% endmacro %}"
    "{% macro m(a, b) %}<p>{{ k(a) }} {{ k(b | upper) }}</p>{% endmacro %}{{ m('x, y', [titre, '('] | join) }}",
    "without arguments": "{% macro m() %}<p>{{ titre }}</p>{% endmacro %}{{ m() }}<div class=main>{{- m() -}}</div>",
    "with": "{% with a = titre %}<p class=cell>{{ a }}</p>{% endwith %}",
}


@pytest.mark.parametrize("body", MACROS.values(), ids=MACROS)
@pytest.mark.parametrize("vide", ["", "plein"], ids=["empty", "filled"])
def test_macros_are_written_out_where_they_are_called(body, vide):
    template = make_template(body)
    compiled = compile_template(template)
    assert not compiled.obstacle
    assert "macro" not in compiled.html
    assert_same_as_inlining_afterwards(template, {**VARIABLES, "vide": vide})


def test_a_macro_that_would_see_the_name_of_a_loop_stays_a_macro():
    body = "{% set l = titre %}{% macro m() %}<p>{{ l }}</p>{% endmacro %}{% for l in lignes %}{{ m() }}{% endfor %}"
    assert compile_template(make_template(body)).obstacle
    assert_same_as_inlining_afterwards(make_template(body), VARIABLES)


@pytest.mark.parametrize(
    "use",
    [
        "{% import 'outils.html' as ui %}<div class=main>{{ ui.case(titre) }}</div>",
        "{% from 'outils.html' import case %}<div class=main>{{ case(titre) }}</div>",
        "{% from 'outils.html' import case as c with context %}<div class=main>{{ c(titre) }}</div>",
    ],
    ids=["import", "from", "renamed"],
)
def test_imported_macros_are_written_out(use, tmp_path):
    (tmp_path / "outils.html").write_text(
        "{% macro gras(a) %}<b>{{ a }}</b>{% endmacro %}"
        "{% macro case(a) %}<p class=cell>{{ gras(a) }}</p>{% endmacro %}"
    )
    template = make_template(use, folder=tmp_path)
    assert not compile_template(template).obstacle
    assert_same_as_inlining_afterwards(template, VARIABLES)
    with pytest.raises(InvalidTemplate, match="autre"):
        compile_template(make_template("{% from 'outils.html' import autre %}", folder=tmp_path))


def test_raw_stays_text():
    body = "{% raw %}<p class=cell title='{{ x }}'>{{ titre }} {% if %} {# a #}</p>{% endraw %}<p>jph1x {{ titre }}</p>"
    template = make_template(body, head="<style>p { color: red } {% raw %}@media{#a{color:red}}{% endraw %}</style>")
    page = render(compile_template(template).html, VARIABLES)
    assert "{{ titre }} {% if %} {# a #}</p>" in page
    assert "@media{#a{color:red}}" in page
    assert "jph1x Des aides" in page
    text = render(compile_template(template).text, {**preview_recipient(), **VARIABLES}, autoescape=False)
    assert "{{ titre }} {% if %} {# a #}" in " ".join(text.split())


@given(text=st.text(alphabet="{}%# x<b>/&", max_size=20), split=st.integers(0, 20))
def test_text_that_looks_like_jinja_never_runs(text, split):
    escaped = ["".join(f"&#{ord(character)};" for character in part) for part in (text[:split], text[split:])]
    compiled = compile_template(make_template(f"<p>a{escaped[0]}<b>{escaped[1]}</b>z</p>"))
    written = render(compiled.text, {**preview_recipient(), **VARIABLES}, autoescape=False)
    assert " ".join(f"a{text}z".split()) in " ".join(written.split())


PIECES = st.recursive(
    st.sampled_from(
        [
            "texte {{ titre }}",
            "<p class=cell>{{ titre }}</p>",
            '<a href="{{ lien }}">a</a>',
            "<li>b</li>",
            "<!-- {{ titre }} -->",
            "<!--[if mso]><p style='color:{{ couleur }}'>c</p><![endif]-->",
            '<p style="color: {{ couleur }}">d</p>',
            "{{ ligne('e') }}",
            "&#123;&#123; titre }}",
            '<p class="{{ mot }}">f</p>',
            "<p{% if vide %} class=cell{% endif %}>g</p>",
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        inner.map("<div class=main>{}</div>".format),
        inner.map("<table><tr><td class=cell>{}</td></tr></table>".format),
        inner.map("{{% if vide %}}{}{{% endif %}}".format),
        inner.map("{{% for l in lignes %}}{}{{% else %}}<p>x</p>{{% endfor %}}".format),
        st.tuples(inner, inner).map(lambda two: f"{{% if vide %}}{two[0]}{{% else %}}{two[1]}{{% endif %}}"),
    ),
    max_leaves=6,
)
RULES = st.lists(
    st.sampled_from(
        [
            "p { color: red; margin: 0 }",
            ".main .cell { padding: 1px }",
            "li:first-child { color: blue }",
            "p + p { margin: 1px }",
            ".cell { color: {{ couleur }} }",
            "@media (max-width: 9px) { p { color: {{ couleur }} !important } }",
            "div > p { width: 10px }",
        ]
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(body=PIECES, rules=RULES, vide=st.sampled_from(["", "plein"]), lignes=st.lists(st.just("l"), max_size=2))
def test_any_template_equals_render_then_inline(body, rules, vide, lignes):
    macro = "{% macro ligne(a) %}<p class=cell>{{ a }}{{ titre }}</p>{% endmacro %}"
    template = make_template(macro + body, head=f"<style>{' '.join(rules)}</style>")
    template = replace(template, variables={**template.variables, "mot": template.variables["vide"]})
    assert_same_as_inlining_afterwards(template, {**VARIABLES, "vide": vide, "lignes": lignes, "mot": "cell"})


def test_imported_web_fonts_stay_and_nothing_is_opened(monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was used"))
    css = "@import url('https://example.org/css?family=A:wght@400;700'); @IMPORT \"file:///dev/null\"; p { color: red }"
    html = compile_template(make_template("<p>a</p>", head=f"<style>{css}</style>")).html
    assert css in html
    assert '<p style="color:red">' in html


def test_positional_rules_are_fine_where_nothing_depends_on_the_recipient():
    body = "<ul><li>{% if vide %}a{% endif %}</li><li>b</li></ul>{% if vide %}<p>x</p>{% endif %}"
    head = "<style>li:first-child { color: red } li + li { color: blue }</style>"
    assert_same_as_inlining_afterwards(make_template(body, head=head), VARIABLES)


def test_layouts_and_includes_are_merged(tmp_path):
    (tmp_path / "cadre.html").write_text(
        "<html><body>{% block a %}<p>un</p>{% endblock %}{% block b %}{% block c %}c{% endblock %}{% endblock %}"
        "{% include 'bas.html' %}</body></html>"
    )
    (tmp_path / "milieu.html").write_text(
        "{% extends 'cadre.html' %}{% block a %}{{ super() }}<p>deux</p>{% endblock %}"
    )
    (tmp_path / "bas.html").write_text("<p>{{ mot }}</p>")
    body = (
        "{% extends 'milieu.html' %}\n{# rien #}\n{% set mot = titre %}\n"
        "{% block a %}{{ super() }}trois{% endblock %}{% block c %}C{% endblock %}"
    )
    compiled = compile_template(make_template(body, folder=tmp_path))
    page = etree.fromstring(render(compiled.html, VARIABLES).strip(), etree.HTMLParser())
    assert page.xpath("string()") == f"undeuxtroisC{VARIABLES['titre']}"


MERGE_FAULTS = {
    "text outside of blocks": ("{% extends '_base/layout.html' %}<p>x</p>", "outside"),
    "unknown block": ("{% extends '_base/layout.html' %}{% block contenu %}{% endblock %}", "content"),
    "circle": ("{% extends 'moi.html' %}", "circle"),
    "late extends": ("<p>x</p>{% block a %}{% extends 'moi.html' %}{% endblock %}", "top"),
}


@pytest.mark.parametrize(("body", "hint"), MERGE_FAULTS.values(), ids=MERGE_FAULTS)
def test_faults_of_inheritance_are_named(body, hint, tmp_path):
    (tmp_path / "moi.html").write_text("{% extends 'moi.html' %}")
    with pytest.raises(InvalidTemplate, match=hint):
        compile_template(make_template(body, folder=tmp_path))


@pytest.mark.parametrize("body", ["", "  \n", "{# rien #}", "<!-- rien -->", "{% set a = 1 %}"], ids=ascii)
def test_a_body_that_shows_nothing_is_refused(body, tmp_path):
    template = replace(make_template(""), folder=tmp_path, html=body)
    with pytest.raises(InvalidTemplate, match="shows nothing"):
        compile_template(template)


def test_a_body_may_be_a_fragment(tmp_path):
    compiled = compile_template(replace(make_template(""), folder=tmp_path, html="Bonjour {{ titre }}"))
    assert compiled.text.splitlines()[-1] == '{{ ("Bonjour " ~ (titre)) | wrapped }}'


def test_a_text_part_of_the_author_s_is_kept():
    assert compile_template(make_template("<p>a</p>", text="Bonjour {{ titre }}")).text.endswith(
        "\nBonjour {{ titre }}"
    )
    with pytest.raises(InvalidTemplate, match=r"body\.txt.*titre"):
        compile_template(make_template("<p>a</p>", text="Bonjour {{ titer }}"))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    folder = tmp_path / "essai"
    folder.mkdir()
    (tmp_path / "secret.html").write_text("secret")
    (folder / "lien.html").symlink_to(tmp_path / "secret.html")
    with pytest.raises(InvalidTemplate, match="own files"):
        compile_template(make_template("{% include 'lien.html' %}", folder=folder))


@pytest.mark.parametrize("name", ["template.toml", "body.html", "subject.txt"])
def test_a_template_s_own_files_are_no_links_out_of_its_folder(name, tmp_path):
    folder = tmp_path / "modeles" / "essai"
    shutil.copytree(LIBRARY / "information", folder)
    (folder / "subject.txt").write_text("Bonjour")
    (tmp_path / "secret").write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidTemplate, match="outside"):
        load_template("essai", [tmp_path / "modeles"])


def test_the_version_follows_the_sources_and_survives_json():
    one = compile_template(make_template("<p>a</p>"))
    other = compile_template(make_template("<p>a</p>", subject="Bonsoir"))
    assert one == compile_template(make_template("<p>a</p>"))
    assert one.version != other.version
    assert CompiledTemplate.from_dict(json.loads(json.dumps(one.to_dict()))) == one


@pytest.mark.parametrize("name", find_templates())
def test_shipped_templates_stay_far_below_what_gmail_clips(name):
    compiled = compile_template(find_templates()[name])
    assert compiled.obstacle == ""
    assert len(compiled.html.encode()) < 60_000
