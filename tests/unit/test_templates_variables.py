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
    "text with French typography": ("text", "Attention: l'aide", "Attention\u202f: l’aide"),
    "yes": ("bool", "Oui", True),
    "no": ("bool", "non", False),
    "list by lines": ("list", "- un\n\n* deux ; trois", ("un", "deux\u202f; trois")),
    "list by semicolons": ("list", "un ; deux;trois;", ("un", "deux", "trois")),
    "list of one": ("list", "un", ("un",)),
    "EPCI": ("epci", "Campagnes de l'Artois", "Campagnes de l’Artois"),
    "adviser": (
        "adviser",
        "Dominique Martin, 0321000000, d.martin@example.org",
        {"name": "Dominique Martin", "phone": "03\u00a021\u00a000\u00a000\u00a000", "email": "d.martin@example.org"},
    ),
    "adviser by name": ("adviser", "Dominique Martin", {"name": "Dominique Martin", "phone": "", "email": ""}),
    "programme": (
        "programme",
        "jeudi 28 mai 2020 à 11 h | La cybersécurité | Sacha Petit | https://example.org/c\n14/05/2020 9:30|Le web",
        (
            {"start": dt.datetime.combine(DAY, dt.time(9, 30)), "title": "Le web", "speaker": "", "link": ""},
            {
                "start": dt.datetime.combine(dt.date(2020, 5, 28), dt.time(11)),
                "title": "La cybersécurité",
                "speaker": "Sacha Petit",
                "link": "https://example.org/c",
            },
        ),
    ),
    "programme with a link and no speaker": (
        "programme",
        "14/05/2020 9:30 | Le web | https://example.org",
        (
            {
                "start": dt.datetime.combine(DAY, dt.time(9, 30)),
                "title": "Le web",
                "speaker": "",
                "link": "https://example.org",
            },
        ),
    ),
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
    "bool": ("bool", "peut-être"),
    "too long a list": ("list", ";".join("a" * 100)),
    "control character in a list": ("list", "a\x00b"),
    "adviser without a name": ("adviser", "0321000000"),
    "adviser with two names": ("adviser", "Dominique Martin, Alex Dubois"),
    "adviser with a wrong address": ("adviser", "Dominique Martin, d.martin@"),
    "session without a title": ("programme", "14/05/2020 11:00"),
    "session without a time": ("programme", "14/05/2020 | Le web"),
    "session on the wrong weekday": ("programme", "mardi 14 mai 2020 à 11 h | Le web"),
    "session with an http link": ("programme", "14/05/2020 11:00 | Le web | http://example.org"),
    "session with too many parts": ("programme", "14/05/2020 11:00 | a | b | c"),
    "two sessions at once": ("programme", "14/05/2020 11:00 | a\n14/05/2020 11:00 | b"),
    "too long a programme": ("programme", "\n".join(["14/05/2020 11:00 | a"] * 61)),
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


CHOICES = """
title = "Essai"
description = "Un essai."
purpose = "service"
subject = "Essai"

[variables.reponses]
type = "choice"
label = "réponses"
choices = ["Anonymes", "Confidentielles"]
default = "Anonymes"

[variables.themes]
type = "list"
label = "thèmes"
default = ["un", "deux"]

[variables.rappel]
type = "bool"
label = "rappel"
default = true

[variables.epci]
type = "epci"
label = "EPCI"
"""


@pytest.fixture
def choosy(tmp_path):
    folder = tmp_path / "essai"
    folder.mkdir()
    (folder / "template.toml").write_text(CHOICES, encoding="utf-8")
    (folder / "body.html").write_text("<p>{{ reponses }}</p>", encoding="utf-8")
    return load_template("essai", [tmp_path])


def test_defaults_of_toml_s_own_types(choosy):
    bound = bind_variables(choosy, {}, today=TODAY)
    assert bound == {"reponses": "Anonymes", "themes": ("un", "deux"), "rappel": True, "epci": ""}


def test_a_choice_is_found_whatever_its_accents_and_case(choosy):
    assert bind_variables(choosy, {"reponses": "confidentiellés"}, today=TODAY)["reponses"] == "Confidentielles"


def test_another_choice_is_refused_with_the_known_ones(choosy):
    with pytest.raises(InvalidValue, match=r"^reponses: 'publiques' .* Anonymes, Confidentielles$"):
        bind_variables(choosy, {"reponses": "publiques"}, today=TODAY)


def test_whoever_knows_the_territory_names_the_epci(choosy):
    def find(written):
        if written != "cua":
            raise InvalidValue("no such EPCI")
        return "CUA"

    assert bind_variables(choosy, {"epci": "cua"}, today=TODAY, find_epci=find)["epci"] == "CUA"
    with pytest.raises(InvalidValue, match=r"^epci: no such EPCI"):
        bind_variables(choosy, {"epci": "x"}, today=TODAY, find_epci=find)


def test_a_faulty_session_names_its_line():
    with pytest.raises(InvalidValue, match=r"^line 2: "):
        read_value(VariableType.PROGRAMME, "14/05/2020 11:00 | a\ndemain | b", today=TODAY)
