"""How a query is read: operators in two languages, what binds them, and how a fault is marked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.errors import InvalidQuery, QueryError
from audiences.syntax import normalise, parse, terms_of
from audiences.tree import All, Either, Everything, Not, Range, SameRequest, Term, Text, Tree


def shape(tree: Tree[Term]) -> object:
    """Give a tree as plain values."""
    found: object
    match tree:
        case Everything():
            found = "*"
        case SameRequest(part):
            found = ("request", shape(part))
        case Not(part):
            found = ("not", shape(part))
        case All(parts):
            found = ("and", *map(shape, parts))
        case Either(parts):
            found = ("or", *map(shape, parts))
        case Term(name, Text(text, is_quoted)):
            found = f'{name}:"{text}"' if is_quoted else f"{name}:{text}"
        case Term(name, Range(low, high, with_low, with_high)):
            bounds = [None if each is None else each.text for each in (low, high)]
            found = (name, *bounds, with_low, with_high)
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a:1", "a:1"),
        ("*:*", "*"),
        ("a:1 AND b:2", ("and", "a:1", "b:2")),
        ("a:1 ET b:2", ("and", "a:1", "b:2")),
        ("a:1 b:2", ("and", "a:1", "b:2")),
        ("a:1 ET b:2 c:3 AND d:4", ("and", "a:1", "b:2", "c:3", "d:4")),
        ("(a:1 AND b:2) AND c:3", ("and", "a:1", "b:2", "c:3")),
        ("a:1 OR b:2 OU c:3", ("or", "a:1", "b:2", "c:3")),
        ("a:1 SAUF b:2", ("and", "a:1", ("not", "b:2"))),
        ("a:1 ET SAUF b:2", ("and", "a:1", ("not", "b:2"))),
        ("a:1 -b:2 +c:3", ("and", "a:1", ("not", "b:2"), "c:3")),
        ("NOT (a:1 OR b:2)", ("not", ("or", "a:1", "b:2"))),
        ("NOT a:1 OR b:2", ("or", ("not", "a:1"), "b:2")),
        ("a:(1 OU 2 OU 3)", ("or", "a:1", "a:2", "a:3")),
        ("a:(1 ET SAUF 2)", ("and", "a:1", ("not", "a:2"))),
        ("a:-1", ("not", "a:1")),
        ("a:ET b:OU c:SAUF", ("and", "a:ET", "b:OU", "c:SAUF")),
        ('a:("ET" OU b)', ("or", 'a:"ET"', "a:b")),
        ("request:(a:1 b:2)", ("request", ("and", "a:1", "b:2"))),
        ("Demande:*", ("request", "*")),
        ("sollicitation:a:1", ("request", "a:1")),
        ("a:[1 TO 2}", ("a", "1", "2", True, False)),
        ("a:[1 AU 2]", ("a", "1", "2", True, True)),
        ("a:[1 À 2]", ("a", "1", "2", True, True)),
        ("a:[AU TO A]", ("a", "AU", "A", True, True)),
        ('a:["1" TO *]', ("a", "1", None, True, True)),
        ("a:[-5 TO 3]", ("a", "-5", "3", True, True)),
        ("a:>=1 b:<2", ("and", ("a", "1", None, True, True), ("b", None, "2", True, False))),
        (r"a:x\*", 'a:"x*"'),
        (r"a:x\ y\:z", 'a:"x y:z"'),
        (r'a:"x \"y\""', 'a:"x "y""'),
        ("a:17/03/2020 b:now-30d", ("and", "a:17/03/2020", "b:now-30d")),
    ],
)
def test_reading(query: str, expected: object):
    assert shape(parse(query)) == expected


@given(st.lists(st.sampled_from(["a:1", ' b : "x y"', "c:(2 OR 3)", "(d:[1 TO 2])", "NOT e:é*", "f:>=4"]), min_size=1))
def test_each_value_knows_its_place(parts: list[str]):
    query = "  " + " \n AND ".join(parts) + " "
    for term in terms_of(parse(query)):
        assert query[slice(*term.name_span)] == term.name
        written = query[slice(*term.value.span)]
        assert written == written.strip()
        if isinstance(term.value, Text):
            assert written.strip('"') == term.value.text
        else:
            assert written in {"[1 TO 2]", ">=4"}


@pytest.mark.parametrize(
    "query", ["a:1 b:2 OR c:3", "a:1 OR b:2 c:3", "a:1 AND b:2 OR c:3", "a:(1 OU 2 ET 3)", "a:1 OU b:2 SAUF c:3"]
)
def test_and_beside_or_needs_parentheses(query: str):
    """Lucene reads `a b OR c` as a AND (b OR c), SQL as (a AND b) OR c: nobody may be written to by a guess."""
    with pytest.raises(InvalidQuery, match="AND and OR stand side by side"):
        parse(query)


def test_both_readings_of_a_mix_can_be_copied():
    with pytest.raises(InvalidQuery) as caught:
        parse("a:1 b:2 OR c:3 OR NOT d:4")
    first, second = caught.value.cause.partition("Write ")[2].rstrip(".").split(" or ")
    assert shape(parse(first)) == ("or", ("and", "a:1", "b:2"), "c:3", ("not", "d:4"))
    assert shape(parse(second)) == ("and", "a:1", ("or", "b:2", "c:3", ("not", "d:4")))


@pytest.mark.parametrize(
    ("query", "span", "width", "lines"),
    [
        pytest.param("a:1 zz:2", (4, 6), 76, ["a:1 zz:2", "    ^^"], id="short"),
        pytest.param("a:1\nb:2 zz:3\nc:4", (8, 10), 76, ["b:2 zz:3", "    ^^"], id="a-line-of-several"),
        pytest.param("a:(1\n2\n3)", (2, 9), 76, ["a:(1", "  ^^"], id="over-the-end-of-a-line"),
        pytest.param("a:", (2, 3), 76, ["a:", "  ^"], id="at-the-end"),
        pytest.param("a\tb:\0", (4, 5), 76, ["a b: ", "    ^"], id="what-cannot-be-printed"),
        pytest.param("x" * 30 + "yy" + "z" * 30, (30, 32), 20, ["…xxxxyyzzzzzzzzzzzz…", "     ^^"], id="the-middle"),
        pytest.param("x" * 30 + "yy", (30, 32), 20, ["…" + "x" * 17 + "yy", " " * 18 + "^^"], id="the-right-end"),
        pytest.param("x" * 30, (0, 30), 20, ["x" * 19 + "…", "^" * 20], id="all-of-it"),
    ],
)
def test_the_mark_under_a_fault(query: str, span: tuple[int, int], width: int, lines: list[str]):
    assert QueryError("", span, query).excerpt(width).split("\n") == lines


@given(st.text(), st.integers(0, 200), st.integers(0, 200), st.integers(20, 90))
def test_the_mark_fits_the_screen(query: str, start: int, length: int, width: int):
    start = min(start, len(query))
    line, marks = QueryError("", (start, min(len(query), start + length)), query).excerpt(width).split("\n")
    assert len(line) <= width
    assert len(marks) <= width + 1
    assert set(marks.strip()) == {"^"}


def test_an_accent_of_its_own_is_one_with_its_letter():
    assert normalise("nature:Che\u0301que") == "nature:Chéque"
