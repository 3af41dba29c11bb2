"""Companies that could not be placed, by the command line: found, mended in a file or by hand, and placed for good."""

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from tests.acceptance.office import Office
from tests.acceptance.paperwork import CONTACT_HEADER, contact, siret, write_workbook

FOUND = 3
BAD = [
    contact(1, "m1@example.org", town="Arrass", postcode="62000"),
    contact(2, "m2@example.org", town="Lille", postcode="62000"),
    contact(3, "m3@example.org", town="Arras", postcode="62000"),
]


@pytest.fixture
def misplaced(relais: Office) -> Office:
    relais("init")
    write_workbook(relais.folder / "base.xlsx", CONTACT_HEADER, BAD)
    relais("audiences", "import", "base.xlsx")
    return relais


def in_cua(office: Office) -> int:
    return office.json("audiences", "count", "epci:CUA")["companies"]


def test_companies_without_a_place_are_found_with_the_likely_commune(misplaced: Office) -> None:
    found = misplaced.json("audiences", "check", code=FOUND)
    assert [(each["siret"], each["faults"], each["likely"][0]["name"]) for each in found] == [
        (siret(1), ["unknown_commune"], "Arras"),
        (siret(2), ["contradiction"], "Lille"),
    ]
    said = misplaced("audiences", "check", "--only", "commune", code=FOUND).stdout
    assert "62041 Arras" in said
    assert "relais audiences place SIRET --commune CODE" in said
    assert "Every company" in misplaced("audiences", "check", "--only", "naf").stdout


def test_a_correction_outlives_the_next_import(misplaced: Office) -> None:
    assert in_cua(misplaced) == 1
    said = misplaced("audiences", "place", siret(1), "--commune", "arras").stdout
    assert said == "Maison 1: Arras (62041), CUA.\n"
    misplaced("audiences", "place", "Maison 2", "--commune", "62041")
    assert misplaced.json("audiences", "check") == []
    assert misplaced.json("audiences", "import", "base.xlsx")["changed"] == 0
    assert in_cua(misplaced) == 3


def test_the_file_is_mended_and_imported_again(misplaced: Office) -> None:
    misplaced("audiences", "check", "--out", "a-corriger.xlsx", code=FOUND)
    path = misplaced.folder / "a-corriger.xlsx"
    assert path.stat().st_mode & 0o777 == 0o600
    header, *rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    assert [row[header.index("Communes probables")].split(",")[0] for row in rows] == ["62041 Arras", "59350 Lille"]
    for row in rows:
        row[header.index("Commune")] = "Arras"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate([header, *rows]):
            sheet.write_row(at, 0, row)
    done = misplaced.json("audiences", "import", "a-corriger.xlsx")
    assert (done["changed"], done["new"], done["unplaced"]) == (2, {}, 0)
    assert misplaced.json("audiences", "check") == []
    assert misplaced.json("audiences", "count", "epci:CUA") == {"companies": 3, "contacts": 3, "recipients": 3}


def test_nothing_is_outdated_in_the_vintage_that_placed_it(misplaced: Office) -> None:
    assert misplaced("audiences", "place", "--outdated").stdout == "0 companies were updated.\n"


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        pytest.param(("check", "--only", "x"), "not one of commune, naf, siret", id="only"),
        pytest.param(("check", "--out", "a.pdf"), "Name the file .xlsx or .csv", id="kind"),
        pytest.param(("place",), "with --commune, or --outdated", id="nothing"),
        pytest.param(("place", siret(1)), "with --commune, or --outdated", id="no-commune"),
        pytest.param(("place", siret(1), "--outdated"), "with --commune, or --outdated", id="both"),
        pytest.param(("place", siret(1), "--commune", "Arrass"), "INSEE code, 62041 (Arras)", id="commune"),
        pytest.param(("place", siret(9), "--commune", "Arras"), "No company has the SIRET", id="siret"),
        pytest.param(("place", "Maison", "--commune", "Arras"), 'Did you mean "Maison', id="name"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_and_nothing_is_done(
    misplaced: Office, words: tuple[str, ...], cause: str
) -> None:
    before = misplaced.state()
    refused = misplaced("audiences", *words, code=2).stderr
    assert cause in refused
    assert refused.count("\n") == 1
    assert misplaced.state() == before
