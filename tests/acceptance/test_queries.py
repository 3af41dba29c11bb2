"""The query language as an officer meets it: faults with their place, sentences, values, audiences inside audiences."""

from tests.acceptance.office import Office
from tests.acceptance.paperwork import QUERY


def spoken(text: str) -> str:
    """Give what was printed as one line, its breaks and narrow spaces as plain ones."""
    return " ".join(text.replace("\u202f", " ").split())


def test_a_fault_is_marked_in_the_query(office: Office) -> None:
    run = office.run("audiences", "explain", "epci:CUA AND (natur:Autre OR tag:vip)")
    assert run.returncode == 2
    assert run.stderr.splitlines() == [
        "Error: Unknown field “natur”. Did you mean nature or naf? (character 15 of the query)",
        "  epci:CUA AND (natur:Autre OR tag:vip)",
        "                ^^^^^",
    ]
    run = office.run("audiences", "count", "epci:CUA " * 30 + "epci:CUX")
    line, query, marks = run.stderr.splitlines()
    assert "(character 276 of the query)" in line
    assert len(query) <= 80
    assert query[len(marks) - 3 : len(marks)] == "CUX"


def test_the_sentence_stands_wherever_the_query_does(office: Office) -> None:
    sentence = "entreprises de la CUA dont une demande porte sur « Aides financières »"
    for words in (
        ["audiences", "explain", QUERY],
        ["audiences", "explain", "cua-aides"],
        ["audiences", "show", "cua-aides"],
        ["audiences", "save", "autre", QUERY],
        ["campaigns", "show", "info"],
    ):
        assert sentence in spoken(office(*words).stdout)
    for words in (["audiences", "explain", QUERY], ["audiences", "show", "cua-aides"], ["campaigns", "show", "info"]):
        assert spoken(office.json(*words)["in_words"]) == sentence


def test_days_count_from_the_clock_in_the_officers_zone(office: Office) -> None:
    def sentence(clock: str) -> str:
        run = office("audiences", "explain", "requested:[now-1m TO now]", env={"RELAIS_CLOCK": clock})
        return spoken(run.stdout)

    assert "du 28/02/2021 (il y a 1 mois) au 31/03/2021 (aujourd’hui)" in sentence("2021-03-31T09:00:00+02:00")
    # 22:30 UTC is half past midnight in Paris
    assert "au 01/04/2021 (aujourd’hui)" in sentence("2021-03-31T22:30:00Z")


def test_the_values_of_a_field(office: Office) -> None:
    found = {each["value"]: each for each in office.json("audiences", "values", "epci")}
    for name, each in found.items():
        counted = office.json("audiences", "count", f"epci:{name}")
        assert (counted["companies"], counted["contacts"]) == (each["companies"], each["contacts"])
    shown = office("audiences", "values", "nature").stdout
    assert '"Aides financières"' in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "Did you mean nature" in office.run("audiences", "values", "natures").stderr
    assert "takes any value" in office.run("audiences", "values", "nom").stderr
    assert [each["value"] for each in office.json("audiences", "values", "received")] == ["info"]


def test_audiences_inside_audiences(office: Office) -> None:
    office("audiences", "save", "sans-vip", "audience:cua-aides AND NOT received:info")
    assert office.json("audiences", "count", "sans-vip") == office.json("audiences", "count", "cua-aides")
    before = office.state()
    circle = office.run("audiences", "save", "cua-aides", "audience:sans-vip", "--replace")
    assert "would contain itself: cua-aides → sans-vip → cua-aides" in circle.stderr
    used = office.run("audiences", "remove", "tous", "--yes")
    needed = office.run("audiences", "remove", "cua-aides", "--yes")
    assert (circle.returncode, used.returncode, needed.returncode) == (2, 0, 2)
    assert "that of campaigns: info" in needed.stderr
    assert office.state() != before

    office("audiences", "rename", "cua-aides", "aides-cua")
    assert "audience:aides-cua" in office.json("audiences", "show", "sans-vip")["query"]
    assert office.json("campaigns", "show", "info")["audience"] == "aides-cua"
    office("audiences", "remove", "sans-vip", "--yes")
    assert [each["name"] for each in office.json("audiences", "list")] == ["aides-cua"]
