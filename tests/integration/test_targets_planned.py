"""What is explained is what is planned: the waterfall, the lists and the plan agree, on both databases."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from audiences.database import writing
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
from campaigns.models import Campaign, Per
from campaigns.settings import Settings
from campaigns.targets import Target
from sends.models import Delivery
from tests.factories import NOW, Factory
from tests.mailings import INFORMATION, MARKETING, SERVICE, draft, launch, planned_in, reasons_in, sent_to

MakeSettings = Callable[..., Settings]
MakeSettings = Callable[..., Settings]


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
OF_COMPANIES = ["name:0 OR name:1", "territory:unknown AND NOT received:un", "name:0 AND requested:2020"]
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
    query=st.sampled_from(["*:*", "*:* AND NOT received:un", "nature:Autre OR *:*", "requested:2020", *OF_COMPANIES]),
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
