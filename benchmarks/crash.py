"""Kills workers while they plan and send, restarts them, and counts what was lost and what arrived twice.

    python benchmarks/crash.py --kills 100 --recipients 5000
    python benchmarks/crash.py --kills 30 --recipients 2000 --freezes 10 --workers 3 --postgresql

The workers are `relais sends work --once` in a folder of their own; the relay is benchmarks/relay.py, whose log is the
truth. Each worker's clock begins later than the leases of the one before end, so that nobody waits for them; of
several workers that live at a time one thus takes the leases of the others for lapsed, as where a clock jumps.
A frozen worker is stopped (SIGSTOP), goes on when the leases that it holds are over and others have done its work,
and is killed a second later.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs by its path as well as by `-m`

from benchmarks.folder import MORNING, SLUG, TESTER, Folder, postgresql
from benchmarks.relay import RelayProcess
from sends.outbox import LEASE
from sends.reconcile import SETTLING

STEP = LEASE + timedelta(seconds=10)
PATIENCE = 60
"""Seconds in which a worker must reach the moment at which it is killed."""

AWAKE = 1.0
"""Seconds that a frozen worker goes on for when it is woken."""


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


class Crew:
    """The workers that live at a time, and those that are frozen."""

    def __init__(self, folder: Folder, size: int) -> None:
        self._folder = folder
        self._size = size
        self._living: list[subprocess.Popen[str]] = []
        self._frozen: list[subprocess.Popen[str]] = []
        self.stops = 0
        """How often a living worker was stopped: each leaves at most one message a connection in doubt."""

    def fill(self) -> None:
        """Start workers where there are fewer than wanted: some were killed, some found nothing to do and ended."""
        self._living = [each for each in self._living if each.poll() is None]
        while len(self._living) < self._size:
            self._living.append(self._folder.start("sends", "work", "--once"))

    def wait(self, moment: Iterator[bool]) -> bool:
        """Let them work until a moment has come; tell whether it came before all was done."""
        end = time.monotonic() + PATIENCE
        while not next(moment):
            if all(each.poll() is not None for each in self._living):
                if not self._folder.is_waiting():
                    return False
                said = "".join(each.communicate()[0] for each in self._living)
                raise SystemExit(f"a worker was not there to be killed:\n{said}")
            if time.monotonic() > end:
                raise SystemExit(f"the workers did not come far enough in {PATIENCE} s to be killed")
            time.sleep(0.002)
        return True

    def stop_one(self, *, is_frozen: bool) -> None:
        """Kill one of them, or freeze it; the one that was frozen before goes on for a moment and is killed."""
        for each in self._frozen:
            each.send_signal(signal.SIGCONT)
            time.sleep(AWAKE)
            self._kill(each)
        self._frozen.clear()
        chosen = self._living.pop(random.randrange(len(self._living)))
        if is_frozen and chosen.poll() is None:
            chosen.send_signal(signal.SIGSTOP)
            self._frozen.append(chosen)
            self.stops += 1
        else:
            self._kill(chosen)

    def kill_all(self) -> None:
        """Leave nobody."""
        for each in self._living + self._frozen:
            self._kill(each)

    def _kill(self, worker: "subprocess.Popen[str]") -> None:
        if worker.poll() is None:
            self.stops += 1
        worker.kill()
        worker.wait()


def kill_workers(folder: Folder, relay: RelayProcess, options: argparse.Namespace) -> tuple[Counter[str], int]:
    """Stop workers while they work, `kills` and `freezes` times; give how many were doing what, and all stops."""
    stopped: Counter[str] = Counter()
    total = options.kills + options.freezes
    frozen = set(random.sample(range(total), options.freezes))
    crew = Crew(folder, options.workers)
    try:
        for number, moment in enumerate(waits(folder, relay, total, options.recipients, options.delay)):
            folder.advance(STEP)
            crew.fill()
            if not crew.wait(moment):
                print(f"all was sent before the {number + 1}th stop: take more recipients, or a longer delay")
                break
            crew.stop_one(is_frozen=number in frozen)
            stopped[f"{'frozen' if number in frozen else 'killed'} {folder.what_died()}"] += 1
    finally:
        crew.kill_all()
    return stopped, crew.stops


def settle(folder: Folder) -> None:
    """Let a worker that nobody kills do what is left."""
    folder.advance(STEP)
    folder.run("sends", "work", "--once")


def measure(path: Path, url: str | None, options: argparse.Namespace) -> dict[str, int]:
    """Run the whole story in an empty folder; print it and give its figures."""
    connections = options.connections * options.workers
    with RelayProcess(path / "relay.log", delay=options.delay, begin=MORNING) as relay:
        folder = Folder(path, relay, connections=connections, url=url)
        folder.prepare(options.recipients)
        expected = {f"contact{number}@example.org" for number in range(options.recipients)}
        stopped, stops = kill_workers(folder, relay, options)
        settle(folder)
        before = folder.statuses()
        taken = {entry.recipient for entry in relay.entries()}
        lost = {address for address in expected if before.get(address, "sent") == "sent" and address not in taken}
        uncertain = {address for address, status in before.items() if status == "uncertain"}
        folder.advance(SETTLING)
        folder.run("campaigns", "test", SLUG, "--to", TESTER)  # a later line: the log covers all that was before
        said = folder.run("sends", "reconcile", SLUG, "--postfix-log", "relay.log")
        after = Counter(folder.statuses().values())
        settle(folder)
        arrived = Counter(entry.recipient for entry in relay.entries())
    print(
        f"{options.kills} workers killed, {options.freezes} frozen, {options.workers} at a time, "
        f"{options.recipients} recipients, {connections} connections"
    )
    for what, count in stopped.most_common():
        print(f"  {count:5} {what}")
    print(f"  {len(uncertain):5} uncertain, of which the relay had taken {len(uncertain & taken)}")
    print(
        f"  {after['uncertain']:5} uncertain with the relay's log as evidence, {after['queued']} of them queued again"
    )
    print(f"        {' '.join(said.split())}")
    left = Counter(folder.statuses().values())
    print(f"at the end: {', '.join(f'{count} {status}' for status, count in left.items())}")
    return {
        "kills": stops,
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
    parser.add_argument("--freezes", type=int, default=0, help="workers stopped beyond their lease, then woken")
    parser.add_argument("--recipients", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=1, help="that work at a time")
    parser.add_argument("--connections", type=int, default=4, help="of each worker")
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument("--delay", type=float, default=0.03, help="seconds that the relay hesitates, twice a message")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="relais-crash-"))
        url = stack.enter_context(postgresql()) if options.postgresql else None
        figures = measure(Path(folder), url, options)
    print(f"lost {figures['lost']}, duplicated {figures['duplicated']}")
    if options.json:
        print(json.dumps(figures))
    broken = figures["lost"] or figures["duplicated"] or figures["uncertain_after_evidence"]
    return int(bool(broken) or figures["uncertain"] > figures["kills"] * options.connections)


if __name__ == "__main__":
    sys.exit(main())
