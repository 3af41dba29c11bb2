"""Send once: again, at a time, after a crash, to one mailbox, in several goes."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from campaigns.demo.relay import DemoRelay
from tests.acceptance.office import Office, create
from tests.acceptance.paperwork import (
    CONTACT_HEADER,
    DEAD,
    LATE,
    RECIPIENTS,
    contact,
    write_csv,
)
from tests.smtpd import Script, SmtpServer

LATER = "2026-11-02T09:31:00+01:00"
"""After the half hour that a deferred message waits."""


def test_sending_again_sends_nothing_twice(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("campaigns", "send", "info", "--yes")
    taken = Counter(relay.accepted)
    again = office("campaigns", "send", "info", "--yes").stdout
    assert "deferred             1" in again
    office.at(LATER)
    office("campaigns", "send", "info")
    taken[LATE] += 1
    assert relay.accepted == taken
    assert "nothing is sent twice" in office("campaigns", "send", "info", "--yes").stdout
    assert relay.accepted == taken
    assert set(taken) == RECIPIENTS - {DEAD}


def test_what_is_deferred_is_retried_when_its_time_has_come(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("campaigns", "send", "info", "--yes")
    assert office.statuses("info")[LATE] == "deferred"
    office.at("2026-11-02T09:20:00+01:00")
    office("sends", "work", "--once")
    assert office.statuses("info")[LATE] == "deferred"
    office.at(LATER)
    assert "Finished: info" in office("sends", "work", "--once").stdout
    assert office.statuses("info")[LATE] == "sent"
    assert relay.accepted[LATE] == 1
    found = office.campaign("info")
    assert (found["status"], found["sent"], found["bounced"], found["deferred"]) == ("finished", 3, 1, 0)


def test_only_what_was_refused_for_a_reason_is_tried_again(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("campaigns", "send", "info", "--yes")
    complaint = office("sends", "retry", "info", "--only", "no-such-mailbx", code=2).stderr
    assert "There is:" in complaint
    assert "no-such-mailbox" in complaint
    assert "0 messages are queued again." in office("sends", "retry", "info", "--only", "failed").stdout
    assert "1 message is queued again." in office("sends", "retry", "info", "--only", "greylisted").stdout
    assert office.json("sends", "reconcile", "info") == []


def test_a_bounced_mailbox_is_left_out_of_the_next_campaign(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("campaigns", "send", "info", "--yes")
    [bounced] = office.json("sends", "log", "info", "--status", "bounced")
    assert (bounced["address"], bounced["reply"][:9]) == (DEAD, "550 5.1.1")
    waterfall = office.json("audiences", "explain", "cua-aides")
    assert (waterfall["left_out"]["bounced"], waterfall["recipients"]) == (1, 3)
    create(office, "encore")
    office("campaigns", "send", "encore", "--yes")
    assert relay.refused == {DEAD: 1}
    [line] = [each for each in office.json("sends", "log", "encore") if each["address"] == DEAD]
    assert (line["status"], line["reason"]) == ("left_out", "bounced")


def test_a_scheduled_campaign_leaves_once_at_its_time(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("campaigns", "schedule", "info", "2026-12-01 09:00")
    office("sends", "work", "--once")
    assert office.campaign("info")["status"] == "scheduled"
    assert not relay.accepted
    office.at("2026-12-01T09:00:05+01:00")
    workers = [office.start("sends", "work", "--once") for _ in range(2)]
    said = [worker.communicate(timeout=60) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sum("Launched: info" in out for out, _err in said) == 1
    assert relay.accepted == dict.fromkeys(RECIPIENTS - {LATE, DEAD}, 1)
    assert "Launched" not in office("sends", "work", "--once").stdout
    assert relay.accepted == dict.fromkeys(RECIPIENTS - {LATE, DEAD}, 1)


def test_a_worker_launches_what_is_due_and_ends_on_ctrl_c(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("campaigns", "schedule", "info", "2026-11-02 09:30")
    office.at("2026-11-02T09:29:58+01:00")
    worker = office.start("sends", "work")
    wait_until(lambda: len(relay.accepted) == 2)
    worker.send_signal(signal.SIGINT)
    said, complaint = worker.communicate(timeout=60)
    assert (worker.returncode, complaint) == (0, "")
    assert "Launched: info" in said
    assert "The worker has ended" in said


def test_a_rehearsal_goes_to_one_mailbox(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    said = office("campaigns", "send", "info", "--yes", "--redirect-to", "moi@example.org").stdout
    assert "A rehearsal" in said
    assert relay.accepted == {"moi@example.org": 4}
    relay.accepted.clear()
    create(office, "encore")
    office("campaigns", "send", "encore", "--yes", env={"RELAIS_REDIRECT_TO": "chef@example.org"})
    assert relay.accepted == {"chef@example.org": 4}


def test_what_was_scheduled_is_what_leaves_a_rehearsal_too(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("templates", "new", "lettre", "--from", "information", "--markdown")
    letter = office.folder / "templates" / "lettre.md"
    settings = letter.read_text(encoding="utf-8").split("\n---", 1)[0]
    letter.write_text(f"{settings}\n---\n\nTexte relu.\n", encoding="utf-8")
    values = ("--set", "titre=Essai", "--set", "message=Essai", "--subject", "Essai")
    office("campaigns", "create", "lettre", "--audience", "tous", "--template", "lettre", *values)
    office("campaigns", "schedule", "lettre", "2026-11-03 09:00", "--redirect-to", "moi@example.org")
    letter.write_text(f"{settings}\n---\n\nTexte repris.\n", encoding="utf-8")
    assert "A rehearsal" in office("campaigns", "send", "lettre", "--yes").stdout
    assert [*relay.accepted] == ["moi@example.org"]
    assert {b"Texte relu." in message for messages in relay.captures.values() for message in messages} == {True}


def test_a_test_leaves_the_campaign_a_draft(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    said = office("campaigns", "test", "info", "--to", "moi@example.org").stdout
    assert "[Test] CUA\u202f: un plan de soutien" in said
    assert relay.accepted == {"moi@example.org": 1}
    assert [*relay.captures] == ["[Test] CUA : un plan de soutien"]
    assert office.campaign("info")["status"] == "draft"
    assert office.json("sends", "log", "info") == []


def test_pause_resume_and_cancel(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("campaigns", "send", "info", "--yes")
    office("campaigns", "pause", "info")
    office.at(LATER)
    office("sends", "work", "--once")
    assert "is paused" in office("campaigns", "send", "info", code=2).stderr
    assert LATE not in relay.accepted
    office("campaigns", "resume", "info")
    office("campaigns", "cancel", "info", "--yes")
    office("sends", "work", "--once")
    assert LATE not in relay.accepted
    found = office.campaign("info")
    assert (found["status"], found["cancelled"], found["sent"]) == ("cancelled", 1, 2)


@pytest.fixture
def slow_relay() -> Iterator[SmtpServer]:
    """A relay that takes its time over the reply to every message."""
    with SmtpServer(Script().delay("dot", 0.1)) as server:
        yield server


def test_a_killed_sender_loses_nothing_and_repeats_nothing(office: Office, slow_relay: SmtpServer) -> None:
    addresses = {f"adherent{number}@example.org" for number in range(60)}
    rows = [contact(100 + at, address) for at, address in enumerate(sorted(addresses))]
    write_csv(office.folder / "adherents.csv", (*CONTACT_HEADER, "Étiquettes"), [(*row, "adherent") for row in rows])
    office("audiences", "import", "adherents.csv")
    office("audiences", "save", "adherents", "tag:adherent")
    create(office, "crash", audience="adherents")
    office.use(slow_relay)

    first = office.start("campaigns", "send", "crash", "--yes")
    wait_until(lambda: len(slow_relay.messages) >= 15)
    first.kill()
    first.communicate(timeout=60)
    assert len(slow_relay.messages) < 50
    assert "sending" in set(office.statuses("crash").values())

    slow_relay.script.rules.clear()
    office.at("2026-11-02T09:05:00+01:00")  # the dead sender's lease of 90 seconds is over
    second = office("campaigns", "send", "crash")
    assert "uncertain" in second.stderr
    assert "To settle what is uncertain: relais sends reconcile crash" in second.stdout
    statuses = office.statuses("crash")
    assert set(statuses) == addresses
    assert set(statuses.values()) == {"sent", "uncertain"}
    taken = Counter(message.recipient for message in slow_relay.messages)
    assert max(taken.values()) == 1
    assert {address for address, status in statuses.items() if status == "sent"} <= set(taken)
    assert office.campaign("crash")["status"] == "finished"

    doubts = {address for address, status in statuses.items() if status == "uncertain"}
    said = office("sends", "reconcile", "crash").stdout
    assert all(address in said for address in doubts)
    assert {line["address"] for line in office.json("sends", "reconcile", "crash")} == doubts
    (office.folder / "syslog").write_text("Nov  2 09:00:00 relay sshd[1]: hello\n")
    assert "holds no line of Postfix" in office("sends", "reconcile", "crash", "--postfix-log", "syslog", code=2).stderr
    assert "neither sent nor resend" in office("sends", "resolve", "crash", "--as", "maybe", code=2).stderr
    assert set(office.statuses("crash").values()) == {"sent", "uncertain"}
    office("sends", "resolve", "crash", "--as", "sent")
    assert set(office.statuses("crash").values()) == {"sent"}
    assert "To settle what is uncertain" not in office("campaigns", "show", "crash").stdout


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
