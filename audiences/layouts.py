"""The layouts of sheets that were imported before: what each column was confirmed to be, remembered by its headers."""

from collections.abc import Sequence
from datetime import datetime
from gettext import gettext as _

from sqlalchemy import select
from sqlalchemy.orm import Session

from audiences.columns import SheetKind
from audiences.errors import UnknownImport
from audiences.mapping import ColumnMapping, layout_hash
from audiences.models import ImportLayout
from audiences.text import fold


def find_layout(session: Session, headers: Sequence[str]) -> ImportLayout | None:
    """Find the layout that has these headers, in any order."""
    return session.scalar(select(ImportLayout).where(ImportLayout.headers_hash == layout_hash(headers)))


def known_hashes(session: Session) -> frozenset[str]:
    """Give the hashes of all layouts, to find a header row by."""
    return frozenset(session.scalars(select(ImportLayout.headers_hash)))


def columns_of(layout: ImportLayout) -> dict[str, str | None]:
    """Give what a layout says of its columns: folded header -> field, None for one that is not read."""
    return {fold(header): field for header, field in layout.columns.items()}


def remember(session: Session, mapping: ColumnMapping, file_name: str, *, now: datetime) -> None:
    """Keep what the columns of this layout are, for the next file that has it."""
    headers = [each.header for each in mapping.columns]
    used = {at: field for field, at in mapping.positions.items()}
    columns = {each.header: used.get(at) for at, each in enumerate(mapping.columns) if each.header}
    layout = find_layout(session, headers)
    if layout is None:
        layout = ImportLayout(headers_hash=layout_hash(headers), created_at=now)
        session.add(layout)
    layout.kind, layout.columns, layout.file_name, layout.used_at = mapping.kind, columns, file_name, now
    session.flush()


def list_layouts(session: Session) -> list[ImportLayout]:
    """List the layouts, the one used last first."""
    return list(session.scalars(select(ImportLayout).order_by(ImportLayout.used_at.desc(), ImportLayout.id.desc())))


def forget_layout(session: Session, number: int) -> ImportLayout:
    """Forget a layout: its columns are guessed anew next time; UnknownImport if there is none of this number."""
    layout = session.get(ImportLayout, number)
    if layout is None:
        raise UnknownImport(_("There is no layout {number}. List them: relais audiences layouts").format(number=number))
    session.delete(layout)
    return layout


def kind_of(layout: ImportLayout | None) -> SheetKind | None:
    """Give the kind that sheets of this layout were imported as."""
    return None if layout is None else SheetKind(layout.kind)
