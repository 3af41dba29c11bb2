"""What an audience was when its campaign was scheduled, and who came and went since."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from audiences.database import reading, writing
from audiences.models import Company, Contact, SuppressionReason
from audiences.suppressions import suppress
from campaigns.lifecycle import cancel, get_campaign, schedule
from campaigns.models import AudienceSnapshot, Campaign
from campaigns.settings import Settings
from campaigns.snapshots import (
    GONE,
    NOT_MATCHED,
    Change,
    Changes,
    changes_of,
    forget_audience,
    keep_audience,
    list_changes,
    pack,
    unpack,
)
from tests.factories import NOW, Factory
from tests.mailings import draft, launch

LATER = NOW + timedelta(days=2)


@given(st.sets(st.integers(1, 2**40)))
def test_packed_ids_come_back_in_their_order(ids: set[int]):
    assert list(unpack(pack(sorted(ids)))) == sorted(ids)


def test_a_million_ids_take_little_room():
    assert len(pack(range(1, 1_000_001))) < 5_000
    assert len(pack(range(3, 10_000_000, 7))) < 10_000


def scheduled(session: Session, settings: Settings, query: str = "commune:Arras") -> Campaign:
    campaign = draft(session, "info", query)
    schedule(campaign, NOW + timedelta(days=3), {})
    keep_audience(session, campaign, settings, now=NOW)
    return campaign


def changed(session: Session, settings: Settings) -> tuple[Changes | None, list[Change]]:
    campaign = get_campaign(session, "info")
    counts = changes_of(session, campaign, settings, now=LATER)
    return counts, list(list_changes(session, campaign, settings, now=LATER))


def test_who_came_and_went_and_why(engine: Engine, factory: Factory, settings: Settings):
    arras = factory.company("Alpha")
    stays = factory.contact("stays@example.org", factory.company("Stays"))
    leaves = factory.contact("leaves@example.org", factory.company("Leaves"))
    opposes = factory.contact("opposes@example.org", arras)
    vanishes = factory.contact("vanishes@example.org", factory.company("Vanishes"))
    mended = factory.contact("mended@@", factory.company("Mended"), is_usable=False)
    with writing(engine) as session:
        scheduled(session, settings)
    with reading(engine) as session:
        kept = dict(session.execute(select(AudienceSnapshot.reason, AudienceSnapshot.contacts)).all())
        assert kept == {"": 4, "invalid": 1}
        assert changed(session, settings) == (Changes(NOW, 0, 0), [])

    comes = factory.contact("comes@example.org", factory.company("Comes"))
    with writing(engine) as session:
        session.execute(update(Company).where(Company.name == "Leaves").values(commune_name="Lens"))
        suppress(session, "opposes@example.org", SuppressionReason.UNSUBSCRIBED, evidence="a letter", now=NOW)
        session.execute(delete(Contact).where(Contact.id == vanishes))
        repaired = {"address": "mended@example.org", "address_key": "mended@example.org"}
        session.execute(update(Contact).where(Contact.id == mended).values(repaired))
    expected = [
        Change(leaves, "leaves@example.org", "Leaves", None, NOT_MATCHED),
        Change(opposes, "opposes@example.org", "Alpha", None, "opposed"),
        Change(vanishes, None, None, None, GONE),
        Change(mended, "mended@example.org", "Mended", "invalid", None),
        Change(comes, "comes@example.org", "Comes", NOT_MATCHED, None),
    ]
    with reading(engine) as session:
        assert changed(session, settings) == (Changes(NOW, 2, 3), expected)

    with writing(engine) as session:
        launch(session, get_campaign(session, "info"), settings, now=LATER)
    late = factory.contact("late@example.org", factory.company("Late"))
    with reading(engine) as session:  # after the launch it says what the launch did, not what is true today
        counts, found = changed(session, settings)
        assert counts == Changes(NOW, 2, 3)
        assert {each.contact_id for each in found}.isdisjoint({late, stays})
        assert found == expected


def test_a_campaign_that_is_not_scheduled_has_nothing_to_compare_with(
    engine: Engine, factory: Factory, settings: Settings
):
    factory.contact("a@example.org", factory.company())
    with writing(engine) as session:
        campaign = scheduled(session, settings)
        forget_audience(session, campaign)
        assert changes_of(session, campaign, settings, now=LATER) is None


def test_a_campaign_that_was_given_up_has_nothing_to_compare_with(engine: Engine, factory: Factory, settings: Settings):
    factory.contact("a@example.org", factory.company())
    with writing(engine) as session:
        campaign = scheduled(session, settings)
        cancel(session, campaign, now=LATER)
        assert changes_of(session, campaign, settings, now=LATER) is None


def test_scheduling_again_keeps_the_newer_audience(engine: Engine, factory: Factory, settings: Settings):
    factory.contact("a@example.org", factory.company())
    with writing(engine) as session:
        scheduled(session, settings)
    factory.contact("b@example.org", factory.company())
    with writing(engine) as session:
        keep_audience(session, get_campaign(session, "info"), settings, now=LATER)
    with reading(engine) as session:
        assert changed(session, settings) == (Changes(LATER, 0, 0), [])


def test_an_audience_that_was_empty_fills(engine: Engine, factory: Factory, settings: Settings):
    with writing(engine) as session:
        scheduled(session, settings, "*:*")
    factory.contact("a@example.org")
    with reading(engine) as session:
        assert changed(session, settings)[0] == Changes(NOW, 1, 0)
