"""Who stands behind each number: lists with evidence, tables by group, and one address."""

from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from audiences.breakdown import explain_by
from audiences.database import reading, writing
from audiences.listing import list_contacts
from audiences.models import Company, Contact, ContactKind, Suppression, SuppressionReason, SuppressionScope
from audiences.suppressions import suppress
from campaigns import planning
from campaigns.errors import AudienceChanged
from campaigns.lifecycle import get_campaign
from campaigns.models import Campaign, Per
from campaigns.settings import Settings
from campaigns.snapshots import NOT_MATCHED
from campaigns.targets import Target, rule_labels
from campaigns.why import Answer, why
from sends.states import DeliveryStatus
from tests.factories import NOW, Factory
from tests.mailings import INFORMATION, MARKETING, draft, launch, planned_in, sent_to


@pytest.fixture
def people(engine: Engine, factory: Factory) -> dict[str, int]:
    """One contact for each reason of marketing, and one that is written to."""
    arras, lens = factory.company("Alpha", commune="Arras"), factory.company("Bravo", commune="Lens")
    closed = factory.company("Charlie", diffusion="P")
    role = {"kind": ContactKind.ROLE}
    found = {
        "recipient": factory.contact("contact@example.org", arras, **role),
        "same_mailbox": factory.contact("contact@example.org", lens, **role),
        "no_address": factory.contact(None, lens),
        "invalid": factory.contact("paul@", lens, is_usable=False),
        "opposed": factory.contact("non@example.org", lens, **role),
        "bounced": factory.contact("mort@example.org", lens, **role),
        "not_prospected": factory.contact("p@example.org", closed, **role),
        "no_basis": factory.contact("zoe@example.org", kind=ContactKind.INDIVIDUAL),
    }
    factory.request(arras)
    with writing(engine) as session:
        suppress(session, "non@example.org", SuppressionReason.UNSUBSCRIBED, evidence="lettre du 2 mars", now=NOW)
        suppress(session, "mort@example.org", SuppressionReason.HARD_BOUNCE, evidence="550 5.1.1", now=NOW)
    return found


def test_what_was_approved_is_what_is_planned(engine: Engine, factory: Factory, settings: Settings):
    first = factory.contact("a@example.org", factory.company())
    with writing(engine) as session:
        shown = show(session, draft(session, "info"), settings)
    second = factory.contact("b@example.org", factory.company())
    refuse(engine, settings, shown, "2 recipients now, 1 then")
    with writing(engine) as session:
        shown = show(session, get_campaign(session, "info"), settings)
        session.get_one(Contact, second).address = session.get_one(Contact, second).address_key = "c@example.org"
    refuse(engine, settings, shown, "as many recipients, but not the same ones")
    with writing(engine) as session:
        campaign = get_campaign(session, "info")
        assert (campaign.status, planned_in(session, campaign)) == ("draft", {})
        shown = show(session, campaign, settings)
        planning.launch(session, campaign, settings, content={}, now=NOW, approved=shown)
        assert planned_in(session, campaign).keys() == {first, second}


def show(session: Session, campaign: Campaign, settings: Settings) -> planning.Approval:
    target = Target.of(campaign)
    waterfall = planning.explain_target(session, target, settings, now=NOW)
    return planning.Approval.of(waterfall, planning.recipients_of(session, target, settings, now=NOW))


def refuse(engine: Engine, settings: Settings, shown: planning.Approval, why: str) -> None:
    with pytest.raises(AudienceChanged, match=why), writing(engine) as session:
        planning.launch(session, get_campaign(session, "info"), settings, content={}, now=NOW, approved=shown)


def test_each_reason_is_listed_with_what_it_goes_by(engine: Engine, people: dict[str, int], settings: Settings):
    with reading(engine) as session:
        explained = planning.explanation_of(session, Target("*:*", MARKETING), settings, now=NOW)
        listed = {each.contact_id: each for each in list_contacts(session, explained.found, tell=explained.tell)}
        only = list(list_contacts(session, explained.found, tell=explained.tell, reasons=["opposed", None]))
    told = {name: (listed[identity].reason, listed[identity].evidence) for name, identity in people.items()}
    assert told == {
        "recipient": (None, ""),
        "same_mailbox": ("same_mailbox", "its mail goes out for Alpha"),
        "no_address": ("no_address", ""),
        "invalid": ("invalid", "paul@ is not an address: There must be something after the @-sign."),
        "opposed": ("opposed", "unsubscribed, 2020-04-01: lettre du 2 mars"),
        "bounced": ("bounced", "hard bounce, 2020-04-01: 550 5.1.1"),
        "not_prospected": ("not_prospected", "diffusion status P in SIRENE"),
        "no_basis": ("no_basis", "a private person without consent"),
    }
    assert [each.contact_id for each in only] == [people["recipient"], people["opposed"]]
    assert (only[1].address, only[1].company) == ("non@example.org", "Bravo")


def test_the_groups_add_up_to_the_whole(engine: Engine, people: dict[str, int], settings: Settings):
    target = Target("*:*", MARKETING)
    with reading(engine) as session:
        whole = planning.explain_target(session, target, settings, now=NOW).as_dict()
        explained = planning.explanation_of(session, target, settings, now=NOW)
        groups = explain_by(
            session,
            explained.found,
            explained.labels,
            Company.epci_siren,
            lambda siren, has_company: settings.places.label(siren) if siren else str(has_company),
        )
    falls = {name: fall.as_dict() for name, fall in groups}
    assert list(falls) == ["CALL", "CUA", "False"]  # the largest first; who has no company stands apart
    for name in ("companies", "contacts", "recipients"):
        assert sum(fall[name] for fall in falls.values()) == whole[name]
    for name, count in whole["left_out"].items():
        assert sum(fall["left_out"][name] for fall in falls.values()) == count
    assert falls["CUA"]["companies"] == 2
    assert falls["False"]["left_out"]["no_basis"] == 1


def test_every_rule_has_its_label(settings: Settings, make_settings: Any):
    from campaigns.targets import rules_of

    strict = make_settings(pressure={"max_campaigns": 1})
    rules = rules_of(Target("*:*", MARKETING, except_received=("x",)), strict, now=NOW)
    known = rule_labels()
    assert {rule.name: rule.label for rule in rules} == {
        name: label for name, label in known.items() if name != "same_mailbox"
    }
    assert [rule.name for rule in rules] == list(known)[:-1]


def ask(engine: Engine, settings: Settings, address: str, query: str = "*:*", **options: Any) -> Answer:
    with reading(engine) as session:
        answer = why(session, address, Target(query, INFORMATION, **options), settings, now=NOW)
        session.expunge_all()
        return answer


class TestWhy:
    """One address: in or out, by which rule, for each of its contacts."""

    @pytest.mark.usefixtures("people")
    def test_a_shared_mailbox(self, engine: Engine, settings: Settings):
        answer = ask(engine, settings, " Contact@Example.ORG ")
        assert [(each.company, each.reason, each.evidence) for each in answer.verdicts] == [
            ("Alpha", None, ""),
            ("Bravo", "same_mailbox", "its mail goes out for Alpha"),
        ]
        one_each = ask(engine, settings, "contact@example.org", per=Per.COMPANY)
        assert [each.is_in for each in one_each.verdicts] == [True, True]

    @pytest.mark.usefixtures("people")
    def test_one_that_the_query_does_not_match_leaves_the_mail_to_the_other(self, engine: Engine, settings: Settings):
        answer = ask(engine, settings, "contact@example.org", "commune:Lens")
        assert [each.reason for each in answer.verdicts] == [NOT_MATCHED, None]

    @pytest.mark.usefixtures("people")
    def test_an_opposed_mailbox_and_an_address_that_is_none(self, engine: Engine, settings: Settings):
        answer = ask(engine, settings, "non@example.org")
        assert [(each.reason, each.evidence) for each in answer.verdicts] == [
            ("opposed", "unsubscribed, 2020-04-01: lettre du 2 mars")
        ]
        assert [each.reason for each in answer.suppressions] == [SuppressionReason.UNSUBSCRIBED]
        assert [each.reason for each in ask(engine, settings, "paul@").verdicts] == ["invalid"]

    @pytest.mark.usefixtures("people")
    def test_nobody_has_it(self, engine: Engine, settings: Settings):
        assert ask(engine, settings, "personne@example.org") == Answer("personne@example.org", (), (), ())

    def test_a_launched_campaign_answers_as_it_was(self, engine: Engine, people: dict[str, int], settings: Settings):
        with writing(engine) as session:
            campaign = draft(session, "info", "commune:(Arras OR Lens)")
            launch(session, campaign, settings)
        with writing(engine) as session:
            suppress(session, "contact@example.org", SuppressionReason.UNSUBSCRIBED, evidence="x", now=NOW)
        with reading(engine) as session:
            from campaigns.lifecycle import get_campaign

            info = get_campaign(session, "info")
            target = Target.of(info)
            shared = why(session, "contact@example.org", target, settings, now=NOW, campaign=info)
            private = why(session, "zoe@example.org", target, settings, now=NOW, campaign=info)
            opposed = why(session, "non@example.org", target, settings, now=NOW, campaign=info)
        assert [each.reason for each in shared.verdicts] == [None, "same_mailbox"]
        [history] = shared.history
        assert (history.contact_id, history.line.status, history.steps) == (people["recipient"], "queued", ())
        assert [each.reason for each in private.verdicts] == [NOT_MATCHED]
        assert [each.reason for each in opposed.verdicts] == ["opposed"]

    def test_an_erased_contact_leaves_its_delivery(self, engine: Engine, people: dict[str, int], settings: Settings):
        with writing(engine) as session:
            campaign = sent_to(session, "info", [people["no_basis"]], status=DeliveryStatus.DELIVERED)
            session.execute(text("UPDATE delivery SET contact_id = NULL"))
            session.execute(text("DELETE FROM contact WHERE kind = 'individual'"))
            session.expire_all()
            answer = why(session, "zoe@example.org", Target.of(campaign), settings, now=NOW, campaign=campaign)
        assert answer.verdicts == ()
        assert [(each.contact_id, each.line.status) for each in answer.history] == [(None, "delivered")]


def test_a_suppression_that_was_lifted_or_is_for_marketing_is_not_the_reason(
    engine: Engine, factory: Factory, settings: Settings
):
    contact = factory.contact("a@example.org", factory.company(), kind=ContactKind.ROLE)
    facts = {"address_key": "a@example.org", "reason": SuppressionReason.UNSUBSCRIBED, "created_at": NOW}
    with writing(engine) as session:
        session.add(Suppression(scope=SuppressionScope.ALL, evidence="lifted", lifted_at=NOW, **facts))
        session.add(Suppression(scope=SuppressionScope.MARKETING, evidence="ads only", **facts))
    assert [each.reason for each in ask(engine, settings, "a@example.org").verdicts] == [None]
    with reading(engine) as session:
        explained = planning.explanation_of(session, Target("*:*", MARKETING), settings, now=NOW)
        [listed] = list_contacts(session, explained.found, tell=explained.tell)
    assert (listed.contact_id, listed.evidence) == (contact, "unsubscribed, 2020-04-01: ads only")
