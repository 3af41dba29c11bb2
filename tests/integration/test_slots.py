"""Connections that are counted over all workers: never more than the limit, and none lost with a dead worker."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, select

from audiences.database import open_engine, reading, writing_rows
from sends.flights import Progress
from sends.models import ConnectionSlot
from sends.slots import SLOT_LEASE, SLOT_PAUSE, Slots
from sends.states import DeliveryStatus
from tests.factories import Clock, Factory
from tests.outfit import ONCE, Outfit, once, received
from tests.smtpd import Script, SmtpServer

KEY = "relay"
SECOND = timedelta(seconds=1)


class Holders:
    """Workers that lease slots of one key, of which there are three."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.one, self.two = Slots("one"), Slots("two")

    def lease(self, slots: Slots, wanted: int) -> int:
        with writing_rows(self.engine) as rows:
            return slots.lease(rows, KEY, limit=3, wanted=wanted, now=self.clock())

    def renew(self, slots: Slots) -> int:
        with writing_rows(self.engine) as rows:
            slots.renew(rows, now=self.clock())
        return slots.held(KEY)

    def give_back(self, slots: Slots) -> None:
        with writing_rows(self.engine) as rows:
            slots.give_back(rows)

    def rows(self) -> list[tuple[int, str]]:
        with reading(self.engine) as session:
            found = select(ConnectionSlot.number, ConnectionSlot.owner).order_by(ConnectionSlot.number)
            return [(number, owner) for number, owner in session.execute(found)]


@pytest.fixture
def holders(engine: Engine, clock: Clock) -> Iterator[Holders]:
    return Holders(engine, clock)


def test_two_workers_share_what_there_is(holders: Holders) -> None:
    assert holders.lease(holders.one, 2) == 2
    assert holders.lease(holders.two, 2) == 1
    assert holders.rows() == [(0, "one"), (1, "one"), (2, "two")]
    holders.give_back(holders.one)
    assert holders.lease(holders.two, 3) == 1, "it was refused a moment ago and does not ask yet"
    holders.clock.advance(SLOT_PAUSE)
    assert holders.lease(holders.two, 3) == 3


def test_nobody_gets_more_than_there_is(holders: Holders) -> None:
    assert holders.lease(holders.one, 9) == 3
    assert holders.lease(holders.two, 1) == 0


def test_the_slots_of_a_dead_worker_are_free_when_its_lease_lapses(holders: Holders) -> None:
    holders.lease(holders.one, 3)
    holders.clock.advance(SLOT_LEASE - SECOND)
    assert holders.lease(holders.two, 2) == 0
    holders.clock.advance(SLOT_PAUSE)
    assert holders.lease(holders.two, 2) == 2
    assert holders.renew(holders.one) == 1, "it was not dead: it has what nobody took"


def test_a_lease_that_is_renewed_does_not_lapse(holders: Holders) -> None:
    holders.lease(holders.one, 3)
    for _ in range(5):
        holders.clock.advance(SLOT_LEASE / 2)
        assert holders.renew(holders.one) == 3
    assert holders.lease(holders.two, 1) == 0


def test_a_clock_that_was_set_back_does_not_keep_slots_for_hours(holders: Holders) -> None:
    holders.lease(holders.one, 3)
    holders.clock.advance(timedelta(hours=-5))
    assert holders.lease(holders.two, 3) == 3


def test_workers_at_the_same_moment_never_exceed_the_limit(engine: Engine, clock: Clock) -> None:
    count = 4
    barrier = Barrier(count)

    def work(number: int) -> int:
        own = open_engine(engine.url.render_as_string(hide_password=False))
        slots = Slots(str(number))
        barrier.wait(timeout=30)
        for turn in range(5):
            with writing_rows(own) as rows:
                slots.lease(rows, KEY, limit=3, wanted=2, now=clock() + turn * SLOT_PAUSE)
        own.dispose()
        return slots.held(KEY)

    with ThreadPoolExecutor(count) as pool:
        assert sum(pool.map(work, range(count))) == 3


def test_a_provider_gets_no_more_connections_than_it_takes(outfit: Outfit, factory: Factory) -> None:
    for number in range(6):
        factory.contact(f"a{number}@orange.fr")
        factory.contact(f"a{number}@wanadoo.fr")
    outfit.launch("encore")
    domains = [{"names": ["orange.fr", "wanadoo.fr"], "connections": 1}, {"names": ["example.org"], "connections": 3}]
    with SmtpServer(Script().delay("dot", 0.02)) as server:
        done = outfit.work(server, connections=5, domains=domains)
    assert (server.most_open[""], server.most_open["example.org"]) == (5, 3)
    assert server.most_open["orange.fr"] == server.most_open["wanadoo.fr"] == 1
    assert done.progress.done == {DeliveryStatus.SENT: 32}
    assert max(received(server).values()) == 2


def test_who_finds_a_provider_taken_sends_the_other_mail_and_waits(outfit: Outfit, factory: Factory) -> None:
    for number in range(3):
        factory.contact(f"a{number}@orange.fr")
    outfit.launch("encore")
    other = Slots("another worker")
    with writing_rows(outfit.engine) as rows:
        other.lease(rows, "domain:orange.fr", limit=1, wanted=1, now=outfit.clock())

    def free() -> None:
        with writing_rows(outfit.engine) as rows:
            other.give_back(rows)
        outfit.clock.offset += SLOT_PAUSE

    with SmtpServer() as server:
        done = outfit.work(
            server, once(free, after=20), connections=2, domains=[{"names": ["orange.fr"], "connections": 1}]
        )
    of_orange = Counter(f"a{number}@orange.fr" for number in range(3))
    assert {message.recipient for message in server.messages[-3:]} == of_orange.keys()
    assert received(server) == ONCE + ONCE + of_orange
    assert done.finished == ["info", "encore"]


def test_who_finds_every_connection_taken_waits(outfit: Outfit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sends.outbox.SLOT_PAUSE", SECOND / 10)
    other = Slots("another worker")
    with writing_rows(outfit.engine) as rows:
        other.lease(rows, KEY, limit=2, wanted=2, now=outfit.clock())
    told = []

    def free(progress: Progress) -> None:
        if not told:
            told.append(progress.is_held_up)
            with writing_rows(outfit.engine) as rows:
                other.give_back(rows)
            outfit.clock.offset += SLOT_PAUSE

    with SmtpServer() as server:
        outfit.work(server, free, connections=2)
    assert told == [True]
    assert received(server) == ONCE


def test_a_worker_that_slept_closes_the_connections_that_others_took(outfit: Outfit) -> None:
    other = Slots("another worker")

    def sleep() -> None:
        outfit.clock.offset += SLOT_LEASE * 2
        with writing_rows(outfit.engine) as rows:
            assert other.lease(rows, KEY, limit=4, wanted=3, now=outfit.clock()) == 3

    outfit.launch("encore")
    with SmtpServer(Script().delay("dot", 0.02)) as server:
        outfit.work(server, once(sleep), connections=4)
        assert server.verbs.count("QUIT") == 4
    assert received(server) == ONCE + ONCE
    quits = [at for at, verb in enumerate(server.verbs) if verb == "QUIT"]
    assert "MAIL" in server.verbs[quits[2] :], "three ended before the work was done"
