"""What companies asked, counted by channel, EPCI and nature, as a chamber publishes it."""

from collections import Counter
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
    """Numbers of requests: in all, and by each of three criteria, the largest first."""

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
        return dict(Counter(dict(rows.tuples().all())).most_common())

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
    return RequestStatistics(total, count(Request.channel), dict(by_epci.most_common()), count(Request.nature))


def _place(territory: Territory, siren: str | None) -> str | None:
    return territory.label(siren) if siren is not None and territory.contains(siren) else None
