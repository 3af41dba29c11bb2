"""The values of each field: what is listed can be asked for, and counts what a query for it counts."""

import pytest
from sqlalchemy import Engine, func, select

from audiences.database import reading
from audiences.errors import UnknownField
from audiences.models import Company, Contact, Request
from audiences.segments import AUDIENCE_FIELD, FIELDS
from audiences.vocabulary import distinct_words
from campaigns.planning import compile_query
from campaigns.queries import SEND_FIELDS, tally_values
from campaigns.settings import Settings
from tests.factories import NOW, Factory
from tests.small_chamber import settings, store

__all__ = ["settings", "store"]  # fixtures

LISTED = [
    field.name
    for field in (*FIELDS.values(), *SEND_FIELDS, AUDIENCE_FIELD)
    if field.name not in {"name", "siret", "siren"}
]


@pytest.mark.parametrize("name", LISTED)
def test_what_is_listed_counts_what_a_query_counts(store: Engine, settings: Settings, name: str):
    with reading(store) as session:
        found = tally_values(session, name, settings, now=NOW)
        assert found
        for tally in found:
            condition = compile_query(session, f"{name}:{tally.value}", settings, now=NOW)
            counted = select(func.count(Contact.company_id.distinct()), func.count()).select_from(Contact)
            joined = counted.outerjoin(Company, Company.id == Contact.company_id)
            companies, contacts = session.execute(joined.where(condition)).one()
            assert tally.companies == companies, tally
            assert tally.contacts in {None, contacts}, tally
        weights = [tally.requests or tally.companies or tally.contacts or 0 for tally in found]
        assert name in {"headcount", "audience", "received", "bounced"} or weights == sorted(weights, reverse=True)


def test_what_is_listed(store: Engine, settings: Settings):
    with reading(store) as session:

        def listed(name: str) -> list[tuple[object, ...]]:
            return [tuple(each) for each in tally_values(session, name, settings, now=NOW)]

        assert listed("epci")[0] == ("CUA", "", 2, 2, None)
        assert ("200093201", "Métropole Européenne de Lille", 1, 1, None) in listed("epci")
        assert listed("nature")[:3] == [
            ('"Aides financières"', "", 2, None, 3),
            ("Chômage", "", 2, None, 2),
            ("Autre", "", 1, None, 1),
        ]
        assert ("Chômage", "", 2, None, 2) in listed("objet")
        assert ('"Charges sociales"', "", 0, None, 0) in listed("nature")  # of relais.toml, and nobody asked
        assert ("[10 TO 19]", "", 1, 1, None) in listed("effectif")
        assert listed("département") == [("62", "Pas-de-Calais", 4, 4, None), ("59", "Nord", 1, 1, None)]
        assert listed("requested")[0] == ("2020-04", "", 2, None, 3)
        assert listed("bounced") == [("info-cua", "Info", 1, 1, None)]
        assert listed("kind") == [
            ("professional", "a person at work", 6, 6, None),
            ("individual", "a private person", 0, 1, None),
        ]


@pytest.mark.parametrize("name", ["natures", "name", "siret", "siren", "zzz"])
def test_a_field_without_a_list(store: Engine, settings: Settings, name: str):
    with reading(store) as session, pytest.raises(UnknownField) as caught:
        tally_values(session, name, settings, now=NOW)
    assert caught.value.span == (0, len(name))


def test_two_spellings_count_as_one(engine: Engine, factory: Factory, settings: Settings):
    company, other = factory.company(tags=["VIP"]), factory.company(tags=["vip"])
    for owner, adviser in ((company, "LAMBERT"), (company, "Lambert"), (other, "Lambert"), (other, "Petit")):
        factory.request(owner, adviser=adviser)
    for owner in (company, other, other):
        factory.contact(f"a{owner}{NOW.microsecond}@example.org" if owner == company else None, owner)
    with reading(engine) as session:
        advisers = tally_values(session, "adviser", settings, now=NOW)
        assert [(each.value, each.companies, each.requests) for each in advisers] == [
            ("Lambert", 2, 3),
            ("Petit", 1, 1),
        ]
        [tag] = tally_values(session, "tag", settings, now=NOW)
        assert (tag.value.lower(), tag.companies, tag.contacts) == ("vip", 2, 3)


def test_the_words_of_a_column_are_those_of_select_distinct(store: Engine):
    with reading(store) as session:
        for column in (Request.nature, Request.adviser, Company.commune_name, Company.epci_siren, Company.naf_code):
            distinct = {word for word in session.scalars(select(column).distinct()) if word}
            words = distinct_words(session, column)
            assert set(words) == distinct
            assert len(words) == len(distinct)
