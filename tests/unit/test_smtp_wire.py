import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sends.errors import InvalidBody, InvalidEnvelope, MalformedReply
from sends.transports.capabilities import Capabilities
from sends.transports.commands import Notify, OutgoingMessage, envelope, xtext
from sends.transports.content import to_wire
from sends.transports.reply import MAX_LINE, MAX_LINES, Reply, ReplyReader
from sends.transports.session import Session

ALL = Capabilities(pipelining=True, size=0, eight_bit=True, smtputf8=True, dsn=True)
PLAIN = Capabilities()


def message(
    key: int, recipient: str = "paul@example.org", body: bytes = b"Hello\r\n", **values: object
) -> OutgoingMessage:
    return OutgoingMessage(key, "news@example.com", recipient, (body,), **values)


class TestReader:
    @pytest.mark.parametrize(
        ("data", "reply"),
        [
            (b"250 ok\r\n", Reply(250, None, "ok")),
            (b"250\r\n", Reply(250)),
            (b"250 \r\n", Reply(250)),
            (b"250-a\r\n250-b\r\n250\r\n", Reply(250, None, "a\nb\n")),
            (b"250 2.1.5 Ok\n", Reply(250, "2.1.5", "Ok")),
            (b"550 5.1.10 null MX\r\n", Reply(550, "5.1.10", "null MX")),
            (b"550 4.1.1 other class\r\n", Reply(550, None, "4.1.1 other class")),
            (b"550-5.7.26 one\r\n550 5.7.26 two\r\n", Reply(550, "5.7.26", "one\ntwo")),
            (b"550 Refus\xe9\r\n", Reply(550, None, "Refus\N{REPLACEMENT CHARACTER}")),
            (b"550 a\x1b[2Jb\r\n", Reply(550, None, "a [2Jb")),
            (b"599 odd\r\n", Reply(599, None, "odd")),
        ],
        ids=lambda value: repr(value)[:30],
    )
    def test_reply(self, data: bytes, reply: Reply) -> None:
        assert list(ReplyReader().feed(data)) == [reply]

    @pytest.mark.parametrize(
        "data",
        [
            b"650 no such class\r\n",
            b"199 no\r\n",
            b"25 short\r\n",
            b"2500 long\r\n",
            b"250_odd\r\n",
            b"\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
            b"250-a\r\n251 b\r\n",
            b"x" * (MAX_LINE + 1),
            b"250 " + b"x" * MAX_LINE + b"\r\n",
            b"250-x\r\n" * (MAX_LINES + 1),
        ],
        ids=lambda value: repr(value)[:30],
    )
    def test_malformed(self, data: bytes) -> None:
        with pytest.raises(MalformedReply):
            list(ReplyReader().feed(data))

    def test_replies_before_the_malformed_one_count(self) -> None:
        replies = ReplyReader().feed(b"250 ok\r\nnonsense\r\n")
        assert next(replies).code == 250
        with pytest.raises(MalformedReply):
            next(replies)

    @given(st.lists(st.integers(min_value=1, max_value=5), max_size=20))
    def test_packets_may_split_anywhere(self, sizes: list[int]) -> None:
        data = b"250-one\r\n250 two\r\n550 5.1.1 three\r\n354\r\n"
        reader, replies, at = ReplyReader(), [], 0
        for size in [*sizes, len(data)]:
            replies += reader.feed(data[at : at + size])
            at += size
        assert replies == list(ReplyReader().feed(data))


def unstuff(wire: bytes) -> bytes:
    """Read a body as a server does (RFC 5321 4.5.2)."""
    *lines, dot, rest = wire.split(b"\r\n")
    assert (dot, rest) == (b".", b"")
    assert b"." not in lines
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)


class TestContent:
    @pytest.mark.parametrize(
        ("body", "wire"),
        [
            (b"", b".\r\n"),
            (b"a\r\n", b"a\r\n.\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b".\r\n..\r\n.x", b"..\r\n...\r\n..x\r\n.\r\n"),
            (b"a\r\n.b\r\n", b"a\r\n..b\r\n.\r\n"),
            (b"\r\n", b"\r\n.\r\n"),
        ],
        ids=repr,
    )
    def test_stuffing(self, body: bytes, wire: bytes) -> None:
        assert to_wire(body) == wire

    @given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b"")), max_size=8))
    def test_the_server_reads_what_was_meant(self, lines: list[bytes]) -> None:
        body = b"".join(line + b"\r\n" for line in lines)
        assert unstuff(to_wire(body)) == body

    @given(st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"a", b"\r\n."]), max_size=12).map(b"".join))
    def test_bare_cr_or_lf_never_passes(self, body: bytes) -> None:
        is_bare = re.search(rb"\r(?!\n)|(?<!\r)\n", body) is not None
        if is_bare:
            with pytest.raises(InvalidBody, match="bare CR or LF"):
                to_wire(body)
        else:
            wire = to_wire(body)
            assert unstuff(wire).removesuffix(b"\r\n") == body.removesuffix(b"\r\n")
            assert not re.search(rb"\r(?!\n)|(?<!\r)\n", wire)

    @pytest.mark.parametrize("before", [b"", b"short\r\n" * 300])
    def test_longest_line(self, before: bytes) -> None:
        assert to_wire(before + b"x" * 998 + b"\r\nend\r\n")
        for after in (b"\r\nend\r\n", b"\r\n", b""):
            with pytest.raises(InvalidBody, match="998"):
                to_wire(before + b"x" * 999 + after)


class TestCommands:
    @pytest.mark.parametrize(
        ("values", "offered", "mail", "rcpt"),
        [
            ({}, PLAIN, "MAIL FROM:<news@example.com>", "RCPT TO:<paul@example.org>"),
            ({}, ALL, "MAIL FROM:<news@example.com> SIZE=7", "RCPT TO:<paul@example.org>"),
            ({"body": b"\xc3\xa9\r\n"}, Capabilities(eight_bit=True), "MAIL FROM:<news@example.com> BODY=8BITMIME", None),
            ({"recipient": "élodie@exemple.fr"}, Capabilities(smtputf8=True), "MAIL FROM:<news@example.com> SMTPUTF8",
             "RCPT TO:<élodie@exemple.fr>"),
            ({"recipient": "a@exämple.org"}, Capabilities(smtputf8=True), "MAIL FROM:<news@example.com>",
             "RCPT TO:<a@xn--exmple-cua.org>"),
            ({"smtputf8": True}, Capabilities(smtputf8=True), "MAIL FROM:<news@example.com> SMTPUTF8", None),
            ({"envid": "c1=d+2", "recipient": "a+b=c@x.org"}, Capabilities(dsn=True),
             "MAIL FROM:<news@example.com> RET=HDRS ENVID=c1+3Dd+2B2", "RCPT TO:<a+b=c@x.org> ORCPT=rfc822;a+2Bb+3Dc@x.org"),
            ({"notify": (Notify.FAILURE, Notify.DELAY)}, Capabilities(dsn=True), "MAIL FROM:<news@example.com> RET=HDRS",
             "RCPT TO:<paul@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;paul@example.org"),
            ({"notify": (Notify.NEVER,)}, Capabilities(dsn=True), None,
             "RCPT TO:<paul@example.org> NOTIFY=NEVER ORCPT=rfc822;paul@example.org"),
            ({"envid": "c1", "recipient": "élodie@exemple.fr"}, Capabilities(dsn=True, smtputf8=True), None,
             "RCPT TO:<élodie@exemple.fr>"),
            ({"envid": "c1", "notify": (Notify.FAILURE,)}, PLAIN, "MAIL FROM:<news@example.com>", "RCPT TO:<paul@example.org>"),
        ],
        ids=["plain", "size", "8bit", "utf8-local-part", "idn-domain", "utf8-headers", "envid", "notify", "never",
             "utf8-no-orcpt", "no-dsn"],
    )  # fmt: skip
    def test_envelope(
        self, values: dict[str, object], offered: Capabilities, mail: str | None, rcpt: str | None
    ) -> None:
        lines = [line.decode().removesuffix("\r\n") for line in envelope(message(1, **values), offered)]
        assert lines == [mail or lines[0], rcpt or lines[1]]

    def test_null_sender(self) -> None:
        assert envelope(message(1)._replace(sender=""), PLAIN)[0] == b"MAIL FROM:<>\r\n"

    @pytest.mark.parametrize(
        "address",
        ["a\r\nb@x.org", "a@x.org\r\nRSET", "a\0@x.org", "a b@x.org", "a>@x.org", "a@x.org> X", "<a@x.org", "a", "@x.org",
         "a@", "a\x85b@x.org", "é\u2028@x.org", "é\n@x.org", "x" * 65 + "@x.org", "x@" + "a" * 260 + ".org", "a@x\u00e9 .org"],
        ids=lambda address: ascii(address)[:20],
    )  # fmt: skip
    @pytest.mark.parametrize("field", ["sender", "recipient"])
    def test_unsafe_address(self, field: str, address: str) -> None:
        session = Session(ALL)
        with pytest.raises(InvalidEnvelope):
            session.offer(message(1)._replace(**{field: address}))
        assert session.data_to_send() == b""
        assert session.capacity == 2

    @given(st.text(max_size=20), st.sampled_from(["sender", "recipient", "envid"]))
    def test_an_envelope_is_two_lines_whatever_stands_in_it(self, text: str, field: str) -> None:
        try:
            lines = envelope(message(1)._replace(**{field: text + "@x.org" if field != "envid" else text}), ALL)
        except InvalidEnvelope:
            return
        for line in lines:
            assert line.endswith(b"\r\n")
            assert not re.search(rb"[\x00-\x1f\x7f]", line[:-2])

    @pytest.mark.parametrize(
        "values",
        [{"envid": "a\r\nb"}, {"envid": "x" * 101}, {"envid": "é"}, {"notify": (Notify.NEVER, Notify.DELAY)}],
        ids=["control", "long", "not-ascii", "never-alone"],
    )
    def test_unsafe_parameter(self, values: dict[str, object]) -> None:
        with pytest.raises(InvalidEnvelope):
            envelope(message(1, **values), ALL)

    @given(st.text(st.characters(min_codepoint=33, max_codepoint=126)))
    def test_xtext(self, text: str) -> None:
        coded = xtext(text)
        assert re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), coded) == text
        assert "=" not in coded

    @pytest.mark.parametrize(
        ("text", "capabilities"),
        [
            ("sink.test\nPIPELINING\nsize 1000\n8bitmime", Capabilities(pipelining=True, size=1000, eight_bit=True)),
            ("sink.test\nSIZE\nDSN\nSMTPUTF8", Capabilities(size=0, dsn=True, smtputf8=True)),
            ("sink.test\nSTARTTLS\nAUTH PLAIN LOGIN\nAUTH=LOGIN XOAUTH2",
             Capabilities(starttls=True, auth=frozenset({"PLAIN", "LOGIN", "XOAUTH2"}))),
            ("PIPELINING sink.test", Capabilities()),
        ],
        ids=["size", "size-without-number", "auth", "greeting-is-no-extension"],
    )  # fmt: skip
    def test_capabilities(self, text: str, capabilities: Capabilities) -> None:
        assert Capabilities.of(Reply(250, None, text)) == capabilities
