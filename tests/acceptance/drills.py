"""A campaign that leaves through a slow relay while something goes wrong, and what must be true of it afterwards."""

import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.office import PATIENCE, Office
from tests.smtpd import SmtpServer

CONNECTIONS = 3
CROWD = 90
AMIDST = 12
"""Messages that the relay has taken when the fault comes."""

LATER = "2026-11-02T09:05:00+01:00"
"""After every lease of a worker that began at MORNING."""


@dataclass
class Drill:
    """A campaign `masse` to a crowd, ready to leave through a relay that takes its time over every message."""

    office: Office
    relay: SmtpServer
    addresses: set[str]

    def begin(self, *, amidst: int = AMIDST) -> subprocess.Popen[str]:
        """Start to send, and return when so many messages have left."""
        worker = self.office.start("campaigns", "send", "masse", "--yes")
        until(lambda: len(self.relay.messages) >= amidst or worker.poll() is not None)
        assert worker.poll() is None, worker.communicate()
        return worker

    def finish(self) -> None:
        """Let a worker that nothing disturbs do what is left, after the leases of the others."""
        self.office.at(LATER)
        self.relay.script.rules.clear()
        self.office("sends", "work", "--once")

    def check(self, *, uncertain: int = CONNECTIONS) -> None:
        """Compare the ledger with what the relay took: nobody twice, nobody lost, few doubts."""
        taken = Counter(message.recipient for message in self.relay.messages)
        assert max(taken.values()) == 1
        statuses = self.office.statuses("masse")
        assert statuses.keys() == self.addresses
        counts = Counter(statuses.values())
        assert counts.keys() <= {"sent", "uncertain"}, counts
        assert counts["uncertain"] <= uncertain
        assert {address for address, status in statuses.items() if status == "sent"} <= taken.keys()
        assert self.office.campaign("masse")["status"] == "finished"


def crowd() -> set[str]:
    return {f"adherent{number}@example.org" for number in range(CROWD)}


def make_drill(folder: Path, template: Path, relay: SmtpServer) -> Drill:
    shutil.copytree(template, folder)
    office = Office(folder, RELAIS_DATABASE__BUSY_TIMEOUT="0.2")
    office.use(relay, connections=str(CONNECTIONS))
    return Drill(office, relay, crowd())


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def ended(worker: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Give the exit code of a worker and what it said on stdout and stderr."""
    said, complaint = worker.communicate(timeout=PATIENCE)
    assert "Traceback" not in complaint
    return worker.returncode, said, complaint
