from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sends.transports.capabilities import Capabilities
from sends.transports.commands import OutgoingMessage
from sends.transports.events import Accepted, BodyWanted, Closed, Lost, Phase, Refused
from sends.transports.reply import Reply
from sends.transports.session import Session

ALL = Capabilities(pipelining=True, size=0, eight_bit=True, smtputf8=True, dsn=True)
PLAIN = Capabilities()
OK = b"250 ok\r\n"
GROUP = b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go on\r\n"


def message(
    key: int, recipient: str = "paul@example.org", body: bytes = b"Hello\r\n", **values: object
) -> OutgoingMessage:
    return OutgoingMessage(key, "news@example.com", recipient, (body,), **values)


def written(session: Session) -> list[str]:
    return session.data_to_send().decode().split("\r\n")[:-1]


def verbs(session: Session) -> list[str]:
    return [line.split()[0] for line in written(session)]


class TestPipelined:
    def test_one_round_trip_a_message(self) -> None:
        session = Session(ALL)
        assert session.offer(message(1)) == []
        assert verbs(session) == ["MAIL", "RCPT", "DATA"]
        assert session.receive(GROUP) == [BodyWanted(1)]
        assert session.phase is Phase.BODY
        session.offer(message(2))
        assert session.data_to_send() == b""
        assert session.capacity == 0
        session.permit(1)
        assert written(session) == [
            "Hello", ".", "MAIL FROM:<news@example.com> SIZE=7", "RCPT TO:<paul@example.org>", "DATA",
        ]  # fmt: skip
        assert session.receive(b"250 2.0.0 taken\r\n" + GROUP) == [
            Accepted(1, Reply(250, "2.0.0", "taken")),
            BodyWanted(2),
        ]

    def test_a_message_offered_behind_a_dot_goes_out_at_once(self) -> None:
        session = ready_to_send(Session(ALL))
        session.permit(1)
        written(session)
        session.offer(message(2))
        assert verbs(session) == ["MAIL", "RCPT", "DATA"]

    def test_refused_recipient_in_the_group(self) -> None:
        session = Session(ALL)
        session.offer(message(1))
        session.offer(message(2))
        written(session)
        events = session.receive(b"250 ok\r\n550 5.1.1 unknown\r\n503 5.5.1 need RCPT\r\n")
        assert events == [Refused(1, Phase.RCPT, Reply(550, "5.1.1", "unknown"))]
        assert verbs(session) == ["RSET", "MAIL", "RCPT", "DATA"]
        assert session.receive(OK + GROUP) == [BodyWanted(2)]

    def test_data_taken_without_a_recipient_gets_the_lone_dot(self) -> None:
        session = Session(ALL)
        session.offer(message(1))
        session.offer(message(2))
        written(session)
        assert session.receive(b"250 ok\r\n450 later\r\n354 go on\r\n") == [
            Refused(1, Phase.RCPT, Reply(450, None, "later"))
        ]
        assert session.data_to_send() == b".\r\n"
        assert session.capacity == 0
        assert session.receive(b"554 no recipients\r\n") == []
        assert verbs(session) == ["RSET", "MAIL", "RCPT", "DATA"]

    def test_a_server_that_takes_data_after_refusing_the_sender_gets_nothing(self) -> None:
        session = Session(ALL)
        session.offer(message(1))
        written(session)
        events = session.receive(b"550 no\r\n250 ok\r\n354 go on\r\n")
        assert events[0] == Refused(1, Phase.MAIL, Reply(550, None, "no"))
        assert isinstance(events[1], Closed)
        assert session.data_to_send() == b""

    def test_refused_at_data(self) -> None:
        session = Session(ALL)
        session.offer(message(1))
        written(session)
        assert session.receive(b"250 ok\r\n250 ok\r\n451 not now\r\n") == [
            Refused(1, Phase.DATA, Reply(451, None, "not now"))
        ]
        session.offer(message(2))
        assert verbs(session) == ["RSET", "MAIL", "RCPT", "DATA"]

    def test_refused_at_the_dot_needs_no_reset(self) -> None:
        session = ready_to_send(Session(ALL))
        session.permit(1)
        written(session)
        assert session.receive(b"552 5.3.4 too big\r\n") == [Refused(1, Phase.DOT, Reply(552, "5.3.4", "too big"))]
        session.offer(message(2))
        assert verbs(session) == ["MAIL", "RCPT", "DATA"]


class TestLockstep:
    @pytest.mark.parametrize(
        "session", [Session(PLAIN), Session(ALL, pipelining=False)], ids=["not-offered", "switched-off"]
    )
    def test_each_command_waits_for_its_reply(self, session: Session) -> None:
        session.offer(message(1))
        for verb, reply in (("MAIL", OK), ("RCPT", OK), ("DATA", b"354\r\n")):
            assert verbs(session) == [verb]
            events = session.receive(reply)
        assert events == [BodyWanted(1)]
        session.offer(message(2))
        session.permit(1)
        assert written(session) == ["Hello", "."]
        assert session.receive(OK) == [Accepted(1, Reply(250, None, "ok"))]
        assert verbs(session) == ["MAIL"]

    def test_nothing_follows_a_refusal_but_a_reset(self) -> None:
        session = Session(PLAIN)
        session.offer(message(1))
        written(session)
        session.receive(b"550 no\r\n")
        assert session.data_to_send() == b""
        session.offer(message(2))
        assert verbs(session) == ["RSET"]
        session.receive(OK)
        assert verbs(session) == ["MAIL"]


def ready_to_send(session: Session) -> Session:
    """Bring message 1 to where its body is wanted."""
    session.offer(message(1))
    while session.phase is not Phase.BODY:
        written(session)
        session.receive(GROUP if session.is_pipelined else b"354\r\n" if session.phase is Phase.DATA else OK)
    return session


SESSIONS = [lambda: Session(ALL), lambda: Session(PLAIN)]


@pytest.mark.parametrize("make", SESSIONS, ids=["pipelined", "lockstep"])
class TestBoth:
    def test_in_doubt_only_from_the_dot_on(self, make: Callable[[], Session]) -> None:
        session = ready_to_send(make())
        session.offer(message(2))
        lost = session.fail("gone")
        assert lost == [Lost(1, Phase.BODY, "gone"), Lost(2, Phase.WAITING, "gone"), Closed("gone")]
        session = ready_to_send(make())
        session.offer(message(2))
        session.permit(1)
        lost = session.fail("gone")
        assert [event.is_in_doubt for event in lost[:-1]] == [True, False]
        assert session.fail("again") == []
        assert session.phase is Phase.CLOSED

    def test_abandoned_body_drops_the_connection_without_the_dot(self, make: Callable[[], Session]) -> None:
        session = ready_to_send(make())
        session.offer(message(2))
        events = session.abandon(1)
        assert [type(event) for event in events] == [Lost, Closed]
        assert events[0].key == 2
        assert session.data_to_send() == b""
        assert session.is_closed

    def test_abandoned_waiting_message_costs_nothing(self, make: Callable[[], Session]) -> None:
        session = ready_to_send(make())
        session.offer(message(2))
        assert session.abandon(2) == []
        session.permit(1)
        written(session)
        assert session.receive(OK) == [Accepted(1, Reply(250, None, "ok"))]
        assert session.phase is Phase.IDLE

    def test_abandoned_envelope_is_never_told(self, make: Callable[[], Session]) -> None:
        session = make()
        session.offer(message(1))
        written(session)
        assert session.abandon(1) == []
        events = session.receive(GROUP if session.is_pipelined else OK)
        assert [type(event) for event in events] == ([Closed] if session.is_pipelined else [])
        assert b"Hello" not in session.data_to_send()

    def test_permitted_body_cannot_be_abandoned(self, make: Callable[[], Session]) -> None:
        session = ready_to_send(make())
        session.permit(1)
        with pytest.raises(RuntimeError, match="permitted"):
            session.abandon(1)
        with pytest.raises(RuntimeError, match="once"):
            session.permit(1)

    @pytest.mark.parametrize("at", [Phase.MAIL, Phase.BODY, Phase.DOT])
    def test_421_concerns_one_message(self, make: Callable[[], Session], at: Phase) -> None:
        session = make()
        session.offer(message(1))
        if at is not Phase.MAIL:
            session = ready_to_send(make())
        session.offer(message(2))
        if at is Phase.DOT:
            session.permit(1)
        written(session)
        reply = Reply(421, None, "bye")
        events = session.receive(b"421 bye\r\n")
        assert events[0] == Refused(1, at, reply)
        assert isinstance(events[1], Lost)
        assert not events[1].is_in_doubt
        assert isinstance(events[2], Closed)
        assert events[2].reply == reply
        assert len(events) == 3

    @pytest.mark.parametrize("nonsense", [b"gibberish\r\n", b"650 what\r\n", b"354 go on\r\n"])
    def test_nonsense_at_the_dot_leaves_doubt(self, make: Callable[[], Session], nonsense: bytes) -> None:
        session = ready_to_send(make())
        session.permit(1)
        events = session.receive(nonsense)
        assert isinstance(events[0], Lost)
        assert events[0].is_in_doubt
        assert session.is_closed

    def test_reply_to_nothing_is_no_reply(self, make: Callable[[], Session]) -> None:
        session = make()
        assert [type(event) for event in session.receive(OK)] == [Closed]

    @pytest.mark.parametrize(
        ("offered", "values", "code", "enhanced"),
        [
            (Capabilities(pipelining=True, size=5), {}, 552, "5.3.4"),
            (Capabilities(eight_bit=True), {"recipient": "élodie@exemple.fr"}, 553, "5.6.7"),
            (Capabilities(), {"body": b"\xc3\xa9\r\n"}, 554, "5.6.3"),
        ],
        ids=["size", "smtputf8", "8bit"],
    )
    def test_what_the_relay_does_not_offer_is_refused_here(
        self, make: Callable[[], Session], offered: Capabilities, values: dict[str, object], code: int, enhanced: str
    ) -> None:
        session = Session(offered, pipelining=make().is_pipelined)
        (event,) = session.offer(message(1, **values))
        assert isinstance(event, Refused)
        assert (event.reply.code, event.reply.enhanced) == (code, enhanced)
        assert session.data_to_send() == b""
        assert session.capacity == 2

    def test_quit_comes_after_what_was_offered(self, make: Callable[[], Session]) -> None:
        session = ready_to_send(make())
        session.quit()
        assert session.capacity == 0
        assert session.data_to_send() == b""
        session.permit(1)
        written(session)
        session.receive(OK)
        assert written(session) == ["QUIT"]
        assert session.receive(b"221 bye\r\n") == [Closed()]

    def test_limit_of_messages_ends_in_quit(self, make: Callable[[], Session]) -> None:
        offered = make().offered
        session = ready_to_send(Session(offered, max_messages=1))
        assert session.capacity == 0
        session.permit(1)
        written(session)
        session.receive(OK)
        assert written(session) == ["QUIT"]
        assert session.fail("the relay closed the connection") == [Closed()]


def test_offer_needs_capacity() -> None:
    session = Session(ALL)
    session.offer(message(1))
    session.offer(message(2))
    with pytest.raises(RuntimeError, match="capacity"):
        session.offer(message(3))


@given(
    st.lists(st.sampled_from([b"250 ok\r\n", b"354\r\n", b"450 x\r\n", b"550 x\r\n", b"421 x\r\n"]), max_size=30),
    st.booleans(),
)
def test_each_message_is_told_once_and_at_most_one_is_in_doubt(replies: list[bytes], is_pipelined: bool) -> None:
    session, key, told = Session(ALL, pipelining=is_pipelined), 0, []
    for reply in replies:
        while session.capacity:
            key += 1
            session.offer(message(key))
        session.data_to_send()
        events = session.receive(reply)
        told += events
        for event in events:
            if isinstance(event, BodyWanted):
                session.permit(event.key)
    told += session.fail("the end")
    verdicts = [event.key for event in told if isinstance(event, Accepted | Refused | Lost)]
    assert sorted(verdicts) == list(range(1, key + 1))
    assert sum(isinstance(event, Lost) and event.is_in_doubt for event in told) <= 1
    assert [isinstance(event, Closed) for event in told].count(True) == 1
