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

from audiences.columns import CONTACT_FIELDS, header_finder
from audiences.errors import AudienceError, MissingColumn, UnreadableSheet
from audiences.sheets import read_sheet

FIND = header_finder(CONTACT_FIELDS)
LINES = [
    "Entreprise;Code postal;Courriel",
    "Café de la Gare;62000;cafe@example.org",
    "Œuvre d’art;01000;art@example.org",
]
CAFE = {"name": "Café de la Gare", "postcode": "62000", "address": "cafe@example.org"}
ART = {"name": "Œuvre d’art", "postcode": "01000", "address": "art@example.org"}


def read(path: Path) -> list[dict[str, str]]:
    return [dict(row.values) for row in read_sheet(path, FIND).rows()]


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(write: Callable[..., Path], encoding: str):
    assert read(write("\r\n".join(LINES).encode(encoding))) == [CAFE, ART]


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
    sheet = read_sheet(write("\n".join(lines)), FIND)
    assert [dict(row.values) for row in sheet.rows()] == [CAFE, ART]
    assert [row.number for row in sheet.rows()] == [len(above) + 2, len(above) + 3]


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
    rows = list(read_sheet(write(text), FIND).rows())
    assert [(row.number, row.values["name"]) for row in rows] == [(2, 'Dupont "père";\net fils'), (6, "Lens")]


def test_short_and_long_rows(write: Callable[..., Path]):
    rows = read(write("Entreprise;Courriel;Ville\nLens\nArras;a@example.org;Arras;de trop\n"))
    assert rows == [
        {"name": "Lens", "address": "", "commune": ""},
        {"name": "Arras", "address": "a@example.org", "commune": "Arras"},
    ]


def test_columns_that_nobody_knows_are_named_and_the_first_of_two_counts(write: Callable[..., Path]):
    sheet = read_sheet(write("Couleur;E-mail;Courriel;\nrouge;a@example.org;b@example.org;\n"), FIND)
    assert sheet.columns == {"address": "E-mail"}
    assert sheet.ignored == ("Couleur", "Courriel")
    assert [dict(row.values) for row in sheet.rows()] == [{"address": "a@example.org"}]


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
    rows = list(read_sheet(path, FIND).rows())
    assert [(row.number, *row.values.values()) for row in rows] == [(at + 4, "Café", ""), (at + 6, "", "a@example.org")]


def test_the_first_of_several_sheets_is_read(tmp_path: Path):
    with xlsxwriter.Workbook(tmp_path / "two.xlsx") as book:
        book.add_worksheet().write_column(0, 0, ["Courriel", "a@example.org"])
        book.add_worksheet().write_column(0, 0, ["Courriel", "b@example.org"])
    assert read(tmp_path / "two.xlsx") == [{"address": "a@example.org"}]


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
        read_sheet(write(content, name), FIND)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.csv", "folder.csv", "folder.xlsx"])
def test_no_such_file_or_a_folder(tmp_path: Path, name: str):
    if name.startswith("folder"):
        (tmp_path / name).mkdir()
    with pytest.raises(UnreadableSheet, match="There is no file"):
        read_sheet(tmp_path / name, FIND)


def test_an_empty_workbook(workbook: Callable[..., Path]):
    with pytest.raises(UnreadableSheet, match="is empty"):
        read_sheet(workbook([]), FIND)


def test_a_truncated_workbook_is_damaged_wherever_it_was_cut(workbook: Callable[..., Path]):
    path = workbook([["Entreprise", "Courriel"], *([f"Entreprise {n}", f"a{n}@example.org"] for n in range(200))])
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        with pytest.raises(UnreadableSheet, match="damaged or not a workbook"):
            read_sheet(path, FIND)


@given(content=st.binary(max_size=300), head=st.sampled_from([b"", b"Courriel;Ville\n", b"\xff\xfe", b"\xef\xbb\xbf"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_the_bytes_there_are_rows_or_one_clear_error(write: Callable[..., Path], content: bytes, head: bytes):
    with suppress(AudienceError):
        sheet = read_sheet(write(head + content), FIND)
        assert all(isinstance(value, str) for row in sheet.rows() for value in row.values.values())
