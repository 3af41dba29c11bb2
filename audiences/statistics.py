"""What companies asked, counted by channel, EPCI and nature, as a chamber publishes it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from audiences.models import Company, Request
from audiences.territory import Territory

UNKNOWN = "Non précisé"


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
    within = (Request.received_on >= since, Request.received_on <= until)

    def count(column: InstrumentedAttribute[Any]) -> dict[str, int]:
        rows = session.execute(select(column, func.count()).where(*within).group_by(column))
        return _largest_first(dict(rows.all()))

    places = session.execute(
        select(Company.commune_code.is_not(None), Company.epci_siren, func.count())
        .select_from(Request)
        .outerjoin(Company, Company.id == Request.company_id)
        .where(*within)
        .group_by(Company.commune_code.is_not(None), Company.epci_siren)
    )
    by_epci: Counter[str] = Counter()
    for is_placed, siren, number in places:
        by_epci[_place(territory, siren) or (outside if is_placed else UNKNOWN)] += number
    total = session.scalar(select(func.count()).select_from(Request).where(*within)) or 0
    return RequestStatistics(total, count(Request.channel), _largest_first(by_epci), count(Request.nature))


def _largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _place(territory: Territory, siren: str | None) -> str | None:
    return territory.label(siren) if siren is not None and territory.contains(siren) else None
