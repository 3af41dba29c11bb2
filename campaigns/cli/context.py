"""What a command works with: the settings of this folder, the store, and the clock."""

import getpass
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from audiences.database import open_engine
from campaigns.schema import ensure_current
from campaigns.settings import Settings, load_settings

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Context:
    """The installation of this folder."""

    settings: Settings
    engine: Engine
    clock: Clock

    def now(self) -> datetime:
        """Tell the time, in UTC."""
        return self.clock()


def open_context() -> Context:
    """Open the installation of this folder; its store is upgraded if it is older than this program."""
    settings = load_settings()
    engine = open_engine(settings.database.url, busy_timeout=settings.database.busy_timeout)
    ensure_current(engine)
    return Context(settings, engine, make_clock(settings.clock))


def make_clock(start: datetime | None) -> Clock:
    """Give the real clock, or one that runs from `start` (the demo lives in its own month)."""
    if start is None:
        return lambda: datetime.now(UTC)
    begun = time.monotonic()
    return lambda: start.astimezone(UTC) + timedelta(seconds=time.monotonic() - begun)


def whoami() -> str:
    """Name who is at the keyboard, for the record: the user of the system, "?" where it has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without a user of that number; Windows without a name
        return "?"
