"""Launches what is due and sends it: the one loop behind `campaigns send` and `sends work`."""

import asyncio
import gc
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from gettext import gettext as _

from sqlalchemy import Engine, func, select

from audiences.database import reading, writing
from audiences.errors import AudienceError
from campaigns import lifecycle
from campaigns.content import content_of, open_mailing
from campaigns.errors import CampaignError
from campaigns.models import Campaign, CampaignStatus
from campaigns.planning import launch
from campaigns.preflight import check_campaign, refuse_faults
from campaigns.scheduling import unschedule
from campaigns.schema import secret_of
from campaigns.settings import Settings
from campaigns.snapshots import Changes, changes_of
from sends import ledger, tally
from sends.flights import Progress
from sends.mailing import Mailing
from sends.outbox import Clock
from sends.sender import Sender
from sends.states import DeliveryStatus
from sends.transports import Event, connect
from templates import TemplateError

POLL = timedelta(seconds=5)
"""How often a waiting worker looks whether another terminal scheduled or resumed something."""

COOL_OFF = timedelta(minutes=1)
"""How long a waiting worker leaves a relay alone that did not take its mail: doubled with each time in a row ..."""

LONGEST_COOL_OFF = timedelta(minutes=16)
"""... up to this: a relay that is down is not hammered, and one that refuses the login does not lock the account."""


def cool_off(failures: int) -> timedelta:
    """Give the pause after so many failed rounds in a row."""
    return min(COOL_OFF * (1 << min(failures - 1, 10)), LONGEST_COOL_OFF)


@dataclass
class Round:
    """What one round of the worker did."""

    launched: list[str] = field(default_factory=list)
    changed: dict[str, Changes] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    failed_to_launch: dict[str, str] = field(default_factory=dict)
    paused: dict[str, str] = field(default_factory=dict)
    uncertain: int = 0
    progress: Progress = field(default_factory=Progress)


class Worker:
    """One process that sends; several may run at once, on one machine or more: the ledger keeps them apart."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        clock: Clock,
        *,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._clock = clock
        self._on_progress = on_progress
        self._secret = secret_of(engine)
        self._sender: Sender | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resume_at: datetime | None = None
        self.is_stopping = False

    def stop(self) -> None:
        """Finish what is on the wire, give the rest back, and end; may be called from a signal handler."""
        self.is_stopping = True
        if self._sender is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._sender.stop)

    def round(self, only: Sequence[str] = ()) -> Round:
        """Recover what a dead worker left, launch what is due, send what may go now, and finish what is settled.

        `only` limits the sending to some campaigns. Raises RelayUnavailable, RelayRefused or RelayGaveUp when the relay
        does not take it; the ledger then holds what waits.
        """
        done = Round()
        with _interruptible(self):
            self._do(done, only)
        return done

    def _do(self, done: Round, only: Sequence[str]) -> None:
        with writing(self._engine) as session:
            done.uncertain = ledger.recover(session, now=self._clock())[DeliveryStatus.UNCERTAIN]
        if not only:
            self._launch_due(done)
        ids = self._sending(only)
        try:
            if ids and not self.is_stopping:
                done.progress = asyncio.run(self._send(ids))
                self._resume_at = done.progress.resume_at
        finally:
            with writing(self._engine) as session:
                lifecycle.sweep_cancelled(session, now=self._clock())
                finished = lifecycle.finish_settled(session, now=self._clock())
                done.finished = [campaign.slug for campaign in finished]
        self._pause_blocked(done)

    async def _send(self, ids: Sequence[int]) -> Progress:
        self._sender = Sender(
            self._engine,
            self._settings.relay(),
            self._open_mailing,
            sendable=lifecycle.sendable_campaigns(),
            clock=self._clock,
            connections=self._settings.smtp.connections,
            limits=self._settings.limits(),
            zone=self._settings.zone,
            on_progress=self._on_progress,
        )
        self._loop = asyncio.get_running_loop()
        gc.freeze()  # what stands by now stays: looking through it again and again takes a twentieth of a campaign's time
        if self.is_stopping:  # told while the sender was being made
            self._sender.stop()
        try:
            return await self._sender.run(ids)
        finally:
            gc.unfreeze()
            self._sender = self._loop = None

    def _open_mailing(self, campaign_id: int) -> Mailing:
        with reading(self._engine) as session:
            return open_mailing(session.get_one(Campaign, campaign_id), self._settings, secret=self._secret)

    def _sending(self, only: Sequence[str]) -> list[int]:
        sending = select(Campaign.id).where(Campaign.status == CampaignStatus.SENDING).order_by(Campaign.launched_at)
        if only:
            sending = sending.where(Campaign.slug.in_(only))
        with reading(self._engine) as session:
            return list(session.scalars(sending))

    def _launch_due(self, done: Round) -> None:
        """Launch each scheduled campaign whose time has come; one that cannot be is set back to draft with the reason.

        A relay that does not answer holds all of them up, as it does `campaigns send`: they are launched when it does.
        """
        now = self._clock()
        due = select(Campaign.slug).where(Campaign.status == CampaignStatus.SCHEDULED, Campaign.scheduled_at <= now)
        with reading(self._engine) as session:
            slugs = list(session.scalars(due.order_by(Campaign.scheduled_at)))
        most_octets = probe_relay(self._settings) if slugs else None
        for slug in slugs:
            if self.is_stopping:
                return
            try:
                self._check(slug, now, most_octets)
                with writing(self._engine) as session:
                    campaign = lifecycle.get_campaign(session, slug)
                    if campaign.status != CampaignStatus.SCHEDULED:
                        continue  # another worker was quicker
                    campaign.redirect_to = campaign.redirect_to or self._settings.redirect_to
                    content = content_of(campaign, self._settings, now=now)
                    launch(session, campaign, self._settings, content=content, now=now)
                    changes = changes_of(session, campaign, self._settings, now=now)
                if changes is not None:
                    done.changed[slug] = changes
                done.launched.append(slug)
            except (CampaignError, AudienceError, TemplateError) as error:
                with writing(self._engine) as session:
                    campaign = lifecycle.get_campaign(session, slug)
                    if campaign.status != CampaignStatus.SCHEDULED:
                        continue  # another worker, or the officer, was quicker
                    unschedule(session, campaign)
                    campaign.note = _("not launched: {cause}").format(cause=error)
                done.failed_to_launch[slug] = str(error)

    def _check(self, slug: str, now: datetime, most_octets: int | None) -> None:
        """Refuse a launch while a message would miss a value, or be too big for the relay; nobody is held up by reading."""
        with reading(self._engine) as session:
            campaign = lifecycle.get_campaign(session, slug)
            content = content_of(campaign, self._settings, now=now)
            faults = check_campaign(
                session, campaign, self._settings, content, secret=self._secret, now=now, most_octets=most_octets
            )
            refuse_faults(slug, faults)

    def _pause_blocked(self, done: Round) -> None:
        for campaign_id, note in done.progress.blocked.items():
            with writing(self._engine) as session:
                campaign = session.get_one(Campaign, campaign_id)
                if campaign.status == CampaignStatus.SENDING:
                    lifecycle.pause(campaign, note)
                    done.paused[campaign.slug] = note

    def next_event(self) -> datetime | None:
        """Give the time of the next launch, retry, or end of a day's quota; None when nothing waits."""
        scheduled = select(func.min(Campaign.scheduled_at)).where(Campaign.status == CampaignStatus.SCHEDULED)
        with reading(self._engine) as session:
            times = [session.scalar(scheduled)]
            for campaign_id in session.scalars(lifecycle.sendable_campaigns()).all():
                due = tally.next_due(session, campaign_id)
                times.append(max(due, self._resume_at) if due and self._resume_at else due)
        return min((time for time in times if time is not None), default=None)

    def held(self) -> tally.Held:
        """Give what other workers hold of the campaigns that may send; ask after a round, when this one holds nothing."""
        with reading(self._engine) as session:
            return tally.held(session, session.scalars(lifecycle.sendable_campaigns()).all())


class _interruptible:  # noqa: N801 - used as a statement
    """Let Ctrl-C end a round gently the first time, so that what it did is told; the second one interrupts as usual."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def __enter__(self) -> None:
        def handle(_number: int, _frame: object) -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._worker.stop()

        self._previous = None
        with suppress(ValueError):  # not the main thread: nobody can press Ctrl-C here
            self._previous = signal.signal(signal.SIGINT, handle)

    def __exit__(self, *_exc: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)


def probe_relay(settings: Settings) -> int | None:
    """Connect, log in, try the sender and leave; raise RelayUnavailable or RelayRefused, before anything is planned.

    Gives the octets that a message may have (RFC 1870), None where the relay says nothing of it.
    """

    async def call() -> int | None:
        connection = await connect(settings.relay(), _ignore, sender=settings.sender.address)
        await connection.close()
        return connection.offered.size or None

    return asyncio.run(call())


def _ignore(_connection: object, _event: Event) -> None:
    """A probe has no message that an event could speak of."""
