"""Invitations to webinars: an event made of a template's variables, written as iCalendar (RFC 5545)."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from gettext import gettext as _
from typing import Any, Self
from zoneinfo import ZoneInfo

from templates.errors import InvalidValue

FILENAME = "invitation.ics"
ONLINE = "En ligne"
_LONGEST = dt.timedelta(days=14)


class Method(StrEnum):
    """What a calendar does with the event (RFC 5546 1.4); no answers are asked for, so that it is never REQUEST."""

    PUBLISH = "PUBLISH"  # puts it in, or changes it where the UID is known and the sequence higher
    CANCEL = "CANCEL"  # takes it out


@dataclass(frozen=True)
class Webinar:
    """One session; times have a zone."""

    title: str
    start: dt.datetime
    end: dt.datetime
    place: str = ONLINE
    link: str = ""
    description: str = ""

    def to_dict(self) -> dict[str, str]:
        """Give the session as a JSON object."""
        return {
            name: value.isoformat() if isinstance(value, dt.datetime) else value for name, value in vars(self).items()
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, str], zone: ZoneInfo) -> Self:
        """Read what `to_dict` gave."""
        times = {name: dt.datetime.fromisoformat(stored[name]).astimezone(zone) for name in ("start", "end")}
        return cls(**{**stored, **times})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Organiser:
    """Who invites."""

    name: str
    address: str


def read_webinar(invite: Mapping[str, str], variables: Mapping[str, Any], zone: ZoneInfo) -> Webinar:
    """Make the session of a template's [invite] out of bound variables, whose times are those of the zone.

    Raises InvalidValue where a value is missing, the clock change skips the time, or the end does not follow the start.
    """
    values = {key: variables[name] for key, name in invite.items()}
    for key in ("start", "time", "title", "duration", "end"):
        if key in values and values[key] == "":
            raise InvalidValue(_("the invitation needs {name}; add --set {name}=…").format(name=invite[key]))
    start = _instant(values["start"], values.get("time"), zone)
    if "duration" in values:
        # Added in UTC: in the night of the clock change an hour on the wall may last two.
        minutes = dt.timedelta(minutes=values["duration"])
        end = (start.astimezone(dt.UTC) + minutes).astimezone(zone)
    elif isinstance(values["end"], dt.time):
        end = _instant(start.date(), values["end"], zone)
    else:
        end = _instant(values["end"], None, zone)
    if not dt.timedelta() < end.astimezone(dt.UTC) - start.astimezone(dt.UTC) <= _LONGEST:
        raise InvalidValue(_("the webinar ends before it begins, or lasts weeks; correct its times"))
    texts = {key: str(values[key]) for key in ("place", "link", "description") if values.get(key)}
    return Webinar(title=str(values["title"]), start=start, end=end, **texts)


def _instant(day: dt.date, time: dt.time | None, zone: ZoneInfo) -> dt.datetime:
    naive = day if isinstance(day, dt.datetime) else dt.datetime.combine(day, time or dt.time())
    instant = naive.replace(tzinfo=zone)
    if instant.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) != naive:
        raise InvalidValue(
            _("{time} does not exist: the clocks go forward over it; choose another time").format(time=naive)
        )
    return instant


def write_invitation(
    webinar: Webinar, *, uid: str, sequence: int, method: Method, organiser: Organiser, now: dt.datetime
) -> bytes:
    """Write an event as an iCalendar stream: UTF-8, lines of at most 75 octets ended by CR LF (RFC 5545 3.1).

    The same `uid` with a higher `sequence` replaces the event in the calendars that have it (3.8.7.4). Its zone comes
    with it as VTIMEZONE (3.6.5). It names nobody as attendee, so one file serves all recipients and no calendar answers.
    """
    from icalendar import Calendar, Event, vCalAddress, vText  # longer to import than most commands take

    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", now.astimezone(dt.UTC))
    event.add("dtstart", webinar.start)
    event.add("dtend", webinar.end)
    event.add("sequence", sequence)
    event.add("summary", webinar.title)
    event.add("location", webinar.place)
    event.add("status", "CANCELLED" if method is Method.CANCEL else "CONFIRMED")
    event.add("transp", "OPAQUE")
    event.add("class", "PUBLIC")
    text = "\n\n".join(filter(None, (webinar.description, webinar.link)))
    if text:
        event.add("description", text)
    if webinar.link:
        event.add("url", webinar.link)
    who = vCalAddress(f"mailto:{organiser.address}")
    who.params["CN"] = vText(organiser.name)
    event["organizer"] = who
    calendar = Calendar()
    calendar.add("prodid", "-//Relais//FR")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", str(method))
    calendar.add_component(_timezone(webinar.start))
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _timezone(around: dt.datetime) -> Any:
    """Describe a time's zone from the year before to the year after (RFC 5545 3.6.5).

    The library's own description has the spring changes an hour late: an onset is told in the time that ends with it.
    """
    from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

    zone = around.tzinfo
    timezone = Timezone()
    timezone.add("tzid", str(zone))
    hour, day = dt.timedelta(hours=1), dt.timedelta(days=1)
    at = dt.datetime(around.year - 1, 1, 1, tzinfo=dt.UTC)
    before = at.astimezone(zone)
    onsets = [(before.replace(tzinfo=None), before, before)]
    while at.year <= around.year + 1:
        if (at + day).astimezone(zone).utcoffset() == before.utcoffset():
            at += day  # no change on this day
            continue
        after = (at := at + hour).astimezone(zone)
        if after.utcoffset() != before.utcoffset():
            onsets.append(((at + (before.utcoffset() or hour)).replace(tzinfo=None), before, after))
        before = after
    for onset, old, new in onsets:
        part = TimezoneDaylight() if new.dst() else TimezoneStandard()
        part.add("dtstart", onset)
        part.add("tzoffsetfrom", old.utcoffset())
        part.add("tzoffsetto", new.utcoffset())
        part.add("tzname", new.tzname())
        timezone.add_component(part)
    return timezone
