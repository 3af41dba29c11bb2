"""Segments: what each query matches in a small store."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from audiences.database import reading
from audiences.errors import QueryError
from audiences.models import Company, Contact
from audiences.segments import AUDIENCE_FIELD, FIELDS
from campaigns.planning import compile_query
from campaigns.queries import SEND_FIELDS
from campaigns.settings import Settings
from tests.factories import NOW, Factory
from tests.small_chamber import ALL, matches, settings, store

__all__ = ["settings", "store"]  # fixtures

QUERIES = {
    "everything": [("*:*", ALL), ("NOT *:*", set()), ("*:* AND epci:CUA", {"Arras", "Blangy"})],
    "epci": [
        ("epci:CUA", {"Arras", "Blangy"}),
        ("EPCI:cua", {"Arras", "Blangy"}),
        ("epci:(CUA OR CALL)", {"Arras", "Blangy", "Lens"}),
        ("epci:200033579", {"Arras", "Blangy"}),
        ('epci:"Communauté urbaine d’Arras"', {"Arras", "Blangy"}),
        ('epci:"métropole européenne de lille"', {"Lille"}),
        ("epci:CA*", {"Lens", "Henin"}),
        ("epci:C?A", {"Arras", "Blangy"}),
        ("epci:Ternois", set()),
        ("epci:*", ALL - {"Nowhere", "project"}),
        ("NOT epci:CUA", ALL - {"Arras", "Blangy"}),
        ("NOT epci:*", {"Nowhere", "project"}),
    ],
    "territory": [
        ("territory:in", {"Arras", "Lens", "Henin", "Blangy"}),
        ("territoire:dans", {"Arras", "Lens", "Henin", "Blangy"}),
        ("territory:out", {"Lille"}),
        ("territory:hors", {"Lille"}),
        ("territory:unknown", {"Nowhere"}),
        ("territory:(in OR inconnu)", {"Arras", "Lens", "Henin", "Blangy", "Nowhere"}),
    ],
    "sector": [
        ("sector:hcr", {"Arras", "Blangy"}),
        ("secteur:HCR", {"Arras", "Blangy"}),
        ('sector:"Transport et logistique"', {"Lens"}),
        ("sector:commerce-alimentaire", {"Henin"}),
        ("sector:industrie", {"Nowhere"}),
        ("sector:restauration-*", {"Arras", "Blangy"}),
        ("sector:agriculture", set()),
        ("sector:*", {"Arras", "Lens", "Henin", "Nowhere", "Blangy"}),
    ],
    "naf": [
        ("naf:56.10C", {"Arras"}),
        ("naf:5610c", {"Arras"}),
        ("naf:56", {"Arras", "Blangy"}),
        ("ape:56.1", {"Arras", "Blangy"}),
        ("naf:56.10", {"Arras"}),
        ("naf:56*", {"Arras", "Blangy"}),
        ("naf:56.11J", {"Blangy"}),
        ("NOT naf:*", {"Lille", "project"}),
    ],
    "commune": [
        ("commune:Arras", {"Arras"}),
        ("ville:arras", {"Arras"}),
        ('commune:"henin beaumont"', {"Henin"}),
        ("commune:Hénin-Beaumont", {"Henin"}),
        ("commune:SAINT-*", {"Blangy"}),
        ("commune:L?ns", {"Lens"}),
        ("commune:L*", {"Lens", "Lille"}),
        (r"commune:Saint\ Laurent\ Blangy", {"Blangy"}),
        ("commune:Z*", set()),
    ],
    "postcode": [
        ("postcode:62000", {"Arras"}),
        ("cp:62*", {"Arras", "Lens", "Henin", "Blangy"}),
        ("code_postal:59*", {"Lille"}),
        ("cp:[62000 TO 62223]", {"Arras", "Henin", "Blangy"}),
        ("cp:{62000 TO 62223}", {"Henin"}),
        ("cp:[62223 TO *]", {"Lens", "Blangy"}),
        ("NOT cp:*", {"Nowhere", "project"}),
    ],
    "headcount": [
        ("headcount:1", {"Arras"}),
        ("effectif:15", {"Lens"}),
        ("headcount:20000", {"Lille"}),
        ("headcount:[10 TO 499]", {"Lens", "Henin", "Blangy"}),
        ("headcount:[10 TO 498]", {"Lens", "Blangy"}),
        ("headcount:{10 TO 99}", set()),
        ("headcount:{9 TO 100}", {"Lens", "Blangy"}),
        ("headcount:[250 TO *]", {"Henin", "Lille"}),
        ("headcount:[* TO 19]", {"Arras", "Lens"}),
        ("headcount:>=50", {"Henin", "Lille", "Blangy"}),
        ("headcount:>50", {"Henin", "Lille"}),
        ("headcount:<=19", {"Arras", "Lens"}),
        ("headcount:<19", {"Arras"}),
        ("headcount:*", ALL - {"Nowhere", "project"}),
    ],
    "tag": [
        ("tag:vip", {"Arras"}),
        ("étiquette:VIP", {"Arras"}),
        ('etiquette:"porteur de projet"', {"Blangy", "project"}),
        ("tag:porteur-de-projet", {"Blangy", "project"}),
        ("tag:porteur*", {"Blangy", "project"}),
        ("tag:*", {"Arras", "Blangy", "project"}),
        ("NOT tag:vip", ALL - {"Arras"}),
    ],
    "nature": [
        ('nature:"Aides financières"', {"Arras", "Henin", "project"}),
        ('nature:"AIDES FINANCIERES"', {"Arras", "Henin", "project"}),
        ("nature:chomage", {"Arras", "Lens"}),
        ("nature:Aides*", {"Arras", "Henin", "project"}),
        ("nature:(chomage OR autre)", {"Arras", "Lens", "Nowhere"}),
        ("nature:*", ALL - {"Lille", "Blangy"}),
        ("NOT nature:*", {"Lille", "Blangy"}),
    ],
    "other-request-fields": [
        ('channel:"Appel CCI"', {"Arras", "Lens", "project"}),
        ("canal:mail*", {"Arras", "Henin"}),
        ('topic:"Fonds de solidarite"', {"Arras"}),
        ("dispositif:fonds*", {"Arras"}),
        ("sujet:*", {"Arras"}),
        ("adviser:Lambert", {"Arras"}),
        ("conseiller:LAMBERT", {"Arras"}),
    ],
    "requested": [
        ("requested:2020-04-01", {"Lens", "project"}),
        ("requested:2020-03", {"Arras", "Henin"}),
        ("demande_le:2020", {"Arras", "Lens", "Henin", "project"}),
        ("requested:[2020-03-17 TO 2020-03-30]", {"Arras", "Henin"}),
        ("requested:{2020-03-17 TO 2020-03-30}", set()),
        ("requested:[2020-03-17 TO 2020-03-30}", {"Arras"}),
        ("requested:[2020-03 TO 2020-04]", {"Arras", "Lens", "Henin", "project"}),
        ("requested:{2020-03 TO 2020-05}", {"Arras", "Lens", "project"}),
        ("requested:[* TO 2019-12-31]", {"Nowhere"}),
        ("requested:>=2020-04-01", {"Arras", "Lens", "project"}),
        ("requested:>2020-04-01", {"Arras"}),
        ("requested:<2020", {"Nowhere"}),
        ("NOT requested:*", {"Lille", "Blangy"}),
        ("requested:17/03/2020", {"Arras"}),
        ("requested:[17/03/2020 AU 30/03/2020]", {"Arras", "Henin"}),
        ("requested:03/2020", {"Arras", "Henin"}),
        ("requested:today", {"Lens", "project"}),
        ("requested:aujourdhui", {"Lens", "project"}),
        ("requested:hier", set()),
        ("requested:now-2d", {"Henin"}),
        ("requested:[now-2j TO now]", {"Lens", "Henin", "project"}),
        ("requested:[now-3sem TO now]", {"Arras", "Lens", "Henin", "project"}),
        ("requested:[now-1y TO now-1m]", {"Nowhere"}),
        ("requested:[today TO today+1m]", {"Arras", "Lens", "project"}),
        ("requested:>today", {"Arras"}),
    ],
    "one-and-the-same-request": [
        ('channel:"Mail COVID-19" AND nature:"Aides financières"', {"Arras", "Henin"}),
        ('request:(channel:"Mail COVID-19" AND nature:"Aides financières")', {"Henin"}),
        ("demande:(nature:chomage requested:2020-03)", set()),
        ("nature:chomage requested:2020-03", {"Arras"}),
        ('Request:(nature:"Aides financières" AND NOT channel:"Appel CCI")', {"Henin"}),
        ('nature:"Aides financières" AND NOT channel:"Appel CCI"', {"Henin"}),
        ("request:(nature:chomage OR requested:2019)", {"Arras", "Lens", "Nowhere"}),
        ("request:(NOT topic:fonds*)", ALL - {"Lille", "Blangy"}),
        ("NOT request:(topic:fonds*)", ALL - {"Arras"}),
        ("request:nature:chomage", {"Arras", "Lens"}),
        ("request:*:*", ALL - {"Lille", "Blangy"}),
        ("request:*", ALL - {"Lille", "Blangy"}),
        ("epci:CUA request:(nature:chomage requested:2020-03)", set()),
        ("epci:CUA request:(nature:chomage requested:2020-04)", {"Arras"}),
        ("epci:(CUA OR CALL) NOT request:(nature:chomage channel:Appel*)", {"Arras", "Blangy"}),
        ("request:(nature:autre) OR request:(topic:fonds*) OR channel:Mail*", {"Nowhere", "Arras", "Henin"}),
    ],
    "department": [
        ("department:62", {"Arras", "Lens", "Henin", "Blangy"}),
        ("departement:59", {"Lille"}),
        ("département:Nord", {"Lille"}),
        ('dept:"pas de calais"', {"Arras", "Lens", "Henin", "Blangy"}),
        ("department:(2A OR 974)", set()),
        ("department:Pas*", {"Arras", "Lens", "Henin", "Blangy"}),
        ("department:Z*", set()),
        ("department:1", set()),
        ("NOT department:62", {"Lille", "Nowhere", "project"}),
        ("department:*", ALL - {"Nowhere", "project"}),
    ],
    "name": [
        ("name:arras", {"Arras"}),
        ("nom:ENTREPRISE", ALL - {"project"}),
        ('raison_sociale:"entreprise lens"', {"Lens"}),
        ('name:"lens entreprise"', set()),
        ("name:(lens entreprise)", {"Lens"}),
        ("name:entre", set()),
        ("name:entre*", ALL - {"project"}),
        ("name:L?ns", {"Lens"}),
        ("name:*prise", ALL - {"project"}),
        ("name:*", ALL - {"project"}),
        ("NOT name:lens", ALL - {"Lens"}),
    ],
    "siret": [
        ("siret:90000001900019", {"Arras"}),
        ('siret:"900 000 019 00019"', {"Arras"}),
        ("siren:900000019", {"Arras"}),
        ("siret:*", {"Arras"}),
        ("siren:*", {"Arras"}),
        ("NOT siren:900000019", ALL - {"Arras"}),
    ],
    "kind": [
        ("kind:professionnel", ALL - {"project"}),
        ("type:particulier", {"project"}),
        ("kind:individual", {"project"}),
        ("kind:générique", set()),
        ("kind:*", ALL),
    ],
    "domain": [
        ("domain:example.org", ALL),
        ("domaine:@EXAMPLE.org", ALL),
        ("domain:*.org", ALL),
        ("domain:exam?le.*", ALL),
        ("domain:*.fr", set()),
        ("domain:*", ALL),
    ],
    "audience": [
        ("audience:cua", {"Arras", "Blangy"}),
        ("ciblage:cua", {"Arras", "Blangy"}),
        ('audience:"cua-sans-vip"', {"Blangy"}),
        ("audience:base AND NOT audience:cua", ALL - {"Arras", "Blangy"}),
        ("audience:(cua OR demandeurs)", ALL - {"Lille"}),
        ("audience:(cua AND NOT cua-sans-vip)", {"Arras"}),
        ("audience:demandeurs NOT nature:chomage", {"Henin", "Nowhere", "Blangy", "project"}),
    ],
    "bounced": [
        ("bounced:info-cua", {"Lens"}),
        ("rejeté:info-cua", {"Lens"}),
        ("bounced:*", {"Lens"}),
        ("NOT bounced:info-cua", ALL - {"Lens"}),
    ],
    "received": [
        ("received:info-cua", {"Arras"}),
        ("reçu:info-cua", {"Arras"}),
        ("received:*", {"Arras"}),
        ("NOT received:info-cua", ALL - {"Arras"}),
        ("epci:CUA AND NOT received:info-cua", {"Blangy"}),
    ],
    "operators": [
        ("epci:CUA AND nature:chomage", {"Arras"}),
        ("epci:CUA nature:chomage", {"Arras"}),
        ("epci:CUA\n  nature:chomage", {"Arras"}),
        ("epci:CUA OR nature:chomage", {"Arras", "Blangy", "Lens"}),
        ("epci:CALL OR (epci:CUA AND nature:chomage)", {"Lens", "Arras"}),
        ("(epci:CALL OR epci:CUA) AND nature:chomage", {"Lens", "Arras"}),
        ("(epci:CUA AND nature:chomage) OR epci:CAHC", {"Arras", "Henin"}),
        ("epci:CUA AND (nature:chomage OR epci:CAHC)", {"Arras"}),
        ("epci:CUA (nature:chomage OR tag:porteur*)", {"Arras", "Blangy"}),
        ("epci:CUA AND nature:chomage requested:*", {"Arras"}),
        ("epci:CUA ET nature:chomage", {"Arras"}),
        ("epci:(CALL OU CUA) SAUF étiquette:vip", {"Lens", "Blangy"}),
        ("epci:CUA ET SAUF étiquette:vip", {"Blangy"}),
        ("NOT epci:CUA AND nature:chomage", {"Lens"}),
        ("NOT (epci:CUA AND nature:chomage)", ALL - {"Arras"}),
        ("NOT epci:CUA OR nature:chomage", ALL - {"Blangy"}),
        ("epci:CUA -tag:vip", {"Blangy"}),
        ("+epci:CUA -tag:vip", {"Blangy"}),
        ("epci:(* AND NOT CUA)", {"Lens", "Henin", "Lille"}),
        ("NOT NOT epci:CUA", {"Arras", "Blangy"}),
        ("((((epci:CUA))))", {"Arras", "Blangy"}),
    ],
    "not-holds-where-the-value-lacks": [
        ("NOT headcount:[1 TO 9]", ALL - {"Arras"}),
        ("NOT headcount:>=10", {"Arras", "Nowhere", "project"}),
        ("NOT cp:62000", ALL - {"Arras"}),
        ("NOT naf:56", ALL - {"Arras", "Blangy"}),
        ("NOT sector:hcr", ALL - {"Arras", "Blangy"}),
        ("NOT commune:Arras", ALL - {"Arras"}),
        ("NOT territory:in", {"Lille", "Nowhere", "project"}),
        ("NOT territory:out", ALL - {"Lille"}),
        ("NOT (headcount:15 OR naf:56)", ALL - {"Lens", "Arras", "Blangy"}),
        ("NOT NOT headcount:15", {"Lens"}),
    ],
}


@pytest.mark.parametrize(
    ("query", "names"), [pytest.param(*case, id=case[0]) for cases in QUERIES.values() for case in cases]
)
def test_queries(store: Engine, settings: Settings, query: str, names: set[str]):
    with reading(store) as session:
        assert matches(session, query, settings) == names


def test_every_example_of_the_field_table_is_a_query(store: Engine, settings: Settings):
    # words that this store need not have
    known = {"tag:porteur-de-projet", "received:info-fonds-cua", "bounced:info-fonds-cua", "domain:orange.fr"}
    with reading(store) as session:
        for field in [*FIELDS.values(), *SEND_FIELDS, AUDIENCE_FIELD]:
            assert field.example.startswith(f"{field.name}:")
            if field.example not in known:
                matches(session, field.example, settings)


def test_a_word_of_the_store_may_hold_wildcards_and_quotes(sqlite_engine: Engine, factory: Factory, settings: Settings):
    for word in ('le "bon" coin', "prix*", "prix fixe"):
        company = factory.company(tags=[word])
        factory.contact(f"a{company}@example.org", company, family_name=word)
    with reading(sqlite_engine) as session:
        assert matches(session, r'tag:"le \"bon\" coin"', settings) == {'le "bon" coin'}
        assert matches(session, 'tag:"prix*"', settings) == {"prix*"}
        assert matches(session, "tag:prix*", settings) == {"prix*", "prix fixe"}


TOKENS = st.sampled_from(
    [
        *FIELDS,
        *("request", "received", "CUA", "62*", "56.10C", "2020-03", "9999-12-31", "vip", "99999999", "é"),
        *(":", "(", ")", "[", "]", "{", "}", " TO ", " AND ", " OR ", "NOT ", " ", "+", "-", "<=", ">"),
        *('"', "'", "\\", "*", "?", "^2", "~", "/", "\0", "\ud800", "\u202f"),
    ]
)


@given(st.one_of(st.lists(TOKENS, max_size=12).map("".join), st.text()))
@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_written_matches_or_is_refused(store: Engine, settings: Settings, query: str):
    with reading(store) as session, suppress(QueryError):
        assert matches(session, query, settings) <= ALL


@given(st.data())
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_and_or_not_are_those_of_sets(store: Engine, settings: Settings, data: st.DataObject):
    leaves = st.sampled_from([case for cases in QUERIES.values() for case in cases if " " not in case[0]])
    (one, ones), (other, others) = data.draw(leaves), data.draw(leaves)
    with reading(store) as session:
        assert matches(session, f"{one} AND {other}", settings) == ones & others
        assert matches(session, f"{one} OR {other}", settings) == ones | others
        assert matches(session, f"{one} AND NOT {other}", settings) == ones - others
        assert matches(session, f"NOT ({one} OR NOT {other})", settings) == others - ones


def test_a_segment_is_one_condition_for_one_select(store: Engine, settings: Settings):
    query = 'epci:(CUA OR CALL) AND nature:"Aides financières" AND requested:[2020-03-17 TO 2020-04-30]'
    with reading(store) as session:
        condition = compile_query(session, query, settings, now=NOW)
        counted = select(func.count()).select_from(Contact).outerjoin(Company, Company.id == Contact.company_id)
        assert session.scalar(counted.where(condition)) == 1
