"""Companies handed on as a file: whole, without what was not to be in it, and safe to open."""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audiences.database import reading, writing
from audiences.dossiers import CHUNK, PROJECT_HOLDER, Written, load_dossiers, write_dossiers
from audiences.models import SuppressionReason
from audiences.suppressions import suppress
from campaigns.planning import compile_query
from campaigns.settings import Settings
from tests.acceptance.paperwork import siret
from tests.factories import NOW, Factory

Export = Callable[..., tuple[Written, list[dict[str, str]]]]


@pytest.fixture
def export(engine: Engine, settings: Settings, tmp_path: Path) -> Export:
    def export(query: str = "*:*", *, by_request: bool = False, with_contacts: bool = True):
        path = tmp_path / "export.csv"
        path.unlink(missing_ok=True)
        with reading(engine) as session:
            dossiers = load_dossiers(session, compile_query(session, query, settings, now=NOW))
            written = write_dossiers(
                path,
                dossiers,
                settings.places,
                settings.sectors,
                by_request=by_request,
                with_contacts=with_contacts,
            )
        lines = path.read_text("utf-8-sig").splitlines(keepends=True)
        return written, list(csv.DictReader(lines, delimiter=";"))

    return export


@pytest.fixture
def filled(engine: Engine, factory: Factory) -> Engine:
    morel = factory.company("Morel", siret=siret(1), naf_code="56.10A", headcount=(10, 19))
    factory.contact(
        "camille@example.org", morel, civility="Mme", given_name="Camille", family_name="Durand", role="Gérante"
    )
    factory.contact("paul@example.org", morel, given_name="Paul", family_name="Petit")
    factory.request(morel, received_on=date(2020, 3, 20), topic="Fonds de solidarité", adviser="Lambert")
    factory.request(morel, received_on=date(2020, 4, 9), nature="Chômage", answer="Paul rappelé")
    factory.contact(None, factory.company("Élan", commune="Lens", headcount=(10000, None)))
    factory.contact(None, factory.company("=cmd|calc", commune=None, headcount=(3, 3)))
    factory.request(contact=factory.contact("zoe@example.org", given_name="Zoé"), received_on=date(2020, 4, 2))
    with writing(engine) as session:
        suppress(session, "paul@example.org", SuppressionReason.UNSUBSCRIBED, evidence="test", now=NOW)
    return engine


def test_a_row_a_company_with_what_it_asked(filled: Engine, export: Export):
    written, rows = export()
    assert written == Written(rows=4, companies=3, people=1, requests=3)
    assert [row["Entreprise"] for row in rows] == ["'=cmd|calc", "Élan", "Morel", PROJECT_HOLDER]
    assert rows[2] == {
        "Entreprise": "Morel", "SIRET": siret(1), "Commune": "Arras", "EPCI": "CUA", "Code NAF": "56.10A",
        "Secteur": "Hôtels, cafés, restaurants", "Effectif": "10 à 19",
        "Contact": "Mme Camille Durand ; Paul Petit", "Fonction": "Gérante",
        "Email": "camille@example.org ; paul@example.org", "Ne plus écrire à": "paul@example.org",
        "Demandes": "2", "Dernière demande": "09/04/2020", "Natures": "Chômage ; Aides financières",
    }  # fmt: skip
    assert [row["Effectif"] for row in rows] == ["3", "10000 et plus", "10 à 19", ""]
    assert (rows[3]["Email"], rows[3]["Demandes"]) == ("zoe@example.org", "1")


def test_a_row_a_request(filled: Engine, export: Export):
    written, rows = export(by_request=True)
    assert written.rows == len(rows) == 3
    assert [(row["Entreprise"], row["Date"], row["Nature"]) for row in rows] == [
        ("Morel", "09/04/2020", "Chômage"),
        ("Morel", "20/03/2020", "Aides financières"),
        (PROJECT_HOLDER, "02/04/2020", "Aides financières"),
    ]
    assert (rows[1]["Dispositif"], rows[1]["Conseiller"], rows[0]["Réponse"]) == (
        "Fonds de solidarité", "Lambert", "Paul rappelé",
    )  # fmt: skip


@pytest.mark.parametrize("by_request", [False, True])
def test_without_contacts_nobody_is_named(filled: Engine, export: Export, tmp_path: Path, by_request: bool):
    _written, rows = export(by_request=by_request, with_contacts=False)
    text = (tmp_path / "export.csv").read_text("utf-8-sig")
    assert rows
    for word in ("@example.org", "Camille", "Durand", "Paul", "Zoé", "Gérante", "Lambert"):
        assert word not in text


def test_the_query_chooses_and_the_whole_company_is_handed_on(filled: Engine, export: Export):
    written, rows = export("epci:CUA AND nature:Chômage")
    assert ([row["Entreprise"] for row in rows], written.requests) == (["Morel"], 2)
    assert export("epci:CAHC") == (Written(), [])


def test_more_companies_than_are_read_together(engine: Engine, factory: Factory, export: Export):
    names = [f"Maison {number:04}" for number in range(CHUNK + 3)]
    factory.import_csv("Raison sociale;Email\n" + "".join(f"{name};\n" for name in names))
    written, rows = export()
    assert [row["Entreprise"] for row in rows] == names
    assert written.companies == CHUNK + 3
