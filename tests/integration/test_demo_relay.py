"""The demo's relay, spoken to by the standard library's client and by a raw socket."""

import smtplib
import socket
from collections.abc import Iterator
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from threading import Thread

import pytest

from campaigns.demo.relay import CAPTURES, DemoRelay

SENDER = "chambre@example.org"
DEAD = "Disparu@example.com"


@pytest.fixture
def relay() -> Iterator[DemoRelay]:
    with DemoRelay([DEAD]) as running:
        yield running


def message(subject: str = "Bonjour", body: str = "Un texte.\n") -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = SENDER
    mail["Subject"] = subject
    mail.set_content(body)
    return mail.as_bytes()


def send(relay: DemoRelay, *recipients: str, content: bytes = b"Subject: x\r\n\r\n") -> dict[str, int]:
    """Send the same message to each recipient in its own transaction; give the code of each RCPT or of DATA."""
    codes = {}
    with smtplib.SMTP(relay.host, relay.port, timeout=10) as client:
        for recipient in recipients:
            try:
                client.sendmail(SENDER, [recipient], content)
                codes[recipient] = 250
            except smtplib.SMTPRecipientsRefused as error:
                codes[recipient] = error.recipients[recipient][0]
    return codes


def test_accepts_and_counts_by_mailbox(relay: DemoRelay) -> None:
    assert set(send(relay, "a@example.org", "A@example.org").values()) == {250}
    assert relay.accepted == {"a@example.org": 2}


def test_refuses_dead_mailboxes_whatever_the_case_at_every_attempt(relay: DemoRelay) -> None:
    assert set(send(relay, DEAD, DEAD.upper()).values()) == {550}
    with smtplib.SMTP(relay.host, relay.port, timeout=10) as client:
        client.ehlo()
        client.mail(SENDER)
        assert client.rcpt(DEAD) == (
            550,
            b"5.1.1 <Disparu@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
        )
    assert relay.refused == {DEAD.lower(): 3}
    assert not relay.accepted


def test_greylists_about_three_percent_once_and_the_same_ones_every_time(relay: DemoRelay) -> None:
    recipients = [f"personne{n}@example.org" for n in range(400)]
    first, second = send(relay, *recipients), send(relay, *recipients)
    greylisted = {recipient for recipient, code in first.items() if code == 450}
    assert 4 <= len(greylisted) <= 24
    assert set(second.values()) == {250}
    assert set(relay.greylisted) == greylisted
    with DemoRelay() as other:
        assert send(other, *recipients) == first


def test_keeps_the_first_messages_of_each_subject_as_they_came(relay: DemoRelay) -> None:
    long = "Un objet accentué si long que son en-tête se replie sur plusieurs lignes, à coup sûr"
    contents = [message(long, f"{n}\n..point\n.\n") for n in range(CAPTURES + 1)]
    for n, content in enumerate(contents):
        send(relay, f"r{n}@example.org", content=content)
    send(relay, "r0@example.org", content=message("Autre"))
    assert list(relay.captures) == [long, "Autre"]
    assert relay.captures[long] == contents[:CAPTURES]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param(b".\r\n", b"", id="empty"),
        pytest.param(b"Subject: x\r\n.\r\n", b"Subject: x\r\n", id="header-only"),
        pytest.param(b"Subject: x\r\n\r\n..\r\n...\r\n.\r\n", b"Subject: x\r\n\r\n.\r\n..\r\n", id="stuffed-dots"),
        pytest.param(
            b"Subject: x\r\n\r\na\n.\nb\r\n.\r\n", b"Subject: x\r\n\r\na\n.\nb\r\n", id="bare-line-feeds-end-nothing"
        ),
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_reads_pipelined_commands_however_they_are_cut(relay: DemoRelay, sent: bytes, kept: bytes, piece: int) -> None:
    script = b"EHLO pc\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<ici@example.org>\r\nDATA\r\n" + sent + b"QUIT\r\n"
    with socket.create_connection((relay.host, relay.port), timeout=10) as client:
        for at in range(0, len(script), piece):
            client.sendall(script[at : at + piece])
        replies = b"".join(iter(lambda: client.recv(4096), b""))
    codes = [line[:3] for line in replies.splitlines() if line[3:4] == b" "]
    assert codes == [b"220", b"250", b"250", b"250", b"354", b"250", b"221"]
    assert list(relay.captures.values()) == [[kept]]


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        pytest.param(["RCPT TO:<a@example.org>"], 503, id="recipient-before-sender"),
        pytest.param(["MAIL FROM:<a@example.org>", "DATA"], 554, id="data-without-recipient"),
        pytest.param(["MAIL a@example.org"], 501, id="no-path"),
        pytest.param(["VRFY a"], 502, id="unknown-command"),
        pytest.param(["MAIL FROM:<a@example.org>", "RCPT TO:<b@example.org>", "RSET", "DATA"], 554, id="reset-forgets"),
    ],
)
def test_refuses_what_is_out_of_order(relay: DemoRelay, commands: list[str], code: int) -> None:
    with smtplib.SMTP(relay.host, relay.port, timeout=10) as client:
        client.ehlo()
        assert [client.docmd(command)[0] for command in commands][-1] == code


def test_serves_several_clients_at_once(relay: DemoRelay) -> None:
    groups = [[f"g{group}-{n}@example.org" for n in range(50)] for group in range(4)]
    threads = [Thread(target=send, args=(relay, *group, *group)) for group in groups]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(relay.accepted) == {address for group in groups for address in group}
    assert relay.accepted.total() == 400 - len(relay.greylisted)


def test_stops_while_a_client_is_still_connected() -> None:
    with DemoRelay() as relay:
        client = socket.create_connection((relay.host, relay.port), timeout=10)
        assert client.recv(3) == b"220"
    with client, suppress(ConnectionResetError):
        while client.recv(4096):
            pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((relay.host, relay.port), timeout=10)
