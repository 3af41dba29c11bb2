"""The lint as an officer meets it: of a template, of a campaign, and the list of rules."""

import pytest

from tests.acceptance.office import Office
from tests.acceptance.test_checks import FOUND, write_template


@pytest.fixture
def faulty(office: Office) -> Office:
    """A template with one error, one warning and a variable, and a campaign with it."""
    write_template(
        office.folder,
        '\n<p>Rendez-vous le {{ jour }}.</p>\n<p><a href="http://www.example.org/">Le programme</a></p>\n<p>TODO</p>\n',
    )
    with (office.folder / "templates" / "essai" / "template.toml").open("a") as file:
        file.write('[variables.jour]\ntype = "text"\nlabel = "jour"\nexample = "jeudi 5 novembre 2026"\n')
    office(
        "campaigns", "create", "rdv", "--audience", "tous", "--template", "essai", "--set", "jour=lundi 5 octobre 2026"
    )
    return office


def rules_of(findings: list[dict[str, object]], *levels: str) -> set[object]:
    return {finding["rule"] for finding in findings if finding["level"] in levels}


def test_a_template_is_linted_with_its_examples(faulty: Office) -> None:
    [found] = faulty.json("templates", "lint", "essai", code=FOUND)
    assert found["template"] == "essai"
    assert rules_of(found["findings"], "error") == {"placeholder-left"}
    [finding] = [each for each in found["findings"] if each["rule"] == "link-http"]
    assert finding["level"] == "warning"
    assert finding["remedy"]
    [place] = finding["places"]
    assert (place["file"], place["line"], place["column"]) == ("body.html", 3, 4)
    said = faulty("templates", "lint", "essai", code=FOUND).stdout
    assert "error [placeholder-left]" in said
    assert "«\u202fTODO\u202f» est resté dans le message." in said
    assert "body.html, line 3, column 4" in said
    assert max(map(len, said.splitlines())) <= 80


def test_warnings_fail_only_when_asked(faulty: Office) -> None:
    body = faulty.folder / "templates" / "essai" / "body.html"
    body.write_text(body.read_text().replace("<p>TODO</p>", ""))
    faulty("templates", "lint", "essai")
    faulty("templates", "lint", "essai", "--strict", code=FOUND)


def test_given_values_are_judged_and_examples_are_not(faulty: Office) -> None:
    body = faulty.folder / "templates" / "essai" / "body.html"
    body.write_text(body.read_text().replace("<p>TODO</p>", ""))
    faulty("templates", "lint", "essai")
    [found] = faulty.json("templates", "lint", "essai", "--set", "jour=mardi 5 novembre 2026", code=FOUND)
    assert rules_of(found["findings"], "error") == {"date-wrong-weekday"}


def test_a_campaigns_own_values_are_linted(faulty: Office) -> None:
    found = faulty.json("campaigns", "check", "rdv", code=FOUND)
    assert found["faulty"] == 0
    findings = found["lint"]["findings"]
    assert {"placeholder-left"} == rules_of(findings, "error")
    assert {"date-past", "link-http"} <= rules_of(findings, "warning")
    [past] = [each for each in findings if each["rule"] == "date-past"]
    assert "lundi 5 octobre 2026" in past["cause"]
    assert [(place["file"], place["line"], place["variable"]) for place in past["places"]] == [("body.html", 2, "jour")]
    said = faulty("campaigns", "check", "rdv", code=FOUND).stdout
    assert "nothing is missing" in said
    assert "Lint of rdv: 1 error" in said


def test_a_frozen_campaign_is_linted_as_it_was_written(faulty: Office) -> None:
    faulty("campaigns", "schedule", "rdv", "2026-11-03 10:00")
    body = faulty.folder / "templates" / "essai" / "body.html"
    body.write_text("{% extends 'rien.html' %}")
    found = faulty.json("campaigns", "check", "rdv", code=FOUND)["lint"]
    assert found["errors"] == 1
    [place] = next(each["places"] for each in found["findings"] if each["rule"] == "link-http")
    assert (place["file"], place["line"]) == ("", None)
    assert place["element"] == '<a href="http://www.example.org/">'


def test_dates_are_compared_with_the_day_on_which_a_campaign_leaves(faulty: Office) -> None:
    sets = ("--set", "jour=lundi 9 novembre 2026")
    faulty("campaigns", "create", "plus-tard", "--audience", "tous", "--template", "essai", *sets)
    assert "date-past" not in rules_of(
        faulty.json("campaigns", "check", "plus-tard", code=FOUND)["lint"]["findings"], "warning"
    )
    faulty("campaigns", "schedule", "plus-tard", "2026-11-10 10:00")
    assert "date-past" in rules_of(
        faulty.json("campaigns", "check", "plus-tard", code=FOUND)["lint"]["findings"], "warning"
    )


def test_a_clean_campaign_passes_and_strictness_is_kept(office: Office) -> None:
    found = office.json("campaigns", "check", "info")
    assert found["lint"]["errors"] == 0
    assert "Lint of info: 0 errors" in office("campaigns", "check", "info").stdout


def test_silencing_a_rule_is_shown(faulty: Office) -> None:
    file = faulty.folder / "templates" / "essai" / "template.toml"
    text = file.read_text()
    file.write_text(text + '[lint]\nignore = ["placeholder-left"]\nreason = "TODO est le nom du club"\n')
    said = faulty("templates", "lint", "essai").stdout
    assert "Ignored by template.toml: placeholder-left (TODO est le nom du club)." in said.replace("\n", " ")
    file.write_text(text + '[lint]\nignore = ["sender-missing"]\nreason = "x"\n')
    refused = faulty("templates", "lint", "essai", code=2).stderr
    assert "asked for by law" in refused
    assert len(refused.splitlines()) == 1


def test_all_templates_at_once_and_the_rules(office: Office) -> None:
    found = office.json("templates", "lint")
    assert {"fonds", "information", "masques", "webinaire"} <= {each["template"] for each in found}
    assert all(each["errors"] == 0 for each in found)
    rules = office.json("templates", "rules")
    assert {"rule", "level", "can_be_ignored", "meaning"} == set(rules[0])
    assert rules_of([each for each in rules if not each["can_be_ignored"]], "error") >= {"unsubscribe-missing"}
    said = office("templates", "rules").stdout
    assert all(each["rule"] in said for each in rules)
    assert max(map(len, said.splitlines())) <= 80
    office("templates", "lint", "--set", "epci=CUA", code=2)
