"""Rejected rows as a file of their own, mended addresses, and layouts that are remembered."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from audiences.columns import FIELDS, SheetKind
from audiences.database import reading, writing
from audiences.errors import AmbiguousColumn, UnknownImport, UnwritableFile
from audiences.imports import import_table, prepare
from audiences.layouts import forget_layout, list_layouts
from audiences.models import Contact, ImportLayout
from audiences.rejects import free_name, write_rejects
from campaigns.settings import Settings
from tests.factories import NOW, Factory, dump
from tests.store import addresses, ask, companies, number_of

SHEET = """
    N° interne;Entreprise;Commune;Courriel;Prénom;Nom
    7;Café;Arras;a@example.org;Anne;Leroy
    8;=Garage;Lens;paul@@example.org;Paul;Dubois
    9;;;;;
    10;Bar;Lens;b@example.org;Zoé;Petit
"""


def rejects_of(factory: Factory, engine: Engine, path: Path, out: Path) -> int:
    summary = factory.import_file(path, None, skip_rejected=True)
    with reading(engine) as session:
        return write_rejects(out, prepare(session, path).table, summary.rejections)


def test_rejected_rows_are_mended_in_their_own_file(engine: Engine, factory: Factory, tmp_path: Path):
    from python_calamine import CalamineWorkbook

    path = factory.csv(SHEET)
    out = free_name(path)
    assert out == tmp_path / "contacts-rejects.xlsx"
    assert rejects_of(factory, engine, path, out) == 2
    table = CalamineWorkbook.from_path(str(out)).get_sheet_by_index(0).to_python()
    assert table[0] == ["N° interne", "Entreprise", "Commune", "Courriel", "Prénom", "Nom", "Reason for the rejection"]
    assert table[1][:6] == ["8", "'=Garage", "Lens", "paul@@example.org", "Paul", "Dubois"]
    assert str(table[1][6]).startswith("Courriel: paul@@example.org is not an address: ")
    assert table[2][6] == "Courriel: the row names neither a company (SIRET or name) nor an address"

    # As it is, it is rejected again; the reason that stands in it is replaced, and it can be mended.
    again = tmp_path / "again.xlsx"
    assert rejects_of(factory, engine, out, again) == 2
    found = CalamineWorkbook.from_path(str(again)).get_sheet_by_index(0).to_python()
    assert found == table
    mended = factory.csv(
        "N° interne;Entreprise;Commune;Courriel;Prénom;Nom;Motif du rejet\n8;'=Garage;Lens;paul@example.org;Paul;Dubois;x\n",
        "mended.csv",
    )
    summary = factory.import_file(mended, None)
    assert (summary.created, summary.ignored_columns) == (1, ("N° interne",))
    assert addresses(engine) == [
        ("Café", "a@example.org"),
        ("Bar", "b@example.org"),
        ("=Garage", "paul@example.org"),
    ]
    assert number_of(engine, ImportLayout) == 1
    # The whole sheet, mended, brings nothing new.
    whole = factory.csv(SHEET.replace("@@", "@").replace("    9;;;;;\n", ""))
    assert factory.import_file(whole, None).unchanged == 3


def test_a_name_that_is_taken_is_not_written_over(sqlite_engine: Engine, factory: Factory, tmp_path: Path):
    path = factory.csv(SHEET)
    free_name(path).write_text("mine")
    assert free_name(path) == tmp_path / "contacts-rejects-2.xlsx"
    with pytest.raises(UnwritableFile, match="exists and was not changed"):
        rejects_of(factory, sqlite_engine, path, tmp_path / "contacts-rejects.xlsx")


class TestMendedAddresses:
    """A corrected address updates the contact whose address was invalid, in whichever order the files come."""

    HEAD = "Entreprise;Courriel;Prénom;Nom\n"

    @pytest.mark.parametrize(
        ("before", "after", "count"),
        [
            pytest.param("paul@@example.org;Paul;Dubois", "p.dubois@garage.test;Paul;Dubois", 1, id="same-name"),
            pytest.param("paul@@example.org;;Dubois", "other@garage.test;Paul;DUBOIS", 1, id="last-name"),
            pytest.param("paul@@example.org;;", "paul@example.org;;", 1, id="typing-error"),
            pytest.param("contact12@;;", "contact12@garage.test;;", 1, id="cut-off"),
            pytest.param("paul@example;Paul;", "paul@example.org;;", 1, id="no-ending"),
            pytest.param("paul@@example.org;Paul;Dubois", "paul@example.org;Anne;Dubois", 2, id="another-first-name"),
            pytest.param("paul@@example.org;Paul;Dubois", "paul@example.org;Paul;Leroy", 2, id="another-name"),
            pytest.param("paul@@example.org;;", "anne@example.org;;", 2, id="another-address"),
            pytest.param("contact1@;;", "contact12@garage.test;;", 2, id="another-number"),
        ],
    )
    def test_who_it_is(self, engine: Engine, factory: Factory, before: str, after: str, count: int):
        first, second = (f"{self.HEAD}Garage;{row}\n" for row in (before, after))
        factory.import_csv(first, keep_invalid=True)
        factory.import_csv(second, keep_invalid=True)
        assert number_of(engine, Contact) == count
        assert ask(engine, select(Contact.address).order_by(Contact.id))[-1] == (after.split(";", maxsplit=1)[0],)
        state = dump(engine)
        for text in (first, second, first):
            factory.import_csv(text, keep_invalid=True)
            assert dump(engine) == state

    def test_of_two_it_is_neither(self, sqlite_engine: Engine, factory: Factory):
        rows = "Garage;a@@example.org;Paul;Dubois\nGarage;b@@example.org;Paul;Dubois\n"
        factory.import_csv(self.HEAD + rows, keep_invalid=True)
        assert number_of(sqlite_engine, Contact) == 2
        factory.import_csv(self.HEAD + "Garage;c@example.org;Paul;Dubois\n")
        assert number_of(sqlite_engine, Contact) == 3


class TestLayouts:
    """What the columns are is said once."""

    SHEET = "Société;Mél. pro;Ville\nCafé;a@example.org;Arras\n"
    MAPS = ("Mél. pro=address",)

    def test_it_is_remembered_and_can_be_forgotten(self, engine: Engine, factory: Factory):
        assert factory.import_csv(self.SHEET, maps=self.MAPS).created == 1
        later = self.SHEET.replace("Société;Mél. pro;Ville", "Société;MEL PRO;ville")
        assert factory.import_file(factory.csv(later, "autre.csv"), None).unchanged == 1
        with reading(engine) as session:
            (layout,) = list_layouts(session)
            assert (layout.kind, layout.file_name) == ("contacts", "autre.csv")
            assert layout.columns == {"Société": "name", "MEL PRO": "address", "ville": "commune"}
        with writing(engine) as session:
            forget_layout(session, 1)
        with pytest.raises(Exception, match="MEL PRO"):
            factory.import_file(factory.csv(later, "autre.csv"), None)
        with writing(engine) as session, pytest.raises(UnknownImport, match="no layout 1"):
            forget_layout(session, 1)

    def test_a_header_row_of_which_no_word_is_known_is_found_again(self, sqlite_engine: Engine, factory: Factory):
        text = "Base\n\nZ1;Z2\nCafé;a@example.org\n"
        factory.import_csv(text, maps=["Z1=name", "Z2=address"])
        assert factory.import_csv(text).unchanged == 1
        assert addresses(sqlite_engine) == [("Café", "a@example.org")]

    def test_a_failed_import_is_not_remembered(self, sqlite_engine: Engine, factory: Factory):
        with pytest.raises(AmbiguousColumn):
            factory.import_csv("Entreprise;E-mail;Courriel\nCafé;a@example.org;b@example.org\n")
        assert number_of(sqlite_engine, ImportLayout) == 0

    def test_the_kind_is_remembered(self, factory: Factory):
        text = "Quand;Par;Quoi;Entreprise\n17/03/2020;Appel CCI;Autre;Café\n"
        maps = ["Quand=received_on", "Par=channel", "Quoi=nature"]
        factory.import_csv(text, "requests", maps=maps)
        summary = factory.import_file(factory.csv(text, "suite.csv"), None)
        assert (summary.kind, summary.unchanged) == (SheetKind.REQUESTS, 1)


def test_one_sheet_of_several_is_imported(sqlite_engine: Engine, factory: Factory, tmp_path: Path):
    import xlsxwriter

    path = tmp_path / "base.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name in ("Arras", "Lens"):
            book.add_worksheet(name).write_row(0, 0, ["Entreprise", "Courriel"])
            book.get_worksheet_by_name(name).write_row(1, 0, [f"Café de {name}", f"{name.lower()}@example.org"])
    summary = factory.import_file(path, sheet="Lens")
    assert summary.other_sheets == ("Arras",)
    assert companies(sqlite_engine) == [("Café de Lens", None)]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@given(data=st.data())
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_of_any_sheet_is_accepted_or_rejected(
    sqlite_engine: Engine, settings: Settings, tmp_path: Path, suffix: str, data: st.DataObject
):
    kind = data.draw(st.sampled_from(SheetKind))
    headers = [names[0] for names in FIELDS[kind].values()]
    cell = st.one_of(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=12), st.just(""))
    rows = data.draw(st.lists(st.lists(cell, min_size=len(headers), max_size=len(headers)), max_size=6))
    filled = [row for row in rows if any(each.strip() for each in row)]
    path = tmp_path / f"any{suffix}"
    path.unlink(missing_ok=True)
    write(path, [headers, *rows])
    with Session(sqlite_engine) as session:
        prepared = prepare(session, path, kind)
        summary = import_table(
            session, prepared, territory=settings.places, natures=settings.natures, channels=settings.channels,
            now=NOW, skip_rejected=True, create=kind is SheetKind.SIRENE,
        )  # fmt: skip
        accepted = summary.created + summary.changed + summary.unchanged + summary.aside
        assert summary.rows == accepted + summary.rejected == len(filled)
        assert len({each.row for each in summary.rejections}) == summary.rejected
        assert all(each.reason and each.column in headers for each in summary.rejections)


def write(path: Path, table: list[list[str]]) -> None:
    import csv

    import xlsxwriter

    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=";").writerows(table)
        return
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for at, cells in enumerate(table):
            for column, text in enumerate(cells):
                sheet.write_string(at, column, text)
