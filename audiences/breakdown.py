"""A waterfall split by EPCI or by sector: the same columns, a row each."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from audiences.models import Company
from audiences.waterfall import Waterfall, waterfall_of

Label = Callable[[str | None, bool], str]
"""Names the group of a company's value (None where it has none); the flag says whether the contact has a company."""


@dataclass
class _Group:
    companies: int = 0
    counts: Counter[str | None] = field(default_factory=Counter)


def explain_by(
    session: Session,
    found: Select[Any],
    named: Mapping[str, str],
    column: InstrumentedAttribute[str | None],
    label: Label,
) -> list[tuple[str, Waterfall]]:
    """Give the waterfall of each group of companies, the largest first; their sums are those of the whole.

    `found` is what `candidates` selects, `named` the labels of its rules.
    A group is what `label` calls the values of `column` by: every value has one name, so that no company counts twice.
    """
    each = found.subquery()
    has_company = each.c.company_id.is_not(None)
    grouped = (
        select(column, has_company, each.c.reason, func.count())
        .select_from(each)
        .outerjoin(Company, Company.id == each.c.company_id)
        .group_by(column, has_company, each.c.reason)
    )
    groups: dict[str, _Group] = {}
    for value, has, reason, count in session.execute(grouped):
        groups.setdefault(label(value, bool(has)), _Group()).counts[reason] += count
    companies = (
        select(column, func.count(each.c.company_id.distinct()))
        .select_from(each)
        .join(Company, Company.id == each.c.company_id)
        .group_by(column)
    )
    for value, count in session.execute(companies):
        groups[label(value, True)].companies += count
    falls = [(name, waterfall_of(group.counts, group.companies, named)) for name, group in groups.items()]
    return sorted(falls, key=lambda fall: (-fall[1].contacts, fall[0]))
