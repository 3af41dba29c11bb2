from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.environment import make_environment
from templates.pieces import cut
from templates.plaintext import derive_text
from templates.wrapping import wrap

NAMES = {"un": "UN", "vide": "", "lignes": ["a", "b"], "lien": "https://example.org/x", "long": "mot " * 40}


def text_of(html, **names):
    source = derive_text(cut(f"<html><head><title>t</title></head><body>{html}</body></html>", Path("body.html")))
    return make_environment(autoescape=False).from_string(source).render(NAMES | names).strip("\n")


CASES = {
    "paragraphs": ("<p>un\n  deux</p><p>trois</p>", "un deux\n\ntrois"),
    "entities": ("<p>a&nbsp;&lt;b&gt; &amp;</p>", "a\u00a0<b> &"),
    "literal braces": ("<p>&#123;&#123; un }} &#123;% if %} { &#123;# x</p>", "{{ un }} {% if %} { {# x"),
    "line breaks": ("<p>a<br>{{ un }}<br>b</p>", "a\nUN\nb"),
    "link at the start": ("<p><a href='{{ lien }}'>Voir</a></p>", "Voir\u202f: https://example.org/x"),
    "link within": ("<p>Lire <a href='{{ lien }}'>ceci</a>.</p>", "Lire ceci <https://example.org/x>."),
    "link as its own label": ("<p><a href='{{ lien }}'>{{ lien }}</a></p>", "https://example.org/x"),
    "mailto": ("<p><a href='mailto:a@example.org'>a@example.org</a></p>", "a@example.org"),
    "anchor": ("<p><a href='#bas'>Bas</a></p>", "Bas"),
    "linked image": ("<p><a href='{{ lien }}'><img alt='Logo' src='x'></a></p>", "Logo\u202f: https://example.org/x"),
    "list": ("<ul><li>a</li><li>b <b>c</b></li></ul><p>d</p>", "- a\n- b c\n\nd"),
    "rows": (
        "<table><tr><th>Prix</th><td>5</td></tr><tr><td>a</td><td></td><td>b</td></tr></table>",
        "Prix\u202f: 5\na | b",
    ),
    "layout table": ("<table><tr><td><p>a</p></td><td><p>b</p></td></tr></table>", "a\n\nb"),
    "hidden": ("<div style='display:none'>x{% set y = 1 %}</div><p>{{ y }}</p>", "1"),
    "comments": ("<!--[if mso]><p>{{ un }}</p><![endif]--><p>a</p>", "a"),
    "choice within": ("<p>a {% if vide %}b{% else %}c{% endif %} d</p>", "a c d"),
    "choice at the start": ("<p>{% if vide %}b{% else %}c{% endif %}, d</p>", "c, d"),
    "whole choice": ("<p>x</p><p>{% if vide %}b{% elif un %}c{% else %}e{% endif %}</p><p>d</p>", "x\n\nc\n\nd"),
    "empty choice leaves no gap": ("<p>x</p><p>{% if vide %}b{% endif %}</p><p>d</p>", "x\n\nd"),
    "choice of paragraphs": ("{% if vide %}<p>a</p>{% else %}<p>b</p><p>c</p>{% endif %}<p>d</p>", "b\n\nc\n\nd"),
    "text around a block": ("<div>a {% if un %}<p>b</p>{% endif %} c</div>", "a\n\nb\n\nc"),
    "loop of paragraphs": ("{% for l in lignes %}<p>{{ l }}</p>{% endfor %}", "a\n\nb"),
    "loop within": ("<p>{% for l in lignes %}{{ l }}<br>{% endfor %}c</p>", "a\nb\nc"),
    "footer": ("<p>a</p><div role='contentinfo'>b</div>", "a\n\n" + "-" * 40 + "\n\nb"),
}


@pytest.mark.parametrize(("html", "expected"), CASES.values(), ids=CASES)
def test_html_becomes_readable_text(html, expected):
    assert text_of(html) == expected


def test_long_texts_are_wrapped():
    text = text_of(f"<p>{'mot ' * 60}</p><p>{{{{ long }}}}</p><ul><li>{'mot ' * 30}</li></ul>")
    assert max(map(len, text.splitlines())) <= 78
    assert text.count("mot") == 130
    assert "\n  mot" in text


def test_values_that_are_not_texts_can_stand_alone():
    assert text_of("<p>{{ nombre }}</p>", nombre=3) == "3"


@given(st.lists(st.sampled_from(["mot", "{{ un }}", "{%+ if un +%}", "{%+ else +%}", "{%+ endif +%}", " ", " x"])))
def test_wrapping_changes_nothing_but_spaces(tokens):
    line = "".join(tokens).strip()
    assert "".join(wrap(line, "- ", 20)[2:].split()) == "".join(line.split())
