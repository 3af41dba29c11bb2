"""Exports of requests: they grow, overlap and carry numbers of their own."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from audiences.imports import CHUNK
from audiences.models import (
    Company,
    Contact,
    Request,
)
from tests.factories import NOW, Factory, dump
from tests.store import ask, companies, number_of

SIRET, OTHER_SIRET = "90000001900019", "90000001900027"
LATER = NOW + timedelta(days=1)


class TestRequests:
    """Exports of requests grow, overlap and carry numbers of their own."""

    HEAD = "N°;Date;Canal;Nature;Réponse;Entreprise;SIRET\n"

    def test_a_cumulative_export_adds_what_is_new(self, engine: Engine, factory: Factory):
        first = self.HEAD + "1;17/03/2020;Appel CCI;Autre;;Café;\n"
        summary = factory.import_csv(first, "requests")
        assert summary.created == 1
        summary = factory.import_csv(first + "2;18/03/2020;Appel CCI;Autre;;Café;\n", "requests")
        assert (summary.created, summary.unchanged) == (1, 1)
        assert number_of(engine, Request) == 2

    def test_an_answer_that_came_later_is_filled_in(self, engine: Engine, factory: Factory):
        factory.import_csv(self.HEAD + "1;17/03/2020;Appel CCI;Autre;;Café;\n", "requests")
        summary = factory.import_csv(self.HEAD + "1;17/03/2020;Appel CCI;Chômage;rappelé;Café;\n", "requests")
        assert (summary.created, summary.changed) == (0, 1)
        assert ask(engine, select(Request.nature, Request.answer)) == [("Chômage", "rappelé")]

    def test_two_sheets_may_both_be_numbered_from_one(self, engine: Engine, factory: Factory):
        factory.import_csv(
            self.HEAD + "1;17/03/2020;Appel CCI;Autre;;Café;\n2;17/03/2020;Appel CCI;Autre;;Bar;\n", "requests"
        )
        factory.import_csv(
            self.HEAD + "1;17/03/2020;Appel CCI;Autre;;Garage;\n2;18/03/2020;Appel CCI;Autre;;Bar;\n", "requests"
        )
        assert number_of(engine, Request) == 4

    def test_without_numbers_true_duplicates_are_kept_and_counted(self, engine: Engine, factory: Factory):
        row = "17/03/2020;Appel CCI;Autre;Café\n"
        head = "Date;Canal;Nature;Entreprise\n"
        factory.import_csv(head + 2 * row, "requests")
        assert number_of(engine, Request) == 2
        summary = factory.import_csv(head + 3 * row, "requests")
        assert (summary.created, summary.unchanged) == (1, 2)
        assert number_of(engine, Request) == 3

    def test_the_same_number_twice_in_one_sheet_is_one_request(self, engine: Engine, factory: Factory):
        row = "1;17/03/2020;Appel CCI;Autre;;Café;\n"
        summary = factory.import_csv(self.HEAD + row + row, "requests")
        assert (summary.created, summary.unchanged, number_of(engine, Request)) == (1, 1, 1)

    @pytest.mark.parametrize("number", ["1", ""], ids=["numbered", "without-numbers"])
    def test_a_request_is_recognised_after_its_company_got_a_siret(self, engine: Engine, factory: Factory, number: str):
        row = f"{number};17/03/2020;Appel CCI;Autre;;Café;"
        factory.import_csv(self.HEAD + f"{row}\n{row.replace('1;', '2;', 1)}\n", "requests")
        assert number_of(engine, Request) == 2
        factory.import_csv(self.HEAD + f"{row}{SIRET}\n{row.replace('1;', '2;', 1)}{SIRET}\n", "requests")
        assert companies(engine) == [("Café", SIRET)]
        assert number_of(engine, Request) == 2

    @pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
    def test_a_mailbox_alone_means_the_company_that_the_same_sheet_names(
        self, engine: Engine, factory: Factory, is_first: bool
    ):
        alone, named = "1;17/03/2020;Appel CCI;Autre;;a@example.org", "2;17/03/2020;Appel CCI;Autre;Café;a@example.org"
        rows = [alone, named] if is_first else [named, alone]
        factory.import_csv("\n".join(["N°;Date;Canal;Nature;Entreprise;Courriel", *rows]), "requests")
        asked = select(Request.reference, Company.name).outerjoin(Company, Company.id == Request.company_id)
        assert ask(engine, asked.order_by(Request.reference)) == [("1", "Café"), ("2", "Café")]

    def test_the_request_sheet_fills_gaps_but_does_not_overrule_the_base(self, engine: Engine, factory: Factory):
        factory.import_csv(f"SIRET;Entreprise;NAF;Courriel;Prénom\n{SIRET};Café;;a@example.org;Anne\n")
        factory.import_csv(
            "Date;Canal;Nature;SIRET;Entreprise;NAF;Effectif;Courriel;Prénom;Nom\n"
            f"17/03/2020;Appel CCI;Autre;{SIRET};CAFÉ SARL;56.30Z;4;a@example.org;Anna;Leroy\n",
            "requests",
        )
        assert companies(engine, Company.name, Company.naf_code, Company.headcount_min) == [("Café", "56.30Z", 4)]
        assert ask(engine, select(Contact.given_name, Contact.family_name)) == [("Anne", "Leroy")]

    def test_a_mailbox_alone_stands_for_its_only_company(self, engine: Engine, factory: Factory):
        factory.import_csv("Entreprise;Courriel\nCafé;a@example.org\nGarage;b@example.org\nBar;b@example.org\n")
        factory.import_csv(
            "Date;Canal;Nature;Courriel\n17/03/2020;Appel CCI;Autre;A@example.org\n17/03/2020;Appel CCI;Autre;b@example.org\n",
            "requests",
        )
        asked = select(Company.name, Request.contact_id.is_not(None)).select_from(Request).outerjoin(Company)
        assert ask(engine, asked.order_by(Request.id)) == [("Café", False), (None, True)]


def test_requests_beyond_a_chunk(engine: Engine, factory: Factory):
    rows = [f"{n};17/03/2020;Appel CCI;Autre;Entreprise {n % 400}" for n in range(CHUNK + 20)]
    same = [
        "0;17/03/2020;Appel CCI;Autre;Entreprise 0",
        ";17/03/2020;Appel CCI;Autre;Café",
        ";17/03/2020;Appel CCI;Autre;Café",
    ]
    text = "N°;Date;Canal;Nature;Entreprise\n" + "\n".join([*same[1:], *rows, *same])
    factory.import_csv(text, "requests")
    assert number_of(engine, Request) == CHUNK + 20 + 4
    assert number_of(engine, Company) == 401
    before = dump(engine)
    factory.import_csv(text, "requests", now=LATER)
    assert dump(engine) == before
