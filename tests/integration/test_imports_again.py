"""The same spreadsheet again: nothing changes but what the sheet changed."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from audiences.models import (
    Company,
)
from tests.factories import NOW, Factory, dump
from tests.sheets import CONTACTS, OTHER_SIRET, REQUESTS, SIRET
from tests.store import companies

# A second import comes later, so that a row that was touched shows in its `updated_at`.
LATER = NOW + timedelta(days=1)

REPEATABLE = {
    "contacts": (CONTACTS, "contacts"),
    "requests": (REQUESTS, "requests"),
    "contradicting-rows": (
        f"""
        Entreprise;SIRET;Effectif;Code postal;Commune;Courriel;Prénom;Fonction
        Café;{SIRET};5;62000;Arras;a@example.org;Anne;
        Café de la Gare;{SIRET};9;62300;Lens;A@EXAMPLE.ORG;Anna;gérante
        Café;{SIRET};;;;b@example.org;;
        """,
        "contacts",
    ),
    "siret-in-a-later-row": (
        f"""
        Entreprise;SIRET;Commune;Courriel
        Café;;;a@example.org
        Café;{SIRET};Arras;a@example.org
        Café;{OTHER_SIRET};Lens;b@example.org
        """,
        "contacts",
    ),
    "name-in-a-later-row": (
        f"""
        SIRET;Entreprise;Courriel
        {SIRET};;a@example.org
        {SIRET};Café;a@example.org
        """,
        "contacts",
    ),
    "address-in-a-later-row": (
        """
        Entreprise;Courriel
        Café;
        Café;a@example.org
        Café;
        """,
        "contacts",
    ),
    "mailbox-of-two-companies": (
        """
        Entreprise;Courriel
        Café;a@example.org
        Garage;a@example.org
        ;a@example.org
        """,
        "contacts",
    ),
    "a-person-then-the-company": (
        """
        Entreprise;Courriel;Étiquettes
        ;a@example.org;vip
        Café;a@example.org;vip
        ;a@example.org;export
        """,
        "contacts",
    ),
    "kind-before-the-address": (
        """
        Entreprise;Type;Courriel;Prénom
        Café;particulier;;Anne
        Café;;contact@example.org;Paul
        Garage;professionnel;;
        Garage;;info@example.org;
        """,
        "contacts",
    ),
    "opposition-before-the-address": (
        """
        Entreprise;Courriel;Opposition
        Café;;oui
        Café;a@example.org;
        """,
        "contacts",
    ),
    "rows-that-may-mean-several": (
        """
        Entreprise;Commune;Courriel;Prénom;Effectif
        Café;Arras;z@example.org;;
        Café;Arras;a@example.org;;
        Café;Lens;b@example.org;;
        Café;;;Anne;7
        """,
        "contacts",
    ),
    "mailbox-before-its-company": (
        """
        Entreprise;Courriel;NAF
        ;a@example.org;56.30Z
        Café;a@example.org;
        """,
        "contacts",
    ),
    "mailbox-between-two-companies": (
        """
        Date;Canal;Nature;Entreprise;Courriel
        17/03/2020;Appel CCI;Autre;Café;a@example.org
        17/03/2020;Appel CCI;Autre;;a@example.org
        17/03/2020;Appel CCI;Autre;Garage;
        17/03/2020;Appel CCI;Autre;Garage;a@example.org
        """,
        "requests",
    ),
    "places-that-are-not-found": (
        """
        Entreprise;Code postal;Commune;Courriel
        Café;99999;Atlantide;a@example.org
        Café;99999;Atlantis;a@example.org
        Café;62000;Arras;
        """,
        "contacts",
    ),
    "requests-without-numbers": (
        """
        Date;Canal;Nature;Entreprise
        17/03/2020;Appel CCI;Autre;Café
        17/03/2020;Appel CCI;Autre;Café
        17/03/2020;Appel CCI;Chômage;Café
        """,
        "requests",
    ),
}


@pytest.mark.parametrize(("text", "kind"), REPEATABLE.values(), ids=REPEATABLE)
def test_importing_again_changes_nothing(engine: Engine, factory: Factory, text: str, kind: str):
    factory.import_csv(text, kind)
    before = dump(engine)
    summary = factory.import_csv(text, kind, now=LATER)
    assert dump(engine) == before
    assert (summary.created, summary.changed, summary.unchanged, summary.new) == (0, 0, summary.rows, {})


def test_importing_a_changed_sheet_changes_that_row_only(engine: Engine, factory: Factory):
    factory.import_csv(CONTACTS)
    before = dump(engine)
    summary = factory.import_csv(CONTACTS.replace("1 à 2", "3 à 5"), now=LATER)
    assert (summary.created, summary.changed, summary.unchanged) == (0, 1, 4)
    after = dump(engine)
    assert {name for name in after if after[name] != before[name]} == {"company"}
    assert companies(engine, Company.headcount_max, Company.updated_at) == [(5, LATER), (12, NOW), (None, NOW)]


def test_an_empty_cell_erases_nothing(engine: Engine, factory: Factory):
    factory.import_csv(CONTACTS)
    before = dump(engine)
    factory.import_csv(
        f"Entreprise;SIRET;NAF;Effectif;Courriel;Prénom\n;{SIRET};;;contact@cafe.example.org;", now=LATER
    )
    assert dump(engine) == before
