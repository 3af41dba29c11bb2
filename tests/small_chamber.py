"""A chamber of seven contacts, one for each thing that a query can ask, and what a query matches in it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from audiences.catalogue import save_audience
from audiences.database import writing
from audiences.models import Company, Contact
from audiences.waterfall import Way, matching
from campaigns.lifecycle import create_campaign
from campaigns.planning import compile_query
from campaigns.settings import Settings
from sends.models import Delivery
from sends.states import DeliveryStatus
from templates import Purpose
from tests.factories import NOW, Factory, settings_from_example

ALL = {"Arras", "Lens", "Henin", "Lille", "Nowhere", "Blangy", "project"}
"""The contacts of the store: six of companies, called by where these are, and a project holder's."""


AUDIENCES = {
    "base": "*:*",
    "cua": "epci:CUA",
    "cua-sans-vip": "audience:cua AND NOT tag:vip",
    "cua-aides": 'audience:cua AND nature:"Aides financières"',
    "demandeurs": "requested:* OR tag:porteur*",
}


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
        for name, query in AUDIENCES.items():
            save_audience(session, name, query, description=None, now=NOW)
        facts = {"variables": {}, "purpose": Purpose.PUBLIC_INFORMATION, "subject": None, "now": NOW}
        campaign = create_campaign(session, "info-cua", name="Info", audience="base", template="information", **facts)
        session.flush()
        for name, status in (("Arras", DeliveryStatus.SENT), ("Lens", DeliveryStatus.BOUNCED)):
            address = f"{name.lower()}@example.org"
            times = {"not_before": NOW, "planned_at": NOW, "updated_at": NOW}
            session.add(Delivery(campaign_id=campaign.id, address=address, address_key=address, status=status, **times))


def matches(session: Session, query: str, settings: Settings) -> set[str]:
    """Give the contacts that a query matches: asked plainly, and in each of the ways in which an audience is read."""
    condition = compile_query(session, query, settings, now=NOW)
    plain = select(Contact.family_name).select_from(Contact).outerjoin(Company, Company.id == Contact.company_id)
    ways = [
        plain.where(condition),
        *(matching(condition, Contact.family_name, way=way) for way in Way),
    ]
    found = [sorted(session.scalars(each)) for each in ways]
    assert all(each == found[0] for each in found)
    assert len(found[0]) == len(set(found[0]))
    return set(found[0])
