"""Tables in files: what Excel and other programs write, read back as rows of text, and what is refused."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiences.columns import SheetKind
from audiences.errors import AudienceError, MissingColumn, UnreadableSheet
from audiences.mapping import guess, header_score
from audiences.sheets import Table, open_table

LINES = [
    "Entreprise;Code postal;Courriel",
    "Café de la Gare;62000;cafe@example.org",
    "Œuvre d’art;01000;art@example.org",
]
CAFE = {"name": "Café de la Gare", "postcode": "62000", "address": "cafe@example.org"}
ART = {"name": "Œuvre d’art", "postcode": "01000", "address": "art@example.org"}


def open_contacts(path: Path, sheet: str | None = None) -> Table:
    return open_table(path, header_score(), sheet=sheet)


def numbered(path: Path, sheet: str | None = None) -> list[tuple[int, dict[str, str]]]:
    table = open_contacts(path, sheet)
    positions = guess(table.headers, SheetKind.CONTACTS).positions
    return [
        (number, {field: cells[at].strip() if at < len(cells) else "" for field, at in positions.items()})
        for number, cells in table.rows()
    ]


def read(path: Path, sheet: str | None = None) -> list[dict[str, str]]:
    return [values for _number, values in numbered(path, sheet)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "contacts.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    def workbook(rows: list[list[Any]], *, at: int = 0, name: str = "contacts.xlsx") -> Path:
        path = tmp_path / name
        with xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yyyy"}) as book:
            sheet = book.add_worksheet()
            for row, cells in enumerate(rows, start=at):
                sheet.write_row(row, 0, cells)
        return path

    return workbook


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old-mac"])
@pytest.mark.parametrize("mark", [";", ",", "\t", "|"], ids=["semicolon", "comma", "tab", "bar"])
def test_separators_and_line_ends(write: Callable[..., Path], mark: str, newline: str):
    assert read(write(newline.join(LINES).replace(";", mark))) == [CAFE, ART]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-le", "mac_roman", "cp850"]
)
def test_encodings(write: Callable[..., Path], encoding: str):
    lines = LINES if encoding not in {"latin-1", "cp850"} else [line for line in LINES if "Œ" not in line]
    accents = "Société Générale d'Électricité de Hénin;62110;a@example.org"
    found = read(write("\r\n".join([*lines, accents]).encode(encoding)))
    assert found[:1] == [CAFE]
    assert found[-1]["name"] == "Société Générale d'Électricité de Hénin"
    assert ART in found or len(lines) == 2


@pytest.mark.parametrize("mark", [";", ",", "\t"], ids=["semicolon", "comma", "tab"])
@pytest.mark.parametrize(
    "above",
    [
        pytest.param(["Suivi des entreprises"], id="title"),
        pytest.param(["Suivi, avril 2020 ; version 2, relue, corrigée"], id="title-with-marks"),
        pytest.param(["Suivi", "", "CCI, service communication", ""], id="several-and-empty"),
    ],
)
def test_title_rows_above_the_header(write: Callable[..., Path], mark: str, above: list[str]):
    lines = [*above, *(line.replace(";", mark) for line in LINES)]
    assert numbered(write("\n".join(lines))) == [(len(above) + 2, CAFE), (len(above) + 3, ART)]


def test_the_text_of_cells_does_not_decide_the_separator(write: Callable[..., Path]):
    path = write('Entreprise;Courriel\n"a, b, c, d, e";a@example.org\nx, y, z;b@example.org\n')
    assert [row["name"] for row in read(path)] == ["a, b, c, d, e", "x, y, z"]


def test_a_table_of_one_column(write: Callable[..., Path]):
    assert read(write("Courriel\na@example.org\n\nb@example.org\n")) == [
        {"address": "a@example.org"},
        {"address": "b@example.org"},
    ]


def test_quoted_cells_and_line_numbers(write: Callable[..., Path]):
    text = 'Entreprise;Courriel\n"Dupont ""père"";\net fils";a@example.org\n\n;\nLens;b@example.org\n'
    rows = numbered(write(text))
    assert [(number, row["name"]) for number, row in rows] == [(2, 'Dupont "père";\net fils'), (6, "Lens")]


def test_short_and_long_rows(write: Callable[..., Path]):
    rows = read(write("Entreprise;Courriel;Ville\nLens\nArras;a@example.org;Arras;de trop\n"))
    assert rows == [
        {"name": "Lens", "address": "", "commune": ""},
        {"name": "Arras", "address": "a@example.org", "commune": "Arras"},
    ]


def test_workbook_cells_are_read_as_a_person_reads_them(workbook: Callable[..., Path]):
    header = ["Entreprise", "SIRET", "Code postal", "Effectif", "Fonction", "Source", "Opposition"]
    path = workbook(
        [
            header,
            [
                "Café",
                90000001900019,
                1000,
                12.5,
                date(2020, 3, 30),
                datetime(2020, 3, 30, 14, 5, tzinfo=UTC).replace(tzinfo=None),
                True,
            ],
        ]
    )
    assert read(path) == [
        {
            "name": "Café",
            "siret": "90000001900019",
            "postcode": "1000",
            "headcount": "12.5",
            "role": "2020-03-30",
            "source": "2020-03-30 14:05:00",
            "opposed": "oui",
        }
    ]


@pytest.mark.parametrize("at", [0, 3], ids=["from-the-first-row", "further-down"])
def test_workbook_rows_are_numbered_as_excel_does(workbook: Callable[..., Path], at: int):
    path = workbook([["Suivi"], [], ["Entreprise", "Courriel"], ["Café"], [], [None, "a@example.org"]], at=at)
    rows = [(number, *row.values()) for number, row in numbered(path)]
    assert rows == [(at + 4, "Café", ""), (at + 6, "", "a@example.org")]


@pytest.fixture
def three_sheets(tmp_path: Path) -> Path:
    path = tmp_path / "three.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Lisez-moi").write_column(0, 0, ["Base des contacts", "tenue par la CCI"])
        book.add_worksheet("Contacts").write_column(0, 0, ["Courriel", "a@example.org"])
        book.add_worksheet("Anciens").write_column(0, 0, ["Courriel", "b@example.org"])
    return path


def test_of_several_sheets_the_first_with_a_header_is_read(three_sheets: Path):
    assert read(three_sheets) == [{"address": "a@example.org"}]
    table = open_contacts(three_sheets)
    assert (table.sheet, table.other_sheets) == ("Contacts", ("Lisez-moi", "Anciens"))


def test_a_sheet_can_be_named(three_sheets: Path):
    assert read(three_sheets, "anciens") == [{"address": "b@example.org"}]
    with pytest.raises(UnreadableSheet) as caught:
        open_contacts(three_sheets, "Anciens contacts")
    assert str(caught.value) == ("three.xlsx has no sheet “Anciens contacts”. It has: Lisez-moi, Contacts, Anciens.")


def test_a_csv_has_no_sheets(write: Callable[..., Path]):
    with pytest.raises(UnreadableSheet, match="is no workbook: leave --sheet out"):
        open_contacts(write("Courriel\na@example.org\n"), "Contacts")


@pytest.mark.parametrize("is_1904", [False, True], ids=["1900", "1904"])
def test_the_two_calendars_of_excel(tmp_path: Path, is_1904: bool):
    path = tmp_path / "dates.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": is_1904, "default_date_format": "dd/mm/yyyy"}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Courriel", "Fonction"])
        sheet.write_row(1, 0, ["a@example.org", date(2020, 3, 17)])
    assert read(path) == [{"address": "a@example.org", "role": "2020-03-17"}]


def test_a_merged_title_stands_above_the_header(tmp_path: Path):
    path = tmp_path / "merged.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 1, 3, "Entreprises et courriels, avril 2020")
        sheet.write_row(3, 0, ["Entreprise", "Courriel"])
        sheet.write_row(6, 0, ["Café", "a@example.org"])
    assert numbered(path) == [(7, {"name": "Café", "address": "a@example.org"})]


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        pytest.param("contacts.csv", b"", UnreadableSheet, "contacts.csv is empty", id="empty"),
        pytest.param("contacts.csv", b"\r\n\n ;\n", UnreadableSheet, "contacts.csv is empty", id="blank"),
        pytest.param("contacts.pdf", b"%PDF", UnreadableSheet, "kind that cannot be read (.pdf). Save it as .xlsx", id="pdf"),
        pytest.param("contacts", b"Courriel", UnreadableSheet, "(no extension)", id="no-extension"),
        pytest.param("contacts.csv", b"PK\x03\x04\0\0", UnreadableSheet, "not a text file", id="binary"),
        pytest.param("contacts.csv", b"\xff\xfea\0b", UnreadableSheet, "not a text file", id="odd-utf-16"),
        pytest.param("contacts.csv", bytes(range(128, 256)) * 9, MissingColumn, "no header row", id="noise"),
        pytest.param("contacts.csv", b"rouge;bleu\n1;2\n", MissingColumn, "its first row: rouge, bleu", id="no-header"),
        pytest.param("contacts.csv", b'Courriel\na\n"b\nc\n', UnreadableSheet, "contacts.csv, line 3", id="open-quote"),
        pytest.param("contacts.xlsx", b"Courriel\n", UnreadableSheet, "damaged or not a workbook", id="csv-called-xlsx"),
        pytest.param("contacts.xls", b"\xd0\xcf\x11\xe0", UnreadableSheet, "damaged or not", id="stub-of-an-xls"),
        pytest.param("contacts.ods", b"", UnreadableSheet, "damaged or not a workbook", id="empty-ods"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_one_line(
    write: Callable[..., Path], name: str, content: bytes, error: type[AudienceError], message: str
):
    with pytest.raises(error) as caught:
        list(open_contacts(write(content, name)).rows())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.csv", "folder.csv", "folder.xlsx"])
def test_no_such_file_or_a_folder(tmp_path: Path, name: str):
    if name.startswith("folder"):
        (tmp_path / name).mkdir()
    with pytest.raises(UnreadableSheet, match="There is no file"):
        open_contacts(tmp_path / name)


def test_an_empty_workbook(workbook: Callable[..., Path]):
    with pytest.raises(UnreadableSheet, match="is empty"):
        open_contacts(workbook([]))


def test_a_truncated_workbook_is_damaged_wherever_it_was_cut(workbook: Callable[..., Path]):
    path = workbook([["Entreprise", "Courriel"], *([f"Entreprise {n}", f"a{n}@example.org"] for n in range(200))])
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        with pytest.raises(UnreadableSheet, match="damaged or not a workbook"):
            open_contacts(path)


@given(content=st.binary(max_size=300), head=st.sampled_from([b"", b"Courriel;Ville\n", b"\xff\xfe", b"\xef\xbb\xbf"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_the_bytes_there_are_rows_or_one_clear_error(write: Callable[..., Path], content: bytes, head: bytes):
    with suppress(AudienceError):
        table = open_contacts(write(head + content))
        assert all(isinstance(cell, str) for _number, cells in table.rows() for cell in cells)
