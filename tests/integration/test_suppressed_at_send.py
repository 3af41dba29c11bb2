"""The suppression list at the last moment: whoever is added after the planning gets nothing, and the log says why."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from audiences.database import reading, writing
from audiences.models import SuppressionReason, SuppressionScope
from audiences.oppositions import import_oppositions
from audiences.suppressions import lift, suppress
from sends.models import Delivery
from sends.states import DeliveryStatus
from tests.outfit import ONCE, RECIPIENTS, Outfit, once, received
from tests.smtpd import Script, SmtpServer

R, S = SuppressionReason, DeliveryStatus
ALL, MARKETING = SuppressionScope.ALL, SuppressionScope.MARKETING
OPPOSED = RECIPIENTS[5:]

Oppose = Callable[..., None]


@pytest.fixture
def oppose(outfit: Outfit) -> Oppose:
    def oppose(addresses: list[str] = OPPOSED, reason: R = R.UNSUBSCRIBED, scope: SuppressionScope = ALL) -> None:
        with writing(outfit.engine) as session:
            for address in addresses:
                assert suppress(session, address, reason, evidence="test", now=outfit.clock(), scope=scope)

    return oppose


@pytest.fixture
def oppose_by_import(outfit: Outfit, tmp_path: Path) -> Callable[[], None]:
    def oppose() -> None:
        path = tmp_path / "oppositions.csv"
        path.write_text("Email;Motif\n" + "".join(f"{address.upper()};Plainte\n" for address in OPPOSED))
        with writing(outfit.engine) as session:
            import_oppositions(
                session, path, reason=R.MANUAL, scope=ALL, now=outfit.clock(), zone=ZoneInfo("Europe/Paris")
            )

    return oppose


def reasons(outfit: Outfit) -> dict[str, tuple[DeliveryStatus, str | None]]:
    with reading(outfit.engine) as session:
        found = session.execute(select(Delivery.address, Delivery.status, Delivery.reason))
        return {address: (S(status), reason) for address, status, reason in found}


def expected(reason: R) -> dict[str, tuple[DeliveryStatus, str | None]]:
    return dict.fromkeys(RECIPIENTS[:5], (S.SENT, None)) | dict.fromkeys(OPPOSED, (S.SUPPRESSED, reason.value))


@pytest.mark.parametrize("reason", R)
def test_who_is_added_after_the_planning_gets_nothing(outfit: Outfit, oppose: Oppose, reason: R) -> None:
    oppose(reason=reason)
    with SmtpServer() as server:
        outfit.work(server)
    assert received(server) == Counter(RECIPIENTS[:5])
    assert reasons(outfit) == expected(reason)


@pytest.mark.parametrize("connections", [1, 2])
def test_who_is_added_between_claim_and_send_gets_nothing(
    outfit: Outfit, oppose_by_import: Callable[[], None], connections: int
) -> None:
    """The first delivery is settled, so that the others are claimed and built by then."""
    with SmtpServer(Script().delay("dot", 0.02)) as server:
        outfit.work(server, once(oppose_by_import), connections=connections)
    assert received(server) == Counter(RECIPIENTS[:5])
    assert reasons(outfit) == expected(R.COMPLAINT)


def test_who_is_added_while_the_relay_is_asked_for_gets_nothing(outfit: Outfit, oppose: Oppose) -> None:
    """The recipient is named to the relay already; the body does not follow."""
    last = RECIPIENTS[-1]
    script = Script().delay("data", 0.5, nth=10)

    def watch() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not any(last in command for command in server.commands):
            time.sleep(0.01)
        oppose([last])

    with SmtpServer(script) as server:
        watcher = Thread(target=watch)
        watcher.start()
        outfit.work(server, pipelining=False)
        watcher.join()
    assert any(last in command for command in server.commands)
    assert received(server) == Counter(RECIPIENTS[:-1])
    assert reasons(outfit)[last] == (S.SUPPRESSED, R.UNSUBSCRIBED.value)


def test_who_opposes_to_advertising_still_gets_information(outfit: Outfit, oppose: Oppose) -> None:
    with SmtpServer(Script().delay("dot", 0.01)) as server:
        outfit.work(server, once(lambda: oppose(scope=MARKETING)))
    assert received(server) == ONCE


def test_a_scope_that_widens_between_claim_and_send_stops_the_message(outfit: Outfit, oppose: Oppose) -> None:
    oppose(scope=MARKETING)
    with SmtpServer(Script().delay("dot", 0.02)) as server:
        outfit.work(server, once(oppose))
    assert received(server) == Counter(RECIPIENTS[:5])
    assert reasons(outfit) == expected(R.UNSUBSCRIBED)


def test_who_is_lifted_before_the_claim_gets_the_message(outfit: Outfit, oppose: Oppose) -> None:
    oppose()
    with writing(outfit.engine) as session:
        for address in OPPOSED:
            lift(session, address, why="a call", by="camille", now=outfit.clock())
    with SmtpServer() as server:
        outfit.work(server)
    assert received(server) == ONCE
