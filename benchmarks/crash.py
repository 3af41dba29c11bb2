"""Kills workers while they plan and send, restarts them, and counts what was lost and what arrived twice.

    python benchmarks/crash.py --kills 100 --recipients 5000

The workers are `relais sends work --once` in a folder of their own; the relay is benchmarks/relay.py, whose log is the
truth. Each worker's clock begins later than the leases of the one before end, so that nobody waits for them.
"""

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs by its path as well as by `-m`

from benchmarks.relay import RelayProcess
from sends.outbox import LEASE

RELAIS = Path(sys.executable).with_name("relais")
SLUG = "crash"
MORNING = datetime(2026, 11, 2, 7, 59, tzinfo=UTC)
LAUNCH = "2026-11-02 09:00"  # the same day, in Paris: a minute later
STEP = LEASE + timedelta(seconds=10)
TESTER = "moi@example.org"
PATIENCE = 60
"""Seconds in which a worker must reach the moment at which it is killed."""


class Folder:
    """A fresh installation with a scheduled campaign; `relais` runs in it at `now`."""

    def __init__(self, path: Path, relay: RelayProcess, connections: int) -> None:
        self.path = path
        self.now = MORNING
        self._relay = relay
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RELAIS_")}
        self._env = kept | {
            "RELAIS_LANGUAGE": "en",
            "RELAIS_SMTP__HOST": "127.0.0.1",
            "RELAIS_SMTP__PORT": str(relay.port),
            "RELAIS_SMTP__SECURITY": "none",
            "RELAIS_SMTP__CONNECTIONS": str(connections),
        }

    def advance(self) -> None:
        """Let the leases of a dead worker lapse, for the next worker and for the relay's log alike."""
        self.now += STEP
        self._relay.advance(STEP.total_seconds())

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command."""
        env = self._env | {"RELAIS_CLOCK": self.now.isoformat()}
        return subprocess.Popen(
            [str(RELAIS), *words], cwd=self.path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *words: str) -> None:
        """Run a command that must succeed."""
        process = self.start(*words)
        said, _nothing = process.communicate()
        if process.returncode:
            raise SystemExit(f"relais {' '.join(words)} gave {process.returncode}:\n{said}")

    def prepare(self, recipients: int) -> None:
        """Import contacts, schedule a campaign to all of them, and send a test, at which the relay's log begins."""
        self.run("init")
        lines = [f"contact{number}@example.org,Maison {number},Arras,62000\n" for number in range(recipients)]
        (self.path / "contacts.csv").write_text("Email,Raison sociale,Commune,Code postal\n" + "".join(lines))
        self.run("audiences", "import", "contacts.csv")
        self.run("audiences", "save", "tous", "*:*")
        sets = ("--set", "epci=CUA", "--set", "montant=1 M€")
        self.run("campaigns", "create", SLUG, "--audience", "tous", "--template", "fonds", *sets)
        self.run("campaigns", "test", SLUG, "--to", TESTER)
        self.run("campaigns", "schedule", SLUG, LAUNCH)

    def query(self, statement: str) -> list[tuple[str, ...]]:
        """Read the store as it is on the disk."""
        with closing(sqlite3.connect(self.path / "relais.db")) as connection:
            return connection.execute(statement).fetchall()

    def statuses(self) -> dict[str, str]:
        """Give the status of every delivery by address."""
        return dict(self.query("SELECT address, status FROM delivery"))

    def is_locked(self) -> bool:
        """Tell whether a worker is writing just now."""
        with closing(sqlite3.connect(self.path / "relais.db", timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            connection.execute("ROLLBACK")
            return False

    def is_launched(self) -> bool:
        """Tell whether the campaign was planned."""
        return self.query("SELECT status FROM campaign") != [("scheduled",)]

    def what_died(self) -> str:
        """Say what the worker that was just killed was doing, by what it left in the ledger."""
        held = {status for (status,) in self.query("SELECT DISTINCT status FROM delivery")}
        if not self.is_launched():
            return "before or while planning"
        if "sending" in held:
            return "with messages on the wire"
        return "with claims, nothing on the wire" if "claimed" in held else "holding nothing"


def waits(folder: Folder, relay: RelayProcess, kills: int, recipients: int, delay: float) -> Iterator[Iterator[bool]]:
    """Give for each kill what is polled until its moment has come; the moments are spread over the whole campaign."""
    for left in range(kills, 0, -1):
        if kills - left < max(1, kills // 20):
            yield _at_planning(folder)
        elif random.random() < 0.1:
            yield _after(random.uniform(0, 1))
        else:
            waiting = recipients + 1 - relay.count()  # the test message counts too
            # less than an even share on average: the last one must be killed before its work is done, on a busy machine too
            share = random.randint(1, max(1, 3 * waiting // (2 * left + 2)))
            yield _at_count(relay, relay.count() + share, random.uniform(0, delay))


def _at_planning(folder: Folder) -> Iterator[bool]:
    while not folder.is_locked() and not folder.is_launched():
        yield False
    yield from _after(random.uniform(0, 0.1))


def _after(seconds: float) -> Iterator[bool]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield False
    yield True


def _at_count(relay: RelayProcess, count: int, more: float) -> Iterator[bool]:
    while relay.count() < count:
        yield False
    yield from _after(more)


def kill_workers(folder: Folder, relay: RelayProcess, kills: int, recipients: int, delay: float) -> Counter[str]:
    """Start a worker and kill it, `kills` times; give how many died doing what."""
    died: Counter[str] = Counter()
    for moment in waits(folder, relay, kills, recipients, delay):
        folder.advance()
        worker = folder.start("sends", "work", "--once")
        end = time.monotonic() + PATIENCE
        while not next(moment):
            if worker.poll() is not None or time.monotonic() > end:
                worker.kill()
                raise SystemExit(f"a worker was not there to be killed:\n{worker.communicate()[0]}")
            time.sleep(0.002)
        worker.kill()
        worker.communicate()
        died[folder.what_died()] += 1
    return died


def settle(folder: Folder) -> None:
    """Let a worker that nobody kills do what is left."""
    folder.advance()
    folder.run("sends", "work", "--once")


def measure(path: Path, options: argparse.Namespace) -> dict[str, int]:
    """Run the whole story in an empty folder; print it and give its figures."""
    with RelayProcess(path / "relay.log", delay=options.delay, begin=MORNING) as relay:
        folder = Folder(path, relay, options.connections)
        folder.prepare(options.recipients)
        expected = {f"contact{number}@example.org" for number in range(options.recipients)}
        died = kill_workers(folder, relay, options.kills, options.recipients, options.delay)
        settle(folder)
        before = folder.statuses()
        taken = {entry.recipient for entry in relay.entries()}
        lost = {address for address in expected if before.get(address, "sent") == "sent" and address not in taken}
        uncertain = {address for address, status in before.items() if status == "uncertain"}
        folder.advance()
        folder.run("campaigns", "test", SLUG, "--to", TESTER)  # a later line: the log covers all that was before
        folder.run("sends", "reconcile", SLUG, "--postfix-log", "relay.log")
        after = Counter(folder.statuses().values())
        settle(folder)
        arrived = Counter(entry.recipient for entry in relay.entries())
    print(f"{options.kills} workers killed, {options.recipients} recipients, {options.connections} connections")
    for what, count in died.most_common():
        print(f"  {count:5} died {what}")
    print(f"  {len(uncertain):5} uncertain, of which the relay had taken {len(uncertain & taken)}")
    print(
        f"  {after['uncertain']:5} uncertain with the relay's log as evidence, {after['queued']} of them queued again"
    )
    left = Counter(folder.statuses().values())
    print(f"at the end: {', '.join(f'{count} {status}' for status, count in left.items())}")
    return {
        "kills": options.kills,
        "recipients": options.recipients,
        "lost": len(lost | (expected - arrived.keys())),
        "duplicated": sum(arrived[address] > 1 for address in expected),
        "uncertain": len(uncertain),
        "uncertain_after_evidence": after["uncertain"],
    }


def main() -> int:
    """Print the figures; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--recipients", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--delay", type=float, default=0.03, help="seconds that the relay hesitates, twice a message")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="relais-crash-") as folder:
        figures = measure(Path(folder), options)
    print(f"lost {figures['lost']}, duplicated {figures['duplicated']}")
    if options.json:
        print(json.dumps(figures))
    broken = figures["lost"] or figures["duplicated"] or figures["uncertain_after_evidence"]
    return int(bool(broken) or figures["uncertain"] > options.kills * options.connections)


if __name__ == "__main__":
    sys.exit(main())
