import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from sends.errors import RelayRefused, RelayUnavailable
from sends.transports import (
    Accepted,
    Auth,
    Phase,
    RelaySettings,
    Security,
    Timeouts,
    TokenUnavailable,
)
from tests.relay_lab import Lab, message, send, verdicts
from tests.smtpd import Script, SmtpServer


def test_default_timeouts_and_ports_are_those_of_the_standards() -> None:
    timeouts = Timeouts()
    assert [timeouts.of(phase) for phase in (Phase.BANNER, Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT)] == [
        300,
        300,
        300,
        120,
        600,
    ]
    assert timeouts.block == 180
    assert timeouts.of(Phase.BODY) is None
    assert RelaySettings("mail.test") == RelaySettings("mail.test", 587, Security.STARTTLS)
    assert "secret" not in repr(RelaySettings("mail.test", password="secret"))


@pytest.mark.parametrize(
    ("name", "line"), [("cci.test", "EHLO cci.test"), (None, "EHLO [127.0.0.1]")], ids=["name", "literal"]
)
def test_ehlo_name(plain: Lab, name: str | None, line: str) -> None:
    with plain.serve() as server:
        asyncio.run(send(plain.relay(server, helo_name=name), message(1)))
    assert server.commands[0] == line


@pytest.mark.parametrize("code", [500, 502])
def test_helo_where_ehlo_is_not_known(plain: Lab, code: int) -> None:
    with plain.serve(Script().reply("ehlo", f"{code} what?")) as server:
        asyncio.run(send(plain.relay(server), message(1)))
    assert server.verbs == ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT"]
    assert server.accepted[0].mail_parameters == ""


@pytest.mark.parametrize(
    ("point", "line", "words"),
    [
        ("banner", "554 5.7.1 listed", "takes no mail from this machine"),
        ("ehlo", "550 bad name", "does not take our name"),
        ("ehlo", "504 bad name", "does not take our name"),
    ],
)
def test_refused_at_the_door(plain: Lab, point: str, line: str, words: str) -> None:
    with plain.serve(Script().reply(point, line)) as server, pytest.raises(RelayRefused, match=words) as caught:
        asyncio.run(send(plain.relay(server), message(1)))
    assert caught.value.reply is not None
    assert "HELO" not in server.verbs


def test_what_is_no_smtp_server(plain: Lab) -> None:
    with (
        plain.serve(Script().reply("banner", "SSH-2.0-OpenSSH_9.2")) as server,
        pytest.raises(RelayUnavailable, match="no SMTP reply"),
    ):
        asyncio.run(send(plain.relay(server), message(1)))


def test_nothing_answers() -> None:
    with SmtpServer() as server:
        port = server.port
    relay = RelaySettings("127.0.0.1", port, Security.NONE)
    with pytest.raises(RelayUnavailable, match=f"Nothing answers at 127.0.0.1:{port} \\(Connection refused\\)"):
        asyncio.run(send(relay, message(1)))


class TestStartTls:
    def test_not_offered_sends_nothing(self, starttls: Lab) -> None:
        with SmtpServer() as server, pytest.raises(RelayRefused, match="offers no STARTTLS, so nothing was sent"):
            asyncio.run(send(starttls.relay(server, username="cci", password="secret"), message(1)))
        assert server.verbs == ["EHLO"]

    def test_refused_sends_nothing(self, starttls: Lab) -> None:
        with starttls.serve(Script().reply("starttls", "554 5.7.3 no")) as server, pytest.raises(RelayRefused):
            asyncio.run(send(starttls.relay(server), message(1)))
        assert server.verbs == ["EHLO", "STARTTLS"]

    def test_not_ready_is_for_later(self, starttls: Lab) -> None:
        with starttls.serve(Script().reply("starttls", "454 4.7.0 busy")) as server, pytest.raises(RelayUnavailable):
            asyncio.run(send(starttls.relay(server), message(1)))

    def test_injected_plaintext_is_not_believed(self, starttls: Lab) -> None:
        script = Script().inject(b"250-evil.test\r\n250-AUTH PLAIN\r\n250 SIZE 1\r\n250 unfinished")
        with starttls.serve(script) as server:
            told = verdicts(asyncio.run(send(starttls.relay(server), message(1))))
        assert isinstance(told[1], Accepted)
        assert server.verbs == ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "DATA", "QUIT"]

    def test_broken_handshake_is_for_later(self, starttls: Lab) -> None:
        with starttls.serve(Script().drop("starttls")) as server, pytest.raises(RelayUnavailable):
            asyncio.run(send(starttls.relay(server), message(1)))


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
class TestCertificate:
    def test_unknown_authority(self, authority: trustme.CA, ca_file: Path, security: Security) -> None:
        lab = Lab(authority, ca_file, security, is_pipelined=True)
        with lab.serve() as server, pytest.raises(RelayRefused, match=r"certificate of .* is not trusted"):
            asyncio.run(send(lab.relay(server, ca_file=None), message(1)))
        assert "MAIL" not in server.verbs

    def test_another_host(self, authority: trustme.CA, ca_file: Path, security: Security) -> None:
        lab = Lab(authority, ca_file, security, is_pipelined=True)
        with lab.serve() as server, pytest.raises(RelayRefused, match="certificate"):
            asyncio.run(send(lab.relay(server, host="localhost"), message(1)))
        assert "MAIL" not in server.verbs

    def test_unchecked_by_choice(self, authority: trustme.CA, ca_file: Path, security: Security) -> None:
        lab = Lab(authority, ca_file, security, is_pipelined=True)
        with lab.serve() as server:
            asyncio.run(send(lab.relay(server, ca_file=None, verify=False), message(1)))
        assert len(server.accepted) == 1

    def test_missing_authority_file(self, authority: trustme.CA, ca_file: Path, security: Security) -> None:
        lab = Lab(authority, ca_file, security, is_pipelined=True)
        with lab.serve() as server, pytest.raises(RelayRefused, match="correct ca_file"):
            asyncio.run(send(lab.relay(server, ca_file=ca_file.with_name("none.pem")), message(1)))


def test_tls_to_a_port_without_it(plain: Lab) -> None:
    with plain.serve() as server, pytest.raises(RelayRefused, match="does not speak TLS from the start"):
        asyncio.run(send(plain.relay(server, security=Security.TLS), message(1)))


class TestLogin:
    USERS = {"cci": "sésame"}  # noqa: RUF012 - never changed

    @pytest.mark.parametrize("auth", list(Auth))
    def test_right_password(self, lab: Lab, auth: Auth) -> None:
        with lab.serve(Script(users=self.USERS)) as server:
            relay = lab.relay(server, username="cci", password="sésame", auth=auth)
            asyncio.run(send(relay, message(1)))
        assert server.logins == [("cci", "sésame")]
        assert len(server.accepted) == 1

    @pytest.mark.parametrize("auth", list(Auth))
    def test_wrong_password_stops(self, starttls: Lab, auth: Auth) -> None:
        with starttls.serve(Script(users=self.USERS)) as server:
            relay = starttls.relay(server, username="cci", password="x", auth=auth)
            with pytest.raises(RelayRefused, match=r"refuses the login of cci \(535 5\.7\.8") as caught:
                asyncio.run(send(relay, message(1)))
        assert caught.value.phase is Phase.AUTH
        assert "MAIL" not in server.verbs

    def test_454_is_for_later(self, starttls: Lab) -> None:
        script = Script(users=self.USERS).reply("auth", "454 4.7.0 directory down")
        with starttls.serve(script) as server, pytest.raises(RelayUnavailable, match="directory down"):
            asyncio.run(send(starttls.relay(server, username="cci", password="sésame"), message(1)))

    def test_mechanism_not_offered(self, starttls: Lab) -> None:
        with starttls.serve() as server, pytest.raises(RelayRefused, match="change auth"):
            asyncio.run(send(starttls.relay(server, username="cci", password="sésame"), message(1)))

    def test_never_in_the_clear_over_a_network(self, plain: Lab) -> None:
        with plain.serve(Script(users=self.USERS)) as server:
            relay = plain.relay(server, host="0.0.0.0", username="cci", password="sésame")
            with pytest.raises(RelayRefused, match="in the clear, so none was sent"):
                asyncio.run(send(relay, message(1)))
            assert server.logins == []
            asyncio.run(send(replace(relay, allow_plaintext_login=True), message(1)))
        assert server.logins == [("cci", "sésame")]


class Tokens:
    """Gives one token after the other, each good for one login; the last one stays."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def get(self) -> str:
        if not self.tokens:
            raise TokenUnavailable("the token command failed: log in first")
        return self.tokens[0]

    def discard(self, token: str) -> bool:
        if len(self.tokens) > 1:
            self.tokens.remove(token)
            return True
        return False


class TestToken:
    @staticmethod
    def relay(lab: Lab, server: SmtpServer, tokens: Tokens) -> RelaySettings:
        return lab.relay(server, username="cci", auth=Auth.XOAUTH2, tokens=tokens)

    def test_each_login_asks_for_one(self, lab: Lab) -> None:
        with lab.serve(Script(users={"cci": "new"})) as server:
            asyncio.run(send(self.relay(lab, server, Tokens("new")), message(1)))
        assert server.logins == [("cci", "new")]
        assert len(server.accepted) == 1

    def test_one_that_has_run_out_is_replaced(self, starttls: Lab) -> None:
        with starttls.serve(Script(users={"cci": "new"})) as server:
            relay = self.relay(starttls, server, Tokens("old", "new"))
            with pytest.raises(RelayUnavailable, match=r"the token has run out: 535 5\.7\.8"):
                asyncio.run(send(relay, message(1)))
            asyncio.run(send(relay, message(1)))
        assert server.logins == [("cci", "old"), ("cci", "new")]
        assert len(server.accepted) == 1

    def test_a_good_one_that_is_refused_stops(self, starttls: Lab) -> None:
        with (
            starttls.serve(Script(users={"cci": "new"})) as server,
            pytest.raises(RelayRefused, match="refuses the login of cci"),
        ):
            asyncio.run(send(self.relay(starttls, server, Tokens("wrong")), message(1)))

    def test_without_one_nothing_is_said(self, starttls: Lab) -> None:
        with starttls.serve(Script(users={"cci": "new"})) as server:
            relay = self.relay(starttls, server, Tokens())
            with pytest.raises(RelayUnavailable, match="auth: the token command failed: log in first"):
                asyncio.run(send(relay, message(1)))
        assert server.logins == []
        assert "AUTH" not in server.verbs
