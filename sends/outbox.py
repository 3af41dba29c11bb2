"""What a worker has claimed and built and may offer to a connection: filled from the ledger, given back to it."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import Engine, Select
from sqlalchemy.orm import Session

from audiences.database import writing
from audiences.suppressions import find_suppressed, last_suppression
from sends import ledger
from sends.buckets import Allowance, give_back, spread, take
from sends.claims import Claim, Outcome
from sends.errors import InvalidMessage
from sends.limits import RateLimits
from sends.mailing import Mailing, OpenMailing, Prepared
from sends.recipients import NOBODY, load_recipients
from sends.slots import SLOT_PAUSE, Slots
from sends.states import DeliveryStatus
from templates import TemplateError

Clock = Callable[[], datetime]

BATCH = 200
"""Deliveries claimed together: at most this many go back to the queue when a worker dies."""

OCTETS = 32_000_000
"""What the messages that wait may weigh together: with attachments fewer are claimed at a time."""

FIRST_BATCH = 4
"""Deliveries claimed together before it is known what a message weighs."""

LOW_WATER = 50
"""Claim again when fewer messages than this are ready, so that no connection waits for one."""

LEASE = timedelta(seconds=90)
"""How long a claim holds without renewal; a dead worker's deliveries are free after it."""


class Outbox:
    """The messages of one worker that wait for a connection, oldest first.

    `on_settled` hears of deliveries that end here: suppressed since they were planned, or impossible to build.
    """

    def __init__(
        self,
        engine: Engine,
        open_mailing: OpenMailing,
        *,
        sendable: Select[Any],
        clock: Clock,
        owner: str,
        limits: RateLimits,
        zone: tzinfo,
        slots: Slots,
        on_settled: Callable[[Sequence[Outcome]], None],
    ) -> None:
        self._engine = engine
        self._open_mailing = open_mailing
        self._sendable = sendable
        self._clock = clock
        self._owner = owner
        self._limits = limits
        self._zone = zone
        self._slots = slots
        self._avoided: dict[str, datetime] = {}
        self._on_settled = on_settled
        self._mailings: dict[int, Mailing] = {}
        self._ready: deque[Prepared] = deque()
        self._octets: dict[int, int] = {}
        self.is_exhausted = False
        """Whether the ledger had nothing due when it was last asked, or the limits nothing to give."""
        self.resume_at: datetime | None = None
        """When the limits give again, while they give nothing."""
        self._allowance: Allowance | None = None

    def __len__(self) -> int:
        return len(self._ready)

    def pop(self, admits: Callable[[Prepared], bool]) -> Prepared | None:
        """Take out the oldest message that may go now, if there is one."""
        for at, prepared in enumerate(self._ready):
            if admits(prepared):
                del self._ready[at]
                return prepared
        return None

    def mailing(self, campaign_id: int) -> Mailing:
        """Give what the sender knows of a campaign; opened once."""
        if campaign_id not in self._mailings:
            self._mailings[campaign_id] = self._open_mailing(campaign_id)
        return self._mailings[campaign_id]

    def give_back(self) -> None:
        """Put everything that waits here back into the queue, and ask the ledger anew next time."""
        self.is_exhausted = False
        if self._ready:
            with writing(self._engine) as session:
                ledger.release(session.connection(), [prepared.claim for prepared in self._ready])
                if self._allowance is not None:
                    give_back(session, self._allowance, len(self._ready))
            self._ready.clear()

    def wait_for_others(self) -> None:
        """Give everything back, and look again when other workers may have freed a connection."""
        if self._ready:
            self.give_back()
            self.resume_at = self._clock() + SLOT_PAUSE

    def refill(self, campaign_ids: Sequence[int]) -> None:
        """Claim and build until enough is ready, nothing more is due, or the limits have no more to give."""
        self.resume_at = None
        now = self._clock()
        self._avoided = {name: since for name, since in self._avoided.items() if abs(now - since) < SLOT_PAUSE}
        while len(self._ready) < LOW_WATER:
            weight = sum(len(each.message.body) for each in self._ready)
            if weight > OCTETS // 2:
                break
            self.is_exhausted = not any(self._claim(campaign_id) for campaign_id in campaign_ids)
            if self.is_exhausted:
                break
        if self._avoided and self.is_exhausted and self.resume_at is None:
            self.resume_at = now + SLOT_PAUSE

    def _claim(self, campaign_id: int) -> bool:
        """Lease what the limits allow, leave out who was suppressed since it was planned, build the others' messages."""
        now = self._clock()
        with writing(self._engine) as session:
            allowance = take(session, self._limits, now=now, zone=self._zone, wanted=self._batch(campaign_id))
            if not allowance.count:
                self.resume_at = allowance.resume_at
                return False
            claims = ledger.claim(
                session,
                campaign_id,
                sendable=self._sendable,
                now=now,
                limit=allowance.count,
                lease=LEASE,
                owner=self._owner,
                avoiding=self._avoided,
            )
            if not claims:
                give_back(session, allowance, allowance.count)
                return False
            mailing = self.mailing(campaign_id)
            claims = self._leave_to_others(session, claims, mailing, now)
            claims, later = self._pace(session, claims, mailing, now)
            prepared, outcomes = self._prepare(session, claims, mailing, now)
            give_back(session, allowance, allowance.count - len(prepared))
            ledger.settle(session.connection(), [*outcomes, *later], now=now)
        self._allowance = allowance
        self._ready.extend(prepared)
        if prepared:
            self._octets[campaign_id] = max(len(each.message.body) for each in prepared)
        self._on_settled(outcomes)
        return True

    def _batch(self, campaign_id: int) -> int:
        """Give how many deliveries of a campaign may be claimed together."""
        octets = self._octets.get(campaign_id)
        return FIRST_BATCH if octets is None else max(1, min(BATCH, OCTETS // 2 // octets))

    def _leave_to_others(
        self, session: Session, claims: Sequence[Claim], mailing: Mailing, now: datetime
    ) -> list[Claim]:
        """Give back the mail of providers whose connections other workers use, and claim no more of it for a moment."""
        if mailing.redirect_to:
            return list(claims)
        kept, rows = [], session.connection()
        given_back: list[Claim] = []
        for each in claims:
            limit = self._limits.of(each.address_key.rpartition("@")[2])
            count = limit.connections
            if count is None or self._slots.lease(rows, limit.key, limit=count, wanted=count, now=now):
                kept.append(each)
            else:
                self._avoided |= dict.fromkeys(limit.names, now)
                given_back.append(each)
        ledger.release(rows, given_back)
        return kept

    def _pace(
        self, session: Session, claims: Sequence[Claim], mailing: Mailing, now: datetime
    ) -> tuple[list[Claim], list[Outcome]]:
        """Part what may go now from what the limits of its recipient's provider put off."""
        if mailing.redirect_to:
            return list(claims), []
        domains = [each.address_key.rpartition("@")[2] for each in claims]
        slots = spread(session, self._limits, domains, now=now, zone=self._zone)
        pairs = list(zip(claims, slots, strict=True))
        later = [
            Outcome(each, DeliveryStatus.CLAIMED, DeliveryStatus.QUEUED, not_before=slot, is_attempt=False)
            for each, slot in pairs
            if slot is not None
        ]
        return [each for each, slot in pairs if slot is None], later

    def _prepare(
        self, session: Session, claims: Sequence[Claim], mailing: Mailing, now: datetime
    ) -> tuple[list[Prepared], list[Outcome]]:
        checked = last_suppression(session)
        opposed = find_suppressed(session, {each.address_key for each in claims}, is_marketing=mailing.is_marketing)
        contact_ids = [each.contact_id for each in claims if each.contact_id is not None]
        recipients = load_recipients(session, contact_ids, mailing.epci_label)
        prepared: list[Prepared] = []
        outcomes: list[Outcome] = []
        for each in claims:
            if each.address_key in opposed:
                outcomes.append(left_out(each, DeliveryStatus.SUPPRESSED, opposed[each.address_key]))
                continue
            recipient = recipients.get(each.contact_id or 0, NOBODY)
            try:
                prepared.append(mailing.prepare(each, recipient, now=now, checked=checked))
            except (TemplateError, InvalidMessage) as error:
                outcomes.append(left_out(each, DeliveryStatus.FAILED, str(error)))
        return prepared, outcomes


def left_out(claim: Claim, after: DeliveryStatus, reason: str) -> Outcome:
    """Give the outcome of a claimed delivery that never reached the wire."""
    return Outcome(claim, DeliveryStatus.CLAIMED, after, reason=reason, is_attempt=False)
