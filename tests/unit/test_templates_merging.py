"""Macros, layouts and includes are written out where they are used."""

import pytest
from lxml import etree

from templates import (
    InvalidTemplate,
)
from templates.compiler import compile_template
from tests.unit.compiling import VARIABLES, assert_same_as_inlining_afterwards, make_template, render

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
