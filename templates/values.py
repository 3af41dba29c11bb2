"""Typed values of a template's variables, read from what an officer writes."""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Sequence
from enum import StrEnum
from gettext import gettext as _
from urllib.parse import urlsplit

from babel.dates import get_day_names, get_month_names

from templates import records, typography
from templates.errors import InvalidValue


class VariableType(StrEnum):
    """What a variable may hold."""

    TEXT = "text"
    AMOUNT = "amount"  # money; words such as 1 M€ stay as written
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    LINK = "link"  # https only
    INTEGER = "integer"
    EMAIL = "email"
    CHOICE = "choice"  # one of the variable's choices
    BOOL = "bool"
    LIST = "list"  # texts, a line each
    EPCI = "epci"  # the name of an intercommunality; campaigns check it against the territory
    ADVISER = "adviser"  # name, phone and email
    PROGRAMME = "programme"  # sessions: start, title, speaker and link


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(character for character in decomposed if not unicodedata.combining(character)).split())


_MONTHS = {_fold(name): number for number, name in get_month_names("wide", locale="fr").items()}
_DAYS = {_fold(name): number for number, name in get_day_names("wide", locale="fr").items()}
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})")
_SLASHED = re.compile(r"(?P<day>\d{1,2})[/.](?P<month>\d{1,2})[/.](?P<year>\d{4})")
_WRITTEN = re.compile(
    rf"(?:(?:le )?(?P<weekday>{'|'.join(_DAYS)}) |le )?(?P<day>\d{{1,2}})(?:er)? (?P<month>{'|'.join(_MONTHS)})"
    r"(?: (?P<year>\d{4}))?"
)
_TIME = re.compile(r"(?P<hour>\d{1,2}) ?(?:h|:|heures?) ?(?P<minute>\d{2})?(?::\d{2})?(?: ?min)?")
_DATETIME = re.compile(rf"(?P<date>.+?)(?:t|,? a |,? )(?P<time>{_TIME.pattern.replace('?P<', '?P<t_')})")
_AMOUNT = re.compile(
    r"\d+(?: \d{3})*(?:,\d+)?(?: ?(?:k|M|Md)?€| ?(?:k|M|Md)?EUR| euros?| (?:millions?|milliards?) d['’]euros)?"
)
_BOOLS = {"oui": True, "yes": True, "true": True, "1": True, "non": False, "no": False, "false": False, "0": False}
_LINK = re.compile(r"[^\s<>\"'\\{}|^`\x00-\x1f\x7f]+")


def read_value(kind: VariableType, written: str, *, today: dt.date, choices: Sequence[str] = ()) -> object:
    """Read one written value as its type; a date without a year is its next occurrence from `today` on.

    Gives str for text (with French typography), amount, link, email, epci and choice, int for integer, bool for bool, a
    tuple of texts for list, date, time or datetime (of no zone); for adviser and programme what `records` says.
    Raises InvalidValue, with the remedy.
    """
    if kind is VariableType.CHOICE:
        return _read_choice(written.strip(), choices)
    return _READERS[kind](written.strip(), today)


def _read_text(written: str, _today: dt.date) -> str:
    return typography.typography(_checked(written))


def _checked(written: str) -> str:
    if any(unicodedata.category(character) == "Cc" and character not in "\n\r\t" for character in written):
        raise InvalidValue(_("{written!r} holds a control character; take it out").format(written=written))
    return written


def _read_choice(written: str, choices: Sequence[str]) -> str:
    for choice in choices:
        if _fold(choice) == _fold(written):
            return choice
    raise InvalidValue(
        _("{written!r} is none of the choices; write one of {choices}").format(
            written=written, choices=", ".join(choices)
        )
    )


def _read_bool(written: str, _today: dt.date) -> bool:
    value = _BOOLS.get(_fold(written))
    if value is None:
        raise InvalidValue(_("{written!r} is neither yes nor no; write oui or non").format(written=written))
    return value


def _read_list(written: str, _today: dt.date) -> tuple[str, ...]:
    return records.read_list(_checked(written))


def _read_adviser(written: str, today: dt.date) -> dict[str, str]:
    return records.read_adviser(_checked(written), lambda part: _read_email(part, today))


def _read_programme(written: str, today: dt.date) -> tuple[dict[str, object], ...]:
    return records.read_programme(
        _checked(written), lambda part: _read_datetime(part, today), lambda part: _read_link(part, today)
    )


def _read_amount(written: str, _today: dt.date) -> str:
    if not _AMOUNT.fullmatch(re.sub(r"\s", " ", written)):
        raise InvalidValue(
            _("{written!r} is not an amount; write it as 280 000 €, 1,5 M€ or 1500").format(written=written)
        )
    return written


def _read_date(written: str, today: dt.date) -> dt.date:
    folded = _fold(written)
    match = _ISO.fullmatch(folded) or _SLASHED.fullmatch(folded) or _WRITTEN.fullmatch(folded)
    if not match:
        raise InvalidValue(
            _("{written!r} is not a date; write it as 14/05/2020, 14 mai 2020 or 2020-05-14").format(written=written)
        )
    parts = match.groupdict()
    month = _MONTHS.get(parts["month"]) or int(parts["month"])
    try:
        numbers = int(parts["day"]), month
        day = dt.date(int(parts["year"]), *reversed(numbers)) if parts["year"] else _next_occurrence(*numbers, today)
    except ValueError as error:
        raise InvalidValue(_("there is no day {written!r}; check day and month").format(written=written)) from error
    if parts.get("weekday") and _DAYS[parts["weekday"]] != day.weekday():
        raise InvalidValue(
            _("{written!r} is a {weekday}; correct the day or the date").format(
                written=written, weekday=typography.date(day).split()[0]
            )
        )
    return day


def _next_occurrence(day: int, month: int, today: dt.date) -> dt.date:
    for year in range(today.year, today.year + 9):  # 29 February comes within eight years
        try:
            candidate = dt.date(year, month, day)
        except ValueError:
            continue
        if candidate >= today:
            return candidate
    raise ValueError(day)


def _read_time(written: str, _today: dt.date) -> dt.time:
    match = _TIME.fullmatch(_fold(written))
    try:
        if match:
            return dt.time(int(match["hour"]), int(match["minute"] or 0))
    except ValueError:
        match = None
    raise InvalidValue(_("{written!r} is not a time of day; write it as 11 h, 9 h 30 or 09:30").format(written=written))


def _read_datetime(written: str, today: dt.date) -> dt.datetime:
    match = _DATETIME.fullmatch(_fold(written))
    if not match:
        raise InvalidValue(
            _("{written!r} is not a date with a time; write it as 14/05/2020 11:00 or 14 mai 2020 à 11 h").format(
                written=written
            )
        )
    return dt.datetime.combine(_read_date(match["date"], today), _read_time(match["time"], today))


def _read_link(written: str, _today: dt.date) -> str:
    try:
        parts = urlsplit(written)
        usable = parts.scheme == "https" and "." in (parts.hostname or "") and _LINK.fullmatch(written)
    except ValueError:
        usable = None
    if not usable:
        raise InvalidValue(_("{written!r} is not a link; write it in full, as https://…").format(written=written))
    return written


def _read_integer(written: str, _today: dt.date) -> int:
    digits = re.sub(r"\s", "", written)
    if not re.fullmatch(r"-?[0-9]{1,15}", digits):
        raise InvalidValue(_("{written!r} is not a whole number; write digits only").format(written=written))
    return int(digits)


def _read_email(written: str, _today: dt.date) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(written, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise InvalidValue(
            _("{written!r} is not an email address; write it as name@example.org").format(written=written)
        ) from error


_READERS: dict[VariableType, Callable[[str, dt.date], object]] = {
    VariableType.TEXT: _read_text,
    VariableType.AMOUNT: _read_amount,
    VariableType.DATE: _read_date,
    VariableType.TIME: _read_time,
    VariableType.DATETIME: _read_datetime,
    VariableType.LINK: _read_link,
    VariableType.INTEGER: _read_integer,
    VariableType.EMAIL: _read_email,
    VariableType.BOOL: _read_bool,
    VariableType.LIST: _read_list,
    VariableType.EPCI: _read_text,
    VariableType.ADVISER: _read_adviser,
    VariableType.PROGRAMME: _read_programme,
}
