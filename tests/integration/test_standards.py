"""Rows of the SMTP and DKIM checklists that only a whole run can show: docs/standards.md has them all, with their tests."""

import asyncio
import base64
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import select

from audiences.addresses import parse_address
from audiences.database import reading
from campaigns.settings import Settings
from campaigns.worker import Worker
from sends.buckets import RELAY
from sends.errors import InvalidKey, RelayUnavailable
from sends.models import Delivery, RateBucket
from sends.states import DeliveryStatus
from sends.transports import Accepted, Closed, Lost
from tests.factories import NOW, Factory
from tests.outfit import HALF_HOUR, ONCE, Outfit, received
from tests.relay_lab import Lab, message, send, verdicts
from tests.smtpd import CAPABILITIES, POINTS, Script, SmtpServer

S = DeliveryStatus
USERS = {"cci": "sésame"}
LOCKSTEP = {"pipelining": False}


@pytest.mark.parametrize("point", ["banner", "ehlo", "mail", "rcpt", "data", "dot"])
def test_421_at_any_command_defers_one_message_slows_down_and_lets_the_others_go_on(outfit: Outfit, point: str) -> None:
    """RFC 5321 3.8 and 4.2.2; at the dot a reply was read, so that there is no doubt."""
    with SmtpServer(Script().reply(point, "421 4.3.2 shutting down", nth=1)) as server:
        outfit.work(server)
        is_before_mail = point in {"banner", "ehlo"}
        assert outfit.counts() == ({S.SENT: 10} if is_before_mail else {S.SENT: 9, S.DEFERRED: 1})
        assert server.connections == 2
        with reading(outfit.engine) as session:
            bucket = session.get(RateBucket, RELAY)
            assert is_before_mail or bucket is not None
        outfit.clock.offset += HALF_HOUR
        outfit.work(server)
    assert received(server) == ONCE
    assert outfit.counts() == {S.SENT: 10}


@pytest.mark.parametrize("smtp", [{}, LOCKSTEP, {"connections": 3}], ids=["pipelined", "lockstep", "connections"])
@pytest.mark.parametrize("point", POINTS)
def test_a_relay_that_hangs_up_at_any_point_costs_at_most_one_doubt(
    outfit: Outfit, point: str, smtp: dict[str, object]
) -> None:
    with SmtpServer(Script().drop(point, nth=1)) as server:
        outfit.work(server, **smtp)
        outfit.clock.offset += HALF_HOUR
        outfit.work(server, **smtp)
    doubts = {address for address, status in outfit.statuses().items() if status is S.UNCERTAIN}
    assert len(doubts) == (point in {"body", "dot"})
    assert set(outfit.statuses().values()) <= {S.SENT, S.UNCERTAIN}
    assert received(server) == ONCE - (Counter(doubts) if point == "body" else Counter())


@pytest.mark.parametrize("point", ["starttls", "auth", "helo", "rset", "quit"])
def test_a_relay_that_hangs_up_at_the_rarer_commands(lab: Lab, point: str) -> None:
    """What the points of the message flow leave out: greeting, login, taking back, and the end."""
    script = Script(users=USERS if point == "auth" else {}).drop(point, nth=1)
    if point == "helo":
        script.reply("ehlo", "502 5.5.1 what?")
    if point == "rset":
        script.reply("rcpt", "550 5.1.1 unknown", nth=1)
    login = {"username": "cci", "password": "sésame"} if point == "auth" else {}
    messages = [message(1), message(2)]
    with lab.serve(script) as server:
        relay = lab.relay(server, **login)
        is_met = not (
            (point == "starttls" and lab.security != "starttls") or (point == "helo" and lab.security == "starttls")
        )
        if point in {"starttls", "auth", "helo"} and is_met:
            with pytest.raises(RelayUnavailable):
                asyncio.run(send(relay, *messages))
            assert server.messages == []
        elif is_met:
            events = asyncio.run(send(relay, *messages))
            told = verdicts(events)
            assert not any(isinstance(event, Lost) and event.is_in_doubt for event in told.values())
            assert isinstance(events[-1], Closed)
            if point == "quit":
                assert events[-1] == Closed()
                assert [type(event) for event in told.values()] == [Accepted, Accepted]
        if point not in {"helo", "quit"}:
            again = verdicts(asyncio.run(send(relay, message(3))))
            assert isinstance(again[3], Accepted)
    recipients = [each.recipient for each in server.messages]
    assert len(recipients) == len(set(recipients))


def test_a_run_ends_with_quit_on_every_connection(outfit: Outfit) -> None:
    with SmtpServer(Script().delay("dot", 0.02)) as server:
        outfit.work(server, connections=3)
    assert server.verbs.count("QUIT") == server.connections == 3


def test_what_a_relay_without_extensions_gets_is_plain(outfit: Outfit, factory: Factory) -> None:
    """7-bit, no parameters, and only who needs SMTPUTF8 fails (RFC 6152, RFC 6531 3.2, RFC 1870, RFC 3461)."""
    with SmtpServer(Script(capabilities=())) as server:
        outfit.work(server)
        factory.contact("élodie@example.org")
        factory.contact(parse_address("A.B@EXAMPLE.net").text)
        factory.contact("a@exämple.org")
        outfit.launch("encore")
        outfit.work(server)
    assert all(each.body.isascii() for each in server.messages)
    assert {each.mail_parameters + each.rcpt_parameters for each in server.messages} == {""}
    found = outfit.statuses("encore")
    assert [address for address, status in found.items() if status is not S.SENT] == ["élodie@example.org"]
    assert {"A.B@example.net", "a@xn--exmple-cua.org"} <= {each.recipient for each in server.messages}
    with reading(outfit.engine) as session:
        [code] = session.scalars(select(Delivery.reply_enhanced).where(Delivery.address == "élodie@example.org"))
    assert code == "5.6.7"


def test_a_message_over_the_size_limit_of_the_relay_is_not_sent(outfit: Outfit) -> None:
    """RFC 1870 6."""
    with SmtpServer(Script(capabilities=("PIPELINING", "SIZE 1000"))) as server:
        outfit.work(server)
    assert "MAIL" not in server.verbs
    assert outfit.counts() == {S.FAILED: 10}
    with reading(outfit.engine) as session:
        assert set(session.scalars(select(Delivery.reason))) == {"too-big"}


def test_requiretls_is_never_asked_for(lab: Lab) -> None:
    """RFC 8689 is not supported: neither its parameter nor its header leaves, even where a relay offers it over TLS."""
    with lab.serve(Script(capabilities=(*CAPABILITIES, "REQUIRETLS"))) as server:
        asyncio.run(send(lab.relay(server), message(1), message(2)))
    assert len(server.accepted) == 2
    assert not any("REQUIRETLS" in command.upper() for command in server.commands)


def test_no_message_carries_a_header_of_requiretls(outfit: Outfit) -> None:
    with SmtpServer(Script(capabilities=(*CAPABILITIES, "REQUIRETLS"))) as server:
        outfit.work(server)
    assert received(server) == ONCE
    assert not any(b"\r\ntls-required:" in each.body.lower() for each in server.messages)
    assert not any("REQUIRETLS" in command.upper() for command in server.commands)


def test_commands_stay_within_the_length_of_a_command_line(plain: Lab) -> None:
    """RFC 5321 4.5.3.1.4: 512 octets, and what each extension adds (SIZE 26, DSN 100 and 500, RFC 1870, RFC 3461)."""
    longest = "l" * 64 + "@" + ".".join(["d" * 60] * 3)
    with plain.serve() as server:
        told = verdicts(asyncio.run(send(plain.relay(server), message(1, longest, envid="e" * 100))))
    assert isinstance(told[1], Accepted)
    limits = {"MAIL": 512 + 26 + 17 + 10 + 15 + 100, "RCPT": 512 + 500}
    assert all(len(command) + 2 <= limits.get(command[:4], 512) for command in server.commands)


@pytest.fixture
def signing(tmp_path: Path) -> tuple[dict[str, object], Callable[..., str]]:
    """The section [dkim] of a fresh key, and the DNS that dkimpy asks."""
    key, path = rsa.generate_private_key(65537, 2048), tmp_path / "dkim.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    path.chmod(0o600)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    record = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    section = {"domain": "example.org", "selector": "relais", "private_key_file": path}

    def dns(name: bytes, timeout: int = 5) -> str:
        return record if name == b"relais._domainkey.example.org." else ""

    return section, dns


def test_signed_messages_arrive_valid_through_a_relay_that_takes_seven_bits(
    outfit: Outfit,
    factory: Factory,
    make_settings: Callable[..., Settings],
    signing: tuple[dict[str, object], Callable[..., str]],
) -> None:
    """RFC 6376 5.3: what is signed needs no conversion on the way."""
    section, dns = signing
    outfit.clock.offset = datetime.now(UTC) - NOW  # dkimpy compares with the clock of the machine
    factory.contact("elodie@example.org", given_name="Élodie", family_name="D’Été")
    outfit.launch("encore")
    with SmtpServer(Script(capabilities=("PIPELINING",))) as server:
        settings = make_settings(server.port, dkim=section)
        Worker(outfit.engine, settings, outfit.clock).round()
    assert len(server.accepted) == 21
    for each in server.accepted:
        assert each.body.isascii()
        assert dkim.DKIM(each.body).verify(dnsfunc=dns)
        assert not is_verified(each.body.replace(b"Subject:", b"Subject: x\r\nSubject:", 1), dns)


def is_verified(body: bytes, dns: Callable[..., str]) -> bool:
    try:
        return dkim.DKIM(body).verify(dnsfunc=dns)
    except dkim.DKIMException:
        return False


def test_a_missing_key_stops_before_the_first_mail(
    outfit: Outfit,
    make_settings: Callable[..., Settings],
    signing: tuple[dict[str, object], Callable[..., str]],
) -> None:
    section, _dns = signing
    section["private_key_file"].unlink()
    with SmtpServer() as server, pytest.raises(InvalidKey, match="cannot be read"):
        Worker(outfit.engine, make_settings(server.port, dkim=section), outfit.clock).round()
    assert "MAIL" not in server.verbs
    assert outfit.counts() == {S.QUEUED: 10}
