from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from templates import make_environment, parse_filled
from templates.constants import MOST_UNROLLED, fixed_text

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
    "a block of its own": "a{% if v %}\n {{ v }}{% elif v == ' ' %}b{% else %}c{% endif %}\n{{ r }}",
    "blocks within blocks": "{% if r %}{% for x in [v, v] %}{% if loop.first %}{{ x }}{% endif %} {% endfor %}{% endif %}",
    "a loop of its own": "{{ r }}{% for x in v %}\n{{ loop.index }}. {{ x }}{% else %}none{% endfor %}{{ v }}",
    "in a loop": "{% for x in [1, 2] %}\n{{ v }}{{ x }}\n{% endfor %}",
}


NEEDS_THE_NAME = {
    "a name set in a block": "{% if v %}{% set y = v %}{% else %}{% set y = r %}{% endif %}{{ y }}",
    "a name set in a loop": "{% set y = r %}{% for x in v %}{% set y = x %}{{ y }}{% endfor %}{{ y }}",
    "a namespace": "{% set n = namespace(c=0) %}{% for x in v %}{% set n.c = n.c + 1 %}{% endfor %}{{ n.c }}",
    "the loop around": "{% for x in [r, r] %}{% if v %}{{ loop.index }}{% endif %}{{ x }}{% endfor %}",
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


@pytest.mark.parametrize("source", NEEDS_THE_NAME.values(), ids=NEEDS_THE_NAME)
@pytest.mark.parametrize("value", VALUES)
def test_what_stays_for_the_rendering_is_as_before(source: str, value: str) -> None:
    environment = make_environment(autoescape=True)
    tree = parse_filled(source, {"v": value}, autoescape=True)
    names = {"r": "R", "v": value}
    assert environment.from_string(tree).render(names) == environment.from_string(source).render(names)


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


WORKED_OUT = {
    "a loop": "{% for x in v %}<{{ x }}>{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}",
    "a loop over pairs": "{% for a, b in pairs %}{{ a }}={{ b }};{% endfor %}",
    "a loop in a loop": "{% for x in v %}{% for y in v %}{{ x }}{{ y }}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "a recipient in a loop": "{% for x in v %}{{ r }}{{ x }}{{ r ~ x }}{% endfor %}",
    "a loop that asks the recipient": "{% for x in v %}{% if r == x %}!{% else %}{{ x }}{% endif %}{% endfor %}",
    "a condition": "{% if v %}{{ r }}yes{% elif r %}maybe{% else %}no{% endif %}",
    "a condition after one that asks": "{% if r %}{{ r }}{% elif v %}yes{% else %}no{% endif %}",
    "names that are set": "{% set n = v | length %}{% if n > 1 %}{{ n }}{{ r }}{% endif %}{{ n }}",
    "a name that is set twice": "{% set n = v | length %}{% if r %}{% set n = 7 %}{% endif %}{{ n }}",
    "a name that is set in a loop": "{% set n = 1 %}{% for x in v %}{% set n = x %}{{ n }}{% endfor %}{{ n }}",
    "a name that hides another": "{% for v in pairs %}{{ v[0] }}{% endfor %}{{ v }}",
    "a name that hides one in a loop": "{% for x in v %}{% for x in pairs %}{{ x[1] }}{% endfor %}{{ x }}{% endfor %}",
    "the state of a loop": "{% for x in v %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x) }}{{ x }}{% endfor %}",
    "the place in a loop beside a recipient": "{% for x in v %}{{ loop.index ~ r }}{% endfor %}",
    "some items of a list": "{% for x in v if x != 'a' %}{{ x }}{% endfor %}",
    "what is undefined": "{% for x in v %}{% if r == 'never' %}{{ x.nothing.at.all }}{% endif %}{{ x }}{% endfor %}",
    "a filter that gives its items once": "{% set u = v | map('upper') %}{% for x in u %}{{ x }}{% endfor %}{{ r }}",
    "a macro": "{% macro m(x) %}{{ x }}{{ v | length }}{% endmacro %}{% for y in v %}{{ m(y) }}{% endfor %}{{ m(r) }}",
    "days": "{% for d in days %}{{ d.year }}{{ r }}{{ (d.year ~ r) }}{% endfor %}",
}


@pytest.mark.parametrize("autoescape", [False, True], ids=["text", "html"])
@pytest.mark.parametrize("source", WORKED_OUT.values(), ids=WORKED_OUT)
@pytest.mark.parametrize("recipient", ["", "a", "<b>"])
@pytest.mark.parametrize("words", [[], ["a"], ["a", "<b>", ""]], ids=["none", "one", "three"])
def test_what_no_recipient_changes_is_worked_out_to_the_same(
    source: str, recipient: str, words: list[str], autoescape: bool
) -> None:
    constants = {"v": words, "pairs": [("k", 1), ("<l>", 2)], "days": [date(2020, 4, 23)]}
    environment = make_environment(autoescape=autoescape)
    filled = environment.from_string(parse_filled(source, constants, autoescape=autoescape))

    assert filled.render(r=recipient, **constants) == environment.from_string(source).render(r=recipient, **constants)


def test_a_page_of_constants_is_one_text() -> None:
    source = "{% set n = v | first %}{% for x in v %}\n{{ loop.index }}. {{ x }} {{ n }}\n{% endfor %}{% if v %}end{% endif %}"
    tree = parse_filled(source, {"v": ["a", "b"]}, autoescape=True)
    [output] = tree.body
    assert isinstance(output, nodes.Output)
    assert [node.data for node in output.nodes if isinstance(node, nodes.TemplateData)] == ["1. a a\n2. b a\nend"]
    assert len(output.nodes) == 1


def test_a_long_loop_stays_a_loop() -> None:
    tree = parse_filled("{% for x in v %}{{ x }}{% endfor %}", {"v": list(range(MOST_UNROLLED + 1))}, autoescape=False)
    assert tree.find(nodes.For) is not None


def test_a_block_of_constants_is_text() -> None:
    source = "{% if v %}a{% for x in v %}{{ x }}{% endfor %}{% endif %}{{ r }}"
    tree = parse_filled(source, {"v": "bc"}, autoescape=False)
    [output] = tree.body
    assert isinstance(output, nodes.Output)
    assert [getattr(node, "data", None) for node in output.nodes] == ["abc", None]


def test_a_block_that_fails_waits_for_the_rendering() -> None:
    tree = parse_filled("{% if r %}{% if v.x.y %}a{% endif %}{% endif %}ok", {"v": None}, autoescape=False)
    assert make_environment(autoescape=False).from_string(tree).render(v=None, r="") == "ok"


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
