"""INSEE's register completes the companies that the store knows, and adds others only when asked."""

import os
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine, select

from audiences.columns import SheetKind
from audiences.models import Company, Contact, ImportRun
from tests.factories import Factory, dump
from tests.store import addresses, ask, companies, number_of

CAFE, GARAGE, BAR = "90000001900019", "90000001900027", "90000002700012"
COLUMNS = (Company.name, Company.naf_code, Company.headcount_min, Company.commune_name, Company.diffusion)
HEAD = (
    "siren,nic,siret,statutDiffusionEtablissement,trancheEffectifsEtablissement,codePostalEtablissement,"
    "libelleCommuneEtablissement,codeCommuneEtablissement,etatAdministratifEtablissement,enseigne1Etablissement,"
    "denominationUsuelleEtablissement,activitePrincipaleEtablissement,nomenclatureActivitePrincipaleEtablissement,"
    "activitePrincipaleNAF25Etablissement\n"
)


def row(
    siret: str, diffusion: str = "O", band: str = "11", *, state: str = "A", naf: str = "56.30Z", **more: str
) -> str:
    cells = [
        siret[:9], siret[9:], siret, diffusion, band, more.get("postcode", "62000"), more.get("commune", "ARRAS"),
        more.get("code", "62041"), state, more.get("sign", ""), more.get("name", ""), naf, "NAFRev2",
        more.get("naf_2025", ""),
    ]  # fmt: skip
    return ",".join(cells) + "\n"


@pytest.fixture
def cafe(factory: Factory) -> None:
    factory.import_csv(f"Entreprise;SIRET;Courriel\nCafé;{CAFE};a@example.org\nGarage;{GARAGE};b@example.org\n")


@pytest.mark.usefixtures("cafe")
class TestKnownCompanies:
    """Only what the store knows is enriched, by SIRET."""

    def test_they_get_what_the_register_knows(self, engine: Engine, factory: Factory):
        text = HEAD + row(CAFE, sign="AU BON CAFE") + row(BAR) + row(GARAGE, "P", "NN", naf="45.20A", name="[ND]")
        path = factory.csv(text, "StockEtablissement_utf8.csv")
        summary = factory.import_file(path, None)
        assert summary.kind is SheetKind.SIRENE
        assert (summary.rows, summary.changed, summary.aside, summary.rejected) == (3, 2, 1, 0)
        assert companies(engine, *COLUMNS) == [
            ("Café", "56.30Z", 10, "Arras", "O"),
            ("Garage", "45.20A", 0, "Arras", "P"),
        ]
        assert addresses(engine) == [("Café", "a@example.org"), ("Garage", "b@example.org")]
        before = dump(engine)
        again = factory.import_file(path, None)
        assert (again.changed, again.unchanged, again.aside) == (0, 2, 1)
        assert dump(engine) == before

    @pytest.mark.parametrize(
        ("naf", "naf_2025", "found"),
        [("56.30Z", "56.30Y", "56.30Z"), ("", "56.30Y", "56.30Y"), ("55.4A", "", None), ("[ND]", "56.30Y", "56.30Y")],
        ids=["rev2", "2025", "rev1", "undisclosed"],
    )
    def test_the_nomenclature(
        self, sqlite_engine: Engine, factory: Factory, naf: str, naf_2025: str, found: str | None
    ):
        factory.import_csv(HEAD + row(CAFE, naf=naf, naf_2025=naf_2025), "sirene")
        assert companies(sqlite_engine, Company.naf_code)[0] == (found,)

    def test_closed_establishments_are_reported(self, factory: Factory):
        summary = factory.import_csv(HEAD + row(CAFE, state="F") + row(BAR, state="F"), "sirene")
        assert summary.closed == [(CAFE, "Café")]

    def test_what_the_register_does_not_disclose_erases_nothing(self, sqlite_engine: Engine, factory: Factory):
        factory.import_csv(HEAD + row(CAFE), "sirene")
        factory.import_csv(
            HEAD + row(CAFE, "P", "", postcode="[ND]", commune="[ND]", code="[ND]", name="[ND]"), "sirene"
        )
        assert companies(sqlite_engine, *COLUMNS)[0] == ("Café", "56.30Z", 10, "Arras", "P")

    def test_a_faulty_siret_is_rejected_and_an_odd_cell_is_not(self, factory: Factory):
        text = HEAD + row("123") + row("") + row(CAFE, "?", "XX", postcode="2A")
        summary = factory.import_csv(text, "sirene", skip_rejected=True)
        assert [(each.row, each.column, bool(each.reason)) for each in summary.rejections] == [
            (2, "siret", True),
            (3, "siret", True),
        ]
        assert summary.changed == 1

    def test_the_annuaire_of_the_state(self, sqlite_engine: Engine, factory: Factory):
        text = f"""
            SIREN;SIRET;Dénomination;Code NAF/APE;Tranche d'effectif salarié;Code postal;Commune;État administratif
            {CAFE[:9]};{CAFE};CAFE SARL;56.30Z;3 à 5 salariés;62000;Arras;Actif
        """
        factory.import_file(factory.csv(text, "etablissements.csv"), None)
        assert companies(sqlite_engine, *COLUMNS)[0] == ("Café", "56.30Z", 3, "Arras", None)


def test_others_are_added_only_when_asked_and_never_closed_ones(engine: Engine, factory: Factory):
    text = HEAD + row(CAFE, name="CAFE") + row(GARAGE, state="F") + row(BAR, sign="BAR TABAC")
    assert factory.import_csv(text, "sirene").aside == 3
    assert number_of(engine, Company) == 0
    summary = factory.import_csv(text, "sirene", create=True)
    assert (summary.created, summary.aside) == (2, 1)
    assert companies(engine) == [("CAFE", CAFE), ("BAR TABAC", BAR)]
    assert addresses(engine) == [("CAFE", None), ("BAR TABAC", None)]


def test_a_company_known_by_its_siret_alone_gets_its_name(sqlite_engine: Engine, factory: Factory):
    factory.company(CAFE, siret=CAFE)
    factory.import_csv(HEAD + row(CAFE, name="AU BON CAFE"), "sirene")
    assert companies(sqlite_engine) == [("AU BON CAFE", CAFE)]


@pytest.mark.usefixtures("cafe")
def test_partial_diffusion_is_never_prospected(sqlite_engine: Engine, factory: Factory):
    from audiences.database import reading
    from audiences.rules import standard_rules
    from audiences.waterfall import explain

    factory.import_csv(HEAD + row(CAFE, "P"), "sirene")
    with reading(sqlite_engine) as session:
        found = explain(
            session,
            Contact.id == select(Contact.id).order_by(Contact.id).limit(1).scalar_subquery(),
            standard_rules(is_marketing=True),
        )
    assert {step.name: step.count for step in found.steps if step.count} == {"not_prospected": 1}


@pytest.mark.usefixtures("cafe")
@pytest.mark.parametrize(
    ("stamps", "day"),
    [
        pytest.param(["2020-02-29T14:41:24", "2019-11-03T08:00:00"], date(2020, 2, 29), id="the-newest-of-all-rows"),
        pytest.param(["", "31/12/2019"], date(2020, 3, 1), id="none-that-can-be-read"),
        pytest.param(None, date(2020, 3, 1), id="no-such-column"),
    ],
)
def test_the_day_of_the_register_is_kept(engine: Engine, factory: Factory, stamps: list[str] | None, day: date):
    head, rows = HEAD, [row(BAR), row(CAFE)]
    if stamps is not None:
        head = HEAD.replace("\n", ",dateDernierTraitementEtablissement\n")
        rows = [line.replace("\n", f",{stamp}\n") for line, stamp in zip(rows, stamps, strict=True)]
    path = factory.csv(head + "".join(rows), "StockEtablissement_utf8.csv")
    noon = datetime(2020, 3, 1, 12, tzinfo=UTC).timestamp()
    os.utime(path, (noon, noon))
    assert factory.import_file(path, None).source_date == day
    assert ask(engine, select(ImportRun.source_date).order_by(ImportRun.id)) == [(None,), (day,)]
