"""Templates compiled once give what rendering and then inlining gives."""

import json
import re
import shutil
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from templates import (
    CompiledTemplate,
    InvalidTemplate,
    bind_variables,
    example_variables,
)
from templates.compiler import compile_template
from templates.previews import preview_recipient
from templates.sources import LIBRARY, find_templates, load_template
from tests.unit.compiling import (
    BRAND,
    STYLE,
    VARIABLES,
    assert_same_as_inlining_afterwards,
    make_template,
    render,
)

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
