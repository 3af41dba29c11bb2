import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from aiosmtpd.controller import Controller
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sends.errors import InvalidEnvelope, RelayUnavailable
from sends.transports import (
    Accepted,
    BodyWanted,
    Closed,
    Connection,
    Event,
    Lost,
    Notify,
    Phase,
    Refused,
    RelaySettings,
    Security,
    Timeouts,
    connect,
)
from tests.relay_lab import Lab, message, send, verdicts
from tests.smtpd import POINTS, Script


def test_messages_arrive_once_each_byte_equal_and_end_in_quit(lab: Lab) -> None:
    bodies = [b"\r\n", b".\r\n..\r\n.x\r\n", "é\r\n".encode() * 9000, b"last\r\n"]
    with lab.serve() as server:
        events = asyncio.run(send(lab.relay(server), *(message(key, body=body) for key, body in enumerate(bodies))))
    assert [type(event) for event in verdicts(events).values()] == [Accepted] * 4
    assert events[-1] == Closed()
    assert [each.body for each in server.accepted] == bodies
    assert [each.recipient for each in server.accepted] == [f"r{key}@example.org" for key in range(4)]
    assert server.verbs[-1] == "QUIT"
    assert server.connections == 1


@pytest.mark.parametrize("resets", [False, True], ids=["close", "reset"])
@pytest.mark.parametrize("point", POINTS)
def test_connection_lost_at_each_point(lab: Lab, point: str, resets: bool) -> None:
    messages = [message(1), message(2), message(3)]
    with lab.serve(Script().drop(point, nth=1, resets=resets)) as server:
        relay = lab.relay(server)
        told: dict[int, Event] = {}
        if point in {"banner", "ehlo"}:
            with pytest.raises(RelayUnavailable) as caught:
                asyncio.run(send(relay, *messages))
            assert caught.value.phase.value == point
        else:
            told = verdicts(asyncio.run(send(relay, *messages)))
        in_doubt = [key for key, event in told.items() if isinstance(event, Lost) and event.is_in_doubt]
        if point == "replied" and resets:  # a reset may overtake the reply, so that nobody read it
            assert in_doubt in ([], [1])
        else:
            assert in_doubt == ([1] if point in {"body", "dot"} else [])
        done = [key for key, event in told.items() if isinstance(event, Accepted)]
        again = [each for each in messages if each.key not in {*done, *in_doubt}]
        assert [type(event) for event in verdicts(asyncio.run(send(relay, *again))).values()] == [Accepted] * len(again)
    recipients = [each.recipient for each in server.messages]
    assert len(recipients) == len(set(recipients))
    assert {"r2@example.org", "r3@example.org"} <= set(recipients)


@pytest.mark.parametrize("point", ["banner", "ehlo", "mail", "rcpt", "data", "dot"])
def test_421_at_each_command(lab: Lab, point: str) -> None:
    with lab.serve(Script().reply(point, "421 4.3.2 shutting down", nth=1)) as server:
        relay = lab.relay(server)
        if point in {"banner", "ehlo"}:
            with pytest.raises(RelayUnavailable) as caught:
                asyncio.run(send(relay, message(1)))
            assert caught.value.reply is not None
            assert caught.value.reply.code == 421
        else:
            events = asyncio.run(send(relay, message(1), message(2)))
            told = verdicts(events)
            assert isinstance(told[1], Refused)
            assert (told[1].phase.value, told[1].reply.code) == (point, 421)
            assert 2 not in told or not told[2].is_in_doubt
            assert isinstance(events[-1], Closed)
            assert events[-1].reply == told[1].reply
        assert server.accepted == []
        assert isinstance(verdicts(asyncio.run(send(relay, message(1))))[1], Accepted)


@pytest.mark.parametrize(
    ("point", "line"),
    [
        ("mail", "451 4.3.0 later"),
        ("mail", "550 not you"),
        ("rcpt", "450 4.2.1 greylisted"),
        ("rcpt", "550 5.1.1 unknown"),
        ("rcpt", "552 too many recipients"),
        ("data", "451 4.3.0 later"),
        ("data", "554 5.7.1 no"),
        ("dot", "452 4.3.1 no room"),
        ("dot", "552 5.3.4 too big"),
        ("dot", "599 odd"),
    ],
)
def test_refused_messages_do_not_disturb_the_others(lab: Lab, point: str, line: str) -> None:
    with lab.serve(Script().reply(point, line, nth=2)) as server:
        told = verdicts(asyncio.run(send(lab.relay(server), *(message(key) for key in range(1, 5)))))
    refused = told.pop(2)
    assert isinstance(refused, Refused)
    assert (refused.phase.value, refused.reply.code) == (point, int(line[:3]))
    assert all(isinstance(event, Accepted) for event in told.values())
    assert [each.recipient for each in server.accepted] == ["r1@example.org", "r3@example.org", "r4@example.org"]
    assert server.connections == 1


def test_refused_recipient_whose_data_is_taken(plain: Lab) -> None:
    script = Script().reply("rcpt", "550 5.1.1 unknown", recipient="r2@example.org").reply("data", "354 go on", nth=2)
    with plain.serve(script) as server:
        told = verdicts(asyncio.run(send(plain.relay(server), message(1), message(2), message(3))))
    assert [type(told[key]) for key in (1, 2, 3)] == [Accepted, Refused, Accepted]
    assert [each.recipient for each in server.messages] == ["r1@example.org", "r3@example.org"]


def test_replies_split_over_packets_and_lines(lab: Lab) -> None:
    script = Script(splits_replies=True).reply("mail", "250-2.1.0 one", "250-two", "250").reply("dot", "250")
    with lab.serve(script) as server:
        told = verdicts(asyncio.run(send(lab.relay(server), message(1), message(2))))
    assert [type(event) for event in told.values()] == [Accepted, Accepted]
    assert len(server.accepted) == 2


def test_pipelining_only_where_offered(plain: Lab) -> None:
    script = Script(capabilities=("SIZE",)).reply("mail", "550 no", nth=1)
    with plain.serve(script) as server:
        told = verdicts(asyncio.run(send(plain.relay(server), message(1), message(2))))
    assert isinstance(told[1], Refused)
    assert server.verbs == ["EHLO", "MAIL", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]


def test_parameters_of_what_is_offered(plain: Lab) -> None:
    mail = message(1, "élodie@exämple.org", "é\r\n".encode(), envid="c1.r1", notify=(Notify.SUCCESS, Notify.FAILURE))
    with plain.serve() as server:
        asyncio.run(send(plain.relay(server), mail))
    (taken,) = server.accepted
    assert taken.recipient == "élodie@xn--exmple-cua.org"
    assert taken.mail_parameters == "SIZE=4 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=c1.r1"
    assert taken.rcpt_parameters == "NOTIFY=SUCCESS,FAILURE"


def test_what_is_not_offered_fails_alone(plain: Lab) -> None:
    with plain.serve(Script(capabilities=("PIPELINING", "SIZE 1000"))) as server:
        mails = [message(1), message(2, "élodie@example.org"), message(3, body=b"x\r\n" * 1000), message(4, envid="c")]
        told = verdicts(asyncio.run(send(plain.relay(server), *mails)))
    assert [type(told[key]) for key in (1, 2, 3, 4)] == [Accepted, Refused, Refused, Accepted]
    assert [told[key].reply.enhanced for key in (2, 3)] == ["5.6.7", "5.3.4"]
    assert [each.mail_parameters for each in server.accepted] == ["SIZE=17", "SIZE=17"]
    assert server.verbs.count("MAIL") == 2


def test_control_characters_never_become_a_command(plain: Lab) -> None:
    async def attempt(relay: RelaySettings) -> None:
        connection = await connect(relay, lambda _connection, _event: None)
        with pytest.raises(InvalidEnvelope):
            connection.offer(message(1, "a@example.org>\r\nRCPT TO:<b@example.org"))
        await connection.close()

    with plain.serve() as server:
        asyncio.run(attempt(plain.relay(server)))
    assert server.verbs == ["EHLO", "QUIT"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(
    lines=st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\r", b".").replace(b"\n", b".")), max_size=6)
)
def test_any_lines_arrive_byte_equal(plain: Lab, lines: list[bytes]) -> None:
    body = b"".join(line + b"\r\n" for line in lines)
    with plain.serve() as server:
        asyncio.run(send(plain.relay(server), message(1, body=body), message(2)))
    assert [each.body for each in server.accepted] == [body, *message(2).body]


@pytest.mark.parametrize("point", ["banner", "ehlo", "mail", "rcpt", "data", "dot"])
def test_each_phase_has_its_timeout(plain: Lab, point: str) -> None:
    timeouts = replace(Timeouts(), **{{"ehlo": "other"}.get(point, point): 0.05})
    with plain.serve(Script().delay(point, 60)) as server:
        relay = plain.relay(server, timeouts=timeouts)
        if point in {"banner", "ehlo"}:
            with pytest.raises(RelayUnavailable, match=r"no answer within 0\.05 s") as caught:
                asyncio.run(send(relay, message(1)))
            assert caught.value.phase.value == point
        else:
            told = verdicts(asyncio.run(send(relay, message(1))))
            assert isinstance(told[1], Lost)
            assert told[1].phase.value == point
            assert told[1].error == f"no answer within 0.05 s ({point})"


def test_a_relay_that_stops_reading_is_left(plain: Lab) -> None:
    body = b"x" * 98 + b"\r\n"
    with plain.serve(Script().delay("body", 60).reply("ehlo", "250-sink.test", "250 SIZE")) as server:
        relay = plain.relay(server, timeouts=Timeouts(block=0.2))
        told = verdicts(asyncio.run(send(relay, message(1, body=body * 300_000))))
    assert isinstance(told[1], Lost)
    assert told[1].is_in_doubt


def test_a_relay_that_reads_slowly_is_not_left(plain: Lab) -> None:
    body = b"x" * 98 + b"\r\n"
    with plain.serve() as server:
        relay = plain.relay(server, timeouts=Timeouts(block=2))
        asyncio.run(send(relay, message(1, body=body * 80_000)))
    assert [len(each.body) for each in server.accepted] == [8_000_000]


class TestReuse:
    def test_messages_of_a_connection_are_limited(self, lab: Lab) -> None:
        with lab.serve() as server:
            events = asyncio.run(
                send(lab.relay(server, max_messages_per_connection=2), *(message(key) for key in range(5)))
            )
        assert [event.key for event in events if isinstance(event, Accepted)] == [0, 1]
        assert events[-1] == Closed()
        assert server.verbs[-1] == "QUIT"

    def test_an_old_connection_retires(self, lab: Lab) -> None:
        async def wait(relay: RelaySettings) -> list[Event]:
            closed: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
            connection = await connect(relay, lambda _connection, event: closed.set_result(event))
            event = await closed
            assert connection.capacity == 0
            await connection.close()
            return [event]

        with lab.serve() as server:
            assert asyncio.run(wait(lab.relay(server, max_connection_age=0.05))) == [Closed()]
        assert server.verbs[-1] == "QUIT"


class TestOwner:
    @staticmethod
    def until_body(relay: RelaySettings, then: Callable[[Connection], None]) -> list[Event]:
        """Offer two messages, call `then` when the body of the first is wanted, and return all events."""

        async def run() -> list[Event]:
            events: list[Event] = []
            wanted, closed = asyncio.Event(), asyncio.Event()

            def on_event(_connection: Connection, event: Event) -> None:
                events.append(event)
                if isinstance(event, BodyWanted):
                    wanted.set()
                if isinstance(event, Closed):
                    closed.set()

            connection = await connect(relay, on_event)
            connection.offer(message(1))
            await wanted.wait()
            connection.offer(message(2))
            then(connection)
            await closed.wait()
            await connection.close()
            return events

        return asyncio.run(run())

    def test_body_stays_until_it_is_permitted(self, lab: Lab) -> None:
        with lab.serve() as server:
            events = self.until_body(lab.relay(server), lambda connection: connection.abort("a test"))
        assert verdicts(events) == {1: Lost(1, Phase.BODY, "a test"), 2: Lost(2, Phase.WAITING, "a test")}
        assert server.messages == []

    def test_abandoned_body_never_leaves(self, lab: Lab) -> None:
        with lab.serve() as server:
            events = self.until_body(lab.relay(server), lambda connection: connection.abandon(1))
            assert isinstance(verdicts(asyncio.run(send(lab.relay(server), message(2))))[2], Accepted)
        assert list(verdicts(events)) == [2]
        assert not verdicts(events)[2].is_in_doubt
        assert [each.recipient for each in server.messages] == ["r2@example.org"]


@pytest.fixture
def aiosmtpd() -> Iterator[tuple[Controller, list[bytes]]]:
    bodies: list[bytes] = []

    class Keep:
        async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802
            bodies.append(envelope.original_content)
            return "250 2.0.0 taken"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Keep(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller, bodies
    controller.stop()


def test_another_server_reads_the_same(aiosmtpd: tuple[Controller, list[bytes]]) -> None:
    controller, bodies = aiosmtpd
    sent = [b".\r\n..\r\n", b"Bonjour\r\n" * 3000, "é\r\n".encode()]
    relay = RelaySettings("127.0.0.1", controller.port, Security.NONE)
    asyncio.run(send(relay, *(message(key, body=body) for key, body in enumerate(sent))))
    assert bodies == sent
