"""The published month: what `relais demo` leaves behind gives its figures again."""

import json
import tomllib
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

import campaigns.demo
from templates.typography import typography
from tests.acceptance.office import Office

MONTH = tomllib.loads((Path(campaigns.demo.__file__).parent / "april_2020.toml").read_text(encoding="utf-8"))
PERIOD = ("--since", "2020-03-17", "--until", "2020-04-30")


@pytest.fixture(scope="module")
def listed(demo: tuple[Office, str]) -> dict[str, dict[str, Any]]:
    """The objects of `campaigns list --json`, by slug, in their order."""
    return {each["slug"]: each for each in demo[0].json("campaigns", "list")}


@pytest.fixture(scope="module")
def report(demo: tuple[Office, str]) -> dict[str, Any]:
    """The month's report."""
    found: dict[str, Any] = json.loads(demo[0]("campaigns", "report", *PERIOD, "--format", "json").stdout)
    return found


@pytest.mark.parametrize("mailing", MONTH["campaigns"], ids=lambda mailing: mailing["slug"])
def test_a_mailing_comes_out_as_published(listed: dict[str, Any], mailing: dict[str, Any]) -> None:
    found = listed[mailing["slug"]]
    assert (found["status"], found["launched_at"][:10]) == ("finished", mailing["date"].isoformat())
    published = {"matched": "matched", "recipients": "recipients", "delivered": "sent"}
    figures = {name: found[ours] for name, ours in published.items() if name in mailing}
    assert figures == {name: mailing[name] for name in figures}
    assert found["sent"] + found["bounced"] == found["recipients"]


def test_the_published_figures_are_all_there(listed: dict[str, Any]) -> None:
    recipients = {each["recipients"] for each in listed.values()}
    assert {311, 102, 106, 107, 360, 1227} <= recipients
    assert listed["continuite-formalites"]["sent"] == 3639


def test_the_requests_are_counted_as_published(report: dict[str, Any]) -> None:
    published = MONTH["requests"]
    assert report["requests"]["total"] == published["total"] == 1103
    for table in ("by_channel", "by_epci", "by_nature"):
        assert report["requests"][table] == published[table]


def test_the_report_names_the_mailings_in_their_order(report: dict[str, Any]) -> None:
    assert [each["slug"] for each in report["campaigns"]] == [each["slug"] for each in MONTH["campaigns"]]
    assert [each["slug"] for each in report["upcoming"]] == [each["slug"] for each in MONTH["upcoming"]]


def test_the_upcoming_campaigns_stand_first_and_are_scheduled(listed: dict[str, Any]) -> None:
    upcoming = MONTH["upcoming"]
    first = list(listed.values())[: len(upcoming)]
    assert [(each["slug"], each["status"]) for each in first] == [(each["slug"], "scheduled") for each in upcoming]
    assert [each["scheduled_at"][:10] for each in first] == [each["date"].isoformat() for each in upcoming]


def test_of_the_upcoming_campaigns_it_is_known_whom_they_were_scheduled_for(demo: tuple[Office, str]) -> None:
    for each in MONTH["upcoming"]:
        found = demo[0].json("campaigns", "diff", each["slug"])
        assert found["since"][:10] == "2020-04-30"
        assert (found["came"], found["went"]) == (0, 0)


def test_the_waterfall_shows_why_311_of_352(demo: tuple[Office, str]) -> None:
    waterfall = demo[0].json("campaigns", "show", "fonds-solidarite-1")["waterfall"]
    assert (waterfall["companies"], waterfall["recipients"]) == (352, 311)
    assert waterfall["contacts"] - sum(waterfall["left_out"].values()) == 311
    assert waterfall["left_out"]["bounced"] > 0  # what bounced on 30 March is left out on 1 April


def test_messages_can_be_looked_at(demo: tuple[Office, str]) -> None:
    folder = demo[0].folder / "messages"
    captured = sorted(folder.glob("*.eml"))
    assert len(captured) == len(MONTH["campaigns"])
    subjects = set()
    for path in captured:
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        subjects.add(message["Subject"])
        assert message["List-Unsubscribe"].strip().startswith("<mailto:")
        html = message.get_body(("html",))
        assert html is not None
        shown = path.with_suffix(".html").read_text(encoding="utf-8")
        assert shown.splitlines() == html.get_content().splitlines()
    assert subjects == {typography(each["subject"]) for each in MONTH["campaigns"]}


def test_it_tells_the_month_and_fits_a_screen_of_80(demo: tuple[Office, str]) -> None:
    office, said = demo
    lines = said.splitlines()
    assert max(map(len, lines)) <= 80
    assert "\n\n\n" not in said
    report = office("campaigns", "report", *PERIOD).stdout
    assert report in said
    for mailing in MONTH["campaigns"]:
        assert f"{mailing['date']}  {mailing['name']}" in lines
    words = " ".join(report.split())
    assert "01/04/2020 Info fonds de solidarité (volet 1) 352 311 309 2" in words
