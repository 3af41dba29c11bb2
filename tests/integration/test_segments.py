"""Segments: what each query matches in a small store, and what a query that cannot be used is told."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from audiences.catalogue import save_audience
from audiences.database import reading, writing
from audiences.errors import AudienceError, InvalidQuery, UnknownField, UnknownValue
from audiences.fields import FIELDS
from audiences.models import Company, Contact
from campaigns.lifecycle import create_campaign
from campaigns.planning import SEND_FIELDS, compile_query
from campaigns.settings import Settings
from sends.models import Delivery
from sends.states import DeliveryStatus
from templates import Purpose
from tests.factories import NOW, Factory, settings_from_example

ALL = {"Arras", "Lens", "Henin", "Lille", "Nowhere", "Blangy", "project"}
"""The contacts of the store: six of companies, called by where these are, and a project holder's."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_from_example(tmp_path_factory.mktemp("settings"), None)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest,
    fresh_store: Callable[..., AbstractContextManager[Engine]],
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Engine]:
    """The store whose contacts the queries are about; no test changes it."""
    folder = tmp_path_factory.mktemp("segments")
    with fresh_store(request.param, folder) as engine:
        fill(engine, Factory(engine, settings, folder))
        yield engine


def fill(engine: Engine, factory: Factory) -> None:
    def add(name: str, *requests: tuple[str, str, str], **facts: Any) -> None:
        company = factory.company(f"Entreprise {name}", **facts)
        factory.contact(f"{name.lower()}@example.org", company, family_name=name)
        for day, channel, nature in requests:
            factory.request(company, received_on=date.fromisoformat(day), channel=channel, nature=nature, **extra(day))

    def extra(day: str) -> dict[str, str]:
        return {"topic": "Fonds de solidarité", "adviser": "Lambert"} if day == "2020-03-17" else {}

    call, mail, aid, work = "Appel CCI", "Mail COVID-19", "Aides financières", "Chômage"
    arras = {"naf_code": "56.10C", "headcount": (1, 2), "tags": ["vip"], "postcode": "62000", "siret": "90000001900019"}
    add("Arras", ("2020-03-17", call, aid), ("2020-04-20", mail, work), commune="Arras", **arras)
    add("Lens", ("2020-04-01", call, work), commune="Lens", postcode="62300", naf_code="49.41A", headcount=(10, 19))
    henin = {"commune": "Hénin-Beaumont", "postcode": "62110", "naf_code": "47.11B", "headcount": (250, 499)}
    add("Henin", ("2020-03-30", mail, aid), **henin)
    add("Lille", commune="Lille", postcode="59000", headcount=(10_000, None))
    add("Nowhere", ("2019-12-31", "Autre mail", "Autre"), commune=None, naf_code="25.62B")
    blangy = {"commune": "Saint-Laurent-Blangy", "postcode": "62223", "naf_code": "56.11J", "headcount": (50, 99)}
    add("Blangy", tags=["Porteur de projet"], **blangy)
    project = factory.contact("project@example.org", family_name="project", tags=["porteur de projet"])
    factory.request(contact=project, received_on=date(2020, 4, 1), channel=call, nature=aid)

    with writing(engine) as session:
        save_audience(session, "base", "*:*", description=None, now=NOW)
        facts = {"variables": {}, "purpose": Purpose.PUBLIC_INFORMATION, "subject": None, "now": NOW}
        campaign = create_campaign(session, "info-cua", name="Info", audience="base", template="information", **facts)
        session.flush()
        for name, status in (("Arras", DeliveryStatus.SENT), ("Lens", DeliveryStatus.BOUNCED)):
            address = f"{name.lower()}@example.org"
            times = {"not_before": NOW, "planned_at": NOW, "updated_at": NOW}
            session.add(Delivery(campaign_id=campaign.id, address=address, address_key=address, status=status, **times))


def matches(session: Session, query: str, settings: Settings) -> set[str]:
    condition = compile_query(session, query, settings)
    found = select(Contact.family_name).select_from(Contact).outerjoin(Company, Company.id == Contact.company_id)
    names = list(session.scalars(found.where(condition)))
    assert len(names) == len(set(names))
    return set(names)


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
        ("epci:CALL OR epci:CUA AND nature:chomage", {"Lens", "Arras"}),
        ("(epci:CALL OR epci:CUA) AND nature:chomage", {"Lens", "Arras"}),
        ("epci:CUA AND nature:chomage OR epci:CAHC", {"Arras", "Henin"}),
        ("epci:CUA AND (nature:chomage OR epci:CAHC)", {"Arras"}),
        ("epci:CUA nature:chomage OR tag:porteur*", {"Arras", "Blangy"}),
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


FAULTS = [
    # query, error, what the message says of the place, what it says of the remedy
    ("", InvalidQuery, "is empty", "Write *:* for the whole base"),
    (" \n", InvalidQuery, "is empty", "Write *:* for the whole base"),
    ("epci:(CUA OR CALL", InvalidQuery, "open parenthesis at character 6", "Close it with )."),
    ('(epci:CUA AND (nature:":)" OR tag:vip)', InvalidQuery, "open parenthesis at character 1", "Close it"),
    ("epci:CUA)", InvalidQuery, "a closing parenthesis too many", "Take it out."),
    ('nature:"Aides (fin', InvalidQuery, "open quotation mark at character 8", "Close it."),
    ("epci:", InvalidQuery, "ends too early", "Write a value after a field"),
    ("epci:CUA AND", InvalidQuery, "ends too early", "a condition after AND, OR and NOT"),
    ("AND epci:CUA", InvalidQuery, "at character 1:", "quotation marks around a value"),
    ("epci::CUA", InvalidQuery, "at character 6:", "quotation marks around a value"),
    ("commune:'Arras'", InvalidQuery, "at character 9:", "quotation marks around a value"),
    ("requested:[2020-03 TO", InvalidQuery, "ends too early", "Write a value"),
    ("epci:CUA Arras", InvalidQuery, "at character 10: “Arras”", "Write epci:Arras"),
    ("nature:Aides financières", UnknownValue, "character 8 of", 'Did you mean "Aides financières"'),
    ("nature:Autre financières", InvalidQuery, "at character 14: “financières”", "quotation marks"),
    ('"Aides financières"', InvalidQuery, "at character 1", "stands without a field"),
    ("*", InvalidQuery, "at character 1", "stands without a field"),
    ("epci:CUA and tag:vip", InvalidQuery, "at character 10", "write AND, in capitals"),
    ("epci:CUA ET tag:vip", InvalidQuery, "at character 10", "write AND, in capitals"),
    ("epci:CUA ou tag:vip", InvalidQuery, "at character 10", "write OR, in capitals"),
    ("request:(Chômage)", InvalidQuery, "at character 10", "stands without a field"),
    ("epci:CUA~", InvalidQuery, "at character 6", "fuzzy"),
    ('nature:"Aides financières"~2', InvalidQuery, "at character 8", "fuzzy"),
    ("commune:/Arr.*/", InvalidQuery, "at character 9", "regular expression"),
    ("epci:CUA^2", InvalidQuery, "at character 6", "boost"),
    ("epci:commune:Arras", InvalidQuery, "at character 6", "a field inside the values of epci"),
    ("request:(request:(nature:Autre))", InvalidQuery, "at character 10", "take the inner one out"),
    ("request:(epci:CUA)", InvalidQuery, "at character 10", "take it out of request:"),
    ("epci:[A TO B]", InvalidQuery, "character 6 of", "takes values, not a range"),
    ("received:[a TO b]", InvalidQuery, "character 10 of", "takes the name of a campaign"),
    ("headcount:dix", InvalidQuery, "character 11 of", "Write headcount:12 or headcount:[10 TO 49]"),
    ("headcount:[1 TO 99999999999999999999]", InvalidQuery, "character 11 of", "is not a number"),
    ("headcount:1.5", InvalidQuery, "character 11 of", "is not a number"),
    ("requested:17/03/2020", InvalidQuery, "character 11 of", "Write 2020-03-17 or 2020-03"),
    ("requested:2020-02-30", InvalidQuery, "character 11 of", "is not a date"),
    ("requested:[2020-03-17 TO hier]", InvalidQuery, "character 11 of", "“hier” is not a date"),
    ("requested:9999-12", InvalidQuery, "character 11 of", "is not a date"),
    ("epic:CUA", UnknownField, "“epic” at character 1", "Did you mean epci"),
    ("epci:CUA AND natur:Autre", UnknownField, "“natur” at character 14", "Did you mean nature"),
    ("zzz:1", UnknownField, "“zzz” at character 1", "Known: adviser, "),
    ("epci:CUX", UnknownValue, "character 6 of", "write one of CUA, "),
    ('epci:"Lens Levin"', UnknownValue, "character 6 of", 'write one of "CA de Lens - Liévin"'),
    ("nature:Aide", UnknownValue, "character 8 of", 'Did you mean "Aides financières"'),
    ("commune:Aras", UnknownValue, "character 9 of", "Did you mean Arras"),
    ("sector:hotelerie", UnknownValue, "character 8 of", "hcr"),
    ("territory:north", UnknownValue, "character 11 of", "Write in, out or unknown"),
    ("naf:abc", UnknownValue, "character 5 of", "Write it like 56.10C"),
    ("naf:56.10D", UnknownValue, "character 5 of", "There is no NAF code 56.10D"),
    ("naf:56.1C", UnknownValue, "character 5 of", "is not a NAF code"),
    ("cp:620", UnknownValue, "character 4 of", "or a beginning like 62*"),
    ("cp:[a TO b]", UnknownValue, "character 4 of", "postcode:[62000 TO 62999]"),
    ("tag:vap", UnknownValue, "character 5 of", "Did you mean vip?"),
    ("received:info-cau", UnknownValue, "character 10 of", "Did you mean info-cua?"),
]


@pytest.mark.parametrize(
    ("query", "error", "place", "remedy"), [pytest.param(*fault, id=fault[0] or "empty") for fault in FAULTS]
)
def test_a_query_that_cannot_be_used_tells_place_and_remedy(
    store: Engine, settings: Settings, query: str, error: type[AudienceError], place: str, remedy: str
):
    with reading(store) as session, pytest.raises(error) as caught:
        compile_query(session, query, settings)
    assert type(caught.value) is error
    assert place in str(caught.value)
    assert remedy in str(caught.value)


def test_a_failed_query_leaves_nothing_behind(store: Engine, settings: Settings):
    with reading(store) as session:
        for broken in ("epci:(CUA", "'", '"', "epci:CUA^2"):
            with suppress(InvalidQuery):
                compile_query(session, broken, settings)
            assert matches(session, "tag:vip", settings) == {"Arras"}
            with pytest.raises(UnknownField, match="character 10"):
                compile_query(session, "epci:CUA zzz:1", settings)


def test_every_example_of_the_field_table_is_a_query(store: Engine, settings: Settings):
    known = {"tag:porteur-de-projet", "received:info-fonds-cua"}  # words that this store need not have
    with reading(store) as session:
        for field in [*FIELDS.values(), *SEND_FIELDS]:
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
    with reading(store) as session, suppress(AudienceError):
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
        condition = compile_query(session, query, settings)
        counted = select(func.count()).select_from(Contact).outerjoin(Company, Company.id == Contact.company_id)
        assert session.scalar(counted.where(condition)) == 1
