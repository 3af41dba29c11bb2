"""Queries from the grammar, against a small evaluator in Python that knows no SQL: both must choose the same contacts."""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from audiences.catalogue import save_audience, written_out
from audiences.database import reading, writing
from audiences.errors import QueryError
from audiences.models import Contact, ContactKind
from audiences.text import fold
from audiences.waterfall import matching
from campaigns.lifecycle import create_campaign
from campaigns.planning import compile_query
from campaigns.queries import read_query
from campaigns.settings import Settings
from sends.models import Delivery
from sends.states import DeliveryStatus
from templates import Purpose
from tests.factories import NOW, Factory
from tests.small_chamber import matches, settings

__all__ = ["settings"]  # a fixture

TODAY = date(2020, 4, 1)
PLACES = {  # commune: (postcode, EPCI, is it of the territory)
    "Arras": ("62000", "CUA", True),
    "Lens": ("62300", "CALL", True),
    "Hénin-Beaumont": ("62110", "CAHC", True),
    "Saint-Pol-sur-Ternoise": ("62130", "Ternois", True),
    "Lille": ("59000", None, False),
}
TRADES = {"56.10C": "hcr", "49.41A": "transport-logistique", "25.62B": "industrie", None: None}
BANDS = [(0, 0), (1, 2), (10, 19), (50, 99), (10_000, None), None]
NATURES = ["Aides financières", "Chômage", "Autre"]
CHANNELS = ["Appel CCI", "Autre mail"]
TOPICS = ["Fonds de solidarité", "PGE", None]
WORDS = ["Boulangerie", "Garage", "Café"]
TAGS = ["vip", "Porteur de projet"]
DAYS = [TODAY - timedelta(days=days) for days in (0, 1, 15, 30, 31, 92, 400)]
DOMAINS = ["example.org", "mail.example.com"]


@dataclass
class Asked:
    """A request."""

    nature: str
    channel: str
    topic: str | None
    day: date


@dataclass
class Firm:
    """A company."""

    name: str
    commune: str | None
    naf: str | None
    band: tuple[int, int | None] | None
    tags: set[str]
    requests: list[Asked] = field(default_factory=list)


@dataclass
class Person:
    """A contact, by what the evaluator asks of it."""

    name: str
    firm: Firm | None
    kind: ContactKind
    domain: str
    tags: set[str]
    requests: list[Asked]
    status: DeliveryStatus | None

    @property
    def asked(self) -> list[Asked]:
        return self.firm.requests if self.firm else self.requests


def world() -> list[Person]:
    """Make the same people at each run."""
    rng = random.Random(62)

    def requests() -> list[Asked]:
        return [
            Asked(rng.choice(NATURES), rng.choice(CHANNELS), rng.choice(TOPICS), rng.choice(DAYS))
            for _ in range(rng.choice([0, 1, 1, 2, 3]))
        ]

    firms = [
        Firm(
            f"{rng.choice(WORDS)} {number}",
            rng.choice([*PLACES, None]),
            rng.choice(list(TRADES)),
            rng.choice(BANDS),
            set(rng.sample(TAGS, rng.choice([0, 0, 1, 2]))),
            requests(),
        )
        for number in range(24)
    ]
    people = []
    for number in range(40):
        firm = rng.choice([*firms, None, None])
        people.append(
            Person(
                f"p{number}",
                firm,
                rng.choice(list(ContactKind)),
                rng.choice(DOMAINS),
                set() if firm else set(rng.sample(TAGS, rng.choice([0, 1]))),
                [] if firm else requests(),
                rng.choice([None, None, DeliveryStatus.SENT, DeliveryStatus.BOUNCED, DeliveryStatus.QUEUED]),
            )
        )
    return people


PEOPLE = world()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest,
    fresh_store: Callable[..., AbstractContextManager[Engine]],
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("machine")
    with fresh_store(request.param, folder) as engine:
        fill(engine, Factory(engine, settings, folder))
        yield engine


def fill(engine: Engine, factory: Factory) -> None:
    ids: dict[int, int] = {}
    for person in PEOPLE:
        firm = person.firm
        if firm and id(firm) not in ids:
            postcode = PLACES[firm.commune][0] if firm.commune else None
            facts = {"headcount": firm.band, "naf_code": firm.naf, "postcode": postcode, "tags": sorted(firm.tags)}
            ids[id(firm)] = factory.company(firm.name, commune=firm.commune, **facts)
            for asked in firm.requests:
                add_request(factory, asked, company=ids[id(firm)])
        address = f"{person.name}@{person.domain}"
        facts = {"kind": person.kind, "family_name": person.name, "tags": sorted(person.tags)}
        contact = factory.contact(address, ids[id(firm)] if firm else None, **facts)
        for asked in person.requests:
            add_request(factory, asked, contact=contact)
    with writing(engine) as session:
        save_audience(session, "nord", "epci:CUA OR tag:vip", description=None, now=NOW)
        facts = {"variables": {}, "purpose": Purpose.PUBLIC_INFORMATION, "subject": None, "now": NOW}
        campaign = create_campaign(session, "info", name="Info", audience="nord", template="information", **facts)
        session.flush()
        times = {"not_before": NOW, "planned_at": NOW, "updated_at": NOW}
        for person in PEOPLE:
            if person.status:
                address = f"{person.name}@{person.domain}"
                facts = {"address": address, "address_key": address, "status": person.status}
                session.add(Delivery(campaign_id=campaign.id, **facts, **times))


def add_request(factory: Factory, asked: Asked, **owner: int) -> None:
    facts = {"channel": asked.channel, "nature": asked.nature, "topic": asked.topic}
    factory.request(received_on=asked.day, **facts, **owner)


Holds = Callable[[Person], bool]
Query = tuple[str, Holds]
RequestQuery = tuple[str, Callable[[Asked], bool]]


def of_firm(holds: Callable[[Firm], bool]) -> Holds:
    return lambda person: person.firm is not None and holds(person.firm)


def epci_of(firm: Firm) -> str | None:
    return PLACES[firm.commune][1] if firm.commune else None


def in_band(firm: Firm, low: int, high: int | None) -> bool:
    if firm.band is None:
        return False
    lowest, highest = firm.band
    return lowest >= low and (high is None or (highest is not None and highest <= high))


def holds_number(firm: Firm, number: int) -> bool:
    return firm.band is not None and firm.band[0] <= number and (firm.band[1] is None or number <= firm.band[1])


COMPANY_LEAVES: list[Query] = [
    *[(f"epci:{e}", of_firm(lambda f, e=e: epci_of(f) == e)) for e in ("CUA", "CALL", "CAHC", "Ternois")],
    ("epci:*", of_firm(lambda f: f.commune is not None)),
    ("epci:C*", of_firm(lambda f: (epci_of(f) or "").startswith("C"))),
    ("territory:in", of_firm(lambda f: f.commune is not None and PLACES[f.commune][2])),
    ("territoire:hors", of_firm(lambda f: f.commune is not None and not PLACES[f.commune][2])),
    ("territory:unknown", of_firm(lambda f: f.commune is None)),
    *[(f'commune:"{c}"', of_firm(lambda f, c=c: f.commune == c)) for c in PLACES],
    ("cp:62*", of_firm(lambda f: f.commune is not None and PLACES[f.commune][0].startswith("62"))),
    ("cp:[62000 TO 62130}", of_firm(lambda f: f.commune is not None and "62000" <= PLACES[f.commune][0] < "62130")),
    ("department:Nord", of_firm(lambda f: f.commune == "Lille")),
    *[(f"secteur:{s}", of_firm(lambda f, s=s: TRADES[f.naf] == s)) for s in TRADES.values() if s],
    ("naf:56", of_firm(lambda f: (f.naf or "").startswith("56"))),
    ("naf:25.62B", of_firm(lambda f: f.naf == "25.62B")),
    *[(f"headcount:{n}", of_firm(lambda f, n=n: holds_number(f, n))) for n in (0, 2, 12, 20_000)],
    ("headcount:[1 TO 99]", of_firm(lambda f: in_band(f, 1, 99))),
    ("effectif:>=50", of_firm(lambda f: in_band(f, 50, None))),
    ("effectif:<19", of_firm(lambda f: in_band(f, 0, 18))),
    *[(f"nom:{fold(w)}", of_firm(lambda f, w=w: w in f.name.split())) for w in WORDS],
    ("name:bou*", of_firm(lambda f: "Boulangerie" in f.name)),
]
CONTACT_LEAVES: list[Query] = [
    ("*:*", lambda _p: True),
    *[(f'tag:"{t}"', lambda p, t=t: t in p.tags or (p.firm is not None and t in p.firm.tags)) for t in TAGS],
    ("tag:*", lambda p: bool(p.tags or (p.firm and p.firm.tags))),
    *[(f"kind:{k}", lambda p, k=k: p.kind == k) for k in ContactKind],
    *[(f"domain:{d}", lambda p, d=d: p.domain == d) for d in DOMAINS],
    ("domain:*.com", lambda p: p.domain.endswith(".com")),
    ("received:info", lambda p: p.status == DeliveryStatus.SENT),
    ("rejeté:*", lambda p: p.status == DeliveryStatus.BOUNCED),
    (
        "audience:nord",
        lambda p: "vip" in p.tags or (p.firm is not None and (epci_of(p.firm) == "CUA" or "vip" in p.firm.tags)),
    ),
]
REQUEST_LEAVES: list[RequestQuery] = [
    *[(f'nature:"{n}"', lambda a, n=n: a.nature == n) for n in NATURES],
    ("nature:a*", lambda a: a.nature[0] == "A"),
    ("canal:Appel*", lambda a: a.channel == "Appel CCI"),
    ("topic:pge", lambda a: a.topic == "PGE"),
    ("topic:*", lambda a: a.topic is not None),
    ("requested:*", lambda _a: True),
    ("requested:2020-03", lambda a: (a.day.year, a.day.month) == (2020, 3)),
    ("requested:[now-30d TO now]", lambda a: TODAY - timedelta(days=30) <= a.day <= TODAY),
    ("requested:{now-30j TO now}", lambda a: TODAY - timedelta(days=30) < a.day < TODAY),
    ("requested:<now-3mois", lambda a: a.day < date(2020, 1, 1)),
    ("requested:>=01/03/2020", lambda a: a.day >= date(2020, 3, 1)),
]

ANDS = st.sampled_from([" AND ", " ET ", " ", "\n"])
ORS = st.sampled_from([" OR ", " OU "])
NOTS = st.sampled_from(["NOT ", "SAUF ", "-"])


def some_request(query: RequestQuery) -> Query:
    text, holds = query
    return text, lambda person: any(map(holds, person.asked))


def groups(leaves: st.SearchStrategy) -> st.SearchStrategy:
    """Give queries that join leaves, with parentheses around whatever is joined."""
    return st.recursive(leaves, lambda parts: st.one_of(negated(parts), joined(parts)), max_leaves=5)


@st.composite
def negated(draw: st.DrawFn, parts: st.SearchStrategy) -> tuple[str, Callable[[object], bool]]:
    text, holds = draw(parts)
    return f"{draw(NOTS)}({text})", lambda item: not holds(item)


@st.composite
def joined(draw: st.DrawFn, parts: st.SearchStrategy) -> tuple[str, Callable[[object], bool]]:
    chosen = draw(st.lists(parts, min_size=2, max_size=3))
    is_and = draw(st.booleans())
    separators = [draw(ANDS if is_and else ORS) for _ in chosen[1:]]
    text = f"({chosen[0][0]})" + "".join(
        f"{separator}({part})" for separator, (part, _holds) in zip(separators, chosen[1:], strict=True)
    )
    quantifier = all if is_and else any
    return text, lambda item: quantifier(holds(item) for _text, holds in chosen)


def requests() -> st.SearchStrategy:
    leaves = st.sampled_from(REQUEST_LEAVES)
    same = groups(leaves).map(lambda query: some_request((f"request:({query[0]})", query[1])))
    return st.one_of(leaves.map(some_request), same)


QUERIES = groups(st.one_of(st.sampled_from(COMPANY_LEAVES), st.sampled_from(CONTACT_LEAVES), requests()))
SLOW = hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def asked_anew(session: Session, text: str, settings: Settings) -> list[str]:
    """Give the lists of companies that SQLite would make again for each contact: minutes, where the store is large."""
    statement = matching(compile_query(session, text, settings, now=NOW), Contact.id)
    plain = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    steps = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {plain}").all()
    return [step for *_numbers, step in steps if step.startswith("CORRELATED LIST")]


def never_about_this(person: Person) -> bool:
    return (
        person.firm is not None and epci_of(person.firm) == "CUA" and not any(a.nature == "Autre" for a in person.asked)
    )


@given(query=QUERIES, few=st.sampled_from([-1, 5_000]))
@example(query=("epci:CUA AND NOT nature:Autre", never_about_this), few=-1)
@SLOW
def test_the_database_and_the_evaluator_choose_the_same_contacts(
    store: Engine, settings: Settings, query: Query, few: int
):
    text, holds = query
    with reading(store) as session, pytest.MonkeyPatch.context() as patch:
        patch.setattr("audiences.segments._FEW", few)  # as in a small store, and as in a large one
        expected = {person.name for person in PEOPLE if holds(person)}
        assert matches(session, text, settings) == expected
        assert matches(session, written_out(session, text), settings) == expected
        sentence = read_query(session, text, settings, now=NOW).in_french
        if store.dialect.name == "sqlite":
            assert not asked_anew(session, text, settings)
    assert sentence.count("(") == sentence.count(")")
    assert not set("{}") & set(sentence)


@pytest.mark.parametrize(
    "leaf", [*COMPANY_LEAVES, *CONTACT_LEAVES, *map(some_request, REQUEST_LEAVES)], ids=lambda q: q[0]
)
def test_each_leaf_alone(store: Engine, settings: Settings, leaf: Query):
    text, holds = leaf
    with reading(store) as session:
        assert matches(session, text, settings) == {person.name for person in PEOPLE if holds(person)}


PIECES = st.sampled_from(
    [
        *(text for text, _holds in [*COMPANY_LEAVES, *CONTACT_LEAVES, *REQUEST_LEAVES]),
        *("request:", "(", ")", " AND ", " OR ", " OU ", " SAUF ", "NOT ", " ", "[", "]", "{", " TO ", " AU ", '"'),
        *("+", "-", "<=", ">", ":", "\\", "^", "~", "/", "*", "?", "\0", "\ud800", "e\u0301", "\t", "now-1x", "#"),
    ]
)


@given(st.one_of(st.lists(PIECES, max_size=9).map("".join), st.text(max_size=30)))
@SLOW
def test_whatever_is_written_matches_or_is_refused_with_a_place(store: Engine, settings: Settings, query: str):
    names = {person.name for person in PEOPLE}
    caught: QueryError | None = None
    with reading(store) as session:
        try:
            assert matches(session, query, settings) <= names
        except QueryError as error:
            caught = error
    if caught is not None:
        check_place(caught)


def check_place(error: QueryError) -> None:
    assert error.span is not None
    start, end = error.span
    assert 0 <= start <= end <= len(error.query) + 1
    line, marks = error.excerpt(40).split("\n")
    assert set(marks.strip()) == {"^"}
    assert max(len(line), 1) >= marks.index("^")
    assert max(len(line), len(marks)) <= 41
