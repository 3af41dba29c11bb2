"""Taking an import back: the store is as before, but for what something else stands on."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import Engine, select

from audiences.columns import SheetKind
from audiences.database import writing
from audiences.errors import UnknownImport
from audiences.models import Company, Contact, ImportChange, ImportRun, Request, Suppression, Tag
from audiences.suppressions import find_suppressed
from audiences.undo import Kept, UndoSummary, undo_import
from campaigns.models import Campaign
from campaigns.settings import Settings
from sends.models import Delivery, Exclusion
from tests.factories import NOW, Factory, dump
from tests.store import addresses, ask, companies, number_of

LATER = NOW + timedelta(days=1)
SIRET = "90000001900019"
CONTACTS = f"""
    Entreprise;SIRET;Effectif;Commune;Courriel;Prénom;Étiquettes;Opposition
    Café;{SIRET};3;Arras;a@example.org;Anne;vip;
    Garage;;;Lens;b@example.org;;;oui
    ;;;;c@example.org;Zoé;projet;
"""
REQUESTS = """
    N°;Date;Canal;Nature;Entreprise;Courriel
    1;17/03/2020;Appel CCI;Autre;Café;
    2;18/03/2020;Appel CCI;Autre;Bar;d@example.org
"""
HELD = [("it was written to", Delivery.contact_id), ("it was left out", Exclusion.contact_id)]


@pytest.fixture
def undo(engine: Engine) -> Callable[..., UndoSummary]:
    def undo(run: int, *, lift_oppositions: bool = False) -> UndoSummary:
        with writing(engine) as session:
            return undo_import(session, run, now=LATER, by="zoe", held_by=HELD, lift_oppositions=lift_oppositions)

    return undo


def facts(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Give all that the store says, without the stamps of the last change."""
    with writing(engine) as session:
        return {
            model.__tablename__: [
                tuple(row)
                for row in session.execute(
                    select(*[each for each in model.__table__.c if each.name != "updated_at"]).order_by(model.id)
                )
            ]
            for model in (Company, Contact, Request, Tag)
        }


def test_an_import_into_an_empty_store_leaves_nothing_but_its_oppositions(
    engine: Engine, factory: Factory, undo: Callable[..., UndoSummary]
):
    factory.import_csv(CONTACTS)
    summary = undo(1)
    assert summary.deleted == {"company": 2, "contact": 3, "tag": 2}
    assert (summary.kept, summary.oppositions_kept, summary.lifted) == ([], 1, 0)
    assert {name: len(rows) for name, rows in facts(engine).items()} == dict.fromkeys(facts(engine), 0)
    assert {action for (action,) in ask(engine, select(ImportChange.action))} == {"created"}
    assert ask(engine, select(ImportRun.undone_at)) == [(LATER,)]
    assert find_suppressed_now(engine, "b@example.org")


def find_suppressed_now(engine: Engine, key: str) -> bool:
    with writing(engine) as session:
        return bool(find_suppressed(session, [key], is_marketing=False))


def test_oppositions_are_lifted_only_when_asked_and_stay_as_history(
    engine: Engine, factory: Factory, undo: Callable[..., UndoSummary]
):
    factory.import_csv(CONTACTS)
    assert undo(1, lift_oppositions=True).lifted == 1
    assert not find_suppressed_now(engine, "b@example.org")
    [(at, by, why)] = ask(engine, select(Suppression.lifted_at, Suppression.lifted_by, Suppression.lifted_why))
    assert (at, by) == (LATER, "zoe")
    assert why.startswith("import 1 (")


def test_the_last_of_several_imports_comes_back_to_the_store_before_it(
    engine: Engine, factory: Factory, undo: Callable[..., UndoSummary]
):
    factory.import_csv(CONTACTS)
    factory.import_csv(REQUESTS, "requests")
    before = facts(engine)
    factory.import_csv(
        f"""
        Entreprise;SIRET;NAF;Effectif;Commune;Courriel;Prénom;Étiquettes
        Café de la Gare;{SIRET};56.30Z;9;Lens;a@example.org;Anna;vip, export
        Nouvelle;;;;Arras;n@example.org;;
        Garage;;;;Lens;b2@example.org;;
        """
    )
    factory.import_csv(
        REQUESTS.replace("Autre;Bar", "Chômage;Bar") + "    3;19/03/2020;Appel CCI;Autre;Café;\n", "requests"
    )
    assert facts(engine) != before
    assert undo(4).restored == {"request": 1}
    summary = undo(3)
    assert summary.restored == {"company": 1, "contact": 1}
    assert summary.deleted == {"company": 1, "contact": 2, "tag": 1}
    assert facts(engine) == before


def test_importing_again_after_an_undo_is_as_the_first_time(
    engine: Engine, factory: Factory, undo: Callable[..., UndoSummary]
):
    first = factory.import_csv(CONTACTS)
    undo(1)
    again = factory.import_csv(CONTACTS)
    assert (again.created, again.new["company"], again.new["suppression"]) == (first.created, 2, 0)
    assert undo(2).deleted == {"company": 2, "contact": 3, "tag": 2}


def test_no_later_row_has_an_id_that_stood_for_another(
    engine: Engine, factory: Factory, undo: Callable[..., UndoSummary]
):
    """An audience that was kept of before names contacts by their ids: it must not mean other people now."""
    factory.import_csv(CONTACTS)
    before = {model: {row[0] for row in ask(engine, select(model.id))} for model in (Company, Contact, Tag)}
    undo(1)
    factory.import_csv(CONTACTS.replace("@example.org", "@example.com"))
    for model, ids in before.items():
        after = {row[0] for row in ask(engine, select(model.id))}
        assert len(after) == len(ids)
        assert not after & ids
    assert undo(2).deleted == {"company": 2, "contact": 3, "tag": 2}


PLAIN = """
    N°;Date;Canal;Nature;Entreprise
    1;17/03/2020;Appel CCI;Autre;Café
"""


def test_a_company_that_stays_is_counted_though_its_contacts_go(
    engine: Engine, factory: Factory, undo: Callable[..., UndoSummary]
):
    factory.import_csv(CONTACTS)
    factory.import_csv(PLAIN, "requests")
    factory.import_csv(PLAIN, "requests")
    assert undo(1).deleted["contact"] == 3
    assert addresses(engine) == [("Café", None)]
    before = facts(engine)
    again = factory.import_csv(PLAIN, "requests")
    assert (again.created, again.changed, again.unchanged) == (0, 0, 1)
    assert facts(engine) == before
    undo(2)
    undo(4)
    assert addresses(engine) == [("Café", None)]
    undo(3)
    assert addresses(engine) == companies(engine) == []


@pytest.mark.parametrize("requests", [REQUESTS, PLAIN], ids=["with-people", "without"])
@pytest.mark.parametrize("order", list(permutations([1, 2, 3])), ids=lambda order: "".join(map(str, order)))
def test_imports_that_overlap_leave_nothing_in_whatever_order_they_are_taken_back(
    sqlite_engine: Engine, factory: Factory, order: Sequence[int], requests: str
):
    factory.import_csv(CONTACTS)
    factory.import_csv(requests, "requests")
    factory.import_csv(f"SIRET;Courriel;Prénom;Étiquettes\n{SIRET};a@example.org;Anna;vip\n;d@example.org;Dora;\n")
    for run in order:
        with writing(sqlite_engine) as session:
            undo_import(session, run, now=LATER, by="zoe", held_by=HELD)
    assert {name: len(rows) for name, rows in facts(sqlite_engine).items()} == dict.fromkeys(facts(sqlite_engine), 0)


class TestWhatStays:
    """Rows that something else stands on are kept, and named."""

    def test_what_a_later_import_names(self, engine: Engine, factory: Factory, undo: Callable[..., UndoSummary]):
        factory.import_csv(CONTACTS)
        factory.import_csv("Entreprise;Courriel\nCafé;a@example.org\n")
        summary = undo(1)
        assert summary.kept == [
            Kept("contact", "a@example.org", "a later import names it"),
            Kept("company", "Café", "a later import names it"),
        ]
        assert addresses(engine) == [("Café", "a@example.org")]
        last = undo(2)  # nothing stands on them any more
        assert (last.kept, last.deleted) == ([], {"contact": 1, "company": 1})
        assert addresses(engine) == []

    def test_a_company_that_has_asked_since(self, engine: Engine, factory: Factory, undo: Callable[..., UndoSummary]):
        factory.import_csv(CONTACTS)
        factory.import_csv(REQUESTS, "requests")
        assert Kept("company", "Café", "a later import names it") in undo(1).kept
        assert ("Café", SIRET) in companies(engine)
        assert number_of(engine, Request) == 2

    def test_a_value_that_was_changed_again(self, engine: Engine, factory: Factory, undo: Callable[..., UndoSummary]):
        row = "SIRET;Effectif;NAF;Courriel\n{};{};{};a@example.org\n"
        factory.import_csv(row.format(SIRET, 3, "56.30Z"))
        factory.import_csv(row.format(SIRET, 5, "56.10A"))
        factory.import_csv(row.format(SIRET, 7, "56.10A"))
        summary = undo(2)
        assert summary.kept == [Kept("company", SIRET, "it was changed again since")]
        assert companies(engine, Company.headcount_min, Company.naf_code) == [(7, "56.30Z")]

    def test_a_contact_that_was_written_to_or_left_out(
        self, engine: Engine, factory: Factory, undo: Callable[..., UndoSummary]
    ):
        factory.import_csv(CONTACTS)
        with writing(engine) as session:
            campaign = make_campaign()
            session.add(campaign)
            session.flush()
            found = {each.address_key: each.id for each in session.scalars(select(Contact))}
            session.add(
                Delivery(
                    campaign_id=campaign.id, contact_id=found["a@example.org"], address="a@example.org",
                    address_key="a@example.org", status="sent", not_before=NOW, planned_at=NOW, updated_at=NOW,
                )
            )  # fmt: skip
            session.add(Exclusion(campaign_id=campaign.id, contact_id=found["b@example.org"], rule="opposed"))
        summary = undo(1)
        assert summary.kept == [
            Kept("contact", "a@example.org", "it was written to"),
            Kept("contact", "b@example.org", "it was left out"),
            Kept("company", "Café", "it still has a contact"),
            Kept("company", "Garage", "it still has a contact"),
        ]
        assert addresses(engine) == [("Café", "a@example.org"), ("Garage", "b@example.org")]


def make_campaign() -> Campaign:
    from audiences.models import Audience

    audience = Audience(slug="tous", query="*:*", created_at=NOW, updated_at=NOW)
    return Campaign(
        slug="info", name="Info", status="draft", purpose="public_information", audience=audience, template="fonds",
        variables={}, attachments={}, created_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("run", [0, 2], ids=["never", "not-yet"])
def test_an_import_that_is_not_there(sqlite_engine: Engine, factory: Factory, run: int):
    factory.import_csv(CONTACTS)
    with writing(sqlite_engine) as session, pytest.raises(UnknownImport, match="List them: relais audiences imports"):
        undo_import(session, run, now=LATER, by="zoe")


def test_an_import_is_taken_back_once(sqlite_engine: Engine, factory: Factory):
    factory.import_csv(CONTACTS)
    with writing(sqlite_engine) as session:
        undo_import(session, 1, now=LATER, by="zoe")
        with pytest.raises(UnknownImport, match=r"1 \(contacts.csv\) was taken back already"):
            undo_import(session, 1, now=LATER, by="zoe")


def test_the_journal_is_compact(sqlite_engine: Engine, factory: Factory):
    rows = "\n".join(f"Entreprise {n};a{n}@example.org" for n in range(5_000))
    factory.import_csv(f"Entreprise;Courriel\n{rows}\n")
    factory.import_csv(f"Entreprise;Courriel\n{rows}\n")
    assert number_of(sqlite_engine, ImportChange) == 4  # a range each of companies and of contacts: made, and seen


def test_a_rehearsal_writes_nothing(sqlite_engine: Engine, factory: Factory, settings: Settings):
    from audiences.imports import import_sheet

    before = dump(sqlite_engine, without=())
    with writing(sqlite_engine) as session:
        summary = import_sheet(
            session, factory.csv(CONTACTS), SheetKind.CONTACTS, territory=settings.places, natures=settings.natures,
            channels=settings.channels, now=NOW,
        )  # fmt: skip
        session.rollback()
    assert summary.created == 3
    assert dump(sqlite_engine, without=()) == before
