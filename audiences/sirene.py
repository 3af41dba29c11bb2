"""INSEE's register of establishments, SIRENE: which of its rows the store wants."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from audiences.mapping import ColumnMapping
from audiences.models import Company
from audiences.records import CompanyRecord
from audiences.rows import ParsedRow
from audiences.text import fold

FRESH = timedelta(days=30)
"""How long the diffusion statuses of a file may be gone by: who objects is told to INSEE, not to us (R123-232-1)."""

_TREATED = "datederniertraitementetablissement"
"""When INSEE last touched an establishment, like 2026-10-31T14:41:24: the newest tells the day of a whole register."""


class Register:
    """Tells which establishments of a SIRENE file concern the store: those that it knows, or all with `create`.

    The whole register has 40 million rows: one that is not known is left aside before its cells are read.
    """

    def __init__(self, connection: Connection, mapping: ColumnMapping, *, create: bool) -> None:
        self._create = create
        self._at = mapping.positions["siret"]
        known = select(Company.siret).where(Company.siret.is_not(None))
        treated = [at for at, column in enumerate(mapping.columns) if fold(column.header) == _TREATED]
        self._treated_at = treated[0] if treated else None
        self._newest = ""
        self._known: frozenset[str | None] = frozenset() if create else frozenset(connection.scalars(known))

    def wants(self, cells: Sequence[str]) -> bool:
        """Tell from the raw cells whether the row may concern the store; a faulty SIRET has to be looked at."""
        if self._treated_at is not None and len(cells) > self._treated_at:
            self._newest = max(self._newest, cells[self._treated_at])
        if self._create:
            return True
        text = cells[self._at].strip() if len(cells) > self._at else ""
        return text in self._known or len(text) != 14 or not text.isdigit()

    def day_of(self, file: Path) -> date:
        """Give the day that the rows of the file tell of: the newest that INSEE wrote, else that of the file itself."""
        try:
            return date.fromisoformat(self._newest[:10])
        except ValueError:
            return datetime.fromtimestamp(file.stat().st_mtime, UTC).date()

    def takes(self, row: ParsedRow, company: CompanyRecord | None) -> bool:
        """Tell whether the row completes a company that is known by its SIRET, or adds one that is not closed."""
        if company is not None and company.siret == row.siret:
            return True
        return self._create and not row.is_closed
