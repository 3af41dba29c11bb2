"""Imports of spreadsheets: all rows or none, each fault named, and the same file twice changes nothing."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import xlsxwriter
from sqlalchemy import Engine, select

from audiences.errors import MissingColumn
from audiences.imports import CHUNK, RejectedRows
from audiences.models import (
    Company,
    Contact,
    ContactKind,
    ImportRun,
    LegalBasis,
    Request,
    Suppression,
    SuppressionReason,
    SuppressionScope,
    Tag,
)
from tests.factories import NOW, Factory, dump
from tests.sheets import CALL, CONTACTS, CUA, REQUESTS, SIRET
from tests.store import ask, companies, number_of

LATER = NOW + timedelta(days=1)


def test_a_contact_sheet_becomes_companies_contacts_tags_and_oppositions(engine: Engine, factory: Factory):
    summary = factory.import_csv(CONTACTS)

    assert (summary.rows, summary.created, summary.changed, summary.unchanged) == (5, 5, 0, 0)
    assert summary.new == {"company": 3, "contact": 5, "tag": 3, "suppression": 1}
    columns = (Company.name, Company.siret, Company.naf_code, Company.headcount_min, Company.headcount_max)
    assert companies(engine, *columns, Company.commune_name, Company.postcode, Company.epci_siren) == [
        ("Café de la Gare", SIRET, "56.30Z", 1, 2, "Arras", "62000", CUA),
        ("Garage Dubois", None, "45.20A", 12, 12, "Lens", "62300", CALL),
        ("Sans adresse", None, None, None, None, "Arras", "62000", CUA),
    ]
    columns = (Contact.address_key, Contact.kind, Contact.given_name, Contact.family_name)
    assert ask(engine, select(*columns).order_by(Contact.id)) == [
        ("contact@cafe.example.org", ContactKind.ROLE, "Anne", "Leroy"),
        ("paul@garage.example.org", ContactKind.PROFESSIONAL, "Paul", "Dubois"),
        ("info@garage.example.org", ContactKind.ROLE, None, None),
        (None, ContactKind.PROFESSIONAL, None, None),
        ("projet@example.org", ContactKind.INDIVIDUAL, "Zoé", "Petit"),
    ]
    tags = select(Tag.word, Company.name).select_from(Tag).outerjoin(Company).order_by(Tag.id)
    assert ask(engine, tags) == [
        ("vip", "Café de la Gare"),
        ("export", "Café de la Gare"),
        ("porteur de projet", None),
    ]
    suppressions = select(Suppression.address_key, Suppression.reason, Suppression.scope, Suppression.evidence)
    assert ask(engine, suppressions) == [
        ("info@garage.example.org", SuppressionReason.UNSUBSCRIBED, SuppressionScope.ALL, "contacts.csv, row 4")
    ]


def test_a_request_sheet_becomes_requests_of_companies_or_contacts(engine: Engine, factory: Factory):
    factory.import_csv(CONTACTS)
    summary = factory.import_csv(REQUESTS, "requests")

    assert summary.new == {"company": 1, "contact": 1, "request": 3}
    columns = (Request.reference, Request.received_on, Request.channel, Request.nature, Request.topic, Request.adviser)
    found = (
        select(*columns, Company.name, Contact.address)
        .select_from(Request)
        .outerjoin(Company, Company.id == Request.company_id)
        .outerjoin(Contact, Contact.id == Request.contact_id)
        .order_by(Request.id)
    )
    march = [date(2020, 3, 17), date(2020, 3, 18)]
    assert ask(engine, found) == [
        ("1", march[0], "Appel CCI", "Chômage", None, "Lambert", "Café de la Gare", None),
        ("2", march[1], "Mail COVID-19", "Aides financières", "Fonds", "Lambert", "Nouvelle", None),
        ("3", march[1], "Autre mail", "Autre", None, "Lambert", None, "projet@example.org"),
    ]


def test_every_import_leaves_a_record(engine: Engine, factory: Factory):
    factory.import_csv(CONTACTS)
    factory.import_csv(CONTACTS)
    columns = (ImportRun.kind, ImportRun.file_name, ImportRun.rows, ImportRun.created, ImportRun.unchanged)
    assert ask(engine, select(*columns).order_by(ImportRun.id)) == [
        ("contacts", "contacts.csv", 5, 5, 0),
        ("contacts", "contacts.csv", 5, 0, 5),
    ]
    assert len(set(ask(engine, select(ImportRun.sha256)))) == 1


FAULTY = f"""
    Entreprise;SIRET;NAF;Effectif;Code postal;Courriel;Type;Base légale;Diffusion;Opposition
    Bonne;;;;;bonne@example.org;;;;
    Café;90000001900018;;;;paul@@example.org;;;;
    Garage;;99;beaucoup;ABC;;ami;aucune;?;peut-être
    ;;;;;;;;;oui
    Dernière;{SIRET};56.10C;;;derniere@example.org;;;;
"""


def test_one_faulty_row_and_nothing_is_imported_but_every_cell_is_named(engine: Engine, factory: Factory):
    before = dump(engine, without=())
    with pytest.raises(RejectedRows) as caught:
        factory.import_csv(FAULTY)
    assert dump(engine, without=()) == before
    assert str(caught.value) == (
        "contacts.csv: 3 row(s) rejected, so nothing was imported. "
        "Mend them, or add --skip-rejected to import the other 2."
    )
    assert [(found.row, found.column, found.value) for found in caught.value.rejections] == [
        (3, "SIRET", "90000001900018"),
        (3, "Courriel", "paul@@example.org"),
        (4, "Code postal", "ABC"),
        (4, "NAF", "99"),
        (4, "Effectif", "beaucoup"),
        (4, "Diffusion", "?"),
        (4, "Type", "ami"),
        (4, "Base légale", "aucune"),
        (4, "Opposition", "peut-être"),
        (5, "Courriel", ""),
    ]
    reasons = [found.reason for found in caught.value.rejections]
    assert reasons[0] == "not a SIRET: 14 digits with a valid check digit"
    assert reasons[1].startswith("paul@@example.org is not an address: ")
    assert reasons[-1] == "the row names neither a company (SIRET or name) nor an address"
    assert all(reasons)


def test_faults_of_requests(engine: Engine, factory: Factory):
    with pytest.raises(RejectedRows) as caught:
        factory.import_csv(
            """
            Date;Canal;Nature;Entreprise
            31/02/2020;Appel CCI;Autre;Café
            17/03/2020;Pigeon;Aides financieres;Café
            17/03/2020;Appel CCI;;Café
            17/03/2020;Appel CCI;Autre;
            """,
            "requests",
        )
    assert [found[:3] for found in caught.value.rejections] == [
        (2, "Date", "31/02/2020"),
        (3, "Canal", "Pigeon"),
        (4, "Nature", ""),
        (5, "", ""),
    ]


def test_faulty_rows_can_be_left_out(engine: Engine, factory: Factory):
    summary = factory.import_csv(FAULTY, skip_rejected=True)
    assert companies(engine, Company.name) == [("Bonne",), ("Dernière",)]
    assert {found.row for found in summary.rejections} == {3, 4, 5}
    assert ask(engine, select(ImportRun.rows, ImportRun.created, ImportRun.rejected)) == [(5, 2, 3)]


def test_an_address_that_cannot_be_written_to_can_be_kept(engine: Engine, factory: Factory):
    text = """
        Entreprise;Courriel
        Café;paul@@example.org
        Café;anne@example.org
    """
    factory.import_csv(text, keep_invalid=True)
    assert ask(engine, select(Contact.address, Contact.address_key).order_by(Contact.id)) == [
        ("paul@@example.org", None),
        ("anne@example.org", "anne@example.org"),
    ]
    before = dump(engine)
    factory.import_csv(text, keep_invalid=True, now=LATER)
    assert dump(engine) == before


def test_keeping_invalid_addresses_excuses_no_other_fault(factory: Factory, sqlite_engine: Engine):
    with pytest.raises(RejectedRows) as caught:
        factory.import_csv("Entreprise;NAF;Courriel\nCafé;99;a@@b\n;;a@@b\n", keep_invalid=True)
    assert [(found.row, found.column) for found in caught.value.rejections] == [(2, "NAF"), (3, "Courriel")]


@pytest.mark.parametrize(
    ("kind", "header", "missing"),
    [
        pytest.param("contacts", "Entreprise;SIRET", "“Email”", id="no-address"),
        pytest.param("requests", "Date;Entreprise", "“Canal”; “Nature”", id="no-channel-nor-nature"),
        pytest.param("requests", "Date;Canal;Nature", "“Siret” / “Raison sociale” / “Email”", id="nobody"),
    ],
)
def test_a_sheet_that_lacks_a_column(sqlite_engine: Engine, factory: Factory, kind: str, header: str, missing: str):
    with pytest.raises(MissingColumn, match=missing):
        factory.import_csv(header + "\n", kind)


def test_unknown_columns_and_places_are_counted(sqlite_engine: Engine, factory: Factory):
    summary = factory.import_csv(
        "Entreprise;Couleur;Code postal;Commune;Courriel\nCafé;bleu;62000;Lens-sur-Mer;a@b.test\n"
    )
    assert summary.ignored_columns == ("Couleur",)
    assert summary.unplaced == 1
    assert companies(sqlite_engine, Company.commune_name, Company.postcode, Company.epci_siren) == [
        ("Lens-sur-Mer", "62000", None)
    ]


@pytest.mark.parametrize("kind", ["contacts", "requests"])
def test_progress_is_told(sqlite_engine: Engine, factory: Factory, kind: str):
    told: list[int] = []

    def start(rows: int) -> Callable[[int], None]:
        told.append(rows)
        return told.append

    factory.import_csv(CONTACTS if kind == "contacts" else REQUESTS, kind, progress=start)
    rows = 5 if kind == "contacts" else 3
    assert told[0] == sum(told[1:]) == rows  # those that name no company come last


def test_stated_kind_and_basis_are_kept(engine: Engine, factory: Factory):
    factory.import_csv(
        """
        Entreprise;Courriel;Type;Base légale;Statut de diffusion
        Café;contact@example.org;particulier;Consentement;P
        """
    )
    assert ask(engine, select(Contact.kind, Contact.legal_basis, Company.diffusion).join(Company)) == [
        (ContactKind.INDIVIDUAL, LegalBasis.CONSENT, "P")
    ]


def test_a_workbook_with_numbers_and_dates(engine: Engine, factory: Factory, tmp_path: Path):
    path = tmp_path / "suivi.xlsx"
    with xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yyyy"}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "Suivi des demandes")
        sheet.write_row(2, 0, ["N°", "Date", "Canal", "Nature", "SIRET", "Entreprise", "Effectif", "CP", "Ville"])
        sheet.write_row(
            3,
            0,
            [
                1,
                datetime(2020, 3, 17, 9, 30, tzinfo=UTC).replace(tzinfo=None),
                "Appel CCI",
                "Autre",
                int(SIRET),
                "Café",
                4,
                62000,
                "Arras",
            ],
        )
        sheet.write_row(
            4, 0, ["2", date(2020, 3, 18), "Appel CCI", "Autre", None, "Ain", "1 à 2", 1000, "Bourg en Bresse"]
        )
    summary = factory.import_file(path, "requests")
    assert (summary.created, summary.unplaced) == (2, 0)
    assert companies(engine, Company.siret, Company.headcount_max, Company.postcode, Company.commune_name) == [
        (SIRET, 4, "62000", "Arras"),
        (None, 2, "01000", "Bourg-en-Bresse"),
    ]
    assert ask(engine, select(Request.reference, Request.received_on).order_by(Request.id)) == [
        ("1", date(2020, 3, 17)),
        ("2", date(2020, 3, 18)),
    ]
    before = dump(engine)
    factory.import_file(path, "requests", now=LATER)
    assert dump(engine) == before


def test_rows_beyond_a_chunk_know_those_before_it(engine: Engine, factory: Factory):
    size = CHUNK + 30
    head = "Entreprise;SIRET;Commune;Courriel;Étiquettes;Opposition\n"
    first = [f"Entreprise {n};;Arras;a{n}@example.org;vip;{'x' if n < 5 else ''}" for n in range(size)]
    again = [f"ENTREPRISE {n};;;A{n}@example.org;vip, export;x" for n in range(0, size, 7)]
    text = head + "\n".join([*first, *again, "Entreprise 3;;Lens;;;", f"Entreprise 4;{SIRET};;;;"])
    factory.import_csv(text)
    assert number_of(engine, Company) == size + 1  # the one at Lens is another
    assert number_of(engine, Contact) == size + 1
    assert number_of(engine, Tag) == size + len(again)
    before = dump(engine)
    summary = factory.import_csv(text, now=LATER)
    assert (summary.created, summary.changed) == (0, 0)
    assert dump(engine) == before


def test_a_fault_in_the_last_chunk_undoes_the_first(engine: Engine, factory: Factory):
    rows = [f"Entreprise {n};a{n}@example.org" for n in range(CHUNK)]
    with pytest.raises(RejectedRows):
        factory.import_csv("Entreprise;Courriel\n" + "\n".join([*rows, "Café;a@@example.org"]))
    assert number_of(engine, Company) == number_of(engine, Contact) == number_of(engine, ImportRun) == 0
