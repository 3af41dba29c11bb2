"""Replays the published month: the officer's own steps, on the month's own dates, against a real relay on loopback."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes, policy
from pathlib import Path

from sqlalchemy import Engine

from audiences.catalogue import save_audience
from audiences.columns import SheetKind
from audiences.database import open_engine, reading, writing
from audiences.imports import ImportSummary, import_sheet
from audiences.waterfall import Waterfall
from campaigns import lifecycle, planning
from campaigns.content import freeze
from campaigns.demo.dataset import build_dataset
from campaigns.demo.facts import Facts, Mailing, load_facts
from campaigns.demo.relay import DemoRelay
from campaigns.demo.spreadsheets import Spreadsheets, write_spreadsheets
from campaigns.errors import AlreadyInitialised
from campaigns.reports import Figures, Report, build_report, figures_of
from campaigns.scheduling import schedule
from campaigns.schema import upgrade
from campaigns.settings import SETTINGS_FILE, Settings, load_settings
from campaigns.worker import Worker
from sends.retries import RETRY_AFTER
from templates import load_template

EXAMPLE = Path(__file__).parent.parent / "example.toml"
MARK = "# written by relais demo"
SHEETS = Path("fichiers")
CAPTURES = Path("messages")
FIRST_DAY = date(2020, 3, 17)
LAST_EVENING = datetime(2020, 4, 30, 18, 0)  # noqa: DTZ001 - the zone is that of the settings


@dataclass(frozen=True)
class Imported:
    """A sheet was imported."""

    day: date
    summary: ImportSummary


@dataclass(frozen=True)
class Sent:
    """A campaign was launched, sent and retried until nothing of it waited."""

    day: date
    slug: str
    name: str
    waterfall: Waterfall
    figures: Figures


@dataclass(frozen=True)
class Finished:
    """The month is over: its report, and what lies in the folder."""

    report: Report
    folder: Path


Step = Imported | Sent | Finished


class MonthClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now


def replay(folder: Path) -> Iterator[Step]:
    """Write the month's sheets, import them, send its campaigns and schedule the upcoming ones, step by step.

    The folder becomes an installation of its own, in which the officer can go on; an earlier demo in it is replaced,
    anything else is left alone (AlreadyInitialised).
    """
    facts = load_facts()
    dataset = build_dataset(facts)
    _clear(folder)
    os.chdir(folder)
    SHEETS.mkdir()
    sheets = write_spreadsheets(dataset, SHEETS)
    with DemoRelay(dataset.dead_mailboxes) as relay:
        _write_settings(relay)
        settings = load_settings()
        engine = open_engine(settings.database.url)
        upgrade(engine)
        month = _Month(facts, settings, engine, sheets)
        yield from month.run()
        _write_captures(relay)
    with reading(engine) as session:
        report = build_report(session, settings, since=FIRST_DAY, until=LAST_EVENING.date())
        yield Finished(report, folder)
    engine.dispose()


class _Month:
    """The officer's month: what she imports, sends and schedules on which day."""

    def __init__(self, facts: Facts, settings: Settings, engine: Engine, sheets: Spreadsheets) -> None:
        self._facts = facts
        self._settings = settings
        self._engine = engine
        self._sheets = sheets
        self._clock = MonthClock(datetime(2020, 3, 17, tzinfo=UTC))
        self._imported: set[date] = set()
        self._worker = Worker(engine, settings, self._clock)

    def run(self) -> Iterator[Step]:
        """Go through the month."""
        yield self._import(self._facts.campaigns[0].date, self._sheets.contacts, SheetKind.CONTACTS)
        for mailing in self._facts.campaigns:
            if mailing.query.startswith("tag:"):  # the list of project holders came when they were written to
                yield self._import(mailing.date, self._sheets.project_holders, SheetKind.CONTACTS)
            yield from self._import_requests(mailing)
            yield self._send(mailing)
        for mailing in self._facts.upcoming:
            yield from self._import_requests(mailing)
            self._schedule(mailing)

    def _at(self, day: date, hour: int) -> datetime:
        return datetime.combine(day, time(hour), tzinfo=self._settings.zone).astimezone(UTC)

    def _import(self, day: date, path: Path, kind: SheetKind) -> Imported:
        self._clock.now = self._at(day, 9)
        settings = self._settings
        with writing(self._engine) as session:
            summary = import_sheet(
                session,
                path,
                kind,
                territory=settings.places,
                natures=settings.natures,
                channels=settings.channels,
                now=self._clock.now,
                keep_invalid=True,
            )
        return Imported(day, summary)

    def _import_requests(self, mailing: Mailing) -> Iterator[Step]:
        """Import the export of requests that the chamber had before this mailing, once."""
        if mailing.export not in self._imported:
            self._imported.add(mailing.export)
            day = min(mailing.date, LAST_EVENING.date())
            yield self._import(day, self._sheets.requests[mailing.export], SheetKind.REQUESTS)

    def _prepare(self, mailing: Mailing) -> None:
        template = load_template(mailing.template, self._settings.template_folders)
        with writing(self._engine) as session:
            planning.compile_query(session, mailing.query, self._settings, now=self._clock.now)
            save_audience(session, mailing.slug, mailing.query, description=mailing.name, now=self._clock.now)
            lifecycle.create_campaign(
                session,
                mailing.slug,
                name=mailing.name,
                audience=mailing.slug,
                template=mailing.template,
                variables=mailing.variables,
                purpose=template.purpose,
                subject=mailing.subject,
                now=self._clock.now,
            )

    def _send(self, mailing: Mailing) -> Sent:
        """Launch at ten o'clock, and come back after each pause until no delivery of the campaign waits."""
        self._clock.now = self._at(mailing.date, 10)
        self._prepare(mailing)
        with writing(self._engine) as session:
            campaign = lifecycle.get_campaign(session, mailing.slug)
            content = freeze(campaign, self._settings, now=self._clock.now)
            waterfall = planning.launch(session, campaign, self._settings, content=content, now=self._clock.now)
        while mailing.slug not in self._worker.round([mailing.slug]).finished:
            self._clock.now += RETRY_AFTER[0] + timedelta(minutes=1)
        with reading(self._engine) as session:
            campaign = lifecycle.get_campaign(session, mailing.slug)
            figures = figures_of(session, [campaign])[campaign.id]
        return Sent(mailing.date, mailing.slug, mailing.name, waterfall, figures)

    def _schedule(self, mailing: Mailing) -> None:
        self._clock.now = self._at(LAST_EVENING.date(), 17)
        self._prepare(mailing)
        with writing(self._engine) as session:
            campaign = lifecycle.get_campaign(session, mailing.slug)
            schedule(session, campaign, self._at(mailing.date, 9), self._settings, now=self._clock.now)


def _clear(folder: Path) -> None:
    """Make the folder anew; what is no earlier demo is not touched."""
    settings = folder / SETTINGS_FILE
    if folder.exists() and any(folder.iterdir()):
        if not settings.is_file() or MARK not in settings.read_text(encoding="utf-8"):
            raise AlreadyInitialised(f"{folder} holds something that is no demo. Choose another folder with --folder.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _write_settings(relay: DemoRelay) -> None:
    """Write relais.toml for the demo: its relay, and a clock that begins on the month's last evening."""
    example = EXAMPLE.read_text(encoding="utf-8")
    local = example.replace('host = ""', f'host = "{relay.host}"').replace("port = 587", f"port = {relay.port}")
    local = local.replace('security = "starttls"', 'security = "none"').replace("connections = 2", "connections = 8")
    clock = f"{MARK}; without this line the time is today's\nclock = {LAST_EVENING.isoformat()}+02:00\n"
    SETTINGS_FILE.write_text(local.replace("timezone =", f"{clock}timezone =", 1), encoding="utf-8")


def _write_captures(relay: DemoRelay) -> None:
    """Write a message of each campaign as .eml and .html, for a look at them."""
    CAPTURES.mkdir()
    for number, messages in enumerate(relay.captures.values(), start=1):
        message = message_from_bytes(messages[0], policy=policy.default)
        html = message.get_body(("html",))
        stem = CAPTURES / f"{number:02}"
        stem.with_suffix(".eml").write_bytes(messages[0])
        if html is not None:
            stem.with_suffix(".html").write_text(html.get_content(), encoding="utf-8")
