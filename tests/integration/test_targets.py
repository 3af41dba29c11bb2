"""Rules that look at earlier campaigns, one mail per company, and that a launch writes what was explained."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audiences.database import reading, writing
from audiences.listing import list_contacts
from campaigns import planning
from campaigns.errors import UnknownCampaign
from campaigns.models import Per
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
    def test_got_is_what_the_relay_took_over_or_may_have(
        self, engine: Engine, factory: Factory, settings: Settings, status: DeliveryStatus
    ):
        got, other = factory.contact("a@example.org"), factory.contact("b@example.org")
        with writing(engine) as session:
            sent_to(session, "info", [got], status=status)
        arrived = status in (DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.UNCERTAIN)
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

    @pytest.mark.parametrize(
        ("status", "evidence"),
        [(DeliveryStatus.SENT, "info (2020-03-31)"), (DeliveryStatus.UNCERTAIN, "info (uncertain, 2020-03-31)")],
    )
    def test_the_evidence_names_the_campaign_and_the_day(
        self, engine: Engine, factory: Factory, settings: Settings, status: DeliveryStatus, evidence: str
    ):
        got = factory.contact("a@example.org")
        with writing(engine) as session:
            sent_to(session, "info", [got], status=status)
        with reading(engine) as session:
            explained = planning.explanation_of(
                session, Target("*:*", INFORMATION, except_received=("info",)), settings, now=NOW
            )
            [listed] = list_contacts(session, explained.found, tell=explained.tell)
        assert (listed.reason, listed.evidence) == ("already_received", evidence)


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

    def test_what_may_have_arrived_counts(self, engine: Engine, factory: Factory, twice_a_week: Settings):
        contact = factory.contact("a@example.org")
        with writing(engine) as session:
            sent_to(session, "un", [contact])
            sent_to(session, "deux", [contact], status=DeliveryStatus.UNCERTAIN)
        assert reasons(engine, twice_a_week) == {contact: "too_often"}

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
