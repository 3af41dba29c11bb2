"""What companies asked, counted by channel, EPCI, nature, topic, day and week, as a chamber publishes it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from audiences.models import Company, Contact, Request
from audiences.territory import Territory

UNKNOWN = "Non précisé"


class Criterion(StrEnum):
    """By what requests are counted; each of them gives every request exactly one label."""

    CHANNEL = "channel"
    EPCI = "epci"
    NATURE = "nature"
    TOPIC = "topic"
    DAY = "day"  # 2020-03-17
    WEEK = "week"  # 2020-W12 (ISO 8601), which begins on Monday

    @property
    def is_of_time(self) -> bool:
        """Whether the labels are in the order of time, without a gap."""
        return self in {Criterion.DAY, Criterion.WEEK}


@dataclass(frozen=True)
class RequestStatistics:
    """Numbers of requests: in all, and by each of three criteria, the largest first, equals by name."""

    total: int
    by_channel: dict[str, int]
    by_epci: dict[str, int]
    by_nature: dict[str, int]


def request_statistics(
    session: Session, territory: Territory, *, outside: str, since: date, until: date
) -> RequestStatistics:
    """Count the requests received from `since` to `until`, both included.

    A company outside the chamber's territory counts under the label `outside`, one whose commune is not known as
    “Non précisé”.
    """
    channels, epcis, natures = (
        count_requests(session, territory, criterion, outside=outside, since=since, until=until)
        for criterion in (Criterion.CHANNEL, Criterion.EPCI, Criterion.NATURE)
    )
    return RequestStatistics(sum(channels.values()), channels, epcis, natures)


def count_requests(
    session: Session,
    territory: Territory,
    criterion: Criterion,
    *,
    outside: str,
    since: date,
    until: date,
    condition: ColumnElement[bool] | None = None,
) -> dict[str, int]:
    """Count the requests from `since` to `until`, both included, by the labels of one criterion.

    The largest come first, equals by name; days and weeks in their order, those without a request between two others
    as 0. `condition`, over Contact outer-joined to Company, keeps the requests of who it matches.
    """
    where = _within(since, until, condition)
    label = _labels(territory, outside)[criterion]
    counts: Counter[str] = Counter()
    for *values, number in session.execute(_asked(criterion).where(*where)):
        counts[label(*values)] += number
    if criterion.is_of_time:
        return _without_gaps(criterion, counts)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def cross_requests(
    session: Session,
    territory: Territory,
    rows: Criterion,
    columns: Criterion,
    *,
    outside: str,
    since: date,
    until: date,
    condition: ColumnElement[bool] | None = None,
) -> dict[tuple[str, str], int]:
    """Count the requests as `count_requests`, by two criteria at once; only pairs that occur are there."""
    where = _within(since, until, condition)
    labels = _labels(territory, outside)
    at = len(_COLUMNS[rows])
    counts: Counter[tuple[str, str]] = Counter()
    for *values, number in session.execute(_asked(rows, columns).where(*where)):
        counts[labels[rows](*values[:at]), labels[columns](*values[at:])] += number
    return dict(counts)


def _asked(*criteria: Criterion) -> Any:
    """Select the columns of the criteria, and how many requests each of their combinations has."""
    wanted = [column for each in criteria for column in _COLUMNS[each]]
    found = select(*wanted, func.count()).select_from(Request).group_by(*set(wanted))
    if Criterion.EPCI in criteria:
        found = found.outerjoin(Company, Company.id == Request.company_id)
    return found


def _within(since: date, until: date, condition: ColumnElement[bool] | None) -> list[ColumnElement[bool]]:
    within: list[ColumnElement[bool]] = [Request.received_on >= since, Request.received_on <= until]
    if condition is not None:
        matched = select(Contact.id, Contact.company_id).outerjoin(Company, Company.id == Contact.company_id)
        found = matched.where(condition).cte("matched")
        within.append(
            or_(
                Request.company_id.in_(select(found.c.company_id).where(found.c.company_id.is_not(None))),
                Request.contact_id.in_(select(found.c.id)),
            )
        )
    return within


_IS_PLACED = Company.commune_code.is_not(None)

_COLUMNS: Mapping[Criterion, tuple[Any, ...]] = {
    Criterion.CHANNEL: (Request.channel,),
    Criterion.EPCI: (_IS_PLACED, Company.epci_siren),
    Criterion.NATURE: (Request.nature,),
    Criterion.TOPIC: (Request.topic,),
    Criterion.DAY: (Request.received_on,),
    Criterion.WEEK: (Request.received_on,),
}


def _labels(territory: Territory, outside: str) -> dict[Criterion, Callable[..., str]]:
    """Give what turns the columns of each criterion into its label."""

    def epci(is_placed: bool, siren: str | None) -> str:
        if siren is not None and territory.contains(siren):
            return territory.label(siren)
        return outside if is_placed else UNKNOWN

    def word(text: str | None) -> str:
        return text or UNKNOWN

    return {
        Criterion.CHANNEL: word,
        Criterion.EPCI: epci,
        Criterion.NATURE: word,
        Criterion.TOPIC: word,
        **_LABELS_OF_TIME,
    }


def iso_week(day: date) -> str:
    """Write the week of a day by ISO 8601, like 2020-W12: the first days of January may be of the year before."""
    year, week, _weekday = day.isocalendar()
    return f"{year}-W{week:02}"


_LABELS_OF_TIME: Mapping[Criterion, Callable[[date], str]] = {Criterion.DAY: date.isoformat, Criterion.WEEK: iso_week}


def _without_gaps(criterion: Criterion, counts: Counter[str]) -> dict[str, int]:
    if not counts:
        return {}
    first, last = min(counts), max(counts)
    if criterion is Criterion.DAY:
        day, end, step = date.fromisoformat(first), date.fromisoformat(last), timedelta(days=1)
    else:
        day, end, step = date.fromisoformat(f"{first}-1"), date.fromisoformat(f"{last}-1"), timedelta(days=7)
    label = _LABELS_OF_TIME[criterion]
    filled: dict[str, int] = {}
    while day <= end:
        filled[label(day)] = counts[label(day)]
        day += step
    return filled
