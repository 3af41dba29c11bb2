"""Rules that look at earlier campaigns, one mail per company, and that a launch writes what was explained."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audiences.database import reading, writing
from audiences.listing import list_contacts
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
from campaigns import planning
from campaigns.errors import UnknownCampaign
from campaigns.models import Campaign, Per
from campaigns.settings import Settings
from campaigns.targets import Target
from sends.log import LEFT_OUT, read_log
from sends.models import Delivery
from sends.states import DeliveryStatus
from tests.factories import NOW, Factory
from tests.mailings import INFORMATION, MARKETING, SERVICE, draft, launch, planned_in, reasons, reasons_in, sent_to

MakeSettings = Callable[..., Settings]


class TestAlreadyReceived:
    """A follow-up leaves out who got the campaigns that it names."""

    @pytest.mark.parametrize("status", list(DeliveryStatus))
    def test_got_is_what_the_relay_took_over(
        self, engine: Engine, factory: Factory, settings: Settings, status: DeliveryStatus
    ):
        got, other = factory.contact("a@example.org"), factory.contact("b@example.org")
        with writing(engine) as session:
            sent_to(session, "info", [got], status=status)
        arrived = status in (DeliveryStatus.SENT, DeliveryStatus.DELIVERED)
        found = reasons(engine, settings, except_received=("info",))
        assert found == {got: "already_received" if arrived else None, other: None}
        assert set(reasons(engine, settings).values()) == {None}

    def test_it_goes_by_the_mailbox_whatever_company_it_serves(
        self, engine: Engine, factory: Factory, settings: Settings
    ):
        one, two = (factory.contact("a@example.org", factory.company()) for _ in range(2))
        with writing(engine) as session:
            sent_to(session, "info", [one])
        assert set(reasons(engine, settings, except_received=("info",)).values()) == {"already_received"}
        assert set(reasons(engine, settings, except_received=("info",), per=Per.COMPANY)) == {one, two}

    def test_a_mail_for_one_company_is_not_got_by_another(self, engine: Engine, factory: Factory, settings: Settings):
        one, two = (factory.contact("a@example.org", factory.company()) for _ in range(2))
        with writing(engine) as session:
            sent_to(session, "info", [one], per=Per.COMPANY)
        assert reasons(engine, settings, except_received=("info",)) == {one: "already_received", two: None}
        assert reasons(engine, settings, query="received:info") == {one: None}
        assert reasons(engine, settings, query="received:*") == {one: None}
        assert reasons(engine, settings, query="NOT received:info") == {two: None}

    def test_a_rehearsal_was_got_by_nobody(self, engine: Engine, factory: Factory, settings: Settings):
        contact = factory.contact("a@example.org")
        with writing(engine) as session:
            sent_to(session, "info", [contact], redirect_to="moi@example.org")
        assert reasons(engine, settings, except_received=("info",)) == {contact: None}

    def test_the_campaign_keeps_the_names_and_they_must_exist(
        self, engine: Engine, factory: Factory, settings: Settings
    ):
        got, other = factory.contact("a@example.org"), factory.contact("b@example.org")
        with writing(engine) as session:
            sent_to(session, "info", [got])
            campaign = draft(session, "relance", except_received=["info", "info"])
            assert campaign.except_received == ["info"]
            launch(session, campaign, settings)
            assert planned_in(session, campaign) == {got: "already_received", other: None}
            [line] = read_log(session, campaign.id, status=LEFT_OUT)
            assert (line.address, line.reason) == ("a@example.org", "already_received")
        with writing(engine) as session, pytest.raises(UnknownCampaign, match="Did you mean relance"):
            draft(session, "encore", except_received=["relanse"])

    def test_the_evidence_names_the_campaign_and_the_day(self, engine: Engine, factory: Factory, settings: Settings):
        got = factory.contact("a@example.org")
        with writing(engine) as session:
            sent_to(session, "info", [got])
        with reading(engine) as session:
            explained = planning.explanation_of(
                session, Target("*:*", INFORMATION, except_received=("info",)), settings, now=NOW
            )
            [listed] = list_contacts(session, explained.found, tell=explained.tell)
        assert (listed.reason, listed.evidence) == ("already_received", "info (2020-03-31)")


class TestPressure:
    """So many campaigns in so many days are enough, for a mailbox and for a company."""

    @pytest.fixture
    def twice_a_week(self, make_settings: MakeSettings) -> Settings:
        return make_settings(pressure={"max_campaigns": 2, "days": 7})

    def test_it_is_off_without_a_number(self, engine: Engine, factory: Factory, settings: Settings):
        contact = factory.contact("a@example.org")
        with writing(engine) as session:
            for number in range(9):
                sent_to(session, f"info-{number}", [contact])
        assert settings.pressure.max_campaigns is None
        assert reasons(engine, settings) == {contact: None}

    def test_a_mailbox_that_got_its_number_is_left_alone_until_the_days_are_over(
        self, engine: Engine, factory: Factory, twice_a_week: Settings
    ):
        contact = factory.contact("a@example.org")
        with writing(engine) as session:
            sent_to(session, "un", [contact], at=NOW - timedelta(days=6))
        assert reasons(engine, twice_a_week) == {contact: None}
        with writing(engine) as session:
            sent_to(session, "deux", [contact], at=NOW - timedelta(days=1))
        assert reasons(engine, twice_a_week) == {contact: "too_often"}
        assert reasons(engine, twice_a_week, now=NOW + timedelta(days=1)) == {contact: "too_often"}  # to the second
        assert reasons(engine, twice_a_week, now=NOW + timedelta(days=1, seconds=1)) == {contact: None}

    def test_a_company_is_counted_over_all_its_contacts_and_a_campaign_once(
        self, engine: Engine, factory: Factory, twice_a_week: Settings
    ):
        company = factory.company()
        first, second, third = (factory.contact(f"{name}@example.org", company) for name in "abc")
        other = factory.contact("d@example.org", factory.company())
        with writing(engine) as session:
            sent_to(session, "un", [first, second, other])
        assert set(reasons(engine, twice_a_week).values()) == {None}
        with writing(engine) as session:
            sent_to(session, "deux", [second])
        tired = dict.fromkeys([first, second, third], "too_often")
        assert reasons(engine, twice_a_week) == {**tired, other: None}

    @pytest.mark.parametrize(
        "earlier",
        [
            pytest.param({"status": DeliveryStatus.BOUNCED}, id="what-did-not-arrive"),
            pytest.param({"redirect_to": "moi@example.org"}, id="a-rehearsal"),
            pytest.param({"purpose": SERVICE}, id="service-mail"),
        ],
    )
    def test_what_does_not_count(
        self, engine: Engine, factory: Factory, twice_a_week: Settings, earlier: dict[str, Any]
    ):
        contact = factory.contact("a@example.org", factory.company())
        with writing(engine) as session:
            sent_to(session, "un", [contact])
            sent_to(session, "deux", [contact], **earlier)
        assert reasons(engine, twice_a_week) == {contact: None}

    def test_service_mail_is_not_held_back(self, engine: Engine, factory: Factory, twice_a_week: Settings):
        contact = factory.contact("a@example.org")
        with writing(engine) as session:
            for slug in ("un", "deux"):
                sent_to(session, slug, [contact])
        assert reasons(engine, twice_a_week, purpose=SERVICE) == {contact: None}
        assert reasons(engine, twice_a_week, purpose=MARKETING) == {contact: "no_basis"}  # the law comes first

    def test_two_mails_of_one_campaign_count_as_one(self, engine: Engine, factory: Factory, twice_a_week: Settings):
        contacts = [factory.contact("a@example.org", factory.company()) for _ in range(3)]
        with writing(engine) as session:
            sent_to(session, "un", contacts, per=Per.COMPANY)
        assert None in reasons(engine, twice_a_week).values()

    def test_the_evidence_names_the_campaigns(self, engine: Engine, factory: Factory, twice_a_week: Settings):
        company = factory.company()
        contact, colleague = factory.contact("a@example.org", company), factory.contact("b@example.org", company)
        with writing(engine) as session:
            sent_to(session, "un", [contact])
            sent_to(session, "deux", [contact, colleague])
        with reading(engine) as session:
            explained = planning.explanation_of(session, Target("*:*", INFORMATION), twice_a_week, now=NOW)
            listed = list(list_contacts(session, explained.found, tell=explained.tell))
        assert {each.evidence for each in listed} == {"2 campaigns in 7 days: deux, un"}

    def test_a_campaign_does_not_count_against_itself(
        self, engine: Engine, factory: Factory, make_settings: MakeSettings
    ):
        once = make_settings(pressure={"max_campaigns": 1, "days": 7})
        contact = factory.contact("a@example.org")
        with writing(engine) as session:
            campaign = sent_to(session, "un", [contact])
            assert reasons_in(session, Target.of(campaign), once) == {contact: None}
        assert reasons(engine, once) == {contact: "too_often"}


class TestPerCompany:
    """One mailbox that serves several companies gets one mail, or by choice one for each."""

    @pytest.fixture
    def twelve(self, factory: Factory) -> list[int]:
        return [factory.contact("compta@example.org", factory.company()) for _ in range(12)]

    @pytest.mark.usefixtures("twelve")
    def test_one_mail_for_twelve_companies(self, engine: Engine, settings: Settings):
        with writing(engine) as session:
            campaign = draft(session, "info")
            launch(session, campaign, settings)
            planned = planned_in(session, campaign)
        assert list(planned.values()).count(None) == 1
        assert list(planned.values()).count("same_mailbox") == 11

    def test_a_mail_for_each_of_twelve(self, engine: Engine, twelve: list[int], settings: Settings):
        with writing(engine) as session:
            campaign = draft(session, "info", per=Per.COMPANY)
            launch(session, campaign, settings)
            assert planned_in(session, campaign) == dict.fromkeys(twelve)
            parts = session.execute(select(Delivery.part, Delivery.address_key)).all()
        assert len(set(parts)) == 12
        assert {key for _part, key in parts} == {"compta@example.org"}

    def test_contacts_without_a_company_share_one(self, engine: Engine, factory: Factory, settings: Settings):
        first, second = factory.contact("a@example.org"), factory.contact("A@example.org")
        third = factory.contact("a@example.org", factory.company())
        expected = {first: None, second: "same_mailbox", third: None}
        assert reasons(engine, settings, per=Per.COMPANY) == expected

    @pytest.mark.usefixtures("twelve")
    @pytest.mark.parametrize("per", list(Per))
    def test_a_second_mail_for_the_same_is_refused_by_the_store(self, engine: Engine, settings: Settings, per: Per):
        with writing(engine) as session:
            campaign = draft(session, "info", per=per)
            launch(session, campaign, settings)
            identity = campaign.id
            row = session.scalars(select(Delivery).limit(1)).one()
            again = {name: getattr(row, name) for name in ("address", "address_key", "part", "status")}
        times = {"not_before": NOW, "planned_at": NOW, "updated_at": NOW}
        with Session(engine) as session:
            session.add(Delivery(campaign_id=identity, **again, **times))
            with pytest.raises(IntegrityError):
                session.flush()


# -- what is explained is what is planned --------------------------------------------------------------------------------

CONTACTS = st.lists(
    st.fixed_dictionaries(
        {
            "address": st.sampled_from([None, "x@@", "a@example.org", "b@example.org", "c@example.org"]),
            "kind": st.sampled_from(ContactKind),
            "legal_basis": st.sampled_from([None, *LegalBasis]),
            "company": st.none() | st.integers(0, 3),
            "got": st.sets(st.sampled_from(["un", "deux", "repetition"]), max_size=3),
        }
    ),
    max_size=9,
)
COMPANIES = st.lists(
    st.tuples(
        st.sampled_from([None, "O", "P", "N"]), st.lists(st.dates(NOW.date().replace(month=1), NOW.date()), max_size=2)
    ),
    min_size=4,
    max_size=4,
)
LISTED = st.lists(
    st.tuples(
        st.sampled_from(["a@example.org", "b@example.org"]),
        st.sampled_from(SuppressionReason),
        st.sampled_from(SuppressionScope),
    ),
    max_size=2,
)
OPTIONS = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from([INFORMATION, SERVICE, MARKETING]),
        "per": st.sampled_from(Per),
        "except_received": st.sampled_from([(), ("un",), ("un", "deux"), ("repetition",)]),
    }
)


@given(
    contacts=CONTACTS,
    companies=COMPANIES,
    listed=LISTED,
    options=OPTIONS,
    query=st.sampled_from(["*:*", "*:* AND NOT received:un", "nature:Autre OR *:*", "requested:2020"]),
    limit=st.sampled_from([None, 1, 2]),
    narrow=st.sampled_from([0, 1_000]),
)
@hypothesis_settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_waterfall_is_the_plan_and_everybody_has_one_reason(
    sqlite_engine: Engine,
    make_settings: MakeSettings,
    contacts: list[dict[str, Any]],
    companies: list[Any],
    listed: list[tuple[Any, ...]],
    options: dict[str, Any],
    query: str,
    limit: int | None,
    narrow: int,
):
    settings = make_settings(pressure={"max_campaigns": limit, "days": 7})
    with Session(sqlite_engine) as session, pytest.MonkeyPatch.context() as patch:  # never committed
        patch.setattr("audiences.waterfall.NARROW", narrow)  # both ways to the numbers
        fill(session, contacts, companies, listed)
        campaign = draft(session, "essai", query, **options | {"except_received": list(options["except_received"])})
        target = Target.of(campaign)
        waterfall = planning.explain_target(session, target, settings, now=NOW)
        explained = reasons_in(session, target, settings)
        left_out = {step.name: step.count for step in waterfall.steps}
        assert waterfall.contacts == len(explained) == sum(left_out.values()) + waterfall.recipients
        counted = {name: list(explained.values()).count(name) for name in left_out}
        assert left_out == counted
        assert waterfall.companies == len({each for each in companies_of(session, explained) if each is not None})
        if not waterfall.recipients:
            return
        launch(session, campaign, settings)
        assert planned_in(session, campaign) == explained
        assert campaign.waterfall == waterfall.as_dict()
        assert planning.stored_waterfall(campaign).as_dict() == waterfall.as_dict()
        assert_one_mail_each(session, campaign)


def fill(session: Session, contacts: list[dict[str, Any]], companies: list[Any], listed: list[tuple[Any, ...]]) -> None:
    times = {"created_at": NOW, "updated_at": NOW}
    rows = [
        Company(name=f"Entreprise {number}", name_key=str(number), diffusion=diffusion, **times)
        for number, (diffusion, _asked) in enumerate(companies)
    ]
    session.add_all(rows)
    session.flush()
    got: dict[str, list[int]] = {"un": [], "deux": [], "repetition": []}
    seen: set[tuple[Any, ...]] = set()
    for facts in contacts:
        address = facts["address"]
        company = None if facts["company"] is None else rows[facts["company"]]
        if company is not None and address is not None:  # a company has an address once
            if (company.id, address) in seen:
                continue
            seen.add((company.id, address))
        usable = address if address and address != "x@@" else None
        contact = Contact(company=company, address=address, address_key=usable, kind=facts["kind"], **times)
        contact.legal_basis = facts["legal_basis"]
        session.add(contact)
        session.flush()
        if usable:
            for slug in facts["got"]:
                got[slug].append(contact.id)
    fingerprints = iter(range(1_000))
    for company, (_diffusion, asked) in zip(rows, companies, strict=True):
        for day in asked:
            request = {"received_on": day, "channel": "Appel CCI", "nature": "Autre"}
            session.add(Request(company=company, fingerprint=str(next(fingerprints)), **request))
    for key, reason, scope in listed:
        session.add(Suppression(address_key=key, reason=reason, scope=scope, evidence="", created_at=NOW))
    session.flush()
    for slug, ids in got.items():
        per = Per.COMPANY if slug == "deux" else Per.MAILBOX
        once = ids if per is Per.COMPANY else first_of_each_mailbox(session, ids)
        once = once if per is Per.MAILBOX else one_without_company(session, once)
        sent_to(session, slug, once, per=per, redirect_to="moi@example.org" if slug == "repetition" else None)


def first_of_each_mailbox(session: Session, ids: list[int]) -> list[int]:
    found = select(func.min(Contact.id)).where(Contact.id.in_(ids)).group_by(Contact.address_key)
    return list(session.scalars(found))


def one_without_company(session: Session, ids: list[int]) -> list[int]:
    rows = session.scalars(select(Contact).where(Contact.id.in_(ids)).order_by(Contact.id)).all()
    return list({(row.address_key, row.company_id): row.id for row in rows}.values())


def companies_of(session: Session, contacts: Any) -> list[int | None]:
    return list(session.scalars(select(Contact.company_id).where(Contact.id.in_(list(contacts)))))


def assert_one_mail_each(session: Session, campaign: Campaign) -> None:
    keys = session.execute(select(Delivery.address_key, Delivery.part).where(Delivery.campaign_id == campaign.id)).all()
    assert len(keys) == len(set(keys))
    if campaign.per == Per.MAILBOX:
        assert len({key for key, _part in keys}) == len(keys)


@pytest.mark.parametrize("per", list(Per))
def test_on_both_databases_the_plan_is_what_was_explained(
    engine: Engine, factory: Factory, make_settings: MakeSettings, per: Per
):
    settings = make_settings(pressure={"max_campaigns": 1, "days": 7})
    companies = [factory.company(commune=commune) for commune in ("Arras", "Arras", "Lens", "Lens")]
    for company in companies:
        factory.contact("compta@example.org", company)
        factory.contact(f"contact{company}@example.org", company)
    factory.request(companies[2])
    private = factory.contact("zoe@example.org")
    factory.contact(None, companies[0])
    factory.contact("broken@@", companies[0], is_usable=False)
    with writing(engine) as session:
        sent_to(session, "avant", [private], at=NOW - timedelta(days=30))
        sent_to(session, "hier", [2])
        campaign = draft(session, "info", per=per, except_received=["avant"])
        target = Target.of(campaign)
        explained = reasons_in(session, target, settings)
        waterfall = planning.explain_target(session, target, settings, now=NOW)
        launch(session, campaign, settings)
        assert planned_in(session, campaign) == explained
        assert campaign.waterfall == waterfall.as_dict()
    # Company 1 got a campaign yesterday; of the others, the one that asked something stands for the shared mailbox.
    assert explained[1] == explained[2] == "too_often"
    assert explained[private] == "already_received"
    shared = {identity: explained[identity] for identity in (3, 5, 7)}
    if per is Per.COMPANY:
        assert shared == dict.fromkeys((3, 5, 7))
    else:
        assert shared == {3: "same_mailbox", 5: None, 7: "same_mailbox"}
