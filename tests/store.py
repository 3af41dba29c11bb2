"""Questions that tests ask of a store."""

from typing import Any

from sqlalchemy import Engine, func, select

from audiences.database import reading
from audiences.models import Company, Contact


def ask(engine: Engine, statement: Any) -> list[tuple[Any, ...]]:
    with reading(engine) as session:
        return [tuple(row) for row in session.execute(statement)]


def companies(engine: Engine, *columns: Any) -> list[tuple[Any, ...]]:
    return ask(engine, select(*(columns or (Company.name, Company.siret))).order_by(Company.id))


def addresses(engine: Engine) -> list[tuple[str | None, str | None]]:
    """Give the contacts as (company, address)."""
    return ask(
        engine, select(Company.name, Contact.address).select_from(Contact).outerjoin(Company).order_by(Contact.id)
    )


def number_of(engine: Engine, table: Any) -> int:
    return ask(engine, select(func.count()).select_from(table))[0][0]
