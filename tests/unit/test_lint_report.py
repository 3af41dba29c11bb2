"""Findings lead back to the author's own files, say the same once, and may be silenced with a reason."""

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from templates import InvalidTemplate, compile_template, load_template
from templates.lint import Level, Part, Place, Places, Rule, run
from templates.lint.findings import merge
from templates.lint.places import number_tags, strip_numbers
from templates.sources import LIBRARY
from tests.unit.lint_pages import FIRST, by_rule, lint, open_page, write_template


def place_of(folder: Path, rule: str = "link-http") -> tuple[str, int | None, int | None]:
    [finding] = by_rule(run([open_page(folder)]), rule)
    [place] = finding.places
    return place.file, place.line, place.column


BAD = '<a href="http://www.example.org/">Le site</a>'


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        pytest.param(f"<p>Un</p>\n  <p>{BAD}</p>", 1, 6, id="in a line"),
        pytest.param(f"{{% if true %}}\n<p>{BAD}</p>\n{{% endif %}}", 1, 4, id="in an if"),
        pytest.param(f"{{# un mot\nsur deux lignes #}}\n<p>{BAD}</p>", 2, 4, id="behind a comment"),
        pytest.param(f"{{% for x in [1, 2] %}}<p>{BAD}</p>{{% endfor %}}", 0, 25, id="twice by a loop"),
        pytest.param(
            '<p>{{ contact.role }} <a\nclass="x" href="http://www.example.org/">Le site</a></p>', 0, 23, id="cut"
        ),
        pytest.param(f"{{% raw %}}{{{{ rien }}}}{{% endraw %}}\n<p>{BAD}</p>", 1, 4, id="behind raw"),
    ],
)
def test_the_line_and_column_of_the_authors_tag(tmp_path: Path, body: str, line: int, column: int):
    write_template(tmp_path, body)
    assert place_of(tmp_path) == ("body.html", FIRST + line, column)


def test_the_places_of_included_and_extended_files(tmp_path: Path):
    write_template(tmp_path, '{% include "bas.html" %}<p>Un</p>', files={"bas.html": f"<p>Bas</p>\n{BAD}".encode()})
    assert place_of(tmp_path) == ("bas.html", 2, 1)
    body = f'{{% extends "_base/layout.html" %}}\n{{% block content %}}\n<p>{BAD}</p>\n{{% endblock %}}'
    write_template(tmp_path, body, whole=True)
    assert place_of(tmp_path) == ("body.html", 3, 4)


def test_a_place_in_the_shared_layout_names_its_file(tmp_path: Path):
    places = Places(load_template("fonds"))
    page = open_page(LIBRARY, name="fonds")
    files = {places.of(element).file for element in page.elements}
    assert {"body.html", "_base/layout.html", "_base/button.html"} <= files
    for element in page.elements:
        place = places.of(element)
        assert place.line
        source = (LIBRARY / (place.file if "/" in place.file else f"fonds/{place.file}")).read_text(encoding="utf-8")
        line = source.splitlines()[place.line - 1]
        assert f"<{element.tag}" in line
        assert place.column is None or line[place.column - 1 :].startswith(f"<{element.tag}")


@pytest.mark.parametrize("name", ["fonds", "webinaire", "masques", "information"])
def test_numbering_changes_nothing_that_is_sent(name: str):
    source = compile_template(load_template(name)).html
    assert strip_numbers(number_tags(source)) == source


def test_without_a_template_places_describe_the_element(tmp_path: Path):
    write_template(tmp_path, BAD)
    page = replace(open_page(tmp_path), places=Places())
    [finding] = by_rule(run([page]), "link-http")
    assert finding.places == (Place(Part.HTML, element='<a href="http://www.example.org/">'),)


def test_a_value_names_its_variable(tmp_path: Path):
    settings = '[variables.lien]\ntype = "link"\nlabel = "lien"\nexample = "https://bit.ly/3abc"\n'
    [finding] = by_rule(lint(tmp_path, '<a href="{{ lien }}">Le plan</a>', settings=settings), "link-shortened")
    assert finding.places[0].variable == "lien"


def test_a_text_of_several_elements_is_placed_in_the_one_around_them(tmp_path: Path):
    body = "<p><b>Bonjour</b>, voici le <i>programme</i> TODO</p>\n<p><b>TODO</b></p>"
    [finding] = by_rule(lint(tmp_path, body), "placeholder-left")
    assert [place.element for place in finding.places] == ["<p>", "<b>"]


def test_the_same_is_said_once_the_gravest_first():
    one, two = Rule("a", Level.HINT, "A."), Rule("b", Level.ERROR, "B.")
    html, text = Place(Part.HTML, element="<p>"), Place(Part.TEXT)
    merged = merge(
        [one.found("x", "y", html), two.found("x", "y", text), one.found("x", "y", text), two.found("z", "y")]
    )
    assert [(each.rule, each.cause, each.places) for each in merged] == [
        ("b", "x", (text,)),
        ("b", "z", ()),
        ("a", "x", (html,)),
    ]


SILENCED = dedent("""
    [lint]
    ignore = ["link-http"]
    reason = "La mairie n'a pas de site chiffré."
""")


def test_a_rule_is_silenced_with_its_reason(tmp_path: Path):
    report = lint(tmp_path, BAD, settings=SILENCED)
    assert not by_rule(report, "link-http")
    assert [finding.rule for finding in report.silenced] == ["link-http"]
    assert report.reason == "La mairie n'a pas de site chiffré."


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('[lint]\nignore = ["link-http"]', "without saying why"),
        ('[lint]\nignore = ["link-http"]\nreason = " "', "without saying why"),
        ('[lint]\nignore = "link-http"\nreason = "x"', "is a list"),
        ('[lint]\nignor = ["link-http"]\nreason = "x"', "did you mean ignore"),
        ('lint = "non"', "as a table"),
        ('[lint]\nignore = ["link-htp"]\nreason = "x"', "did you mean link-http"),
        ('[lint]\nignore = ["unsubscribe-missing"]\nreason = "x"', "asked for by law"),
        ('[lint]\nignore = ["sender-missing"]\nreason = "x"', "asked for by law"),
    ],
)
def test_what_cannot_be_silenced(tmp_path: Path, settings: str, message: str):
    with pytest.raises(InvalidTemplate, match=message) as caught:
        lint(tmp_path, settings=settings)
    assert caught.value.file.name == "template.toml"


def test_a_template_that_silences_nothing_needs_no_reason(tmp_path: Path):
    assert load_template("essai", [write_template(tmp_path, settings="[lint]\nignore = []").parent]).silence.rules == ()


@pytest.mark.parametrize(
    "html",
    [
        "",
        " ",
        "<p>",
        "<!-- rien -->",
        "<style>p { color: } @media { } @import; } <b></style><p style=';;:;color:'>x",
        '<a href="http://[">x</a><a href="https://a:b@c:99999/">y</a><img src="https://[::">',
        '<p style="font:bold;font-size:calc(1px);color:rgb(;background:url(">x</p>',
        "<table><tr><td bgcolor='zzz' style='color:var(--x)'><h6></h6><font color=''>x",
        "\x00 é <p>\ufffe</p>",
        "<div><b>" * 3000 + "x",
        "<p>le 99/99/9999, à 999h99, lundi 0 mai 0000, 31 février 9999</p>",
    ],
)
def test_any_page_is_linted_without_an_error(tmp_path: Path, html: str):
    write_template(tmp_path)
    page = replace(open_page(tmp_path), numbered=html, text="", places=Places())
    assert run([page]).findings
