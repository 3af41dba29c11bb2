"""Settles uncertain deliveries by evidence: what the relay's own log says of their Message-IDs."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from gettext import gettext as _
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from sends import ledger
from sends.errors import SendError
from sends.models import Delivery
from sends.states import DeliveryStatus

_LINE = re.compile(
    r"^(?:(?P<iso>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<old>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d))"
    r" \S+ \S*/(?P<part>\w+)\[\d+\]: (?P<queue>[0-9A-Za-z]{6,20}): (?P<rest>.*)$"
)
_MESSAGE_ID = re.compile(r"message-id=(<[^>]*>)")
_TAKEN = re.compile(r"\(queue active\)|status=(?:sent|deferred|bounced|expired)")

MONTHS = {name: at for at, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)}


class UnreadableLog(SendError, ValueError):
    """A file is not a Postfix log."""


@dataclass
class RelayLog:
    """What a Postfix log tells: the Message-IDs that it took over, and the time that it covers."""

    taken: set[str] = field(default_factory=set)
    begins: datetime | None = None
    ends: datetime | None = None

    def covers(self, since: datetime, until: datetime) -> bool:
        """Tell whether the log was kept all through this time, so that silence is evidence too."""
        return self.begins is not None and self.ends is not None and self.begins <= since and until <= self.ends


def read_postfix_log(path: Path, *, now: datetime, zone: tzinfo) -> RelayLog:
    """Read a Postfix log (syslog or ISO times; lines without a year are of the year before `now`, in `zone`).

    `cleanup` names a Message-ID while the message still comes in; only a line of the queue manager or of a delivery
    agent about the same queue id shows that Postfix took it over.
    """
    log = RelayLog()
    named: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for at, part, queue, rest in _lines(file, now, zone):
                log.begins = min(log.begins or at, at)
                log.ends = max(log.ends or at, at)
                if part == "cleanup" and (found := _MESSAGE_ID.search(rest)):
                    named[queue] = found[1]
                elif queue in named and _TAKEN.search(rest):
                    log.taken.add(named[queue])
    except OSError as error:
        raise UnreadableLog(
            _("The log {file} cannot be read ({cause}). Check its name.").format(file=path, cause=error.strerror)
        ) from error
    if log.begins is None:
        raise UnreadableLog(
            _("{file} holds no line of Postfix. Give the mail log, such as /var/log/mail.log.").format(file=path)
        )
    return log


def _lines(lines: Iterable[str], now: datetime, zone: tzinfo) -> Iterator[tuple[datetime, str, str, str]]:
    for line in lines:
        if match := _LINE.match(line.rstrip()):
            at = datetime.fromisoformat(match["iso"]) if match["iso"] else _without_year(match["old"], now, zone)
            yield at, match["part"], match["queue"], match["rest"]


def _without_year(text: str, now: datetime, zone: tzinfo) -> datetime:
    month, day, clock = text.split()
    hour, minute, second = (int(part) for part in clock.split(":"))
    local = now.astimezone(zone)
    at = datetime(local.year, MONTHS[month], int(day), hour, minute, second, tzinfo=zone)
    return at if at <= now + timedelta(days=1) else at.replace(year=local.year - 1)


@dataclass(frozen=True)
class Reconciliation:
    """How many uncertain deliveries the log settled each way, and how many it says nothing of."""

    sent: int
    not_sent: int
    open: int


def reconcile(session: Session, campaign_id: int, log: RelayLog, *, now: datetime) -> Reconciliation:
    """Settle a campaign's uncertain deliveries by the relay's log.

    One whose Message-ID the relay took over was sent. One that it does not name, in a log that covers the time from
    the planning of the delivery to the moment when it became uncertain, was not: it goes back to the queue.
    """
    uncertain = select(Delivery.id, Delivery.message_id, Delivery.planned_at, Delivery.updated_at).where(
        Delivery.campaign_id == campaign_id, Delivery.status == DeliveryStatus.UNCERTAIN
    )
    rows = session.execute(uncertain).all()
    sent = [id_ for id_, message_id, _planned, _updated in rows if message_id in log.taken]
    silent = [
        id_
        for id_, message_id, planned, updated in rows
        if message_id is not None and message_id not in log.taken and log.covers(planned, updated)
    ]
    ledger.resolve(session, campaign_id, DeliveryStatus.SENT, reason="relay log: taken over", now=now, ids=sent)
    ledger.resolve(session, campaign_id, DeliveryStatus.QUEUED, reason="relay log: never seen", now=now, ids=silent)
    return Reconciliation(len(sent), len(silent), len(rows) - len(sent) - len(silent))
