"""Values of several parts, read from what an officer writes: an adviser, the sessions of a programme, a list."""

import datetime as dt
import re
from collections.abc import Callable
from gettext import gettext as _

from templates import phrases
from templates.errors import InvalidValue
from templates.typography import typography

_PHONE = re.compile(r"\+?[\d(][\d\s.()\-]{4,}\d")
_MOST_ITEMS = 60


def read_list(written: str) -> tuple[str, ...]:
    """Read a list: an item a line, or on one line with a semicolon between two; bullets are taken off.

    Raises InvalidValue for more items than a mail has room for.
    """
    lines = [line for line in written.splitlines() if line.strip()]
    parts = lines if len(lines) > 1 else re.split(r"\s*;\s*", written)
    items = tuple(typography(re.sub(r"^\s*[-•*–]\s+", "", part).strip()) for part in parts if part.strip())
    if len(items) > _MOST_ITEMS:
        raise InvalidValue(
            _("there are {count} items; keep the first {most}").format(count=len(items), most=_MOST_ITEMS)
        )
    return items


def read_adviser(written: str, read_email: Callable[[str], str]) -> dict[str, str]:
    """Read an adviser, as in Dominique Martin, 03 21 00 00 00, d.martin@example.org, in any order but name first.

    Gives name, phone and email, "" for what is not there. Raises InvalidValue without a name, or for a part too many.
    """
    found = {"name": "", "phone": "", "email": ""}
    for part in filter(None, (part.strip() for part in re.split(r"[,;|\n]", written))):
        if "@" in part:
            kind, value = "email", read_email(part)
        elif _PHONE.fullmatch(part):
            kind, value = "phone", phrases.phone(part)
        else:
            kind, value = "name", typography(part)
        if found[kind]:
            raise InvalidValue(
                _(
                    "{written!r} names two of a kind ({first}, {second}); write one name, one phone number, one address"
                ).format(written=written, first=found[kind], second=value)
            )
        found[kind] = value
    if not found["name"]:
        raise InvalidValue(
            _("{written!r} has no name; write it as Dominique Martin, 03 21 00 00 00, d.martin@example.org").format(
                written=written
            )
        )
    return found


def read_programme(
    written: str, read_start: Callable[[str], dt.datetime], read_link: Callable[[str], str]
) -> tuple[dict[str, object], ...]:
    """Read the sessions of a programme, a line each: 14/05/2020 11 h | title | speaker | https://…, the last two as wanted.

    Gives start (a datetime), title, speaker and link ("" without one) of each, in the order of their days. Raises
    InvalidValue with the number of the line.
    """
    lines = [line for line in written.splitlines() if line.strip()]
    if len(lines) > _MOST_ITEMS:
        raise InvalidValue(
            _("there are {count} items; keep the first {most}").format(count=len(lines), most=_MOST_ITEMS)
        )
    sessions = []
    for number, line in enumerate(lines, start=1):
        try:
            sessions.append(_read_session(line, read_start, read_link))
        except InvalidValue as error:
            raise InvalidValue(_("line {number}: {error}").format(number=number, error=error)) from error
    starts = [start for start, _session in sessions]
    if repeated := next((start for start in starts if starts.count(start) > 1), None):
        raise InvalidValue(
            _("two sessions begin on {start}; correct one of them").format(start=phrases.datetime(repeated))
        )
    return tuple(session for _start, session in sorted(sessions, key=lambda each: each[0]))


def _read_session(
    line: str, read_start: Callable[[str], dt.datetime], read_link: Callable[[str], str]
) -> tuple[dt.datetime, dict[str, object]]:
    start, *parts = (part.strip() for part in line.split("|"))
    link = read_link(parts.pop()) if parts and re.match(r"\w+:|www\.", parts[-1]) else ""
    title, speaker = ([*parts, "", ""])[:2]
    if not title or len(parts) > 2:
        raise InvalidValue(
            _("{line!r} is not a session; write it as 14/05/2020 11 h | title | speaker | https://…").format(line=line)
        )
    begins = read_start(start)
    return begins, {"start": begins, "title": typography(title), "speaker": typography(speaker), "link": link}
