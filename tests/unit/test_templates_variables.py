import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import (
    InvalidValue,
    MissingVariable,
    UnknownVariable,
    VariableType,
    bind_variables,
    example_variables,
    find_templates,
    load_template,
)
from templates.typography import date as written_date
from templates.values import read_value

TODAY = dt.date(2020, 4, 1)
DAY = dt.date(2020, 5, 14)

READ = {
    "amount M€": ("amount", "1 M€", "1 M€"),
    "amount 1,5 M€": ("amount", "1,5 M€", "1,5 M€"),
    "amount with spaces": ("amount", "280 000 €", "280 000 €"),
    "amount with narrow spaces": ("amount", "280\u202f000\u202f€", "280\u202f000\u202f€"),
    "bare amount": ("amount", " 1500 ", "1500"),
    "amount in words": ("amount", "1 million d'euros", "1 million d'euros"),
    "amount in cents": ("amount", "0,65 €", "0,65 €"),
    "date ISO": ("date", "2020-05-14", DAY),
    "date slashed": ("date", "14/05/2020", DAY),
    "date written": ("date", "14 mai 2020", DAY),
    "date with weekday": ("date", "Jeudi 14 mai 2020", DAY),
    "date first": ("date", "1er août 2020", dt.date(2020, 8, 1)),
    "date without accents": ("date", "le 3 fevrier 2021", dt.date(2021, 2, 3)),
    "date without a year": ("date", "14 mai", DAY),
    "date of next year": ("date", "15 mars", dt.date(2021, 3, 15)),
    "leap day": ("date", "29 février", dt.date(2024, 2, 29)),
    "time": ("time", "11h", dt.time(11)),
    "time with minutes": ("time", "9 h 30", dt.time(9, 30)),
    "time ISO": ("time", "09:30", dt.time(9, 30)),
    "datetime ISO": ("datetime", "2020-05-14T11:00", dt.datetime.combine(DAY, dt.time(11))),
    "datetime written": ("datetime", "jeudi 14 mai 2020 à 11 h 30", dt.datetime.combine(DAY, dt.time(11, 30))),
    "datetime slashed": ("datetime", "14/05/2020 11:00", dt.datetime.combine(DAY, dt.time(11))),
    "link": ("link", "https://example.org/a?b=c&d=%C3%A9#e", "https://example.org/a?b=c&d=%C3%A9#e"),
    "integer": ("integer", "1 227", 1227),
    "email": ("email", "conseil@cci.example.org", "conseil@cci.example.org"),
    "email of a test domain": ("email", "a@relais.test", "a@relais.test"),
    "text": ("text", " à deux\nlignes ", "à deux\nlignes"),
}


@pytest.mark.parametrize(("kind", "written", "value"), READ.values(), ids=READ)
def test_values_are_read_as_their_type(kind, written, value):
    assert read_value(VariableType(kind), written, today=TODAY) == value


REFUSED = {
    "amount of words": ("amount", "beaucoup"),
    "amount with markup": ("amount", "1 <b>M€</b>"),
    "impossible date": ("date", "31/02/2020"),
    "impossible date without a year": ("date", "31 février"),
    "wrong weekday": ("date", "mardi 14 mai 2020"),
    "American date": ("date", "05/14/2020"),
    "year 0": ("date", "0000-01-01"),
    "not a date": ("date", "bientôt"),
    "time of 25 h": ("time", "25h"),
    "datetime without a time": ("datetime", "14/05/2020"),
    "http link": ("link", "http://example.org"),
    "script link": ("link", "javascript:alert(1)"),
    "link with a quote": ("link", 'https://example.org/"onclick="x'),
    "link with a line break": ("link", "https://example.org/\na"),
    "link without a host": ("link", "https:///a"),
    "relative link": ("link", "www.example.org"),
    "link with a broken host": ("link", "https://[example.org/"),
    "integer with a comma": ("integer", "1,5"),
    "email without @": ("email", "conseil.example.org"),
    "control character": ("text", "a\x00b"),
}


@pytest.mark.parametrize(("kind", "written"), REFUSED.values(), ids=REFUSED)
def test_other_values_are_refused(kind, written):
    with pytest.raises(InvalidValue):
        read_value(VariableType(kind), written, today=TODAY)


@given(day=st.dates(min_value=dt.date(1000, 1, 1)))
def test_every_date_is_read_as_it_is_written(day):
    assert read_value(VariableType.DATE, written_date(day), today=TODAY) == day


@given(text=st.text(max_size=20), kind=st.sampled_from(VariableType))
def test_anything_is_read_or_refused(text, kind):
    with contextlib.suppress(InvalidValue):
        read_value(kind, text, today=TODAY)


def test_defaults_are_filled_in():
    bound = bind_variables(load_template("fonds"), {"epci": "CUA", "montant": "1 M€"}, today=TODAY)
    assert bound["dispositif"] == "fonds de soutien"
    assert bound["date_ouverture"] == ""
    assert bound["montant"] == "1 M€"


def test_all_that_is_missing_is_named_at_once():
    with pytest.raises(MissingVariable) as caught:
        bind_variables(load_template("fonds"), {"montant": " "}, today=TODAY)
    assert "--set epci=… --set montant=…" in str(caught.value)


def test_an_unknown_variable_gets_the_nearest():
    with pytest.raises(UnknownVariable, match="montant"):
        bind_variables(load_template("fonds"), {"epci": "CUA", "montan": "1 M€"}, today=TODAY)


def test_a_wrong_value_names_its_variable():
    with pytest.raises(InvalidValue, match=r"^montant: "):
        bind_variables(load_template("fonds"), {"epci": "CUA", "montant": "beaucoup"}, today=TODAY)


@pytest.mark.parametrize("name", find_templates())
def test_the_examples_of_the_library_can_be_bound(name):
    template = load_template(name)
    bound = bind_variables(template, example_variables(template), today=TODAY)
    assert set(bound) == set(template.variables)
