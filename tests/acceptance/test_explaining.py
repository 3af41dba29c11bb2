"""The officer asks why: who is behind each number, one address, and what changed since a campaign was scheduled."""

from datetime import date

import pytest
from python_calamine import load_workbook

from campaigns.demo.relay import DemoRelay
from tests.acceptance.office import Office, create
from tests.acceptance.paperwork import CONTACT_HEADER, DEAD, LATE, RECIPIENTS, contact, write_csv

SHARED = next(address for address in RECIPIENTS if address.startswith("contact1-"))


def test_each_number_can_be_listed_and_written_to_a_file(office: Office) -> None:
    whole = office.json("audiences", "explain", "cua-aides")
    assert whole["left_out"] == {"no_address": 1, "invalid": 0, "opposed": 1, "bounced": 0, "same_mailbox": 1}
    for step, count in {**whole["left_out"], "recipients": whole["recipients"]}.items():
        assert len(office.json("audiences", "explain", "cua-aides", "--show", step)["list"]) == count
    [opposed] = office.json("audiences", "explain", "cua-aides", "--show", "opposed")["list"]
    assert (opposed["address"], opposed["company"]) == ("non.merci@example.org", "Maison 6")
    assert opposed["evidence"].startswith("unsubscribed, 2026-11-02: contacts.xlsx, row ")
    office("audiences", "explain", "cua-aides", "--show", "recipients", "--out", "liste.xlsx")
    assert office.json("audiences", "explain", "cua-aides", "--out", "entonnoir.csv")["file"] == "entonnoir.csv"
    rows = load_workbook(office.folder / "liste.xlsx").get_sheet_by_index(0).to_python()
    assert {row[0] for row in rows[1:]} == RECIPIENTS
    [shared] = office.json("audiences", "explain", "cua-aides", "--show", "same_mailbox")["list"]
    assert (shared["company"], shared["evidence"]) == ("Maison 5", "its mail goes out for Maison 1")
    assert "non.merci@example.org" in office("audiences", "explain", "cua-aides", "--show", "left_out").stdout


@pytest.mark.parametrize("by", ["epci", "sector"])
def test_the_split_adds_up(office: Office, by: str) -> None:
    whole = office.json("audiences", "explain", "tous", "--by", by)
    assert sum(each["recipients"] for each in whole["groups"]) == whole["recipients"]
    assert sum(each["companies"] for each in whole["groups"]) == whole["companies"] == 9
    assert len(whole["groups"]) == (2 if by == "epci" else 1)
    said = office("audiences", "explain", "tous", "--by", by, "--purpose", "marketing").stdout
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param([], "a query (or the name of an audience), or a campaign", id="neither"),
        pytest.param(["tous", "--campaign", "info"], "one of the two", id="both"),
        pytest.param(["tous", "--show", "nobody"], "recipients, left_out, no_address", id="no-such-step"),
        pytest.param(["tous", "--by", "naf"], "neither epci nor sector", id="no-such-split"),
        pytest.param(["tous", "--by", "epci", "--show", "opposed"], "give one of the two", id="list-and-split"),
        pytest.param(["tous", "--per", "person"], "not one of mailbox, company", id="no-such-share"),
        pytest.param(["tous", "--out", "liste.pdf"], "liste.pdf", id="a-file-that-is-not-written"),
    ],
)
def test_a_wrong_question_is_told_in_one_line(office: Office, words: list[str], told: str) -> None:
    refused = office("audiences", "explain", *words, code=2).stderr
    assert told in refused
    assert refused.count("\n") == 1


def test_why_an_address_is_in_or_out_before_and_after(office: Office, relay: DemoRelay) -> None:
    before = office.json("audiences", "why", SHARED, "--audience", "cua-aides")
    assert [(each["company"], each["in"]) for each in before["contacts"]] == [("Maison 1", True), ("Maison 5", False)]
    assert before["contacts"][1]["label"] == "same mailbox"
    lens = office("audiences", "why", SHARED, "--query", "epci:CALL").stdout
    assert f"{SHARED} is out." in lens
    assert "the query does not match it" in lens
    assert "no contact of the store has it" in office("audiences", "why", "personne@example.org").stdout
    office.use(relay)
    office("campaigns", "send", "info", "--yes")
    dead = office.json("audiences", "why", DEAD, "--campaign", "info")
    assert [each["status"] for each in dead["deliveries"]] == ["bounced"]
    assert dead["suppressions"][0]["reason"] == "hard_bounce"
    said = office("audiences", "why", LATE, "--campaign", "info").stdout
    assert "The delivery is deferred for now, after 1 attempt:" in said
    opposed = office("audiences", "why", "non.merci@example.org", "--campaign", "info").stdout
    assert "non.merci@example.org is out." in opposed
    assert "On the suppression list since 2026-11-02" in opposed


def test_a_follow_up_writes_to_those_who_got_nothing(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("campaigns", "send", "info", "--yes")
    sets = ("--set", "epci=CUA", "--set", "montant=1 M€")
    follow_up = ("campaigns", "create", "relance", "--audience", "cua-aides", "--template", "fonds", *sets)
    assert "There is no campaign nulle" in office(*follow_up, "--except-received", "nulle", code=2).stderr
    office(*follow_up, "--except-received", "info")
    explained = office.json("audiences", "explain", "--campaign", "relance")
    assert explained["left_out"]["already_received"] == 3  # two mailboxes, of which one serves two companies
    assert explained["recipients"] == 1  # LATE waits still: it got nothing yet
    office("campaigns", "send", "relance", "--yes")
    lines = office.json("sends", "log", "relance", "--status", "left_out")
    assert sorted(line["reason"] for line in lines).count("already_received") == 3
    after = office.json("audiences", "explain", "--campaign", "relance")
    assert after == explained
    shown = office.json("campaigns", "show", "relance")
    assert (shown["per"], shown["except_received"]) == ("mailbox", ["info"])


def test_one_mail_per_company_by_choice(office: Office, relay: DemoRelay) -> None:
    sets = ("--set", "epci=CUA", "--set", "montant=1 M€")
    words = ("campaigns", "create", "parts", "--audience", "cua-aides", "--template", "fonds", *sets)
    office(*words, "--per", "company")
    office.use(relay)
    office("campaigns", "send", "parts", "--yes")
    lines = [line for line in office.json("sends", "log", "parts") if line["status"] == "sent"]
    assert [line["company"] for line in lines if line["address"].lower() == SHARED] == ["Maison 1", "Maison 5"]
    shown = office("campaigns", "show", "parts").stdout
    assert "company, where a mailbox serves several" in shown


def test_pressure_leaves_out_who_got_enough(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("campaigns", "send", "info", "--yes")
    office.env["RELAIS_PRESSURE__MAX_CAMPAIGNS"] = "1"
    create(office, "encore")
    explained = office.json("audiences", "explain", "--campaign", "encore")
    assert explained["left_out"]["too_often"] == 3
    said = office("audiences", "explain", "--campaign", "encore", "--show", "too_often").stdout
    assert "1 campaign in 7 days: info" in said
    office.at("2026-11-20T09:00:00+01:00")
    assert office.json("audiences", "explain", "--campaign", "encore")["left_out"]["too_often"] == 0


def test_what_changed_since_a_campaign_was_scheduled_is_told(office: Office, relay: DemoRelay) -> None:
    assert office.json("campaigns", "diff", "info")["since"] is None
    office("campaigns", "schedule", "info", "2026-11-02 10:00")
    same = office("campaigns", "show", "info").stdout
    assert "The recipients are those of 2026-11-02 09:00" in same
    late = [contact(2, "nouveau@example.org"), contact(4, DEAD, opposed="oui")]
    write_csv(office.folder / "plus.csv", CONTACT_HEADER, late)
    office("audiences", "import", "plus.csv")
    said = office("campaigns", "diff", "info").stdout
    assert "Recipients: +1, -1 since it was scheduled on 2026-11-02 09:00." in said
    found = office.json("campaigns", "diff", "info")
    assert [(each["address"], each["came"], each["why"]) for each in found["contacts"]] == [
        (DEAD, False, "opposed or unsubscribed"),
        ("nouveau@example.org", True, "newly matched by the query"),
    ]
    office.use(relay)
    office.at("2026-11-02T10:01:00+01:00")
    launched = office("sends", "work", "--once").stdout
    assert "Launched: info" in launched
    assert "Recipients: +1, -1 since it was scheduled" in launched
    shown = office.json("campaigns", "show", "info")
    assert shown["changes"]["came"] == shown["changes"]["went"] == 1
    assert shown["changes"]["since"].startswith(date(2026, 11, 2).isoformat())
    office("campaigns", "diff", "info", "--out", "ecarts.csv")
    assert (office.folder / "ecarts.csv").read_text(encoding="utf-8-sig").count("\n") == 3
