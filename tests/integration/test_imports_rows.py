"""Whatever a sheet holds: each of its rows is accepted or rejected with a reason, and a second import changes nothing."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from audiences.columns import FIELDS, SheetKind
from audiences.imports import import_sheet
from audiences.models import (
    Company,
    Contact,
    Request,
    Suppression,
    Tag,
)
from campaigns.settings import Settings
from tests.factories import NOW

CUA, CALL = "200033579", "246200364"
SIRET, OTHER_SIRET = "90000001900019", "90000001900027"
LATER = NOW + timedelta(days=1)

NAMES = st.sampled_from(["", "Café", "CAFE", "Garage Dubois", "Bar\nTabac", "=SUM(A1)", "Œuvre; d'art"])
CELLS = {
    "siret": st.sampled_from(["", SIRET, OTHER_SIRET, "90000001900018", "0"]),
    "name": NAMES,
    "naf": st.sampled_from(["", "56.30Z", "5630z", "99", "x"]),
    "headcount": st.sampled_from(["", "3", "10 à 19", "999999999999", "?"]),
    "postcode": st.sampled_from(["", "62000", "62300", "1000", "99999", "ABC"]),
    "commune": st.sampled_from(["", "Arras", "LENS", "Atlantide"]),
    "diffusion": st.sampled_from(["", "O", "P", "?"]),
    "address": st.sampled_from(["", "a@example.org", "A@EXAMPLE.ORG", "b@example.org", "contact@example.org", "a@@b"]),
    "given_name": st.sampled_from(["", "Anne", "Zoé"]),
    "kind": st.sampled_from(["", "particulier", "ami"]),
    "tags": st.sampled_from(["", "vip", "vip, export"]),
    "opposed": st.sampled_from(["", "oui", "non", "bof"]),
    "reference": st.sampled_from(["", "1", "2"]),
    "received_on": st.sampled_from(["17/03/2020", "2020-03-18", "43920", "", "hier"]),
    "channel": st.sampled_from(["Appel CCI", "appel cci", "", "Pigeon"]),
    "nature": st.sampled_from(["Autre", "chomage", ""]),
}


@st.composite
def sheets(draw: st.DrawFn, kind: str) -> list[list[str]]:
    """Draw a table with most columns of its kind, and rows some of which are faulty."""
    fields = FIELDS[SheetKind(kind)]
    needed = ["received_on", "channel", "nature", "name"] if kind == "requests" else ["address"]
    others = draw(
        st.lists(st.sampled_from([name for name in CELLS if name in fields and name not in needed]), unique=True)
    )
    columns = draw(st.permutations([*needed, *others]))
    rows = draw(st.lists(st.tuples(*(CELLS[name] for name in columns)), max_size=12))
    return [[fields[name][0] for name in columns], *(list(row) for row in rows)]


@pytest.mark.parametrize("kind", ["contacts", "requests"])
@given(data=st.data(), keep_invalid=st.booleans())
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_row_is_lost_and_importing_twice_changes_nothing(
    sqlite_engine: Engine, settings: Settings, tmp_path: Path, kind: str, data: st.DataObject, keep_invalid: bool
):
    table = data.draw(sheets(kind))
    path = tmp_path / f"{kind}.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for at, cells in enumerate(table):
            for column, cell in enumerate(cells):
                sheet.write_string(at, column, cell)

    with Session(sqlite_engine) as session:  # never committed: each example begins with an empty store
        first = import_into(session, path, kind, settings, keep_invalid=keep_invalid)
        rejected = {found.row for found in first.rejections}
        assert rejected <= set(range(2, len(table) + 1))
        assert all(found.reason for found in first.rejections)
        filled = sum(any(row) for row in table[1:])
        assert first.created + first.changed + first.unchanged + len(rejected) == first.rows == filled
        before = everything(session)

        second = import_into(session, path, kind, settings, keep_invalid=keep_invalid, now=LATER)
        assert (second.created, second.changed, second.unchanged) == (0, 0, filled - len(rejected))
        assert second.rejections == first.rejections
        assert everything(session) == before


def import_into(
    session: Session, path: Path, kind: str, settings: Settings, now: datetime = NOW, **options: Any
) -> Any:
    return import_sheet(
        session,
        path,
        SheetKind(kind),
        territory=settings.places,
        natures=settings.natures,
        channels=settings.channels,
        now=now,
        skip_rejected=True,
        **options,
    )


def everything(session: Session) -> list[list[tuple[Any, ...]]]:
    session.flush()
    tables = (Company, Contact, Request, Suppression, Tag)
    return [[tuple(row) for row in session.execute(select(*table.__table__.c).order_by(table.id))] for table in tables]
