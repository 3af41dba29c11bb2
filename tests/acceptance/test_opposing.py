"""The suppression list by the command line: add, import, look up, lift; and what then leaves."""

import pytest
from python_calamine import CalamineWorkbook

from campaigns.demo.relay import DemoRelay
from tests.acceptance.office import Office
from tests.acceptance.paperwork import LATE, RECIPIENTS, write_csv

ONE = sorted(RECIPIENTS)[0]
EVIDENCE = ("--evidence", "phone call of 2 November")


def on_list(office: Office, *words: str) -> dict[str, tuple[str, str]]:
    return {each["address"]: (each["reason"], each["scope"]) for each in office.json("suppressions", "list", *words)}


def test_who_was_added_by_hand_gets_nothing_and_the_log_says_why(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    before = office.json("audiences", "count", "cua-aides")["recipients"]
    said = office("suppressions", "add", ONE.upper(), "nobody@exämple.test", *EVIDENCE).stdout
    assert said == "2 addresses added.\n"
    assert office.json("audiences", "count", "cua-aides")["recipients"] == before - 1
    again = office("suppressions", "add", ONE, *EVIDENCE).stdout
    assert again == f"{ONE} was on the list already; nothing changed.\n"
    office("campaigns", "send", "info", "--yes")
    assert office.statuses("info")[ONE] == "left_out"
    office("suppressions", "lift", ONE, "--why", "her mail of 3 November")
    [record] = office.json("suppressions", "check", ONE)
    assert (record["stopped"], record["history"][0]["lifted_why"]) == (None, "her mail of 3 November")
    assert record["history"][0]["lifted_by"]
    assert office.json("audiences", "count", "cua-aides")["recipients"] >= before - 1


def test_who_is_added_after_the_planning_ends_as_suppressed(office: Office, relay: DemoRelay) -> None:
    """The relay greets this mailbox with 450 the first time, so that its delivery waits for another attempt."""
    office.use(relay)
    office("campaigns", "send", "info", "--yes")
    assert office.statuses("info")[LATE] == "deferred"
    office("suppressions", "add", LATE, "--reason", "complaint", *EVIDENCE)
    office.at("2026-11-02T10:00:00+01:00")
    office("sends", "work", "--once")
    [line] = [each for each in office.json("sends", "log", "info") if each["address"] == LATE]
    assert (line["status"], line["reason"], line["attempts"]) == ("suppressed", "complaint", 1)


def test_the_list_of_a_former_tool(office: Office) -> None:
    rows = [
        ("A@example.org", "Désabonné", "12/03/2019", ""),
        ("a@EXAMPLE.org", "", "", ""),
        ("b@example.org", "Plainte", "", "marketing"),
        ("pas une adresse", "", "", ""),
        ("c@example.org", "", "hier", "vœux"),
    ]
    write_csv(office.folder / "liste.csv", ("Courriel", "Motif", "Date", "Périmètre"), rows, encoding="cp1252")
    before = office.state()
    refused = office("suppressions", "import", "liste.csv", code=2).stderr
    assert "row 5, column “Courriel”: pas une adresse is not an address" in refused
    assert refused.endswith("add --skip-rejected to import the other 4.\n")
    said = office("suppressions", "import", "liste.csv", "--dry-run", code=3).stdout
    assert said.endswith("nothing would be imported. Mend the rejected rows, or add --skip-rejected.\n")
    tried = office.json("suppressions", "import", "liste.csv", "--dry-run", code=3)
    assert office.state() == before
    assert (tried["added"], tried["known"], len(tried["rejected"]), tried["dry_run"]) == (3, 1, 1, True)
    done = office("suppressions", "import", "liste.csv", "--skip-rejected")
    assert "row 6, column “Périmètre”, value “vœux”" in done.stderr
    found = on_list(office)
    assert found["a@example.org"] == ("unsubscribed", "all")
    assert found["b@example.org"] == ("complaint", "marketing")
    assert found["c@example.org"] == ("unsubscribed", "all")
    assert office.json("suppressions", "import", "liste.csv", "--skip-rejected")["added"] == 0


def test_a_wider_scope_needs_no_lift_a_narrower_one_does(office: Office) -> None:
    def stopped() -> str | None:
        return office.json("suppressions", "check", "a@example.org")[0]["stopped"]

    office("suppressions", "add", "a@example.org", "--scope", "marketing", *EVIDENCE)
    assert stopped() == "marketing"
    office("suppressions", "add", "a@example.org", *EVIDENCE)
    assert stopped() == "all"
    assert "nothing changed" in office("suppressions", "add", "a@example.org", "--scope", "marketing", *EVIDENCE).stdout
    office("suppressions", "lift", "a@example.org", "--why", "letter of 3 November")
    office("suppressions", "add", "a@example.org", "--scope", "marketing", *EVIDENCE)
    assert stopped() == "marketing"
    assert len(office.json("suppressions", "check", "a@example.org")[0]["history"]) == 3


def test_a_complaint_is_lifted_only_by_force_and_the_history_stays(office: Office) -> None:
    office("suppressions", "add", "a@example.org", "--reason", "complaint", *EVIDENCE)
    before = office.state()
    assert "add --force" in office("suppressions", "lift", "a@example.org", "--why", "a call", code=2).stderr
    assert office.state() == before
    said = office("suppressions", "lift", "a@example.org", "--why", "a letter", "--force").stdout
    assert said == "Lifted: a@example.org, complaint, all mail, on the list since 2026-11-02.\n"
    assert "a@example.org" not in on_list(office)
    assert on_list(office, "--lifted")["a@example.org"] == ("complaint", "all")
    shown = office("suppressions", "list", "--lifted", "--search", "a@example").stdout
    assert "lifted on 2026-11-02 by" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80


def test_the_list_as_a_file_goes_back_into_the_list(office: Office) -> None:
    office("suppressions", "add", "a@example.org", "--evidence", "=cmd|calc")
    office("suppressions", "list", "--out", "liste.xlsx")
    assert (office.folder / "liste.xlsx").stat().st_mode & 0o777 == 0o600
    rows = CalamineWorkbook.from_path(str(office.folder / "liste.xlsx")).get_sheet_by_index(0).to_python()
    assert {row[0]: (row[1], row[4]) for row in rows}["a@example.org"] == ("ajout manuel", "'=cmd|calc")
    found = office.json("suppressions", "import", "liste.xlsx")
    assert (found["added"], found["known"], found["rejected"]) == (0, len(rows) - 1, [])


def test_addresses_of_a_file_are_checked(office: Office) -> None:
    office("suppressions", "add", "a@example.org", *EVIDENCE)
    write_csv(
        office.folder / "inscrits.csv", ("Nom", "Email"), [("A", "A@example.org"), ("B", "b@example.org"), ("C", "c")]
    )
    found = office.json("suppressions", "check", "--file", "inscrits.csv")
    assert [(each["address"], each["stopped"]) for each in found] == [
        ("A@example.org", "all"),
        ("b@example.org", None),
        ("c", None),
    ]
    assert "inscrits.csv, row 4" in found[2]["error"]


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        pytest.param(("add", "nobody", *EVIDENCE), "nobody is not an address", id="no-address"),
        pytest.param(("add", "a@example.org", "b@", *EVIDENCE), "b@ is not an address", id="one-of-two"),
        pytest.param(("add", "a@example.org"), "--evidence", id="no-evidence"),
        pytest.param(("add", "a@example.org", "--evidence", " "), "where that is recorded", id="blank-evidence"),
        pytest.param(("add", "a@example.org", "--reason", "x", *EVIDENCE), "not one of unsubscribed", id="reason"),
        pytest.param(("add", "a@example.org", "--scope", "x", *EVIDENCE), "not one of all, marketing", id="scope"),
        pytest.param(("lift", "a@example.org", "--why", "a call"), "not on the suppression list", id="not-there"),
        pytest.param(("lift", "non.merci@example.org"), "--why", id="no-why"),
        pytest.param(("lift", "non.merci@example.org", "--why", ""), "recorded, or why", id="blank-why"),
        pytest.param(("check",), "Write an address, or --file", id="nothing-to-check"),
        pytest.param(("check", "--file", "none.csv"), "There is no file none.csv", id="no-file"),
        pytest.param(("import", "none.csv"), "There is no file none.csv", id="no-list"),
        pytest.param(("list", "--since", "hier"), "is not a day", id="no-day"),
        pytest.param(("list", "--out", "liste.pdf"), "Name the file .xlsx or .csv", id="no-kind"),
    ],
)
def test_what_is_wrong_is_told_in_a_line_and_nothing_is_done(
    office: Office, words: tuple[str, ...], cause: str
) -> None:
    before = office.state()
    refused = office("suppressions", *words, code=2).stderr
    assert cause in refused
    assert refused.count("\n") == 1
    assert office.state() == before


def test_no_reimport_of_contacts_takes_an_opposition_back(office: Office) -> None:
    office("suppressions", "add", ONE, *EVIDENCE)
    office("audiences", "import", "contacts.xlsx")
    assert on_list(office)[ONE] == ("manual", "all")
