"""Queries that cannot be used: each is told the place and the remedy."""

from contextlib import suppress

import pytest
from sqlalchemy import Engine

from audiences.database import reading
from audiences.errors import InvalidQuery, QueryError, UnknownField, UnknownValue
from campaigns.planning import compile_query
from campaigns.settings import Settings
from tests.factories import NOW
from tests.small_chamber import matches, settings, store

__all__ = ["settings", "store"]  # fixtures


FAULTS = [
    # query (the fault between ‹ and ›), error, what the message says of the remedy
    ("‹›", InvalidQuery, "Write *:* for the whole base"),
    ("‹› \n", InvalidQuery, "Write *:* for the whole base"),
    ("epci:‹(›CUA OR CALL", InvalidQuery, "Close it with )."),
    ('‹(›epci:CUA AND (nature:":)" OR tag:vip)', InvalidQuery, "Close it with )."),
    ("requested:‹[›2020-03 TO", InvalidQuery, "Close it with ]."),
    ("epci:CUA‹)›", InvalidQuery, "There is a ) too many"),
    ("(epci:CUA‹]›", InvalidQuery, "There is a ] too many"),
    ('nature:‹"›Aides (fin', InvalidQuery, "The quotation mark is not closed"),
    ("epci:‹›", InvalidQuery, "Write a value after a field"),
    ("epci:CUA AND‹›", InvalidQuery, "a condition after AND, OR and NOT"),
    ("‹AND› epci:CUA", InvalidQuery, "quotation marks around a value"),
    ("‹ET› epci:CUA", InvalidQuery, "quotation marks around a value"),
    ("epci:‹:›CUA", InvalidQuery, "quotation marks around a value"),
    ("commune:‹'Arras'›", InvalidQuery, "quotation marks around a value"),
    ("epci:CUA ‹Arras›", InvalidQuery, "Write for example epci:Arras"),
    ("nature:Aides ‹financières›", InvalidQuery, "quotation marks around a value of several words"),
    ("nature:Autre ‹financières›", InvalidQuery, "quotation marks"),
    ('‹"Aides financières"›', InvalidQuery, "stands without a field"),
    ("‹*›", InvalidQuery, "Write *:* for the whole base"),
    ("‹[2020 TO 2021]›", InvalidQuery, "requested:[2020 TO 2021]"),
    ("‹*›:CUA", InvalidQuery, "* is no field"),
    ("epci:CUA ‹and› tag:vip", InvalidQuery, "Write AND, in capitals"),
    ("epci:CUA ‹et› tag:vip", InvalidQuery, "Write ET, in capitals"),
    ("epci:CUA ‹ou› tag:vip", InvalidQuery, "Write OU, in capitals"),
    ("epci:CUA ‹sauf› tag:vip", InvalidQuery, "Write SAUF, in capitals"),
    ("request:(‹Chômage›)", InvalidQuery, "stands without a field"),
    ("epci:‹CUA~›", InvalidQuery, "Fuzzy"),
    ('nature:‹"Aides financières"~›2', InvalidQuery, "Fuzzy"),
    ("name:0‹~›.", InvalidQuery, "Fuzzy"),  # luqum cannot read the number
    ("name:0‹^›..", InvalidQuery, "Fuzzy"),
    ("commune:‹/Arr.*/›", InvalidQuery, "regular expression"),
    ("epci:‹CUA^›2", InvalidQuery, "boost"),
    ("epci:‹commune›:Arras", InvalidQuery, "Close its parenthesis first"),
    ("request:(‹request›:(nature:Autre))", InvalidQuery, "Take the inner one out"),
    ("request:(‹epci›:CUA)", InvalidQuery, "Take it out of request:"),
    ("request:(‹audience›:cua)", InvalidQuery, "Take it out of request:"),
    ("epci:‹[A TO B]›", InvalidQuery, "takes values, not a range"),
    ("received:‹[a TO b]›", InvalidQuery, "takes values, not a range"),
    ("audience:‹[a TO b]›", InvalidQuery, "takes values, not a range"),
    ("headcount:‹dix›", InvalidQuery, "Write headcount:12 or headcount:[10 TO 49]"),
    ("headcount:[1 TO ‹99999999999999999999›]", InvalidQuery, "is not a number"),
    ("headcount:[‹-5› TO 3]", InvalidQuery, "“-5” is not a number"),
    ("headcount:‹[49 TO 10]›", InvalidQuery, "Exchange the two bounds"),
    ("headcount:‹1.5›", InvalidQuery, "is not a number"),
    ("cp:‹[62999 TO 62000]›", InvalidQuery, "Exchange the two bounds"),
    ("requested:‹30/02/2020›", InvalidQuery, "There is no day 30/02/2020"),
    ("requested:‹2020-02-30›", InvalidQuery, "There is no day 2020-02-30"),
    ("requested:[2020-03-17 TO ‹demain›]", InvalidQuery, "Write 2020-03-17, 17/03/2020, 2020-03, or now-30d"),
    ("requested:‹[2020-04-30 TO 2020-03-17]›", InvalidQuery, "Exchange the two bounds"),
    ("requested:‹[now TO now-30d]›", InvalidQuery, "Exchange the two bounds"),
    ("requested:[‹now-30x› TO now]", InvalidQuery, "“x” is no unit of time"),
    ("requested:[‹now-99999y› TO now]", InvalidQuery, "no year that a calendar has"),
    ("requested:‹9999-12›", InvalidQuery, "There is no day 9999-12"),
    ("‹epic›:CUA", UnknownField, "Did you mean epci"),
    ("epci:CUA AND ‹natur›:Autre", UnknownField, "Did you mean nature"),
    ("‹zzz›:1", UnknownField, "See `relais audiences fields`"),
    ("epci:‹CUX›", UnknownValue, "write one of CUA, "),
    ('epci:‹"Lens Levin"›', UnknownValue, 'write one of "CA de Lens - Liévin"'),
    ("nature:‹Aide›", UnknownValue, 'Did you mean "Aides financières"'),
    ("commune:‹Aras›", UnknownValue, "Did you mean Arras"),
    ("sector:‹hotelerie›", UnknownValue, "hcr"),
    ("territory:‹north›", UnknownValue, "Write in, out or unknown"),
    ("naf:‹abc›", UnknownValue, "Write it like 56.10C"),
    ("naf:‹56.10D›", UnknownValue, "There is no NAF code 56.10D"),
    ("naf:‹56.1C›", UnknownValue, "is not a NAF code"),
    ("cp:‹620›", UnknownValue, "or a beginning like 62*"),
    ("cp:[‹a› TO b]", UnknownValue, "postcode:[62000 TO 62999]"),
    ("department:‹Nrod›", UnknownValue, "Did you mean Nord"),
    ("department:‹96›", UnknownValue, "Write its number or name"),
    ("siret:‹90000001900018›", UnknownValue, "14 digits with a valid check digit"),
    ("siren:‹900000018›", UnknownValue, "9 digits with a valid check digit"),
    ("kind:‹profesionel›", UnknownValue, "Did you mean professionnel"),
    ("domain:‹exemple.org›", UnknownValue, "Did you mean example.org"),
    ("domain:‹a_b›", UnknownValue, "is not a mail domain"),
    ('name:‹"+!"›', InvalidQuery, "has no word"),
    ("tag:‹vap›", UnknownValue, "Did you mean vip?"),
    ("received:‹info-cau›", UnknownValue, "Did you mean info-cua?"),
    ("bounced:‹info-cau›", UnknownValue, "Did you mean info-cua?"),
    ("audience:‹cau›", UnknownValue, "Did you mean cua"),
    ("audience:‹cua*›", UnknownValue, "Did you mean cua"),
    ("‹epci:CUA tag:vip OR tag:b›", InvalidQuery, "(epci:CUA AND tag:vip) OR tag:b or epci:CUA AND (tag:vip OR tag:b)"),
    ("epci:CUA (‹tag:a AND tag:b OR tag:c›)", InvalidQuery, "(tag:a AND tag:b) OR tag:c or tag:a AND (tag:b OR tag:c)"),
    (
        "‹NOT tag:a OR (tag:b) tag:c›",
        InvalidQuery,
        "NOT tag:a OR ((tag:b) AND tag:c) or (NOT tag:a OR (tag:b)) AND tag:c",
    ),
    ("epci:(‹CUA OR CALL AND Ternois›)", InvalidQuery, "CUA OR (CALL AND Ternois)"),
    ("epci:CUA OR ‹+tag:vip›", InvalidQuery, "Take the + out, or write AND"),
    ("name:‹" + "a" * 301 + "›", InvalidQuery, "more than 300 characters"),
    ("(" * 51 + "‹" + "(epci:CUA)" + "›" + ")" * 51, InvalidQuery, "stand inside each other"),
    ("tag:(" + "vip OR " * 2000 + "‹vip›)", InvalidQuery, "more than 2000 values"),
]


@pytest.mark.parametrize(("marked", "error", "remedy"), [pytest.param(*fault, id=fault[0][:60]) for fault in FAULTS])
def test_a_query_that_cannot_be_used_tells_place_and_remedy(
    store: Engine, settings: Settings, marked: str, error: type[QueryError], remedy: str
):
    query = marked.replace("‹", "").replace("›", "")
    start = marked.index("‹")
    end = marked.index("›") - 1
    with reading(store) as session, pytest.raises(QueryError) as caught:
        compile_query(session, query, settings, now=NOW)
    assert type(caught.value) is error
    assert remedy in str(caught.value)
    assert f"(character {start + 1} of the query)" in str(caught.value)
    assert caught.value.column == start + 1
    assert caught.value.query == query
    assert caught.value.span is not None
    assert caught.value.span[0] == start
    assert caught.value.span[1] == (end if end > start else caught.value.span[1])
    excerpt, marks = caught.value.excerpt(10_000).split("\n")
    if end > start:
        assert excerpt[marks.index("^") : marks.rindex("^") + 1] == query[start:end]


def test_a_failed_query_leaves_nothing_behind(store: Engine, settings: Settings):
    with reading(store) as session:
        for broken in ("epci:(CUA", "'", '"', "epci:CUA^2"):
            with suppress(QueryError):
                compile_query(session, broken, settings, now=NOW)
            assert matches(session, "tag:vip", settings) == {"Arras"}
            with pytest.raises(UnknownField, match="character 10"):
                compile_query(session, "epci:CUA zzz:1", settings, now=NOW)
