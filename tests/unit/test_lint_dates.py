"""Dates as French texts write them: read, compared with the day that is handed in, with the weekday, with holidays."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.lint.calendar import DAYS, MONTHS, find_dates
from templates.typography import date as in_full
from tests.unit.lint_pages import TODAY, by_rule, lint, open_page, write_template

D = dt.date


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("le jeudi 23 avril 2020", [D(2020, 4, 23)]),
        ("Jeudi 23 Avril", [D(2020, 4, 23)]),
        ("le 1er mai 2020", [D(2020, 5, 1)]),
        ("le 23/04/2020 à 14 h", [D(2020, 4, 23)]),
        ("le 23/04/20", [D(2020, 4, 23)]),
        ("du 12 au 14 avril", [D(2020, 4, 14)]),
        ("les 12 et 13 avril 2020", [D(2020, 4, 13)]),
        ("12-14 avr. 2020", [D(2020, 4, 14)]),
        ("le 5 fevrier 2021, le 3 août", [D(2021, 2, 5), D(2020, 8, 3)]),
        ("le 15 janvier", [D(2020, 1, 15)]),  # 77 days ago is nearer than 289 days ahead
        ("le 2 décembre", [D(2019, 12, 2)]),
        ("le mercredi 2 décembre", [D(2020, 12, 2)]),  # the weekday says which year is meant
        ("le 31 avril 2020", [None]),
        ("le 29/02/2021", [None]),
        ("3 mars\u202f2020", [D(2020, 3, 3)]),
        ("1/4/2020", [D(2020, 4, 1)]),
        ("12 345 avril", []),
        ("le dossier 12/2020, la page 3/4, 2,5 mai, 03 21 00 00 00", []),
        ("la loi 2020-290 et 1500 €", []),
    ],
)
def test_reading(text: str, days: list[D | None]):
    assert [mention.day for mention in find_dates(text, TODAY)] == days


@given(day=st.dates(D(1990, 1, 1), D(2090, 12, 31)), today=st.dates(D(2000, 1, 1), D(2060, 12, 31)))
def test_what_the_templates_write_is_read_back(day: D, today: D):
    [mention] = find_dates(f"Rendez-vous le {in_full(day)} à 9 h.", today)
    assert (mention.day, mention.weekday) == (day, day.weekday())


@given(text=st.text(alphabet="0123456789/.- duaetler" + "".join({*"".join(MONTHS), *"".join(DAYS)}), max_size=60))
def test_any_text_is_read_without_an_error(text: str):
    assert all(0 <= mention.span[0] < mention.span[1] <= len(text) for mention in find_dates(text, TODAY))


CASES = [
    ("date-past", "Inscription avant le 31 mars 2020.", True),
    ("date-past", "Inscription avant le 31/03/2020.", True),
    ("date-past", "Inscription le 1er avril 2020.", False),  # today
    ("date-past", "Inscription le 2 avril 2020.", False),
    ("date-past", "Ouvert du 28 mars au 4 avril.", False),  # still open
    ("date-past", "Ouvert du 20 au 28 mars.", True),
    ("date-past", "Depuis le 17 mars 2020, les commerces sont fermés.", False),
    ("date-past", "Selon le décret n° 2020-293 du 23 mars 2020, les marchés ferment.", False),
    ("date-past", "Nous tenons salon rue du 29 Juillet.", False),
    ("date-past", "Place du 11 novembre 1918, à Lens.", False),
    ("date-wrong-weekday", "Réunion le jeudi 24 avril 2020.", True),
    ("date-wrong-weekday", "Réunion le vendredi 24 avril 2020.", False),
    ("date-wrong-weekday", "Réunion le mardi 23/04/2020.", True),
    ("date-wrong-weekday", "Salon du jeudi 23 au samedi 24 avril 2020.", True),
    ("date-wrong-weekday", "Salon du jeudi 23 au samedi 25 avril 2020.", False),
    ("date-impossible", "Réunion le 31 avril 2020.", True),
    ("date-impossible", "Réunion le 30/02/2021.", True),
    ("date-impossible", "Salon du 14 au 12 avril 2020.", True),
    ("date-impossible", "Réunion le 30 avril 2020.", False),
    ("date-public-holiday", "Réunion le vendredi 1er mai 2020.", True),
    ("date-public-holiday", "Réunion le lundi 13 avril 2020.", True),
    ("date-public-holiday", "La chambre est fermée le vendredi 1er mai 2020.", False),
    ("date-public-holiday", "Réunion le jeudi 30 avril 2020.", False),
]


@pytest.mark.parametrize(
    ("rule", "text", "is_found"), CASES, ids=[f"{rule}-{at}" for at, (rule, *_) in enumerate(CASES)]
)
def test_rule(tmp_path: Path, rule: str, text: str, is_found: bool):
    found = by_rule(lint(tmp_path, f"<p><strong>{text[:12]}</strong>{text[12:]}</p>"), rule)
    assert bool(found) is is_found, found


VARIABLES = """
[variables.jour]
type = "date"
label = "jour"
required = true
example = "7 avril 2019"
[variables.texte]
type = "text"
label = "texte"
example = "Réunion le 8 avril 2019."
"""


def test_the_past_dates_of_examples_are_none_but_given_ones_are(tmp_path: Path):
    body = "<p>Le {{ jour | date }} à 9 h.</p><p>{{ texte }}</p>"
    assert not by_rule(lint(tmp_path, body, settings=VARIABLES), "date-past")
    [found] = by_rule(lint(tmp_path, body, settings=VARIABLES, given={"jour": "3 mars 2020"}), "date-past")
    assert "mardi 3 mars 2020" in found.cause
    assert [place.variable for place in found.places] == ["jour"]


PROGRAMME = """
[variables.debut]
type = "datetime"
label = "début"
required = true
example = "14 mai 2019 à 11 h"
[variables.suite]
type = "text"
label = "suite"
example = "le 19 mai 2019 puis en activité avant le 1er mars 2020"
"""


def test_an_example_that_is_shown_without_its_year_is_an_example_still(tmp_path: Path):
    body = "<p>Le {{ debut | date(weekday=false, year=false) }}, {{ suite }}.</p>"
    assert not by_rule(lint(tmp_path, body, settings=PROGRAMME, today=D(2020, 6, 1)), "date-past")


def test_the_single_values_of_a_list_are_known(tmp_path: Path):
    write_template(tmp_path)
    page = replace(open_page(tmp_path), variables={"suite": [("un", D(2019, 5, 19)), {"lien": "https://bit.ly/x"}]})
    assert page.variable_of("https://bit.ly/x") == page.variable_of(D(2019, 5, 19)) == "suite"
    assert page.variable_of("https://bit.ly/y") == ""


def test_a_date_in_a_text_variable_names_it(tmp_path: Path):
    given = {"texte": "Réunion le jeudi 24 avril 2020."}
    [found] = by_rule(lint(tmp_path, "<p>{{ texte }}</p>", settings=VARIABLES, given=given), "date-wrong-weekday")
    assert found.level == "error"
    assert found.places[0].variable == "texte"
    assert "vendredi 24 avril 2020" in found.cause


def test_the_day_that_is_handed_in_decides(tmp_path: Path):
    body = "<p>Réunion le vendredi 24 avril 2020.</p>"
    assert by_rule(lint(tmp_path, body, today=D(2020, 4, 25)), "date-past")
    assert not by_rule(lint(tmp_path, body, today=D(2020, 4, 24)), "date-past")
