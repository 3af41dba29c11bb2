"""When a refused delivery goes again, when it is given up, and when its mailbox is written to no more."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import Row, select

from audiences.database import reading
from audiences.models import Suppression, SuppressionReason
from campaigns.models import CampaignStatus
from sends import tally
from sends.models import Delivery
from sends.retries import GIVE_UP_AFTER
from sends.states import DeliveryStatus
from tests.outfit import HALF_HOUR, ONCE, RECIPIENTS, Outfit, received
from tests.smtpd import Script, SmtpServer

S = DeliveryStatus
MINUTE = timedelta(minutes=1)
ONE = RECIPIENTS[0]


def attempts(outfit: Outfit, server: SmtpServer, campaign: int = 1) -> list[timedelta]:
    """Work whenever something is due until nothing is; give the pauses between, to the minute."""
    pauses = []
    while True:
        outfit.work(server)
        with reading(outfit.engine) as session:
            due = tally.next_due(session, campaign)
        if due is None:
            return pauses
        pause = due - outfit.clock()
        pauses.append(round(pause / MINUTE) * MINUTE)
        outfit.clock.offset += pause


def end(outfit: Outfit) -> Row[DeliveryStatus, str, int]:
    """Give status, reason and number of attempts of the one that is refused."""
    columns = (Delivery.status, Delivery.reason, Delivery.attempts)
    with reading(outfit.engine) as session:
        return session.execute(select(*columns).where(Delivery.address == ONE)).one()


def suppressed(outfit: Outfit) -> list[str]:
    with reading(outfit.engine) as session:
        assert set(session.scalars(select(Suppression.reason))) <= {SuppressionReason.HARD_BOUNCE}
        return list(session.scalars(select(Suppression.address_key)))


def test_retries_come_half_an_hour_apart_twice_then_every_two_hours_for_four_days(outfit: Outfit) -> None:
    """RFC 5321 4.5.4.1."""
    with SmtpServer(Script().reply("rcpt", "450 4.2.0 not now", recipient=ONE)) as server:
        pauses = attempts(outfit, server)
    assert pauses[:2] == [timedelta(minutes=30)] * 2
    assert set(pauses[2:]) == {timedelta(hours=2)}
    assert GIVE_UP_AFTER - timedelta(hours=2) < sum(pauses, timedelta()) <= GIVE_UP_AFTER
    assert end(outfit) == (S.FAILED, "expired", len(pauses) + 1)
    assert outfit.campaign() is CampaignStatus.FINISHED
    assert received(server)[ONE] == 0
    assert suppressed(outfit) == []


@pytest.mark.parametrize(("hours", "minutes"), [(1, [30]), (2, [30, 30])])
def test_a_campaign_may_give_up_sooner(outfit: Outfit, hours: int, minutes: list[int]) -> None:
    """An invitation for tomorrow need not be tried for four days."""
    with SmtpServer() as server:
        outfit.work(server)
    outfit.launch("webinaire", give_up_hours=hours)
    with SmtpServer(Script().reply("rcpt", "450 4.2.0 not now", recipient=ONE)) as server:
        pauses = attempts(outfit, server, campaign=2)
    assert pauses == [timedelta(minutes=each) for each in minutes]
    assert outfit.statuses("webinaire")[ONE] is S.FAILED


def test_what_failed_is_not_tried_again(outfit: Outfit) -> None:
    with SmtpServer(Script().reply("rcpt", "554 5.3.0 no", recipient=ONE)) as server:
        assert attempts(outfit, server) == []
        outfit.clock.offset += timedelta(days=1)
        outfit.work(server)
    assert server.count("rcpt") == len(RECIPIENTS) + 1
    assert end(outfit) == (S.FAILED, "system", 1)


@pytest.mark.parametrize(
    ("point", "status"), [("rcpt", S.DEFERRED), ("dot", S.FAILED)], ids=["too-many-recipients", "too-big"]
)
def test_a_552_passes_at_rcpt_and_is_final_at_the_dot(outfit: Outfit, point: str, status: DeliveryStatus) -> None:
    with SmtpServer(Script().reply(point, "552 no", recipient=ONE)) as server:
        outfit.work(server)
    assert outfit.statuses()[ONE] is status


def test_a_refused_sender_is_not_remembered_for_the_next_message(outfit: Outfit) -> None:
    """RFC 5321 4.5.4.1: 5yz answers to MAIL are not cached."""
    with SmtpServer(Script().reply("mail", "550 not this one", nth=1)) as server:
        outfit.work(server)
    assert outfit.counts() == {S.FAILED: 1, S.SENT: 9}


def test_senders_refused_in_a_row_pause_the_campaign(outfit: Outfit) -> None:
    with SmtpServer(Script().reply("mail", "550 not you")) as server:
        outfit.work(server)
    assert outfit.campaign() is CampaignStatus.PAUSED
    assert outfit.counts()[S.QUEUED] > 0


def test_a_mailbox_disabled_in_two_campaigns_is_written_to_no_more(outfit: Outfit) -> None:
    with SmtpServer(Script().reply("rcpt", "550 5.2.1 disabled", recipient=ONE)) as server:
        outfit.work(server)
        assert suppressed(outfit) == []
        outfit.launch("encore")
        outfit.work(server)
    assert suppressed(outfit) == [ONE]
    assert outfit.statuses("encore")[ONE] is S.BOUNCED


@pytest.mark.parametrize(("days", "is_over"), [(8, False), (11, True)], ids=["too-soon", "long-enough"])
def test_a_mailbox_full_in_three_campaigns_over_thirty_days_is_written_to_no_more(
    outfit: Outfit, days: int, is_over: bool
) -> None:
    with SmtpServer(Script().reply("dot", "452 4.2.2 mailbox full", recipient=ONE)) as server:
        for slug in ("info", "deux", "trois"):
            if slug != "info":
                outfit.clock.offset += timedelta(days=days)
                outfit.launch(slug)
            outfit.work(server)
            outfit.clock.offset += GIVE_UP_AFTER - HALF_HOUR * 2
            outfit.work(server)
            outfit.clock.offset += HALF_HOUR * 2
            outfit.work(server)
            assert outfit.statuses(slug)[ONE] is S.FAILED
    assert suppressed(outfit) == ([ONE] if is_over else [])
    assert received(server) == ONCE + ONCE + ONCE - Counter({ONE: 3})
