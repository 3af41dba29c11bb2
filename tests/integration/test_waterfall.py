"""The waterfall: which rule takes which contact, in order, and that nobody is lost between the figures."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, true
from sqlalchemy.orm import Session

from audiences.database import reading, writing
from audiences.models import (
    Company,
    Contact,
    ContactKind,
    LegalBasis,
    Request,
    Suppression,
    SuppressionReason,
    SuppressionScope,
)
from audiences.rules import standard_rules
from audiences.waterfall import Rule, Waterfall, candidates, explain
from tests.factories import NOW, Factory

ALL, MARKETING = SuppressionScope.ALL, SuppressionScope.MARKETING
BOUNCED, LEFT = SuppressionReason.HARD_BOUNCE, SuppressionReason.UNSUBSCRIBED
PROFESSIONAL, ROLE, INDIVIDUAL = ContactKind.PROFESSIONAL, ContactKind.ROLE, ContactKind.INDIVIDUAL
CONSENT, INTEREST = LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST
ADDRESS = "paul@example.org"


def suppress(engine: Engine, *entries: tuple[Any, ...], key: str = ADDRESS, lifted: bool = False) -> None:
    """Put the mailbox on the list for each (reason, scope)."""
    with writing(engine) as session:
        for reason, scope in entries:
            entry = Suppression(address_key=key, reason=reason, scope=scope, evidence="a test", created_at=NOW)
            entry.lifted_at = NOW if lifted else None
            session.add(entry)


def fall(engine: Engine, *, is_marketing: bool = False, condition: Any = None) -> Waterfall:
    with reading(engine) as session:
        return explain(session, true() if condition is None else condition, standard_rules(is_marketing=is_marketing))


def reasons(engine: Engine, *, is_marketing: bool = False, condition: Any = None) -> dict[int, str | None]:
    """Give why each contact is left out, None for recipients."""
    with reading(engine) as session:
        rules = standard_rules(is_marketing=is_marketing)
        found = candidates(true() if condition is None else condition, rules).subquery()
        return dict(session.execute(select(found.c.contact_id, found.c.reason)).all())


@pytest.mark.parametrize("is_marketing", [False, True], ids=["information", "marketing"])
def test_an_empty_store_has_every_step_and_no_recipient(engine: Engine, is_marketing: bool):
    waterfall = fall(engine, is_marketing=is_marketing)
    assert (waterfall.companies, waterfall.contacts, waterfall.recipients) == (0, 0, 0)
    names = ["no_address", "invalid", "opposed", "bounced"]
    names += ["not_prospected", "no_basis"] if is_marketing else []
    assert [(step.name, step.count) for step in waterfall.steps] == [(name, 0) for name in [*names, "same_mailbox"]]
    assert all(step.label for step in waterfall.steps)


# contact, suppressions, company -> why it is left out of public information, and of marketing
CASES = {
    "a-person-with-a-basis": ({"legal_basis": INTEREST}, [], {}, None, None),
    "no-address": ({"address": None}, [], {}, "no_address", "no_address"),
    "invalid-address": ({"address": "paul@@", "is_usable": False}, [], {}, "invalid", "invalid"),
    "opposed": ({"legal_basis": CONSENT}, [(LEFT, ALL)], {}, "opposed", "opposed"),
    "complained": ({"legal_basis": CONSENT}, [(SuppressionReason.COMPLAINT, ALL)], {}, "opposed", "opposed"),
    "erased": ({"legal_basis": CONSENT}, [(SuppressionReason.ERASED, ALL)], {}, "opposed", "opposed"),
    "bounced": ({"legal_basis": CONSENT}, [(BOUNCED, ALL)], {}, "bounced", "bounced"),
    "opposed-and-bounced": ({"legal_basis": CONSENT}, [(BOUNCED, ALL), (LEFT, ALL)], {}, "opposed", "opposed"),
    "opposed-to-marketing": ({"legal_basis": CONSENT}, [(LEFT, MARKETING)], {}, None, "opposed"),
    "opposed-to-marketing-and-bounced": ({}, [(LEFT, MARKETING), (BOUNCED, ALL)], {}, "bounced", "opposed"),
    "partial-diffusion": ({"legal_basis": CONSENT}, [], {"diffusion": "P"}, None, "not_prospected"),
    "no-diffusion": ({"legal_basis": CONSENT}, [], {"diffusion": "N"}, None, "not_prospected"),
    "open-diffusion": ({"legal_basis": CONSENT}, [], {"diffusion": "O"}, None, None),
    "opposed-and-partial-diffusion": ({}, [(LEFT, ALL)], {"diffusion": "P"}, "opposed", "opposed"),
    "professional-without-basis": ({"kind": PROFESSIONAL}, [], {}, None, "no_basis"),
    "partial-diffusion-without-basis": ({"kind": PROFESSIONAL}, [], {"diffusion": "P"}, None, "not_prospected"),
    "role-mailbox-without-basis": ({"kind": ROLE}, [], {}, None, None),
    "individual-without-basis": ({"kind": INDIVIDUAL}, [], {}, None, "no_basis"),
    "individual-with-another-basis": ({"kind": INDIVIDUAL, "legal_basis": INTEREST}, [], {}, None, "no_basis"),
    "individual-who-consents": ({"kind": INDIVIDUAL, "legal_basis": CONSENT}, [], {}, None, None),
}


@pytest.mark.parametrize(("contact", "suppressions", "company", "information", "marketing"), CASES.values(), ids=CASES)
def test_each_rule_takes_its_contacts(
    engine: Engine,
    factory: Factory,
    contact: dict[str, Any],
    suppressions: list[tuple[Any, ...]],
    company: dict[str, Any],
    information: str | None,
    marketing: str | None,
):
    of_company = factory.company(**company)
    identity = factory.contact(company=of_company, **{"address": ADDRESS} | contact)
    suppress(engine, *suppressions)
    assert reasons(engine) == {identity: information}
    assert reasons(engine, is_marketing=True) == {identity: marketing}


def test_a_person_without_a_company_needs_consent_and_has_no_diffusion(engine: Engine, factory: Factory):
    consents = factory.contact("zoe@example.org", legal_basis=CONSENT)
    other = factory.contact("jean@example.org")
    assert reasons(engine, is_marketing=True) == {consents: None, other: "no_basis"}
    assert fall(engine).companies == 0


def test_a_lifted_suppression_leaves_nobody_out(engine: Engine, factory: Factory):
    contact = factory.contact(ADDRESS, factory.company())
    suppress(engine, (LEFT, ALL), (BOUNCED, ALL), lifted=True)
    assert reasons(engine) == {contact: None}


def test_the_figures_add_up_and_come_in_order(engine: Engine, factory: Factory):
    company = factory.company()
    partial = factory.company(diffusion="P")
    for address in ("a@example.org", "A@example.org", "b@example.org", "opposed@example.org", "bounced@example.org"):
        factory.contact(address, factory.company(), legal_basis=INTEREST)
    factory.contact(None, company)
    factory.contact("broken@@", company, is_usable=False)
    factory.contact("partial@example.org", partial, legal_basis=INTEREST)
    factory.contact("nobasis@example.org", company)
    suppress(engine, (LEFT, ALL), key="opposed@example.org")
    suppress(engine, (BOUNCED, ALL), key="bounced@example.org")

    assert fall(engine).as_dict() == {
        "companies": 7,
        "contacts": 9,
        "left_out": {"no_address": 1, "invalid": 1, "opposed": 1, "bounced": 1, "same_mailbox": 1},
        "recipients": 4,
    }
    marketing = fall(engine, is_marketing=True).as_dict()
    assert marketing["left_out"] == {
        "no_address": 1,
        "invalid": 1,
        "opposed": 1,
        "bounced": 1,
        "not_prospected": 1,
        "no_basis": 1,
        "same_mailbox": 1,
    }
    assert marketing["recipients"] == 2


def test_only_matched_contacts_are_counted(engine: Engine, factory: Factory):
    arras = factory.contact("a@example.org", factory.company(commune="Arras"))
    factory.contact("b@example.org", factory.company(commune="Lens"))
    condition = Company.commune_name == "Arras"
    assert reasons(engine, condition=condition) == {arras: None}
    assert fall(engine, condition=condition).as_dict()["contacts"] == 1


class TestSameMailbox:
    """Of several contacts with one mailbox, one receives the mail."""

    def test_the_company_with_the_newest_request_stays(self, engine: Engine, factory: Factory):
        never, long_ago, lately = (factory.company() for _ in range(3))
        contacts = [factory.contact("compta@example.org", company) for company in (never, long_ago, lately)]
        factory.request(long_ago, received_on=date(2019, 12, 31))
        factory.request(lately, received_on=date(2020, 1, 2))
        factory.request(lately, received_on=date(2020, 3, 30))
        assert reasons(engine) == dict(zip(contacts, ["same_mailbox", "same_mailbox", None], strict=True))

    def test_of_equals_the_oldest_contact_stays(self, engine: Engine, factory: Factory):
        contacts = [factory.contact("compta@example.org", factory.company()) for _ in range(3)]
        assert reasons(engine) == dict(zip(contacts, [None, "same_mailbox", "same_mailbox"], strict=True))

    def test_case_and_idna_do_not_make_two(self, engine: Engine, factory: Factory):
        first = factory.contact("Paul@Épicerie.example", factory.company())
        second = factory.contact("paul@xn--picerie-9xa.example", factory.company())
        assert reasons(engine) == {first: None, second: "same_mailbox"}

    def test_one_that_is_left_out_does_not_take_the_place_of_another(self, engine: Engine, factory: Factory):
        refused, open_ = factory.company(diffusion="P"), factory.company(diffusion="O")
        factory.request(refused)
        first = factory.contact("contact@example.org", refused)
        second = factory.contact("contact@example.org", open_)
        assert reasons(engine, is_marketing=True) == {first: "not_prospected", second: None}

    def test_one_that_the_segment_does_not_match_is_not_in_the_way(self, engine: Engine, factory: Factory):
        arras, lens = factory.company(commune="Arras"), factory.company(commune="Lens")
        factory.request(arras)
        factory.contact("contact@example.org", arras)
        second = factory.contact("contact@example.org", lens)
        assert reasons(engine, condition=Company.commune_name == "Lens") == {second: None}

    def test_contacts_without_an_address_are_not_one_mailbox(self, engine: Engine, factory: Factory):
        contacts = [factory.contact(None, factory.company()) for _ in range(2)]
        assert reasons(engine) == dict.fromkeys(contacts, "no_address")


def test_rules_of_other_rooms_take_their_turn(engine: Engine, factory: Factory):
    taken = factory.contact("already@example.org", factory.company())
    opposed = factory.contact("already-too@example.org", factory.company())
    suppress(engine, (LEFT, ALL), key="already-too@example.org")
    rule = Rule("already", "already received", Contact.address.like("already%"))
    with reading(engine) as session:
        rules = [*standard_rules(is_marketing=False), rule]
        waterfall = explain(session, true(), rules)
        found = candidates(true(), rules).subquery()
        by_contact = dict(session.execute(select(found.c.contact_id, found.c.reason)).all())
    assert by_contact == {taken: "already", opposed: "opposed"}
    assert [step.name for step in waterfall.steps][-2:] == ["already", "same_mailbox"]


CONTACTS = st.lists(
    st.fixed_dictionaries(
        {
            "address": st.sampled_from([None, "x@@", "a@example.org", "b@example.org", "c@example.org"]),
            "kind": st.sampled_from(ContactKind),
            "legal_basis": st.sampled_from([None, *LegalBasis]),
            "diffusion": st.sampled_from([None, "O", "P", "N"]),
            "asked": st.none() | st.dates(date(2020, 1, 1), date(2020, 12, 31)),
        }
    ),
    max_size=8,
)
LISTED = st.lists(
    st.tuples(
        st.sampled_from(["a@example.org", "b@example.org"]),
        st.sampled_from(SuppressionReason),
        st.sampled_from(SuppressionScope),
    ),
    max_size=3,
)


@given(contacts=CONTACTS, listed=LISTED)
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nobody_is_lost_nobody_gets_two_and_marketing_reaches_fewer(
    sqlite_engine: Engine, contacts: list[dict[str, Any]], listed: list[tuple[Any, ...]]
):
    with Session(sqlite_engine) as session:  # never committed: each example begins with an empty store
        for number, facts in enumerate(contacts):
            add_contact(session, number, **facts)
        for key, reason, scope in listed:
            session.add(Suppression(address_key=key, reason=reason, scope=scope, evidence="", created_at=NOW))
        session.flush()
        recipients = {}
        for is_marketing in (False, True):
            rules = standard_rules(is_marketing=is_marketing)
            waterfall = explain(session, true(), rules)
            left_out = sum(step.count for step in waterfall.steps)
            assert waterfall.contacts == len(contacts) == left_out + waterfall.recipients
            found = candidates(true(), rules).subquery()
            keys = session.scalars(select(found.c.address_key).where(found.c.reason.is_(None))).all()
            assert len(keys) == len(set(keys)) == waterfall.recipients
            recipients[is_marketing] = set(keys)
        assert recipients[True] <= recipients[False]


def add_contact(
    session: Session, number: int, *, address: str | None, diffusion: str | None, asked: date | None, **facts: Any
) -> None:
    times = {"created_at": NOW, "updated_at": NOW}
    company = Company(name=f"Entreprise {number}", name_key=str(number), diffusion=diffusion, **times)
    key = None if address == "x@@" else address
    session.add(Contact(company=company, address=address, address_key=key, **facts, **times))
    if asked is not None:
        request = {"received_on": asked, "channel": "Appel CCI", "nature": "Autre"}
        session.add(Request(company=company, fingerprint=str(number), **request))
