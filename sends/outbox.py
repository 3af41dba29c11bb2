"""What a worker has claimed and built and may offer to a connection: filled from the ledger, given back to it."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import count, islice, takewhile
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
from sends.mailing import Mailing, OpenMailing, Prepared, Waiting
from sends.recipients import NOBODY, load_recipients
from sends.slots import SLOT_PAUSE, Slots
from sends.states import DeliveryStatus
from templates import TemplateError

Clock = Callable[[], datetime]

CLAIMED = 10
"""Deliveries claimed together for each connection: few enough that a second worker finds some, too."""

LEAST_CLAIMED = 100
"""Deliveries claimed together with few connections, as a claim of one costs as much as one of fifty."""

BUILT_AHEAD = 100
"""Messages that are built ahead, while the disk writes a commit."""

AT_ONCE = 20
"""Messages that are built before the event loop has its turn again."""

LEASE = timedelta(seconds=90)
"""How long a claim holds without renewal; a dead worker's deliveries are free after it."""


class Outbox:
    """What one worker has claimed and not yet offered to a connection, oldest first; the messages are built as late as may be.

    `on_settled` hears of deliveries that ended here, suppressed since they were planned; `on_failed` of one whose
    message cannot be built, which is still to be settled.
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
        connections: int,
        on_settled: Callable[[Sequence[Outcome]], None],
        on_failed: Callable[[Outcome], None],
    ) -> None:
        self._engine = engine
        self._open_mailing = open_mailing
        self._sendable = sendable
        self._clock = clock
        self._owner = owner
        self._limits = limits
        self._zone = zone
        self._slots = slots
        self._batch = max(LEAST_CLAIMED, CLAIMED * connections)
        self._avoided: dict[str, datetime] = {}
        self._on_settled = on_settled
        self._on_failed = on_failed
        self._mailings: dict[int, Mailing] = {}
        self._keys = count(1)  # not the delivery's: a worker that slept through its lease may claim it again
        self._built: deque[Prepared] = deque()
        self._waiting: deque[Waiting] = deque()  # later ones
        self.is_exhausted = False
        """Whether the ledger had nothing due when it was last asked, or the limits nothing to give."""
        self.resume_at: datetime | None = None
        """When the limits give again, while they give nothing."""
        self._allowance: Allowance | None = None

    def __len__(self) -> int:
        return len(self._built) + len(self._waiting)

    def pop(self, admits: Callable[[str | None], bool] | None) -> Prepared | None:
        """Take out the oldest message that may go now, by its recipient's domain, if there is one; with None any may."""
        while True:
            if admits is None:
                if self._built:
                    return self._built.popleft()
                if not self._waiting:
                    return None
                self._build(0)
                continue
            for at, prepared in enumerate(self._built):
                if admits(prepared.domain):
                    del self._built[at]
                    return prepared
            found = (at for at, waiting in enumerate(self._waiting) if admits(waiting.domain))
            first = next(found, None)
            if first is None:
                return None
            self._build(first)

    def build_ahead(self) -> bool:
        """Build some more messages, a millisecond's worth, if few are ready; tell whether there was one to build."""
        if not self._waiting or len(self._built) >= BUILT_AHEAD:
            return False
        self._build(0)
        return True

    def _build(self, first: int) -> None:
        """Build the message that stands there in the queue, and those of its campaign right behind it."""
        self._waiting.rotate(-first)
        campaign_id = self._waiting[0].claim.campaign_id
        batch = list(takewhile(lambda each: each.claim.campaign_id == campaign_id, islice(self._waiting, AT_ONCE)))
        for _each in batch:
            self._waiting.popleft()
        self._waiting.rotate(first)
        now = self._clock()
        try:
            self._built.extend(self.mailing(campaign_id).prepare(batch, self._keys, now=now))
        except (TemplateError, InvalidMessage):
            for each in batch:
                self._build_alone(each, now)

    def _build_alone(self, waiting: Waiting, now: datetime) -> None:
        try:
            self._built.extend(self.mailing(waiting.claim.campaign_id).prepare([waiting], self._keys, now=now))
        except (TemplateError, InvalidMessage) as error:
            self._on_failed(left_out(waiting.claim, DeliveryStatus.FAILED, str(error)))

    def mailing(self, campaign_id: int) -> Mailing:
        """Give what the sender knows of a campaign; opened once."""
        if campaign_id not in self._mailings:
            self._mailings[campaign_id] = self._open_mailing(campaign_id)
        return self._mailings[campaign_id]

    @property
    def slugs(self) -> dict[int, str]:
        """How the officer calls the campaigns that were opened, by their ids."""
        return {campaign_id: mailing.slug for campaign_id, mailing in self._mailings.items()}

    def give_back(self) -> None:
        """Put everything that waits here back into the queue, and ask the ledger anew next time."""
        self.is_exhausted = False
        if self:
            with writing(self._engine) as session:
                ledger.release(session.connection(), self._claims())
                if self._allowance is not None:
                    give_back(session, self._allowance, len(self))
            self._built.clear()
            self._waiting.clear()

    def _claims(self) -> list[Claim]:
        return [*(built.claim for built in self._built), *(waiting.claim for waiting in self._waiting)]

    def wait_for_others(self) -> None:
        """Give everything back, and look again when other workers may have freed a connection."""
        if self:
            self.give_back()
            self.resume_at = self._clock() + SLOT_PAUSE

    def refill(self, campaign_ids: Sequence[int]) -> None:
        """Claim until enough waits, nothing more is due, or the limits have no more to give."""
        self.resume_at = None
        now = self._clock()
        self._avoided = {name: since for name, since in self._avoided.items() if abs(now - since) < SLOT_PAUSE}
        while len(self) < self._batch // 4:  # more than there are connections, so that none waits
            self.is_exhausted = not any(self._claim(campaign_id) for campaign_id in campaign_ids)
            if self.is_exhausted:
                break
        if self._avoided and self.is_exhausted and self.resume_at is None:
            self.resume_at = now + SLOT_PAUSE

    def _claim(self, campaign_id: int) -> bool:
        """Lease what the limits allow, leave out who was suppressed since it was planned, learn of the others what is known."""
        now = self._clock()
        with writing(self._engine) as session:
            allowance = take(session, self._limits, now=now, zone=self._zone, wanted=self._batch)
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
            waiting, outcomes = self._judge(session, claims, mailing)
            give_back(session, allowance, allowance.count - len(waiting))
            ledger.settle(session.connection(), [*outcomes, *later], now=now)
        self._allowance = allowance
        self._waiting.extend(waiting)
        self._on_settled(outcomes)
        return True

    def _leave_to_others(
        self, session: Session, claims: Sequence[Claim], mailing: Mailing, now: datetime
    ) -> list[Claim]:
        """Give back the mail of providers whose connections other workers use, and claim no more of it for a moment."""
        if mailing.redirect_to or not self._limits.has_lanes:
            return list(claims)
        kept, rows = [], session.connection()
        given_back: list[Claim] = []
        for each in claims:
            limit = self._limits.of(each.domain)
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
        domains = [each.domain for each in claims]
        slots = spread(session, self._limits, domains, now=now, zone=self._zone)
        pairs = list(zip(claims, slots, strict=True))
        later = [
            Outcome(each, DeliveryStatus.CLAIMED, DeliveryStatus.QUEUED, not_before=slot, is_attempt=False)
            for each, slot in pairs
            if slot is not None
        ]
        return [each for each, slot in pairs if slot is None], later

    def _judge(
        self, session: Session, claims: Sequence[Claim], mailing: Mailing
    ) -> tuple[list[Waiting], list[Outcome]]:
        checked = last_suppression(session)
        opposed = find_suppressed(session, {each.address_key for each in claims}, is_marketing=mailing.is_marketing)
        contact_ids = [each.contact_id for each in claims if each.contact_id is not None]
        recipients = load_recipients(session, contact_ids, mailing.epci_label)
        outcomes = [
            left_out(each, DeliveryStatus.SUPPRESSED, opposed[each.address_key])
            for each in claims
            if each.address_key in opposed
        ]
        waiting = [
            Waiting(
                each,
                recipients.get(each.contact_id or 0, NOBODY),
                checked,
                None if mailing.redirect_to else each.domain,
            )
            for each in claims
            if each.address_key not in opposed
        ]
        return waiting, outcomes


def left_out(claim: Claim, after: DeliveryStatus, reason: str) -> Outcome:
    """Give the outcome of a claimed delivery that never reached the wire."""
    return Outcome(claim, DeliveryStatus.CLAIMED, after, reason=reason, is_attempt=False)
