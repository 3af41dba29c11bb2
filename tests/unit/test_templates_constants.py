import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from templates import make_environment, parse_filled
from templates.constants import fixed_text

VALUES = [
    "",
    " ",
    "  ",
    "\n",
    "\nfoo",
    "foo\n",
    "\n\n",
    "foo\n  ",
    "\tfoo\r\n",
    "{{ x }}",
    "{% if x %}",
    "{#",
    "}}",
    "<é>",
]
SOURCES = {
    "after a tag": "{% if r %}{{ v }}{% endif %}",
    "after the end of a tag": "{% if r %}{% endif %}{{ v }}\nfoo",
    "before a tag": "a\n{{ v }}{% if r %}b{% endif %}",
    "between spaces and a tag": "a\n  {{ v }}{% if r %}b{% endif %}",
    "before spaces and a tag": "a{{ v }}  {% if r %}b{% endif %}",
    "the end": "a{{ v }}",
    "the end, with a line end": "a{{ v }}\n",
    "alone on a line": "a\n{{ v }}\nb",
    "side by side": "{{ v }}{{ v }}{{ r }}{{ v }}",
    "trimmed by hand": "a {{- v -}} \n b {%- if r -%} {{ v }} {%- endif %}",
    "after a brace": "a{ {{- v }}}{{ v }}",
    "in a loop": "{% for x in [1, 2] %}\n{{ v }}{{ x }}\n{% endfor %}",
}


def render(source: str, value: str, *, autoescape: bool, is_filled: bool) -> str:
    environment = make_environment(autoescape=autoescape)
    tree = parse_filled(source, {"v": value}, autoescape=autoescape) if is_filled else source
    return environment.from_string(tree).render({"r": "R"} | ({} if is_filled else {"v": value}))


@pytest.mark.parametrize("autoescape", [False, True], ids=["text", "html"])
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@settings(max_examples=30, deadline=None)
@given(value=st.one_of(st.sampled_from(VALUES), st.text(" \t\r\n{}%-#ax", max_size=6)))
@example(value="\nfoo")
def test_a_constant_is_written_as_any_other_value(source: str, value: str, autoescape: bool) -> None:
    filled = render(source, value, autoescape=autoescape, is_filled=True)
    assert filled == render(source, value, autoescape=autoescape, is_filled=False)


def test_neighbouring_texts_are_one() -> None:
    tree = parse_filled("a {{ v }}{{ v | upper }} b {{ r }}", {"v": "x"}, autoescape=False)
    [output] = tree.find_all(nodes.Output)
    assert [getattr(node, "data", None) for node in output.nodes] == ["a xX b ", None]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{% set v = 'b' %}{{ v }}", id="set"),
        pytest.param("{% for v in ['b'] %}{{ v }}{% endfor %}", id="for"),
        pytest.param("{% macro f(v) %}{{ v }}{% endmacro %}{{ f('b') }}", id="parameter"),
    ],
)
def test_a_name_that_the_source_binds_is_no_constant(source: str) -> None:
    assert render(source, "a", autoescape=False, is_filled=True) == "b"


def test_what_fails_waits_for_the_rendering() -> None:
    tree = parse_filled("{% if v %}{{ v.x.y }}{% endif %}ok", {"v": None}, autoescape=False)
    assert make_environment(autoescape=False).from_string(tree).render(v=None) == "ok"


FOLDED = {
    "a branch": ("{% if v %}a{% else %}b{% endif %}{{ r }}", "aR"),
    "the other branch": ("{% if not v %}a{% elif r %}b{% else %}c{% endif %}", "b"),
    "the branch of an elif": ("{% if not v %}a{% elif v == 'x' %}b{% else %}c{% endif %}", "b"),
    "what the top sets": ("{% set w = v ~ 'y' %}{% if w == 'xy' %}{{ w }}{% endif %}", "xy"),
    "what the top sets of it": ("{% set w = v %}{% set z = w | upper %}{{ z }}", "X"),
    "set twice": ("{% set w = v %}{% set w = 'b' %}{{ w }}", "b"),
    "set in a branch": ("{% if r %}{% set w = 'b' %}{% endif %}{{ w }}", "b"),
    "set in a kept branch": ("{% if v %}{% set w = 'b' %}{% endif %}{{ w }}", "b"),
    "a table that the top sets": ("{% set w = {'R': 'b'} %}{% set z = 'x' %}{{ w[r] }}{{ z }}{{ r ~ z }}", "bxRx"),
    "in a loop": ("{% for i in [1, 2] %}{% if v %}{{ i }}{% endif %}{% if i == 2 %}!{% endif %}{% endfor %}", "12!"),
    "in a macro": ("{% macro m(a) %}{% if v %}{{ a }}{% endif %}{% endmacro %}{{ m(r) }}", "R"),
    "the name of a loop": ("{% set w = 'a' %}{% for w in ['b'] %}{{ w }}{% endfor %}{{ w }}", "ba"),
    "a missing name": ("{% if q is defined %}a{% else %}b{% endif %}", "b"),
}


@pytest.mark.parametrize(("source", "written"), FOLDED.values(), ids=FOLDED)
@pytest.mark.parametrize("is_filled", [False, True], ids=["rendered", "folded"])
def test_conditions_that_are_the_same_for_everybody_are_decided_once(
    source: str, written: str, is_filled: bool
) -> None:
    assert render(source, "x", autoescape=False, is_filled=is_filled) == written


def test_a_source_that_says_the_same_to_everybody_is_told() -> None:
    assert fixed_text(parse_filled("{% if v %}a {{ v }}{% endif %}", {"v": "x"}, autoescape=False)) == "a x"
    assert fixed_text(parse_filled("a {{ r }}", {"v": "x"}, autoescape=False)) is None
