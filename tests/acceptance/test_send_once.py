"""Real worker processes killed at random moments: nothing lost, nothing twice, and the relay's log settles the doubts."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
KILLS = 4
CONNECTIONS = 4


def test_killed_workers_lose_nothing_and_repeat_nothing():
    command = [sys.executable, "-m", "benchmarks.crash", "--kills", str(KILLS), "--recipients", "200"]
    command += ["--connections", str(CONNECTIONS), "--json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert (found["kills"], found["recipients"]) == (KILLS, 200)
    assert (found["lost"], found["duplicated"], found["uncertain_after_evidence"]) == (0, 0, 0)
    assert found["uncertain"] <= KILLS * CONNECTIONS
