"""Which rows of contact sheets speak of one company."""

import pytest
from sqlalchemy import Engine, select

from audiences.models import (
    Company,
    Contact,
    ContactKind,
)
from tests.factories import Factory
from tests.store import addresses, ask, companies, number_of

CUA, CALL = "200033579", "246200364"
SIRET, OTHER_SIRET = "90000001900019", "90000001900027"


class TestCompanies:
    """Which rows speak of one company."""

    def test_known_by_name_first_then_by_siret(self, engine: Engine, factory: Factory):
        factory.import_csv("Entreprise;Commune;Courriel\nCafé de la Gare;Arras;a@example.org\n")
        factory.import_csv(f"Entreprise;SIRET;Commune;Courriel\nCAFE DE LA GARE;{SIRET};Arras;a@example.org\n")
        assert companies(engine) == [("Café de la Gare", SIRET)]
        factory.import_csv(f"SIRET;Effectif;Courriel\n{SIRET};7;\n")
        assert companies(engine, Company.siret, Company.headcount_min) == [(SIRET, 7)]
        assert addresses(engine) == [("Café de la Gare", "a@example.org")]

    def test_known_by_siret_first_then_by_name(self, engine: Engine, factory: Factory):
        for kind in ("contacts", "requests"):
            head = "Date;Canal;Nature;SIRET;Entreprise;Courriel\n"
            row = f"17/03/2020;Appel CCI;Autre;{SIRET};{{}};\n"
            factory.import_csv(head + row.format("") + row.format("Café"), kind)
            assert companies(engine) == [("Café", SIRET)]

    @pytest.mark.parametrize(
        ("rows", "count"),
        [
            pytest.param(["Café;;62000;Arras", "CAFE;;62000;ARRAS"], 1, id="same-name-same-place"),
            pytest.param(["Café;;62000;Arras", "Café;;62300;Lens"], 2, id="same-name-two-places"),
            pytest.param(["Café;;62000;Arras", "Café;;;"], 1, id="same-name-no-place"),
            pytest.param([f"Café;{SIRET};;", f"Café;{OTHER_SIRET};;"], 2, id="same-name-two-sirets"),
            pytest.param([f"Café;{SIRET};;", f"Bar;{SIRET};;"], 1, id="same-siret-two-names"),
            pytest.param([f"Café;{SIRET};62000;Arras", "Café;;62300;Lens"], 2, id="siret-and-another-place"),
            pytest.param(["Café;;99998;", "Café;;99999;"], 2, id="two-postcodes-that-are-nowhere"),
        ],
    )
    @pytest.mark.parametrize("files", [1, 2], ids=["one-file", "two-files"])
    def test_one_or_two(self, sqlite_engine: Engine, factory: Factory, rows: list[str], count: int, files: int):
        head = "Entreprise;SIRET;Code postal;Commune;Courriel\n"
        for text in ["\n".join(rows)] if files == 1 else rows:
            factory.import_csv(f"{head}{text}\n")
        assert number_of(sqlite_engine, Company) == count

    def test_the_first_row_of_a_file_wins_but_a_new_file_overrules(self, engine: Engine, factory: Factory):
        head = "Entreprise;SIRET;Effectif;Commune;Courriel;Prénom\n"
        factory.import_csv(head + f"Café;{SIRET};3;Arras;a@example.org;Anne\nBar;{SIRET};9;Lens;a@example.org;Anna\n")
        columns = (Company.name, Company.headcount_min, Company.commune_name, Contact.given_name)
        assert ask(engine, select(*columns).join(Contact)) == [("Café", 3, "Arras", "Anne")]
        factory.import_csv(head + f"Bar;{SIRET};9;Lens;a@example.org;Anna\n")
        assert ask(engine, select(*columns).join(Contact)) == [("Bar", 9, "Lens", "Anna")]

    def test_one_mailbox_may_serve_several_companies(self, engine: Engine, factory: Factory):
        factory.import_csv("Entreprise;Courriel\nCafé;compta@example.org\nGarage;Compta@Example.org\n")
        assert addresses(engine) == [("Café", "compta@example.org"), ("Garage", "Compta@example.org")]
        assert ask(engine, select(Contact.address_key).distinct()) == [("compta@example.org",)]

    def test_a_company_without_an_address_gets_one_later(self, engine: Engine, factory: Factory):
        factory.import_csv("Entreprise;Courriel\nCafé;\n")
        assert addresses(engine) == [("Café", None)]
        factory.import_csv("Entreprise;Courriel\nCafé;contact@example.org\n")
        assert addresses(engine) == [("Café", "contact@example.org")]
        assert ask(engine, select(Contact.kind)) == [(ContactKind.ROLE,)]
        factory.import_csv("Entreprise;Courriel\nCafé;\nCafé;b@example.org\n")
        assert addresses(engine) == [("Café", "contact@example.org"), ("Café", "b@example.org")]

    def test_a_placeless_company_gets_its_place_later_and_keeps_a_known_one(self, engine: Engine, factory: Factory):
        head = "SIRET;Code postal;Commune;Courriel\n"
        places = []
        for place in ("99999;Atlantide", "62000;Arras", "99999;Atlantide", ";"):
            factory.import_csv(f"{head}{SIRET};{place};\n")
            places += companies(engine, Company.postcode, Company.commune_name, Company.epci_siren)
        assert places == [("99999", "Atlantide", None), *[("62000", "Arras", CUA)] * 3]
