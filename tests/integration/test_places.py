"""Companies that no audience can place: each fault is found with what was likely meant, and a correction lasts."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from audiences.database import reading, writing
from audiences.errors import UnknownCompany
from audiences.models import Company
from audiences.places import (
    NAF,
    PLACE,
    SIRET,
    Fault,
    Misfit,
    correct_place,
    find_company,
    find_misfits,
    update_places,
)
from campaigns.settings import Settings
from tests.acceptance.paperwork import siret
from tests.factories import Factory

ARRAS, LENS, LILLE = ("62041", "200033579"), ("62498", "246200364"), ("59350", "200093201")
HEAD = "SIRET;Raison sociale;Code NAF;Code postal;Commune;Code commune;Email\n"


def misfits(engine: Engine, settings: Settings, *only: Fault) -> list[Misfit]:
    with reading(engine) as session:
        return list(find_misfits(session, settings.places, settings.sectors, only=only or tuple(Fault)))


@pytest.mark.parametrize(
    ("company", "fault", "likely"),
    [
        pytest.param({"commune": "Arras"}, None, [], id="placed"),
        pytest.param({"commune": None}, Fault.NO_PLACE, [], id="nothing"),
        pytest.param({"commune": "Arrass", "postcode": "62000"}, Fault.UNKNOWN_COMMUNE, ["Arras"], id="typing-error"),
        pytest.param({"commune": None, "postcode": "62000"}, Fault.AMBIGUOUS, ["Arras", "Dainville"], id="postcode"),
        pytest.param({"commune": None, "postcode": "62999"}, Fault.UNKNOWN_COMMUNE, [], id="no-such-postcode"),
        pytest.param({"commune": "Lille", "postcode": "62000"}, Fault.CONTRADICTION, ["Lille"], id="contradiction"),
        pytest.param({"commune": "Saint-Aubin-sur-Mer"}, Fault.AMBIGUOUS, ["Saint-Aubin-sur-Mer"], id="two-in-france"),
        pytest.param(
            {"commune_code": "62884", "commune_name": "Westbécourt", "epci_siren": "246201016"},
            Fault.OUTDATED, ["Acquin-Westbécourt"], id="merged-since",
        ),
        pytest.param(
            {"commune_code": "62041", "commune_name": "Arras", "epci_siren": "999999999"},
            Fault.OUTDATED, ["Arras"], id="another-epci-since",
        ),
    ],
)  # fmt: skip
def test_places(
    engine: Engine,
    factory: Factory,
    settings: Settings,
    company: dict[str, Any],
    fault: Fault | None,
    likely: list[str],
):
    factory.company("Morel", **company)
    found = misfits(engine, settings, *PLACE)
    assert [each.faults for each in found] == ([(fault,)] if fault else [])
    assert [commune.name for each in found for commune in each.likely][: len(likely)] == likely


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("56.10C", None),
        ("56.11J", None),
        (None, Fault.NO_NAF),
        ("56.10Z", Fault.UNKNOWN_NAF),
        ("99.99A", Fault.UNKNOWN_NAF),
        ("04.00Y", Fault.UNKNOWN_NAF),
    ],
)
def test_naf_codes(sqlite_engine: Engine, factory: Factory, settings: Settings, code: str | None, fault: Fault | None):
    factory.company("Morel", naf_code=code)
    assert [each.faults for each in misfits(sqlite_engine, settings, *NAF)] == ([(fault,)] if fault else [])


@pytest.mark.parametrize(
    ("number", "fault"),
    [(siret(1), None), (None, Fault.NO_SIRET), ("12345678901234", Fault.INVALID_SIRET)],
)
def test_sirets(sqlite_engine: Engine, factory: Factory, settings: Settings, number: str | None, fault: Fault | None):
    factory.company("Morel", siret=number)
    assert [each.faults for each in misfits(sqlite_engine, settings, *SIRET)] == ([(fault,)] if fault else [])


def test_a_company_has_all_its_faults_and_names_come_in_their_order(
    engine: Engine, factory: Factory, settings: Settings
):
    factory.company("Zéphyr", commune=None)
    factory.company("Élan", commune=None, naf_code="56.10Z", siret=siret(1))
    assert [(each.name, each.faults) for each in misfits(engine, settings)] == [
        ("Élan", (Fault.NO_PLACE, Fault.UNKNOWN_NAF)),
        ("Zéphyr", (Fault.NO_PLACE, Fault.NO_NAF, Fault.NO_SIRET)),
    ]


# -- by hand -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def put(engine: Engine, settings: Settings, now: datetime) -> Callable[[str, str], None]:
    """Correct the place of a company, as `audiences place` does."""

    def put(company: str, commune: str) -> None:
        with writing(engine) as session:
            found = find_company(session, company)
            correct_place(found, settings.places.find_commune(commune), by="camille", now=now)

    return put


def place_of(engine: Engine) -> list[tuple[Any, ...]]:
    columns = (Company.commune_code, Company.epci_siren, Company.commune_given, Company.placed_by)
    with reading(engine) as session:
        return [tuple(row) for row in session.execute(select(*columns).order_by(Company.id))]


def test_the_sheets_own_words_stay_beside_what_they_were_taken_for(engine: Engine, import_csv: Callable[..., Any]):
    import_csv(HEAD + f"{siret(1)};Morel;;62223;ST LAURENT BLANGY CEDEX;;a@example.org\n")
    assert place_of(engine) == [("62753", "200033579", "ST LAURENT BLANGY CEDEX", None)]


@pytest.mark.parametrize("number", [siret(1), ""], ids=["with-siret", "without-siret"])
@pytest.mark.parametrize(
    "place", ["62000;Arrass;", "62000;;", "62300;Lens;", ";;62498"], ids=["typo", "ambiguous", "wrong", "wrong-code"]
)
def test_an_import_that_repeats_the_fault_does_not_undo_the_correction(
    engine: Engine, import_csv: Callable[..., Any], put: Callable[..., None], number: str, place: str
):
    sheet = HEAD + f"{number};Morel;;{place};a@example.org\n"
    import_csv(sheet)
    put(number or "MOREL", "Arras")
    before = place_of(engine)
    assert [row[:2] for row in before] == [ARRAS]
    summary = import_csv(sheet)
    assert (summary.unchanged, place_of(engine)) == (1, before)
    import_csv(sheet.replace("a@example.org", "b@example.org"))
    import_csv(HEAD + f"{number};Morel;56.10A;;;;a@example.org\n")
    assert place_of(engine) == before


def test_an_import_with_another_place_wins(engine: Engine, import_csv: Callable[..., Any], put: Callable[..., None]):
    import_csv(HEAD + f"{siret(1)};Morel;;62000;Arrass;;a@example.org\n")
    put(siret(1), "Arras")
    import_csv(HEAD + f"{siret(1)};Morel;;62300;Lens;;a@example.org\n")
    assert place_of(engine) == [(*LENS, "Lens", None)]


def test_a_request_sheet_does_not_undo_a_correction(
    engine: Engine, import_csv: Callable[..., Any], put: Callable[..., None]
):
    import_csv(HEAD + f"{siret(1)};Morel;;62000;Arrass;;a@example.org\n")
    put(siret(1), "Arras")
    head = "Date;Canal;Nature;SIRET;Raison sociale;Code postal;Commune;Email\n"
    import_csv(head + f"01/04/2020;Appel CCI;Autre;{siret(1)};Morel;59000;Lille;a@example.org\n", "requests")
    assert [row[:2] for row in place_of(engine)] == [ARRAS]


def test_what_was_placed_before_the_sheets_words_were_kept_is_corrected_for_good(
    engine: Engine, factory: Factory, import_csv: Callable[..., Any], put: Callable[..., None]
):
    factory.contact("a@example.org", factory.company("Morel", siret=siret(1), commune="Lille"))
    put(siret(1), "Arras")
    import_csv(HEAD + f"{siret(1)};Morel;;;LILLE;;a@example.org\n")
    assert [row[:2] for row in place_of(engine)] == [ARRAS]


def test_a_company_is_found_by_siret_or_whole_name(engine: Engine, factory: Factory):
    factory.company("Boulangerie Morel", siret=siret(1))
    factory.company("Garage Lefèvre")
    factory.company("Garage Lefèvre", commune="Lens")
    with reading(engine) as session:
        spaced = f"{siret(1)[:3]} {siret(1)[3:]}"
        assert find_company(session, spaced) is find_company(session, "boulangerie MOREL")
        for text, cause in [
            ("Garage Lefevre", "Several companies are called"),
            ("Boulangerie Morell", 'Did you mean "Boulangerie Morel"'),
            (siret(2), "No company has the SIRET"),
        ]:
            with pytest.raises(UnknownCompany, match=cause):
                find_company(session, text)


def test_companies_follow_their_communes_into_a_new_vintage(
    engine: Engine, factory: Factory, settings: Settings, now: datetime
):
    merged = {"commune_code": "62461", "commune_name": "Huby-Saint-Leu", "epci_siren": "246201016"}
    for _number in range(2):
        factory.company(**merged)
    factory.company(commune="Arras")
    factory.company(commune=None)
    with writing(engine) as session:
        session.execute(update(Company).where(Company.commune_code == "62041").values(epci_siren="999999999"))
    assert len(misfits(engine, settings, Fault.OUTDATED)) == 3
    with writing(engine) as session:
        assert update_places(session, settings.places, now=now) == 3
    hesdin = settings.places.find_commune("62447")
    assert [row[:2] for row in place_of(engine)] == [(hesdin.commune_code, hesdin.epci_siren)] * 2 + [
        ARRAS,
        (None, None),
    ]
    assert misfits(engine, settings, Fault.OUTDATED) == []
    with writing(engine) as session:
        assert update_places(session, settings.places, now=now) == 0
