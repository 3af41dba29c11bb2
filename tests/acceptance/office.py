"""One officer's folder: the real `relais` runs in it as a process of its own."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

RELAIS = Path(sys.executable).with_name("relais")
MORNING = "2026-11-02T09:00:00+01:00"
PATIENCE = 120
"""Seconds after which a command that hangs fails its test."""


class Office:
    """One folder with Relais in it; calling it runs a command there and checks its exit code."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder = folder
        self.env = {
            name: value for name, value in os.environ.items() if not name.startswith(("RELAIS_", "LC_", "LANG"))
        }
        self.env |= {"COLUMNS": "80", "RELAIS_LANGUAGE": "en", "RELAIS_CLOCK": MORNING, **env}

    def run(self, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run `relais` with these words, nobody at the keyboard."""
        return subprocess.run(
            [str(RELAIS), *words],
            cwd=self.folder,
            env=self.env | (env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def __call__(
        self, *words: str, code: int = 0, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `relais` and check its exit code; the answer has stdout and stderr."""
        run = self.run(*words, env=env)
        assert run.returncode == code, f"relais {' '.join(words)} gave {run.returncode}\n{run.stdout}\n{run.stderr}"
        assert "Traceback" not in run.stderr
        return run

    def start(self, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [str(RELAIS), *words],
            cwd=self.folder,
            env=self.env | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def json(self, *words: str, **more: Any) -> Any:
        """Run a command with --json and read what it prints."""
        return json.loads(self(*words, "--json", **more).stdout)

    def campaign(self, slug: str) -> dict[str, Any]:
        """Give one object of `campaigns list --json`."""
        [found] = [each for each in self.json("campaigns", "list") if each["slug"] == slug]
        return found

    def statuses(self, slug: str) -> dict[str, str]:
        """Give the status of every address of a campaign."""
        return {line["address"]: line["status"] for line in self.json("sends", "log", slug)}

    def use(self, relay: Any, **settings: str) -> None:
        """Send through this relay from now on."""
        names = {"host": "127.0.0.1", "port": str(relay.port), "security": "none", **settings}
        self.env |= {f"RELAIS_SMTP__{name.upper()}": value for name, value in names.items()}

    def at(self, instant: str) -> None:
        """Set the clock: every command from now on begins at this instant."""
        self.env["RELAIS_CLOCK"] = instant

    def state(self) -> dict[str, Any]:
        """Give all that the folder holds: the rows of the database, the bytes of the other files."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and not path.name.startswith("relais.db")]
        kept: dict[str, Any] = {str(path.relative_to(self.folder)): path.read_bytes() for path in files}
        if (self.folder / "relais.db").is_file():
            connection = sqlite3.connect(self.folder / "relais.db")
            kept["relais.db"] = list(connection.iterdump())
            connection.close()
        return kept


def create(relais: Office, slug: str, audience: str = "cua-aides") -> None:
    """Prepare a campaign with the template `fonds`."""
    sets = ("--set", "epci=CUA", "--set", "montant=1 M€")
    subject = "CUA : un plan de soutien"
    relais("campaigns", "create", slug, "--audience", audience, "--template", "fonds", "--subject", subject, *sets)
