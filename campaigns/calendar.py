"""Dates as the officer writes them, in her zone."""

from datetime import UTC, date, datetime
from gettext import gettext as _
from zoneinfo import ZoneInfo

from audiences.values import parse_date
from campaigns.errors import InvalidDate

PATTERNS = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %Hh%M", "%d/%m/%Y %H:%M", "%d/%m/%Y %Hh%M")


def parse_instant(text: str, zone: ZoneInfo, *, now: datetime) -> datetime:
    """Read a local time that lies ahead; give it in UTC.

    A time that the clock change skips does not exist and is refused; of one that comes twice the first is meant.
    """
    for pattern in PATTERNS:
        try:
            naive = datetime.strptime(text.strip(), pattern)  # noqa: DTZ007 - the zone is added below
        except ValueError:
            continue
        break
    else:
        raise InvalidDate(
            _("“{text}” is not a date with a time. Write it like 2026-12-01 09:00 or 01/12/2026 09:00.").format(
                text=text
            )
        )
    instant = naive.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != naive:
        raise InvalidDate(
            _("{text} does not exist in {zone}: the clocks go forward over it. Choose another time.").format(
                text=text, zone=zone.key
            )
        )
    if instant <= now:
        raise InvalidDate(
            _(
                "{text} is in the past (it is {now}). Choose a time that lies ahead, or use `relais campaigns send`."
            ).format(text=text, now=show_instant(now, zone))
        )
    return instant


def parse_day(text: str) -> date:
    """Read a day, like 2020-04-30 or 30/04/2020."""
    try:
        return parse_date(text)
    except ValueError:
        raise InvalidDate(
            _("“{text}” is not a day. Write it like 2020-04-30 or 30/04/2020.").format(text=text)
        ) from None


def show_instant(instant: datetime | None, zone: ZoneInfo) -> str:
    """Give an instant as the officer reads it: local date and minute."""
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M") if instant else ""


def local_iso(instant: datetime | None, zone: ZoneInfo) -> str | None:
    """Give an instant for JSON: local time with its offset."""
    return instant.astimezone(zone).isoformat(timespec="seconds") if instant else None
