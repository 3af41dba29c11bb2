"""A worker against a relay that misbehaves: each recipient gets one message, and what is not known is not guessed."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from audiences.database import reading, writing
from audiences.models import Suppression, SuppressionReason
from audiences.suppressions import suppress
from campaigns.models import CampaignStatus
from sends import ledger
from sends.blocks import BLOCKS_BEFORE_PAUSE
from sends.errors import RelayUnavailable, SendError
from sends.models import Delivery
from sends.outbox import LEASE
from sends.states import DeliveryStatus
from tests.factories import Factory
from tests.outfit import HALF_HOUR, ONCE, RECIPIENTS, Outfit, once, received
from tests.smtpd import CAPABILITIES, Script, SmtpServer

S = DeliveryStatus


# -- how it usually goes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "smtp"),
    [
        pytest.param(Script(), {}, id="one connection"),
        pytest.param(Script(), {"connections": 4}, id="several connections"),
        pytest.param(Script(), {"pipelining": False, "connections": 2}, id="lockstep by a setting"),
        pytest.param(Script(capabilities=CAPABILITIES[1:]), {"connections": 2}, id="a relay without pipelining"),
        pytest.param(Script(), {"max_messages_per_connection": 3}, id="few messages a connection"),
        pytest.param(Script().drop("replied"), {}, id="a relay that hangs up after each message"),
    ],
)
def test_everybody_gets_one_message(outfit: Outfit, script: Script, smtp: dict[str, object]) -> None:
    script.rules = list(script.rules)
    with SmtpServer(script) as server:
        done = outfit.work(server, **smtp)
        assert outfit.work(server, **smtp).progress.done.total() == 0
    assert received(server) == ONCE
    assert outfit.counts() == {S.SENT: 10}
    assert (done.finished, outfit.campaign()) == (["info"], CampaignStatus.FINISHED)


def test_several_connections_share_the_work(outfit: Outfit) -> None:
    with SmtpServer(Script().delay("dot", 0.02)) as server:
        outfit.work(server, connections=4)
    assert server.connections == 4
    assert received(server) == ONCE


def test_two_campaigns_leave_side_by_side(outfit: Outfit) -> None:
    outfit.launch("webinaire")
    with SmtpServer() as server:
        done = outfit.work(server, connections=2)
    assert done.finished == ["info", "webinaire"]
    assert received(server) == ONCE + ONCE
    assert set(outfit.statuses("webinaire").values()) == set(outfit.statuses().values()) == {S.SENT}


# -- lost connections --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("point", ["mail", "rcpt", "data"])
def test_a_connection_lost_before_the_body_costs_nothing(outfit: Outfit, point: str, connections: int) -> None:
    with SmtpServer(Script().drop(point, nth=4)) as server:
        outfit.work(server, connections=connections)
    assert received(server) == ONCE
    assert outfit.counts() == {S.SENT: 10}


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize(("point", "is_taken"), [("body", False), ("dot", True)])
def test_a_connection_lost_after_the_body_is_a_doubt_that_stays(
    outfit: Outfit, point: str, is_taken: bool, resets: bool
) -> None:
    with SmtpServer(Script().drop(point, nth=4, resets=resets)) as server:
        done = outfit.work(server)
        outfit.clock.offset += timedelta(days=5)
        outfit.work(server)
    assert outfit.counts() == {S.SENT: 9, S.UNCERTAIN: 1}
    [doubt] = [address for address, status in outfit.statuses().items() if status is S.UNCERTAIN]
    assert received(server) == (ONCE if is_taken else ONCE - Counter([doubt]))
    assert done.finished == ["info"]


def test_a_relay_that_dies_leaves_the_rest_in_the_queue(outfit: Outfit) -> None:
    first = SmtpServer(Script().delay("dot", 0.02))
    first.__enter__()
    with pytest.raises(RelayUnavailable):
        outfit.work(first, once(lambda: first.__exit__(None, None, None), after=3))
    counts = outfit.counts()
    assert counts[S.SENT] >= 3
    assert counts[S.QUEUED] >= 5
    assert counts.get(S.UNCERTAIN, 0) <= 1
    assert counts.keys() <= {S.SENT, S.QUEUED, S.UNCERTAIN}
    doubts = {address for address, status in outfit.statuses().items() if status is S.UNCERTAIN}
    with SmtpServer() as second:
        outfit.work(second)
    assert received(first) + received(second) + Counter(doubts - received(first).keys()) == ONCE


def test_a_relay_that_is_not_there_changes_nothing(outfit: Outfit) -> None:
    with SmtpServer() as server:
        pass
    with pytest.raises(RelayUnavailable):
        outfit.work(server)
    assert outfit.counts() == {S.QUEUED: 10}


def test_a_relay_that_takes_fewer_connections_than_wanted_is_used_with_those(outfit: Outfit) -> None:
    script = Script().delay("dot", 0.05)
    for nth in range(3, 30):
        script.reply("banner", "421 4.7.0 too many connections", nth=nth)
    with SmtpServer(script) as server:
        outfit.work(server, connections=4)
    assert received(server) == ONCE
    assert outfit.counts() == {S.SENT: 10}


def test_a_token_that_ran_out_is_fetched_anew_within_the_run(outfit: Outfit, tmp_path: Path) -> None:
    """Each connection logs in with what the file holds by then; one that is refused is tried again at once."""
    token = tmp_path / "token.txt"
    token.write_text("first")
    script = Script(users={"cci": "first"})

    def renew() -> None:
        script.users["cci"] = "second"
        token.write_text("second")

    with SmtpServer(script) as server:
        login = {"username": "cci", "token_file": token, "max_messages_per_connection": 2}
        outfit.work(server, once(renew), **login)
    assert {password for _user, password in server.logins} == {"first", "second"}
    assert received(server) == ONCE


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_greylisting_passes(outfit: Outfit) -> None:
    with SmtpServer(Script().reply("rcpt", "450 4.2.0 greylisted", nth=2)) as server:
        done = outfit.work(server)
        assert (outfit.counts(), done.finished) == ({S.SENT: 9, S.DEFERRED: 1}, [])
        assert outfit.work(server).progress.done.total() == 0
        outfit.clock.offset += HALF_HOUR
        assert outfit.work(server).finished == ["info"]
    assert received(server) == ONCE
    with reading(outfit.engine) as session:
        assert sorted(session.scalars(select(Delivery.attempts))) == [1] * 9 + [2]


@pytest.mark.parametrize("point", ["rcpt", "dot"])
def test_a_refused_mailbox_is_written_to_no_more(outfit: Outfit, point: str) -> None:
    script = Script().reply(point, "550 5.1.1 no such user", recipient=RECIPIENTS[3])
    with SmtpServer(script) as server:
        outfit.work(server)
        outfit.launch("encore")
        outfit.work(server)
    assert outfit.statuses()[RECIPIENTS[3]] is S.BOUNCED
    assert outfit.statuses("encore").keys() == set(RECIPIENTS) - {RECIPIENTS[3]}
    assert received(server)[RECIPIENTS[3]] == 0


@pytest.mark.parametrize("connections", [1, 2])
def test_blocks_in_a_row_pause_the_campaign_and_suppress_nobody(outfit: Outfit, connections: int) -> None:
    with SmtpServer(Script().reply("rcpt", "550 5.7.1 blocked by policy")) as server:
        done = outfit.work(server, connections=connections)
    failed = outfit.counts()[S.FAILED]
    assert BLOCKS_BEFORE_PAUSE <= failed <= BLOCKS_BEFORE_PAUSE + 2 * connections
    assert outfit.counts() == {S.FAILED: failed, S.QUEUED: 10 - failed}
    assert (list(done.paused), outfit.campaign()) == (["info"], CampaignStatus.PAUSED)
    with reading(outfit.engine) as session:
        assert list(session.scalars(select(Suppression))) == []


def test_blocks_between_successes_do_not_pause(outfit: Outfit) -> None:
    script = Script()
    for address in RECIPIENTS[::2]:
        script.reply("rcpt", "550 5.7.1 blocked by policy", recipient=address)
    with SmtpServer(script) as server:
        outfit.work(server)
    assert outfit.counts() == {S.SENT: 5, S.FAILED: 5}
    assert outfit.campaign() is CampaignStatus.FINISHED


GMAIL = "550 5.7.26 Your email has been blocked because the sender is unauthenticated. - gsmtp"


def test_blocks_of_one_provider_pause_whatever_the_others_take(outfit: Outfit, factory: Factory) -> None:
    """The officer reads what the provider wants, and its own words."""
    script = Script()
    for number in range(8):
        factory.contact(f"a{number}@example.org")
        factory.contact(f"b{number}@gmail.test")
        script.reply("rcpt", GMAIL, recipient=f"b{number}@gmail.test")
    outfit.launch("encore")
    with SmtpServer(script) as server:
        done = outfit.work(server)
    failed = [to for to, status in outfit.statuses("encore").items() if status is S.FAILED]
    assert BLOCKS_BEFORE_PAUSE <= len(failed) <= BLOCKS_BEFORE_PAUSE + 2
    assert received(server)["a3@example.org"] == 1
    assert list(done.paused) == ["encore"]
    assert "SPF, DKIM and DMARC" in done.paused["encore"]
    assert GMAIL in done.paused["encore"]


def test_blocks_between_successes_of_the_same_provider_do_not_pause(outfit: Outfit, factory: Factory) -> None:
    script = Script()
    for number in range(12):
        factory.contact(f"b{number}@gmail.test")
        if number % 2:
            script.reply("rcpt", GMAIL, recipient=f"b{number}@gmail.test")
    outfit.launch("encore")
    with SmtpServer(script) as server:
        assert outfit.work(server).paused == {}
    assert Counter(outfit.statuses("encore").values())[S.FAILED] == 6


def test_a_refused_sender_ends_the_run(outfit: Outfit) -> None:
    with SmtpServer(Script().reply("mail", "550 5.1.8 sender address rejected")) as server, pytest.raises(SendError):
        outfit.work(server)
    assert received(server) == Counter()
    counts = outfit.counts()
    assert counts[S.FAILED] <= 2
    assert counts[S.QUEUED] >= 8


# -- what others do meanwhile ------------------------------------------------------------------------------------------


def test_who_opposes_while_the_message_waits_gets_nothing(outfit: Outfit) -> None:
    def oppose() -> None:
        with writing(outfit.engine) as session:
            for address in RECIPIENTS[5:]:
                suppress(session, address, SuppressionReason.UNSUBSCRIBED, evidence="test", now=outfit.clock())

    with SmtpServer(Script().delay("dot", 0.01)) as server:
        outfit.work(server, once(oppose))
    assert received(server) == Counter(RECIPIENTS[:5])
    assert outfit.statuses() == dict.fromkeys(RECIPIENTS[:5], S.SENT) | dict.fromkeys(RECIPIENTS[5:], S.SUPPRESSED)


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("status", [CampaignStatus.PAUSED, CampaignStatus.CANCELLED])
def test_pause_and_cancel_stop_all_but_what_is_on_the_wire(
    outfit: Outfit, status: CampaignStatus, connections: int
) -> None:
    with SmtpServer(Script().delay("dot", 0.02)) as server:
        outfit.work(server, once(lambda: outfit.set_campaign(status)), connections=connections)
        sent = outfit.counts()[S.SENT]
        assert 1 <= sent <= 1 + 2 * connections
        left = S.QUEUED if status is CampaignStatus.PAUSED else S.CANCELLED
        assert outfit.counts() == {S.SENT: sent, left: 10 - sent}
        if status is CampaignStatus.PAUSED:
            outfit.set_campaign(CampaignStatus.SENDING)
            outfit.work(server)
            assert received(server) == ONCE
        else:
            outfit.work(server)
            assert received(server).total() == sent


@pytest.mark.parametrize("connections", [1, 3])
def test_a_worker_that_slept_through_its_lease_repeats_nothing(outfit: Outfit, connections: int) -> None:
    """Another one took its claims back meanwhile; it claims again what it still has on its connections."""

    def sleep() -> None:
        outfit.clock.offset += 2 * LEASE
        with writing(outfit.engine) as session:
            ledger.recover(session, now=outfit.clock())

    with SmtpServer(Script().delay("dot", 0.02)) as server:
        outfit.work(server, once(sleep), connections=connections)
        outfit.work(server)
    assert received(server) == ONCE
    assert outfit.counts() == {S.SENT: 10}


@pytest.mark.parametrize(
    "jumps", [[timedelta(hours=5)], [timedelta(hours=-5), timedelta(hours=6)]], ids=["forwards", "backwards"]
)
def test_a_clock_that_jumps_while_mail_leaves_neither_loses_nor_repeats(
    outfit: Outfit, jumps: Sequence[timedelta]
) -> None:
    def jump() -> None:
        outfit.clock.offset += jumps[0]

    with SmtpServer(Script().delay("dot", 0.02)) as server:
        outfit.work(server, once(jump))
        for step in jumps:
            outfit.clock.offset += step
            outfit.work(server)
    assert received(server) == ONCE
    assert outfit.counts() == {S.SENT: 10}
