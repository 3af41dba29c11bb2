"""Figures and files of requests by the command line; the demo's month is what the chamber published."""

import csv

import pytest
from python_calamine import CalamineWorkbook

from campaigns.demo.facts import load_facts
from tests.acceptance.office import Office

MONTH = ("--since", "2020-03-17", "--until", "2020-04-30")


def test_the_published_month(demo: tuple[Office, str]) -> None:
    office, _said = demo
    facts = load_facts()
    found = office.json("audiences", "stats", *MONTH)
    assert (found["since"], found["until"], found["total"]) == ("2020-03-17", "2020-04-30", facts.total)
    assert found["by_channel"] == dict(facts.by_channel)
    assert found["by_epci"] == dict(facts.by_epci)
    assert found["by_nature"] == dict(facts.by_nature)
    for name in ("by_topic", "by_day", "by_week"):
        assert sum(found[name].values()) == facts.total
    assert list(found["by_week"]) == [f"2020-W{week}" for week in range(12, 19)]
    assert len(found["by_day"]) == 45
    shown = office("audiences", "stats", *MONTH).stdout
    for label, number in facts.by_epci.items():
        assert any(line.startswith(label) and str(number) in line for line in shown.splitlines())


@pytest.mark.parametrize("columns", ["80", "120"])
@pytest.mark.parametrize("words", [(), ("--chart",), ("--by", "channel", "--by", "epci"), ("--by", "day", "--chart")])
def test_everything_fits_the_screen(demo: tuple[Office, str], words: tuple[str, ...], columns: str) -> None:
    office, _said = demo
    shown = office("audiences", "stats", *MONTH, *words, env={"COLUMNS": columns}).stdout
    assert max(map(len, shown.splitlines())) <= int(columns)
    assert "1103" in shown


def test_a_cross_table_has_its_sums(demo: tuple[Office, str]) -> None:
    office, _said = demo
    found = office.json("audiences", "stats", *MONTH, "--by", "channel", "--by", "epci")
    assert sum(each["count"] for each in found["crossed"]) == found["total"] == 1103
    calls = [each["count"] for each in found["crossed"] if each["channel"] == "Appel CCI"]
    assert sum(calls) == found["by_channel"]["Appel CCI"] == 353
    words = ("--by", "channel", "--by", "epci", "--chart")
    assert "█" in office("audiences", "stats", *MONTH, *words, "--csv", "croise.csv").stdout
    assert "ask for one of them" in office("audiences", "stats", *MONTH, *words, "--json", code=2).stderr
    text = (office.folder / "croise.csv").read_text("utf-8-sig")
    header, *rows = csv.reader(text.splitlines(), delimiter=";")
    assert (header[-1], rows[-1][0], rows[-1][-1]) == ("Total", "Total", "1103")
    for row in rows:
        assert sum(map(int, row[1:-1])) == int(row[-1])
    for column in zip(*rows, strict=True):
        assert column[0] == rows[0][0] or sum(map(int, column[:-1])) == int(column[-1])


def test_a_workbook_has_a_sheet_for_each_criterion(demo: tuple[Office, str]) -> None:
    office, _said = demo
    office("audiences", "stats", *MONTH, "--xlsx", "mois.xlsx")
    path = office.folder / "mois.xlsx"
    assert path.stat().st_mode & 0o777 == 0o600
    book = CalamineWorkbook.from_path(str(path))
    assert book.sheet_names == ["Source des contacts", "EPCI", "Objet de la demande", "Dispositif", "Semaine", "Jour"]
    for name in book.sheet_names:
        _header, *rows, total = book.get_sheet_by_name(name).to_python()
        assert sum(row[1] for row in rows) == total[1] == 1103


def test_a_query_narrows_the_figures(demo: tuple[Office, str]) -> None:
    office, _said = demo
    assert office.json("audiences", "stats", "epci:CUA", *MONTH)["by_epci"] == {"CUA": 211}


def test_the_companies_of_one_epci_that_asked_for_help(demo: tuple[Office, str]) -> None:
    office, _said = demo
    told = office.json("audiences", "export", "epci:CUA AND requested:*", "--out", "cua.xlsx")
    path = office.folder / "cua.xlsx"
    assert path.stat().st_mode & 0o777 == 0o600
    header, *rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    assert (told["rows"], told["companies"], told["requests"]) == (len(rows), len(rows), 211)
    asked = header.index("Demandes")
    assert sum(row[asked] for row in rows) == 211
    assert {row[header.index("EPCI")] for row in rows} == {"CUA"}
    each = office.json("audiences", "export", "epci:CUA", "--requests", "--no-contacts", "--out", "demandes.csv")
    text = (office.folder / "demandes.csv").read_text("utf-8-sig")
    assert len(text.splitlines()) - 1 == each["rows"] == 211
    assert "@" not in text


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        pytest.param(("stats", "--by", "colour"), "not one of channel, epci, nature, topic, week, day", id="criterion"),
        pytest.param(("stats", "--by", "epci", "--by", "epci"), "two different ones", id="twice"),
        pytest.param(("stats", "--by", "epci", "--by", "day", "--by", "week"), "two different ones", id="three"),
        pytest.param(("stats", "--since", "2020-05-01", "--until", "2020-04-01"), "after the last one", id="period"),
        pytest.param(("stats", "--since", "hier"), "is not a day", id="day"),
        pytest.param(("stats", "--csv", "a.xlsx"), "Name the file .csv", id="csv"),
        pytest.param(("stats", "--xlsx", "contacts.xlsx"), "exists and was not changed", id="existing"),
        pytest.param(("stats", "epci:Nulle-part"), "Nulle-part", id="query"),
        pytest.param(("export", "epci:CUA"), "--out", id="no-file"),
        pytest.param(("export", "epci:CUA", "--out", "a.pdf"), "Name the file .xlsx or .csv", id="kind"),
        pytest.param(("export", "epci:CUA", "--out", "contacts.xlsx"), "exists and was not changed", id="taken"),
        pytest.param(("export", "nobody", "--out", "a.xlsx"), "no audience nobody", id="no-audience"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_and_nothing_is_written(
    office: Office, words: tuple[str, ...], cause: str
) -> None:
    before = office.state()
    refused = office("audiences", *words, code=2).stderr
    assert cause in refused
    lines = refused.splitlines()
    assert len(lines) == (3 if "^" in lines[-1] else 1)  # a query is shown with a mark under its fault
    assert office.state() == before
