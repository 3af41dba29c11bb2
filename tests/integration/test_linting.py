"""A campaign is linted as recipients of whom different things are known would get it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from audiences.catalogue import save_audience
from audiences.database import reading, writing
from campaigns.content import freeze
from campaigns.lifecycle import create_campaign
from campaigns.linting import lint_campaign
from campaigns.models import Campaign
from campaigns.settings import Settings
from templates import Purpose
from templates.lint import Report
from tests.factories import NOW
from tests.unit.lint_pages import by_rule, write_template


@pytest.fixture
def lint(sqlite_engine: Engine, settings: Settings, tmp_path: Path) -> Callable[..., Report]:
    """Write a template with this body and lint a campaign that uses it, to everybody in the store."""

    def lint_body(body: str, **options: Any) -> Report:
        write_template(tmp_path / "templates", body, **options)
        with writing(sqlite_engine) as session:
            save_audience(session, "tous", "*:*", description="Tous", now=NOW)
            campaign_id = create_campaign(
                session, "info", name="Info", audience="tous", template="essai", variables={},
                purpose=Purpose.PUBLIC_INFORMATION, subject=None, attachments=[], now=NOW,
            ).id  # fmt: skip
        with reading(sqlite_engine) as session:
            campaign = session.get_one(Campaign, campaign_id)
            content = freeze(campaign, settings, now=NOW)
            return lint_campaign(session, campaign, settings, content, secret=b"s" * 32, now=NOW)

    return lint_body


def test_one_place_is_named_once(
    lint: Callable[..., Report], make_company: Callable[..., int], make_contact: Callable[..., int]
) -> None:
    make_contact("a@example.org", make_company("Maison A"), family_name="Durand", civility="Mme")
    make_contact("b@example.org", make_company("Maison B"), family_name="Martin", civility="M.")
    make_contact("c@example.org", make_company("Maison C"))
    report = lint("<p>{% if contact.family_name %}XXX{% else %}TODO{% endif %}</p>")
    [finding] = by_rule(report, "placeholder-left")  # one place, which the officer looks at once
    assert "XXX" in finding.cause


def test_the_branch_that_only_some_get_is_looked_at(
    lint: Callable[..., Report], make_company: Callable[..., int], make_contact: Callable[..., int]
) -> None:
    make_contact("a@example.org", make_company("Maison A"), family_name="Durand")
    make_contact("c@example.org", make_company("Maison C"))
    report = lint("{% if contact.family_name %}\n<p>Durand</p>\n{% else %}\n<p>TODO</p>\n{% endif %}")
    [finding] = by_rule(report, "placeholder-left")
    assert [place.element for place in finding.places] == ["<p>"]


def test_a_recipients_own_data_in_a_link(
    lint: Callable[..., Report], make_company: Callable[..., int], make_contact: Callable[..., int]
) -> None:
    make_contact("jo@example.org", make_company("Maison A"), family_name="Durand")
    [finding] = by_rule(
        lint('<a href="https://www.example.org/{{ contact.address }}">Le plan</a>'), "link-personal-data"
    )
    assert finding.level == "error"
    assert finding.places[0].line


def test_one_whose_message_breaks_is_passed_over(
    lint: Callable[..., Report], make_company: Callable[..., int], make_contact: Callable[..., int]
) -> None:
    make_contact("a@example.org", make_company("Maison A"), role="Gérant")
    make_contact("b@example.org", make_company("Maison B"))
    report = lint('<p>TODO</p><p>{{ {"Gérant": "a"}[contact.role] }}</p>')
    assert by_rule(report, "placeholder-left")


def test_nobody_to_write_to_is_linted_as_somebody_invented(lint: Callable[..., Report]) -> None:
    assert by_rule(lint("<p>TODO</p>"), "placeholder-left")


def test_an_image_of_the_templates_folder_is_weighed(
    lint: Callable[..., Report], make_company: Callable[..., int], make_contact: Callable[..., int]
) -> None:
    make_contact("a@example.org", make_company("Maison A"))
    image = '<img src="https://www.example.org/halle.jpg" alt="La halle" width="200">'
    report = lint(image, files={"halle.jpg": b"\0" * 300 * 1024})
    assert "halle.jpg pèse 300 Ko." in [finding.cause for finding in by_rule(report, "image-weight")]
