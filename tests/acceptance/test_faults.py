"""Faults of the machine while mail leaves: real workers, a real relay; nothing is lost, nothing goes twice, one clear line."""

import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

import pytest

from tests.acceptance.drills import AMIDST, CONNECTIONS, CROWD, LATER, Drill, ended, until
from tests.acceptance.office import MORNING, Office, create
from tests.acceptance.paperwork import CONTACT_HEADER, contact, write_csv

HELD = "The database is held by another program."


# -- time --------------------------------------------------------------------------------------------------------------


def test_a_worker_stopped_beyond_its_lease_repeats_nothing_when_it_goes_on(drill: Drill) -> None:
    """As when a virtual machine is frozen: its own clock has not noticed, and another worker did the rest."""
    worker = drill.begin()
    freeze(drill, worker)
    time.sleep(0.2)  # what was on the wire has arrived
    assert "uncertain" in office_at(drill, LATER)("sends", "work", "--once").stderr
    worker.send_signal(signal.SIGCONT)
    assert ended(worker)[::2] == (0, "")
    drill.finish()
    drill.check()


def freeze(drill: Drill, worker: subprocess.Popen[str]) -> None:
    """Stop a worker between two commits: within one it would hold the file, as no frozen machine does for another."""
    while True:
        worker.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(drill.office.folder / "relais.db", timeout=0.2)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                worker.send_signal(signal.SIGCONT)
                time.sleep(0.01)
            else:
                return


@pytest.mark.parametrize("other", ["2026-11-02T14:00:00+01:00", "2026-11-02T04:00:00+01:00"], ids=["ahead", "behind"])
def test_workers_whose_clocks_differ_by_hours_repeat_nothing(drill: Drill, other: str) -> None:
    """The one ahead takes the leases of the other for lapsed while that one is busy sending."""
    worker = drill.begin()
    second = office_at(drill, other).start("sends", "work", "--once")
    assert ended(worker)[::2] == (0, "")
    assert ended(second)[0] == 0
    drill.finish()
    drill.check()


def office_at(drill: Drill, instant: str) -> Office:
    """Give the same folder as another machine sees it."""
    other = Office(drill.office.folder)
    other.env = drill.office.env | {"RELAIS_CLOCK": instant}
    return other


# -- another program ---------------------------------------------------------------------------------------------------


@contextmanager
def held(drill: Drill) -> Iterator[None]:
    """Hold the database as a backup or a database browser does."""
    with closing(sqlite3.connect(drill.office.folder / "relais.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def test_a_database_held_by_another_program_ends_the_run_with_one_line(drill: Drill) -> None:
    drill.office.env["RELAIS_LANGUAGE"] = "fr"
    worker = drill.begin()
    with held(drill):
        code, _said, complaint = ended(worker)
    assert code == 2
    assert "La base de données est occupée par un autre programme." in complaint
    assert complaint.count("\n") == 1
    drill.finish()
    drill.check()


def test_a_database_held_for_longer_than_the_busy_timeout_stops_nothing_when_it_is_free_again(drill: Drill) -> None:
    worker = drill.begin()
    with held(drill):
        time.sleep(1)
    assert ended(worker)[::2] == (0, "")
    drill.check(uncertain=0)


def test_a_command_that_finds_the_database_held_changes_nothing(drill: Drill) -> None:
    with held(drill):
        assert HELD in drill.office("campaigns", "send", "masse", "--yes", code=2).stderr
    assert not drill.relay.messages
    assert drill.office.campaign("masse")["status"] == "draft"


# -- the officer -------------------------------------------------------------------------------------------------------


def test_ctrl_c_finishes_what_is_on_the_wire_and_gives_the_rest_back(drill: Drill) -> None:
    worker = drill.begin()
    worker.send_signal(signal.SIGINT)
    code, said, complaint = ended(worker)
    assert (code, complaint) == (130, "Error: Interrupted. What was sent is recorded; nothing is lost.\n")
    counts = Counter(drill.office.statuses("masse").values())
    assert counts == {"sent": len(drill.relay.messages), "queued": CROWD - len(drill.relay.messages)}
    assert f"{counts['sent']} sent" in said
    assert drill.relay.verbs[-1] == "QUIT"
    drill.finish()
    drill.check(uncertain=0)


def test_a_second_ctrl_c_stops_at_once_and_is_still_safe(drill: Drill) -> None:
    drill.relay.script.rules.clear()
    drill.relay.script.delay("dot", 20, nth=AMIDST + 1)  # what is on the wire then would take long to finish
    worker = drill.begin()
    until(lambda: "sending" in drill.office.statuses("masse").values())
    worker.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert worker.poll() is None
    begun = time.monotonic()
    worker.send_signal(signal.SIGINT)
    code, _said, complaint = ended(worker)
    assert time.monotonic() - begun < 10
    assert (code, complaint) == (130, "Error: Interrupted. What was sent is recorded; nothing is lost.\n")
    assert Counter(drill.office.statuses("masse").values()).keys() <= {"sent", "queued", "uncertain"}
    drill.finish()
    drill.check()


@pytest.mark.parametrize("word", ["pause", "cancel"])
def test_pause_and_cancel_from_another_terminal_stop_all_workers_within_one_claim(drill: Drill, word: str) -> None:
    """They claim hundreds at a time: what is claimed and not on the wire stays, too."""
    more = [f"voisin{number}@example.org" for number in range(300)]  # than one of them claims
    rows = [contact(1000 + at, address) for at, address in enumerate(more)]
    write_csv(drill.office.folder / "voisins.csv", CONTACT_HEADER, rows)
    drill.office("audiences", "import", "voisins.csv")
    drill.addresses.update(more)
    drill.relay.script.rules.clear()
    drill.relay.script.delay("dot", 2)  # so that the command comes amidst, on a busy machine too
    begun = time.monotonic()
    first = drill.begin(amidst=1)
    drill.office.env["RELAIS_SMTP__CONNECTIONS"] = str(2 * CONNECTIONS)
    drill.office.at((datetime.fromisoformat(MORNING) + timedelta(seconds=time.monotonic() - begun)).isoformat())
    second = drill.office.start("sends", "work", "--once")
    until(lambda: drill.relay.open[""] > CONNECTIONS)
    drill.office("campaigns", word, "masse", *(["--yes"] if word == "cancel" else []))
    at_the_word = len(drill.relay.messages)
    assert ended(first)[0] == ended(second)[0] == 0
    sent = len(drill.relay.messages)
    assert sent <= at_the_word + 2 * CONNECTIONS  # at most what was on the wire
    left = "queued" if word == "pause" else "cancelled"
    assert Counter(drill.office.statuses("masse").values()) == {"sent": sent, left: len(drill.addresses) - sent}
    if word == "pause":
        drill.office("campaigns", "resume", "masse")
        drill.finish()
        drill.check(uncertain=0)
    else:
        drill.finish()
        assert len(drill.relay.messages) == sent


# -- several workers ---------------------------------------------------------------------------------------------------


def test_two_workers_together_keep_to_the_connections_that_relay_and_provider_take(drill: Drill) -> None:
    settings = drill.office.folder / "relais.toml"
    text = settings.read_text(encoding="utf-8")
    provider = '[[smtp.domains]]\nnames = ["example.org"]\nconnections = 2\n'
    settings.write_text(text.replace("# [[smtp.domains]]", f"{provider}\n# [[smtp.domains]]"), encoding="utf-8")
    worker = drill.begin(amidst=2)
    others = [drill.office.start("campaigns", "send", "masse") for _ in range(2)]
    assert ended(worker)[0] == 0
    said = [ended(other) for other in others]
    assert {code for code, _said, _complaint in said} == {0}
    assert drill.relay.most_open[""] <= CONNECTIONS
    assert drill.relay.most_open["example.org"] == 2
    drill.check(uncertain=0)


def test_what_a_vanished_worker_holds_is_told_until_its_lease_ends(drill: Drill) -> None:
    worker = drill.begin()
    worker.kill()
    worker.communicate()
    held = CROWD - Counter(drill.office.statuses("masse").values())["sent"]
    drill.office.at("2026-11-02T09:00:30+01:00")
    told = f"{held} messages are in the hands of another worker. If that one has vanished, run this again in "
    said = drill.office("sends", "work", "--once").stdout
    assert told in said
    assert 30 <= int(said.partition(told)[2].split()[0]) <= 90
    assert "Nothing is waiting" not in said
    assert told in drill.office("campaigns", "send", "masse").stdout
    shown = drill.office("campaigns", "show", "masse").stdout
    assert (
        f"{held} of those that wait are in the hands of a worker. If it has vanished they are free at 09:01:" in shown
    )
    assert drill.office.json("campaigns", "show", "masse")["held"] == held
    drill.finish()
    drill.check()


def test_the_connections_of_a_dead_worker_are_free_when_its_lease_lapses(drill: Drill) -> None:
    """Another campaign finds them all taken, says so, and leaves when they are free."""
    worker = drill.begin()
    worker.kill()
    worker.communicate()
    create(drill.office, "autre", audience="tous")
    drill.office.at("2026-11-02T09:00:27+01:00")  # the dead one's slots last for 30 seconds
    said = drill.office("campaigns", "send", "autre", "--yes").stdout
    assert "Other workers use all the connections that [smtp] allows: waiting until one is free." in said
    assert set(drill.office.statuses("autre").values()) == {"sent"}
