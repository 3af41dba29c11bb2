"""What is found before anything leaves: contacts whose message would miss a value."""

from pathlib import Path

import pytest

from campaigns.demo.relay import DemoRelay
from tests.acceptance.office import Office
from tests.smtpd import Script, SmtpServer

FOUND = 3


def write_template(folder: Path, body: str, name: str = "essai", purpose: str = "public_information") -> None:
    (folder / "templates" / name).mkdir(parents=True, exist_ok=True)
    (folder / "templates" / name / "body.html").write_text(
        '{% extends "_base/layout.html" %}{% block content %}' + body + "{% endblock %}", encoding="utf-8"
    )
    (folder / "templates" / name / "template.toml").write_text(
        f'title = "Essai"\ndescription = "Essai"\npurpose = "{purpose}"\nsubject = "Des nouvelles"\n', encoding="utf-8"
    )


@pytest.fixture
def gappy(office: Office) -> Office:
    """A draft whose template writes the role, which nobody of the audience has, and a Jinja class."""
    write_template(office.folder, '<p class="{{ company.commune }}">{{ contact.role }} de {{ company.name }}</p>')
    office("campaigns", "create", "trou", "--audience", "tous", "--template", "essai")
    return office


def test_every_contact_with_a_gap_is_named(gappy: Office) -> None:
    found = gappy.json("campaigns", "check", "trou", code=FOUND)
    assert found["faulty"] == found["recipients"] == len(found["faults"]) > 3
    assert {tuple(fault["fields"]) for fault in found["faults"]} == {("contact.role",)}
    assert all("@" in fault["address"] and "Maison" in fault["company"] for fault in found["faults"])
    said = gappy("campaigns", "check", "trou", code=FOUND).stdout
    assert found["faults"][0]["address"] in said
    assert "contact.role" in said


def test_nothing_leaves_while_a_value_is_missing(gappy: Office, relay: DemoRelay) -> None:
    gappy.use(relay)
    refused = gappy("campaigns", "send", "trou", "--yes", code=2).stderr
    assert "contact.role" in refused
    assert "relais campaigns check trou" in refused
    gappy("campaigns", "schedule", "trou", "2026-11-02 10:00")
    gappy.at("2026-11-02T10:01:00+01:00")
    gappy("sends", "work", "--once")
    assert gappy.campaign("trou")["status"] == "draft"
    assert gappy.campaign("trou")["sent"] in (0, None)
    write_template(
        gappy.folder, '<p class="{{ company.commune }}">{% if contact.role %}{{ contact.role }}{% endif %}</p>'
    )
    assert gappy.json("campaigns", "check", "trou")["faulty"] == 0
    gappy("campaigns", "send", "trou", "--yes")
    assert gappy.campaign("trou")["sent"] > 3


def test_a_message_that_the_relay_would_not_take_stops_the_launch(office: Office) -> None:
    with SmtpServer(Script(capabilities=("PIPELINING", "SIZE 9000"))) as server:
        office.use(server)
        refused = office("campaigns", "send", "info", "--yes", code=2).stderr
        assert "the relay 0.0 MB" in refused
        assert server.messages == []
    assert office.campaign("info")["status"] == "draft"


def test_nor_is_it_launched_by_the_worker(office: Office) -> None:
    with SmtpServer(Script(capabilities=("PIPELINING", "SIZE 9000"))) as server:
        office.use(server)
        office("campaigns", "schedule", "info", "2026-11-02 10:00")
        office.at("2026-11-02T10:01:00+01:00")
        assert "the relay 0.0 MB" in office("sends", "work", "--once").stderr
        assert server.messages == []
    assert office.campaign("info")["status"] == "draft"


def test_a_relay_that_is_down_holds_a_launch_up(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("campaigns", "schedule", "info", "2026-11-02 10:00")
    office.at("2026-11-02T10:01:00+01:00")
    office("sends", "work", "--once", code=2, env={"RELAIS_SMTP__PORT": "9"})
    assert office.campaign("info")["status"] == "scheduled"
    office("sends", "work", "--once")
    assert office.campaign("info")["sent"] > 0


def test_a_campaign_without_gaps_passes(office: Office) -> None:
    assert "nothing is missing" in office("campaigns", "check", "info").stdout
