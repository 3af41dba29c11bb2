"""Templates written in Markdown: their front matter, their HTML, and the lines that errors name."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import InvalidTemplate, Renderer, Template, compile_template, find_templates, load_template
from templates.markdown import read_document, to_html
from templates.previews import preview_recipient
from tests.unit.test_templates_sandbox import BRAND

FRONT = """---
title: Essai
subject: "Fonds {{ epci }} : du nouveau"
purpose: service
variables:
  epci: {label: intercommunalité, required: true, example: CUA}
  heure: {type: time, label: heure, default: 11:00}
---
"""


def load(folder: Path, body: str, front: str = FRONT) -> Template:
    (folder / "essai.md").write_text(front + body, encoding="utf-8")
    return load_template("essai", [folder])


def html_of(body: str) -> str:
    """Give the content block of a body, its line ends as spaces."""
    html = to_html(body, Path("a.md"), {})
    inside = re.search(r"\{% block content %\}(.*)\{% endblock %\}", html, re.DOTALL)
    assert inside
    return re.sub(r"[ \n]+", " ", inside[1]).strip()


def test_one_file_is_a_template(tmp_path: Path) -> None:
    template = load(tmp_path, "# Une aide pour {{ company.name }}\n\nBonjour *{{ epci }}* à {{ heure }}.\n")
    assert template.title == template.description == "Essai"
    assert template.variables["epci"].required
    assert template.variables["heure"].default == "11:00"
    assert "essai" in find_templates([tmp_path])
    compiled = compile_template(template)
    assert not compiled.obstacle
    rendered = Renderer(compiled, BRAND, {"epci": "<CUA>", "heure": "11 h"}).render(preview_recipient())
    assert rendered.subject == "Fonds <CUA> : du nouveau"
    assert re.search(r"<h1[^>]*>Une aide pour Boulangerie Lefebvre</h1>", rendered.html)
    assert re.search(r"<p style=[^>]*>Bonjour <em>&lt;CUA&gt;</em> à 11 h.</p>", rendered.html)
    assert "Bonjour <CUA> à 11 h." in rendered.text


def test_a_folder_may_hold_markdown_beside_its_settings(tmp_path: Path) -> None:
    folder = tmp_path / "essai"
    folder.mkdir()
    (folder / "body.md").write_text("---\nlabel: Aide\n---\nBonjour\n", encoding="utf-8")
    (folder / "template.toml").write_text(
        'title = "T"\ndescription = "D"\npurpose = "service"\nsubject = "S"\n', encoding="utf-8"
    )
    assert "{% block label %}Aide{% endblock %}" in load_template("essai", [tmp_path]).html
    (folder / "body.md").write_text("---\ntitle: T\n---\nBonjour\n", encoding="utf-8")
    with pytest.raises(InvalidTemplate, match=r"title stands in template\.toml too"):
        load_template("essai", [tmp_path])
    (folder / "body.html").write_text("<p>x</p>", encoding="utf-8")
    with pytest.raises(InvalidTemplate, match=r"stands beside body\.html"):
        load_template("essai", [tmp_path])
    (tmp_path / "essai.md").write_text(FRONT + "Bonjour", encoding="utf-8")
    with pytest.raises(InvalidTemplate, match=r"essai\.md: stands beside"):
        load_template("essai", [tmp_path])


def test_a_file_of_notepad_s_is_read(tmp_path: Path) -> None:
    (tmp_path / "essai.md").write_bytes(b"\xef\xbb\xbf" + (FRONT + "Bonjour").replace("\n", "\r\n").encode())
    assert "<p>Bonjour</p>" in load_template("essai", [tmp_path]).html


def test_other_markdown_files_are_no_templates(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Nos modèles\n", encoding="utf-8")
    assert "README" not in find_templates([tmp_path])


WRITTEN = {
    "typography": ("L'aide : oui !", "<p>L’aide\u202f: oui\u202f!</p>"),
    "a statement line": (
        "{% if x %}\nun\n{% else %}\ndeux\n{% endif %}",
        "{% if x %} <p>un</p> {% else %} <p>deux</p> {% endif %}",
    ),
    "a statement in a line": (
        "a {% if x %}**b**{% endif %} c",
        '<p>a {% if x %}<strong class="strong">b</strong>{% endif %} c</p>',
    ),
    "a link": ("[a & b]({{ lien }}?x={{ y }})", '<p><a href="{{ lien }}?x={{ y }}">a &amp; b</a></p>'),
    "quotes in a tag": ("[a]({{ f('}}', \"b\") }})", '<p><a href="{{ f(\'}}\', "b") }}">a</a></p>'),
    "a button": (
        '[Je m\'inscris]({{ lien }} "bouton")',
        '{% set button_link = (lien) %}{% set button_label = "Je m’inscris" %}{% include "_base/button.html" %}',
    ),
    "a list in a loop": (
        "{% for a in b %}\n- {{ a }}\n{% endfor %}",
        '<ul class="list">{% for a in b %} <li class="item">{{ a }}</li> {% endfor %}</ul>',
    ),
    "a list behind an if": (
        "{% if a %}\n1. b\n{% endif %}",
        '{% if a %} <ol class="list"><li class="item">b</li></ol> {% endif %}',
    ),
    "an item behind an if": (
        "- a\n{% if b %}\n- c\n{% endif %}",
        '<ul class="list"><li class="item">a</li> {% if b %} <li class="item">c</li> {% endif %}</ul>',
    ),
    "two lists": (
        "- a\n\n1. b",
        '<ul class="list"><li class="item">a</li></ul> <ol class="list"><li class="item">b</li></ol>',
    ),
    "a list in a list": (
        "- a\n  - b",
        '<ul class="list"><li class="item">a <ul class="list"><li class="item">b</li></ul></li></ul>',
    ),
    "no code by spaces": ("a\n\n    b", "<p>a</p> <p>b</p>"),
    "a comment": ("a {# rien #}b", "<p>a b</p>"),
    "signs": ("1 < 2 & 3", "<p>1 &lt; 2 &amp; 3</p>"),
    "a picture": ("![Le logo](logo.png)", '<p><img src="logo.png" alt="Le logo"></p>'),
}


@pytest.mark.parametrize(("body", "html"), WRITTEN.values(), ids=WRITTEN)
def test_markdown_and_jinja_go_together(body: str, html: str) -> None:
    assert html_of(body) == html


def test_tables_may_have_rows_in_a_loop() -> None:
    rows = html_of(
        "{% if x %}\n| a | b |\n|---|--:|\n| 1 | 2 |\n{% for r in s %}\n| {{ r }} | 3 |\n{% endfor %}\n{% endif %}\n"
    )
    assert rows.startswith('{% if x %} <table class="facts"')
    assert re.search(r'\{% for r in s %\} <tr><td class="fact"[^>]*>\{\{ r \}\}</td>.*3</td></tr> \{% endfor %\}', rows)
    assert rows.endswith("</table> {% endif %}")
    assert '<td class="fact" align="right" valign="top">2</td>' in rows
    headed = html_of("| | |\n|---|---|\n| Durée | 1 h |")
    assert '<th class="fact-name" scope="row"' in headed
    assert headed.count("<tr>") == 1


REFUSED = {
    "raw HTML in a line": ("\na <b>b</b>", 1, "HTML"),
    "raw HTML as a block": ("\n<div>\na\n</div>", 1, "HTML"),
    "a button in a sentence": ('\n\nVoir [ceci](https://a.test "bouton").', 2, "alone"),
    "a Jinja error": ("\n\n\n{% if %}", 3, "Jinja"),
    "an unknown name": ("# {{\n company.name\n}}\n\n{{ epcy }}", 4, "epci"),
    "an unknown field": ("a\n{% if epci %}\n- {{ contact.prenom }}\n{% endif %}", 2, "given_name"),
    "a statement across a list": ("- a\n{% if epci %}\n- b\n\nc\n\n{% endif %}", 0, "closes inside"),
    "a missing picture": ("\n![a](a.png)", 1, "a.png"),
}


@pytest.mark.parametrize(("body", "line", "hint"), REFUSED.values(), ids=REFUSED)
def test_errors_name_the_line_of_the_markdown_file(body: str, line: int, hint: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidTemplate, match=hint) as refused:
        compile_template(load(tmp_path, body))
    assert refused.value.file == tmp_path / "essai.md"
    assert refused.value.line == FRONT.count("\n") + 1 + line


FRONTS = {
    "no YAML": ("---\ntitle: a: b\n---\nx", "line 2.*quotes"),
    "braces without quotes": ("---\ntitle: T\npurpose: service\nsubject: {{ a }}\n---\nx", "quotes"),
    "an unknown key": ("---\ntitle: T\ntitel: T\npurpose: service\nsubject: S\n---\nx", "titel"),
    "no subject": ("---\ntitle: T\npurpose: service\n---\nx", "subject"),
    "an unknown purpose": ("---\ntitle: T\npurpose: pub\nsubject: S\n---\nx", "purpose"),
}


@pytest.mark.parametrize(("source", "hint"), FRONTS.values(), ids=FRONTS)
def test_a_front_matter_that_says_too_little_is_refused(source: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidTemplate, match=hint):
        load(tmp_path, source, front="")


@given(st.text(alphabet="ab -#>*|`[]()!\n{}%123.", max_size=60))
def test_any_markdown_is_written_or_refused_and_keeps_its_lines(body: str) -> None:
    try:
        document = read_document("---\ntitle: a\n---\n" + body, Path("a.md"))
        html = to_html(document.body, Path("a.md"), {})
    except InvalidTemplate:
        return
    assert document.settings == {"title": "a"}
    assert html.count("\n") <= body.count("\n") + 5
