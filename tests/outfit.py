"""A campaign to ten mailboxes, and workers that send it: what the tests of a whole run begin with."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine, select, update

from audiences.catalogue import save_audience
from audiences.database import reading, writing
from campaigns import lifecycle, planning
from campaigns.content import freeze
from campaigns.models import Campaign, CampaignStatus
from campaigns.settings import Settings
from campaigns.worker import Round, Worker
from sends.flights import Progress
from sends.models import Delivery
from sends.states import DeliveryStatus
from templates import Purpose
from tests.factories import NOW, Factory
from tests.smtpd import SmtpServer

S = DeliveryStatus
RECIPIENTS = [f"r{number}@example.org" for number in range(10)]
VARIABLES = {"epci": "CUA", "montant": "1 M€"}
HALF_HOUR = timedelta(minutes=31)


class RunningClock:
    """A clock that runs from 1 April 2020, 8:00 UTC, and can be moved."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self._begun = time.monotonic()

    def __call__(self) -> datetime:
        return NOW + self.offset + timedelta(seconds=time.monotonic() - self._begun)


class Outfit:
    """A store with ten contacts, and workers that send from it."""

    def __init__(self, engine: Engine, factory: Factory, make_settings: Callable[..., Settings]) -> None:
        self.engine = engine
        self.clock = RunningClock()
        self._make_settings = make_settings
        for address in RECIPIENTS:
            factory.contact(address)

    def launch(self, slug: str = "info", give_up_hours: int | None = None) -> None:
        """Plan a campaign to everybody."""
        settings, now = self._make_settings(), self.clock()
        with writing(self.engine) as session:
            save_audience(session, slug, "*:*", description=None, now=now)
            campaign = lifecycle.create_campaign(
                session,
                slug,
                name=slug,
                audience=slug,
                template="fonds",
                variables=VARIABLES,
                purpose=Purpose.PUBLIC_INFORMATION,
                subject=None,
                give_up_hours=give_up_hours,
                now=now,
            )
            planning.launch(session, campaign, settings, content=freeze(campaign, settings, now=now), now=now)

    def work(
        self, server: SmtpServer, on_progress: Callable[[Progress], None] = lambda _progress: None, **smtp: object
    ) -> Round:
        """Do one round of a new worker."""
        settings = self._make_settings(server.port, smtp={"connections": 1, **smtp})
        return Worker(self.engine, settings, self.clock, on_progress=on_progress).round()

    def statuses(self, slug: str = "info") -> dict[str, DeliveryStatus]:
        """Give the status of each recipient."""
        found = select(Delivery.address, Delivery.status).join(Campaign, Campaign.id == Delivery.campaign_id)
        with reading(self.engine) as session:
            return {to: S(status) for to, status in session.execute(found.where(Campaign.slug == slug))}

    def counts(self) -> dict[DeliveryStatus, int]:
        """Count the recipients by status."""
        return dict(Counter(self.statuses().values()))

    def campaign(self) -> CampaignStatus:
        """Give the status of the campaign."""
        with reading(self.engine) as session:
            return CampaignStatus(lifecycle.get_campaign(session, "info").status)

    def set_campaign(self, status: CampaignStatus) -> None:
        """Do what another terminal does."""
        with writing(self.engine) as session:
            if status is CampaignStatus.CANCELLED:
                lifecycle.cancel(session, lifecycle.get_campaign(session, "info"), now=self.clock())
            else:
                session.execute(update(Campaign).values(status=status))


def received(server: SmtpServer) -> Counter[str]:
    """Count what the relay took, answered or not."""
    return Counter(message.recipient for message in server.messages)


ONCE = Counter(RECIPIENTS)


def once(act: Callable[[], None], *, after: int = 1) -> Callable[[Progress], None]:
    """Give an `on_progress` that acts one time, when so many deliveries are settled."""
    done = []

    def on_progress(progress: Progress) -> None:
        if not done and progress.done.total() >= after:
            done.append(True)
            act()

    return on_progress
