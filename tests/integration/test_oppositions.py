"""The opposition list of a former tool: whatever it looks like, who is on it is written to no more."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from audiences.database import reading, writing
from audiences.errors import AudienceError, MissingColumn
from audiences.imports import CHUNK, RejectedRows
from audiences.models import Suppression, SuppressionReason, SuppressionScope
from audiences.oppositions import WRITTEN_REASONS, OppositionSummary, import_oppositions, read_reason
from audiences.suppressions import find_suppressed, lift, suppress
from tests.acceptance.paperwork import write_workbook

ALL, MARKETING = SuppressionScope.ALL, SuppressionScope.MARKETING
R = SuppressionReason
PARIS = ZoneInfo("Europe/Paris")
LIST = """\
Adresse;Motif;Date;Périmètre
Jean@Example.org;Désabonné;12/03/2019;
marie@exämple.test;Plainte Orange;2020-02-01;marketing
"""


@pytest.fixture
def take(engine: Engine, now: datetime, tmp_path: Path) -> Callable[..., OppositionSummary]:
    def take(
        content: str | Path, *, encoding: str = "utf-8", reason: R = R.UNSUBSCRIBED, scope: SuppressionScope = ALL,
        **options: Any,
    ) -> OppositionSummary:  # fmt: skip
        path = content if isinstance(content, Path) else tmp_path / "oppositions.csv"
        if isinstance(content, str):
            path.write_bytes(content.encode(encoding))
        with writing(engine) as session:
            return import_oppositions(session, path, reason=reason, scope=scope, now=now, zone=PARIS, **options)

    return take


def rows(engine: Engine) -> list[Suppression]:
    with reading(engine) as session:
        found = list(session.scalars(select(Suppression).order_by(Suppression.id)))
        session.expunge_all()
        return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_a_list_in_the_spelling_of_any_program(
    engine: Engine, take: Callable[..., OppositionSummary], encoding: str, delimiter: str
):
    found = take(LIST.replace(";", delimiter), encoding=encoding)
    assert (found.rows, found.added, found.known, found.rejections, found.remarks) == (2, 2, 0, [], [])
    jean, marie = rows(engine)
    assert (jean.address_key, jean.reason, jean.scope) == ("jean@example.org", R.UNSUBSCRIBED, ALL)
    assert jean.created_at == datetime(2019, 3, 11, 23, tzinfo=UTC)
    assert jean.evidence == "oppositions.csv, row 2: Désabonné – 12/03/2019"
    assert (marie.address_key, marie.reason, marie.scope) == ("marie@xn--exmple-cua.test", R.COMPLAINT, MARKETING)


def test_a_workbook(engine: Engine, take: Callable[..., OppositionSummary], tmp_path: Path):
    path = tmp_path / "liste.xlsx"
    write_workbook(path, ["Courriel", "Nom"], [["a@example.org", "A"], ["A@EXAMPLE.ORG", "A"], ["b@example.org", "B"]])
    found = take(path, reason=R.MANUAL, scope=MARKETING)
    assert (found.added, found.known, found.ignored_columns) == (2, 1, ("Nom",))
    assert {(row.address_key, row.reason, row.scope) for row in rows(engine)} == {
        ("a@example.org", R.MANUAL, MARKETING),
        ("b@example.org", R.MANUAL, MARKETING),
    }


def test_a_second_import_finds_all_there_and_a_wider_one_widens(engine: Engine, take: Callable[..., OppositionSummary]):
    take("Email\na@example.org\nb@example.org\n", scope=MARKETING)
    again = take("Email\na@example.org\nb@example.org\n", scope=MARKETING)
    assert (again.added, again.known, again.widened) == (0, 2, 0)
    wider = take("Email\na@example.org\n")
    assert (wider.added, wider.known, wider.widened) == (1, 0, 1)
    narrower = take("Email\na@example.org\n", scope=MARKETING)
    assert (narrower.added, narrower.known) == (0, 1)
    with reading(engine) as session:
        keys = ["a@example.org", "b@example.org"]
        assert find_suppressed(session, keys, is_marketing=False) == {"a@example.org": R.UNSUBSCRIBED}
        assert find_suppressed(session, keys, is_marketing=True).keys() == set(keys)
    assert [row.lifted_at for row in rows(engine)] == [None] * 3


def test_who_was_lifted_and_opposes_again_is_on_the_list_again(
    engine: Engine, take: Callable[..., OppositionSummary], now: datetime
):
    with writing(engine) as session:
        suppress(session, "a@example.org", R.UNSUBSCRIBED, evidence="a mail", now=now)
        session.flush()
        lift(session, "a@example.org", why="a call", by="camille", now=now)
    assert take("Email\na@example.org\n").added == 1
    assert [row.lifted_by for row in rows(engine)] == ["camille", None]


def test_a_row_without_a_good_address_stops_the_import_and_is_named(
    engine: Engine, take: Callable[..., OppositionSummary]
):
    text = "Email;Motif\na@example.org;\npas une adresse;spam\n;stop\n"
    with pytest.raises(RejectedRows, match=r"2 row\(s\) rejected") as caught:
        take(text)
    assert [(each.row, each.column, each.value) for each in caught.value.rejections] == [
        (3, "Email", "pas une adresse"),
        (4, "Email", ""),
    ]
    assert rows(engine) == []
    found = take(text, is_dry_run=True)
    assert (found.added, len(found.rejections), rows(engine)) == (1, 2, [])
    assert take(text, skip_rejected=True).added == 1
    assert [row.address_key for row in rows(engine)] == ["a@example.org"]


def test_a_dry_run_counts_what_the_import_then_does(engine: Engine, take: Callable[..., OppositionSummary]):
    text = "Email\n" + "".join(f"m{number % (CHUNK + 7)}@example.org\n" for number in range(2 * CHUNK))
    tried = take(text, is_dry_run=True)
    assert rows(engine) == []
    done = take(text)
    assert (tried.added, tried.known) == (done.added, done.known) == (CHUNK + 7, CHUNK - 7)
    assert len(rows(engine)) == CHUNK + 7


@pytest.mark.parametrize("date", ["45/02/2020", "hier", "01/01/2031", "0001-01-01"])
@pytest.mark.parametrize("scope", ["", "les vœux"])
def test_an_opposition_holds_though_its_date_or_scope_cannot_be_read(
    engine: Engine, take: Callable[..., OppositionSummary], now: datetime, date: str, scope: str
):
    found = take(f"Email;Date;Périmètre\na@example.org;{date};{scope}\n", scope=MARKETING)
    [row] = rows(engine)
    assert (row.scope, date in row.evidence) == (ALL if scope else MARKETING, True)
    assert row.created_at == now or date == "0001-01-01"
    assert {each.column for each in found.remarks} >= ({"Périmètre"} if scope else set())
    assert found.added == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Désabonné(e)", R.UNSUBSCRIBED),
        ("désinscription", R.UNSUBSCRIBED),
        ("Unsubscribed", R.UNSUBSCRIBED),
        ("STOP", R.UNSUBSCRIBED),
        ("Opposition art. 21", R.UNSUBSCRIBED),
        ("Hard bounce", R.HARD_BOUNCE),
        ("hard_bounce", R.HARD_BOUNCE),
        ("NPAI", R.HARD_BOUNCE),
        ("adresse invalide", R.HARD_BOUNCE),
        ("Plainte", R.COMPLAINT),
        ("marqué comme spam", R.COMPLAINT),
        ("Ajout manuel", R.MANUAL),
        ("droit à l’oubli", R.ERASED),
        ("erased", R.ERASED),
        ("ne souhaite rien", None),
        ("", None),
    ],
)
def test_the_words_of_former_tools(text: str, reason: R | None):
    assert read_reason(text) is reason


def test_a_sheet_without_addresses_is_told(take: Callable[..., OppositionSummary]):
    with pytest.raises(MissingColumn, match="lacks a column: “Email”"):
        take("Motif;Date\nspam;12/03/2019\n")


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["a@example.org", "B@example.org", "x", ""]), CELL, CELL, CELL), max_size=5))
def test_whatever_stands_in_the_cells_every_row_is_accounted_for(
    sqlite_engine: Engine, now: datetime, tmp_path: Path, lines: list[tuple[str, ...]]
):
    path = tmp_path / "oppositions.xlsx"
    path.unlink(missing_ok=True)
    write_workbook(path, ["Email", "Motif", "Date", "Périmètre"], lines)
    with reading(sqlite_engine) as session:
        try:
            found = import_oppositions(
                session, path, reason=R.UNSUBSCRIBED, scope=ALL, now=now, zone=PARIS, is_dry_run=True
            )
        except AudienceError:
            return
    assert found.added + found.known + len(found.rejections) == found.rows
    assert found.added <= 2 * len(R) * len(ALL)


def test_the_words_of_a_list_that_was_written_are_read_back():
    assert {read_reason(word) for word in WRITTEN_REASONS.values()} == set(SuppressionReason)
    assert all(read_reason(word) is reason for reason, word in WRITTEN_REASONS.items())
