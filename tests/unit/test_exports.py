"""Exports: what a spreadsheet would compute is kept from it, and no file is lost for another."""

import csv
import re
import stat
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from audiences.errors import UnwritableFile
from audiences.exports import Cell, harmless, write_sheet, write_sheets

HOSTILE = ["=1+1", "+33 3 21 00 00 00", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1+1", "＋1", "－1", "＠A"]
INNOCENT = ["", " ", "Boulangerie", "a=b", "l'été", "contact@example.org", "1-2", "é+"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_begins_like_a_formula_gets_an_apostrophe(text: str):
    assert harmless(text) == f"'{text}"
    assert harmless(harmless(text)) == harmless(text)


@pytest.mark.parametrize("text", INNOCENT)
def test_other_texts_stay(text: str):
    assert harmless(text) == text


@given(st.text())
def test_nothing_that_is_written_begins_like_a_formula(text: str):
    written = harmless(text)
    assert written[:1] not in set("=+-@\t\r\n＝＋－＠")
    assert written in {text, f"'{text}"}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_table_comes_back_as_it_was(tmp_path: Path, suffix: str):
    path = tmp_path / f"Été{suffix}"
    rows = [['Café « œuf »; "x"', 12, -3, date(2020, 4, 1), None], *([text, 0, 1.5, None, text] for text in HOSTILE)]
    assert write_sheet(path, ["Nom", "=A", "C", "Jour", "E"], iter(rows)) == len(rows)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    if suffix == ".csv":
        text = path.read_bytes().decode("utf-8-sig")
        assert path.read_bytes().startswith(b"\xef\xbb\xbf")
        found = list(csv.reader(text.splitlines(keepends=True), delimiter=";"))
        assert found[:2] == [["Nom", "'=A", "C", "Jour", "E"], ['Café « œuf »; "x"', "12", "-3", "01/04/2020", ""]]
        assert found[2][2] == "1,5"
    else:
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
        found = sheet.to_python()
        assert found[:2] == [["Nom", "'=A", "C", "Jour", "E"], ['Café « œuf »; "x"', 12, -3, date(2020, 4, 1), ""]]
    assert [row[0] for row in found[2:]] == [f"'{text}" for text in HOSTILE]


CELLS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12),
    st.sampled_from(HOSTILE),
    st.sampled_from(["http://example.org", "{=1+1}", "00123", "1e5", "mailto:a@example.org", "TRUE", "#N/A"]),
    st.integers(-(10**9), 10**9),
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    st.none(),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=4))
def test_no_file_holds_a_formula(tmp_path: Path, rows: list[list[Cell]]):
    """Neither as XLSX has them, nor as a spreadsheet makes them of what a CSV cell begins with."""
    book, text = tmp_path / "a.xlsx", tmp_path / "a.csv"
    for path in (book, text):
        path.unlink(missing_ok=True)
        assert write_sheet(path, ["=A", "B"], rows) == len(rows)
    with ZipFile(book) as archive:
        parts = [archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/")]
    assert not any(b"<f>" in part or b"<f " in part or b"<hyperlink" in part for part in parts)
    lines = list(csv.reader(text.read_text("utf-8-sig").splitlines(keepends=True), delimiter=";"))
    written = [
        cell for line in CalamineWorkbook.from_path(str(book)).get_sheet_by_index(0).to_python() for cell in line
    ]
    for cell in [*(cell for line in lines for cell in line), *written]:
        is_number = (
            isinstance(cell, str)
            and cell.removeprefix("-").isdecimal()
            and int(cell) in {each for row in rows for each in row}
        )
        assert not isinstance(cell, str) or is_number or cell[:1] not in set("=+-@\t\r\n＝＋－＠")


def test_the_header_stays_in_sight_and_columns_are_as_wide_as_their_texts(tmp_path: Path):
    write_sheet(tmp_path / "a.xlsx", ["Nom", "N", "Réponse"], [["Boulangerie de la Gare", 1, "x" * 500]])
    with ZipFile(tmp_path / "a.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert re.findall(r'<pane [^>]*ySplit="1"[^>]*state="frozen"', sheet)
    widths = [float(width) for width in re.findall(r'<col [^>]*width="([\d.]+)"', sheet)]
    assert [round(width) for width in widths] == [25, 13, 49]


def test_several_tables_are_sheets_or_stand_below_each_other(tmp_path: Path):
    tables = [("Par canal/jour", ["Canal", "Nombre"], [["Mail", 2]]), ("x" * 40, ["Jour"], [])]
    assert write_sheets(tmp_path / "a.xlsx", tables) == 1
    assert CalamineWorkbook.from_path(str(tmp_path / "a.xlsx")).sheet_names == ["Par canal jour", "x" * 31]
    write_sheets(tmp_path / "a.csv", tables)
    assert (tmp_path / "a.csv").read_text(encoding="utf-8-sig") == "Canal;Nombre\nMail;2\n\nJour\n"


def test_a_file_that_exists_is_not_written_over(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("kept")
    with pytest.raises(UnwritableFile, match="exists and was not changed"):
        write_sheet(path, ["A"], [["b"]])
    assert path.read_text() == "kept"


def test_a_failure_leaves_no_file(tmp_path: Path):
    def rows():
        yield ["a"]
        raise RuntimeError("half way")

    for suffix in ("csv", "xlsx"):
        with pytest.raises(RuntimeError, match="half way"):
            write_sheet(tmp_path / f"a.{suffix}", ["A"], rows())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "cause"),
    [("a.ods", "Name the file .xlsx or .csv"), ("none", "Name the file"), ("no/such/a.csv", "Check the folder")],
)
def test_what_cannot_be_written_says_the_remedy(tmp_path: Path, name: str, cause: str):
    with pytest.raises(UnwritableFile, match=cause):
        write_sheet(tmp_path / name, ["A"], [])
