"""What a Postfix log tells of Message-IDs: taken over, not taken, or only seen on their way in."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import IntEnum
from gettext import gettext as _
from pathlib import Path
from typing import NamedTuple

from sends.errors import SendError

MONTHS = {name: at for at, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)}

_LINE = re.compile(
    r"^(?:(?P<iso>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<old>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d))"
    r" \S+ \S*/(?P<part>\w+)\[(?P<process>\d+)\]: (?P<rest>.*)$"
)
_OF_QUEUE = re.compile(r"(?P<queue>[0-9A-Za-z]{6,20}): (?P<rest>.*)$")
_MESSAGE_ID = re.compile(r"message-id=(<[^>]*>)")
_TAKEN = re.compile(r".*(?:\(queue active\)|status=(?:sent|deferred|bounced|expired))")
_PUT_ASIDE = re.compile(r"(?:hold|discard): ")
_REFUSED = re.compile(r"(?:milter-)?reject: ")
# "after END-OF-MESSAGE" says no such thing: the dot was read by then.
_BROKEN_OFF = re.compile(r"(?:lost connection|timeout) after DATA\b")


class Fate(IntEnum):
    """What became of one entry of a message into Postfix's queue; of several signs the highest counts."""

    UNKNOWN = 0  # cleanup saw its header; nothing says how it went on
    PUT_ASIDE = 1  # held or thrown away by a rule on its header: answered 250 if its end came
    NOT_TAKEN = 2  # the client was gone before the final dot, or Postfix refused it
    TAKEN = 3  # the queue manager, or an agent, had it in hands


_SIGNS = ((_TAKEN, Fate.TAKEN), (_REFUSED, Fate.NOT_TAKEN), (_PUT_ASIDE, Fate.PUT_ASIDE))


class UnreadableLog(SendError, ValueError):
    """A file is not a Postfix log."""


@dataclass
class RelayLog:
    """What a Postfix log tells of each Message-ID, and the time that it covers."""

    taken: set[str] = field(default_factory=set)
    not_taken: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    begins: datetime | None = None
    ends: datetime | None = None

    def is_silent_about(self, message_id: str) -> bool:
        """Tell whether the log never names this message."""
        return not any(message_id in known for known in (self.taken, self.not_taken, self.unknown))

    def covers(self, since: datetime, until: datetime) -> bool:
        """Tell whether the log has lines from before and after this time."""
        return self.begins is not None and self.ends is not None and self.begins <= since and until <= self.ends


class _Line(NamedTuple):
    at: datetime
    part: str
    process: str
    rest: str


class _Queue:
    """What was read of each queue id; Postfix gives short ones out again, so a new client begins a new entry."""

    def __init__(self) -> None:
        self._fate: dict[str, Fate] = {}
        self._name: dict[str, str] = {}
        self._client: dict[str, str] = {}
        self.fates: defaultdict[str, set[Fate]] = defaultdict(set)
        """What became of each entry of a Message-ID."""

    def read(self, line: _Line) -> None:
        found = _OF_QUEUE.match(line.rest)
        if found is None:
            # smtpd names no queue id here: it speaks of the message that this process was reading
            if _BROKEN_OFF.match(line.rest) and (queue := self._client.pop(line.process, None)):
                self._note(queue, Fate.NOT_TAKEN)
            return
        queue, rest = found["queue"], found["rest"]
        if line.part == "smtpd" and rest.startswith("client="):
            self._end(queue)
            self._client[line.process] = queue
        elif line.part == "cleanup" and (name := _MESSAGE_ID.match(rest)):
            self._name[queue] = name[1]
        else:
            for sign, fate in _SIGNS:
                if sign.match(rest):
                    self._note(queue, fate)

    def end(self) -> None:
        """Note what is known of the entries that are still open."""
        for queue in list(self._name):
            self._end(queue)

    def _note(self, queue: str, fate: Fate) -> None:
        self._fate[queue] = max(fate, self._fate.get(queue, Fate.UNKNOWN))

    def _end(self, queue: str) -> None:
        fate = self._fate.pop(queue, Fate.UNKNOWN)
        if queue in self._name:
            self.fates[self._name.pop(queue)].add(fate)


def read_postfix_log(path: Path, *, now: datetime, zone: tzinfo) -> RelayLog:
    """Read a Postfix log (syslog or ISO times; lines without a year are of the year before `now`, in `zone`).

    `cleanup` names a Message-ID while the message still comes in. That Postfix took it over is shown only by what
    happens later to the same queue id; that it did not, by a refusal, or by a client that was gone before the dot.
    """
    log, queue = RelayLog(), _Queue()
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in _lines(file, now, zone):
                log.begins = min(log.begins or line.at, line.at)
                log.ends = max(log.ends or line.at, line.at)
                queue.read(line)
    except OSError as error:
        raise UnreadableLog(
            _("The log {file} cannot be read ({cause}). Check its name.").format(file=path, cause=error.strerror)
        ) from error
    if log.begins is None:
        raise UnreadableLog(
            _("{file} holds no line of Postfix. Give the mail log, such as /var/log/mail.log.").format(file=path)
        )
    queue.end()
    for message_id, fates in queue.fates.items():
        if fates & {Fate.TAKEN, Fate.PUT_ASIDE}:
            log.taken.add(message_id)
        elif Fate.UNKNOWN in fates:
            log.unknown.add(message_id)
        else:
            log.not_taken.add(message_id)
    return log


def _lines(lines: Iterable[str], now: datetime, zone: tzinfo) -> Iterator[_Line]:
    for line in lines:
        if match := _LINE.match(line.rstrip()):
            at = datetime.fromisoformat(match["iso"]) if match["iso"] else _without_year(match["old"], now, zone)
            yield _Line(at, match["part"], match["process"], match["rest"])


def _without_year(text: str, now: datetime, zone: tzinfo) -> datetime:
    month, day, clock = text.split()
    hour, minute, second = (int(part) for part in clock.split(":"))
    latest = (now + timedelta(days=1)).astimezone(zone)
    for year in range(latest.year, latest.year - 5, -1):  # the last 29 February may be four years back
        try:
            at = datetime(year, MONTHS[month], int(day), hour, minute, second, tzinfo=zone)
        except ValueError:
            continue
        if at <= latest:
            return at
    return latest
