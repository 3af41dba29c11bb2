"""Takes back what one import did, except what a later import, a send or a person has built upon."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from gettext import gettext as _
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Date, Table, delete, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from audiences.bulk import Ids, among
from audiences.database import Base
from audiences.errors import UnknownImport
from audiences.journal import IdSet, Journal
from audiences.models import ChangeAction, Company, Contact, ImportChange, ImportRun, Request, Suppression, Tag
from audiences.values import guess_kind

KEPT_NAMED = 200
"""Rows that are kept are named up to this number, and counted beyond it."""

Dependant = tuple[str, InstrumentedAttribute[Any]]
"""Why a row is kept, and the column that has the ids of such rows."""


class Kept(NamedTuple):
    """A row that stays as it is: its table, what it is called, and why."""

    entity: str
    name: str
    reason: str


@dataclass
class UndoSummary:
    """What taking back an import did: rows deleted and restored by table, and what was kept."""

    run: int
    file: str
    deleted: Counter[str] = field(default_factory=Counter)
    restored: Counter[str] = field(default_factory=Counter)
    lifted: int = 0
    kept: list[Kept] = field(default_factory=list)
    kept_count: int = 0
    oppositions_kept: int = 0


def list_runs(session: Session) -> list[ImportRun]:
    """List the imports, the last one first."""
    return list(session.scalars(select(ImportRun).order_by(ImportRun.id.desc())))


def get_run(session: Session, number: int) -> ImportRun:
    """Find an import that can be taken back; UnknownImport if there is none, or it was."""
    run = session.get(ImportRun, number)
    if run is None:
        raise UnknownImport(_("There is no import {number}. List them: relais audiences imports").format(number=number))
    if run.undone_at is not None:
        raise UnknownImport(
            _("The import {number} ({file}) was taken back already.").format(number=number, file=run.file_name)
        )
    return run


def undo_import(
    session: Session,
    number: int,
    *,
    now: datetime,
    by: str,
    held_by: Sequence[Dependant] = (),
    lift_oppositions: bool = False,
) -> UndoSummary:
    """Take back one import, in the caller's transaction; `by` names who does.

    New rows are deleted, changed values restored to what they were. Kept, and named, is what something else stands
    on: a row that a later import names or changed, a contact whose id stands in a column of `held_by` (those who were
    written to), a company that still has contacts, requests or tags. A value that is no longer what the import wrote
    stays.
    Oppositions that came with the import stay as well: somebody said no, whatever file brought it. With
    `lift_oppositions` they are lifted, and kept as history.
    """
    run = get_run(session, number)
    session.flush()
    undo = _Undo(session.connection(), run, now=now)
    undo.restore()
    undo.delete_rows("request", ())
    undo.delete_rows("tag", ())
    own: list[Dependant] = [(_("it still has a request"), Request.contact_id), (_("it has a tag"), Tag.contact_id)]
    undo.delete_rows("contact", [*held_by, *own])
    still: list[Dependant] = [
        (_("it still has a contact"), Contact.company_id),
        (_("it still has a request"), Request.company_id),
        (_("it has a tag"), Tag.company_id),
    ]
    undo.delete_rows("company", still)
    undo.keep_in_sight()
    undo.settle_oppositions(by if lift_oppositions else None)
    # What it made stays noted, so that no later row gets an id that stood for another.
    noted = ImportChange.action != ChangeAction.CREATED
    session.execute(delete(ImportChange).where(ImportChange.run_id == run.id, noted))
    run.undone_at = now
    session.flush()
    session.expire_all()
    return undo.summary


class _Undo:
    """Works through the journal of one run, table by table."""

    def __init__(self, connection: Connection, run: ImportRun, *, now: datetime) -> None:
        self._connection = connection
        self._run_id = run.id
        self._now = now
        self.summary = UndoSummary(run.id, run.file_name)

    def restore(self) -> None:
        """Give changed rows the values that they had, where they still have those that the run gave them."""
        changes = select(ImportChange.entity, ImportChange.first_id, ImportChange.values).where(
            ImportChange.run_id == self._run_id, ImportChange.action == ChangeAction.CHANGED
        )
        for entity, row_id, values in self._connection.execute(changes.order_by(ImportChange.id.desc())).all():
            self._restore_row(_table(entity), row_id, values or {})

    def _restore_row(self, table: Table, row_id: int, values: dict[str, list[Any]]) -> None:
        found = self._connection.execute(select(table).where(table.c.id == row_id)).mappings().first()
        if found is None:
            return
        changes = {name: tuple(_typed(table, name, value) for value in pair) for name, pair in values.items()}
        back = {name: before for name, (before, after) in changes.items() if found[name] == after}
        if len(back) < len(changes):
            self._keep(table.name, [row_id], _("it was changed again since"))
        if back:
            stamp = {"updated_at": self._now} if "updated_at" in table.c else {}
            self._connection.execute(update(table).where(table.c.id == row_id).values(**back, **stamp))
            self.summary.restored[table.name] += 1

    def delete_rows(self, entity: str, dependants: Iterable[Dependant]) -> None:
        """Delete the rows that the run made, or kept when their own was taken back, unless something refers to them.

        That is another run, or one of the columns.
        """
        table = _table(entity)
        mine, is_back = ImportChange.run_id == self._run_id, ImportRun.undone_at.is_not(None)
        doomed = self._ids(entity, mine, ImportChange.action == ChangeAction.CREATED)
        orphans = self._ids(entity, is_back, ImportChange.action == ChangeAction.CREATED)
        for each in self._ids(entity, mine, ImportChange.action == ChangeAction.SEEN) if orphans else ():
            if each in orphans:
                doomed.add(each)
        others = self._ids(entity, ~mine, ~is_back)
        self._spare(entity, doomed, [each for each in others if each in doomed], _("a later import names it"))
        for reason, column in dependants:
            used: list[int] = []
            for first, last in list(doomed.ranges()):
                query = select(column).where(column.between(first, last)).distinct()
                used += self._connection.scalars(query)
            self._spare(entity, doomed, used, reason)
        for first, last in doomed.ranges():
            result = self._connection.execute(delete(table).where(table.c.id.between(first, last)))
            self.summary.deleted[entity] += result.rowcount

    def keep_in_sight(self) -> None:
        """Give each company that is left without a contact a row without address: what has no contact is counted nowhere.

        It goes with the runs that still name the company, when the last of them is taken back.
        """
        owned = select(Contact.id).where(Contact.company_id == Company.id).exists()
        bare = self._connection.scalars(select(Company.id).where(~owned).order_by(Company.id)).all()
        if not bare:
            return
        ids = Ids(self._connection, _table("contact"))
        made = {company: ids.take() for company in bare}
        kind = guess_kind(None, has_company=True)
        facts = {"kind": kind, "created_at": self._now, "updated_at": self._now}
        rows = [{"id": contact, "company_id": company, **facts} for company, contact in made.items()]
        self._connection.execute(insert(_table("contact")), rows)
        journal = Journal(self._connection, self.summary.run)
        journal.created("contact", made.values())
        journal.flush(is_last=True)
        naming = (ImportChange.entity == "company", ImportRun.undone_at.is_(None), ImportRun.id != self._run_id)
        runs = select(ImportRun.id).join(ImportChange, ImportChange.run_id == ImportRun.id).where(*naming).distinct()
        for run in self._connection.scalars(runs).all():
            named = self._ids("company", ImportChange.run_id == run)
            seen = IdSet()
            for company in bare:
                if company in named:
                    seen.add(made[company])
            journal = Journal(self._connection, run)
            journal.seen("contact", seen)
            journal.flush()

    def settle_oppositions(self, by: str | None) -> None:
        """Lift the suppressions that the run made in the name of `by`; without one, count those that stay."""
        active = Suppression.lifted_at.is_(None)
        made = (ImportChange.run_id == self._run_id, ImportChange.action == ChangeAction.CREATED)
        for first, last in self._ids("suppression", *made).ranges():
            among_them = Suppression.id.between(first, last) & active
            if by is not None:
                why = _("import {number} ({file}) was taken back").format(
                    number=self.summary.run, file=self.summary.file
                )
                lifted = {"lifted_at": self._now, "lifted_by": by, "lifted_why": why}
                result = self._connection.execute(update(Suppression).where(among_them).values(lifted))
                self.summary.lifted += result.rowcount
            else:
                count = self._connection.scalar(select(func.count()).select_from(Suppression).where(among_them))
                self.summary.oppositions_kept += count or 0

    def _spare(self, entity: str, doomed: IdSet, ids: list[int], reason: str) -> None:
        for each in ids:
            doomed.discard(each)
        self._keep(entity, ids, reason)

    def _keep(self, entity: str, ids: list[int], reason: str) -> None:
        self.summary.kept_count += len(ids)
        room = KEPT_NAMED - len(self.summary.kept)
        if ids and room > 0 and entity != "tag":
            key = {"company": Company.id, "contact": Contact.id, "request": Request.id}[entity]
            title = {
                "company": Company.name,
                "contact": func.coalesce(Contact.address, _("a contact without address")),
                "request": func.coalesce(Request.reference, Request.nature),
            }[entity]
            named = select(title).where(among(self._connection, key, ids[:room])).order_by(key)
            self.summary.kept += [Kept(entity, str(name), reason) for name in self._connection.scalars(named)]

    def _ids(self, entity: str, *where: ColumnElement[bool]) -> IdSet:
        """Gather the ids that the journals of runs have, for which the conditions hold."""
        found = IdSet()
        ranges = select(ImportChange.first_id, ImportChange.last_id).join(
            ImportRun, ImportRun.id == ImportChange.run_id
        )
        for first, last in self._connection.execute(ranges.where(ImportChange.entity == entity, *where)):
            found.add_range(first, last)
        return found


def _table(entity: str) -> Table:
    return Base.metadata.tables[entity]


def _typed(table: Table, name: str, value: Any) -> Any:
    return date.fromisoformat(value) if value is not None and isinstance(table.c[name].type, Date) else value
