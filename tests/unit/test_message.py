import base64
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sends.attachments import Attachment
from sends.errors import HeaderInjection, InvalidAttachment, InvalidMessage
from sends.message import Identity, MessageBuilder, message_id
from sends.transports.content import to_wire
from sends.unsubscribe import read_token
from templates import Brand, CompiledTemplate, Image, RenderingFailed, preview_recipient

NOW = dt.datetime(2020, 4, 1, 9, 0, 5, tzinfo=dt.UTC)
SECRET = b"a secret of the chamber, 32 octets"
BRAND = Brand(
    name="CCI d'Exemple",
    short_name="CCI",
    address=("1 rue de l'Été", "62000 Arras"),
    website="https://www.example.org",
    email="contact@example.org",
    phone="03 00 00 00 00",
    logo_url=None,
    primary_colour="#112233",
    accent_colour="#445566",
)
IDENTITY = Identity(
    from_name="CCI d'Exemple",
    from_address="info@example.org",
    reply_to="aides@example.org",
    unsubscribe_address="stop@example.org",
    list_name="Aides à l'économie",
    list_label="cua-aides",
    help_url="https://www.example.org/mails",
)
SUBJECT = "Aides pour {{ company.name }}"
HTML = '<p>{{ contact.family_name }}, {{ campaign.name }}</p><a href="{{ links.unsubscribe }}">Stop</a>'
TEXT = "{{ contact.family_name }}, {{ campaign.name }}\nStop : {{ links.unsubscribe }}"
ONCE = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "List-Id")


def make_builder(
    identity: Identity = IDENTITY, attachments: Sequence[Attachment] = (), **sources: Any
) -> MessageBuilder:
    compiled = CompiledTemplate(
        **{"name": "t", "version": "1", "subject": SUBJECT, "html": HTML, "text": TEXT, **sources}
    )
    return MessageBuilder(
        compiled, BRAND, {}, identity, campaign_name="Été 2020", secret=SECRET, attachments=attachments
    )


def make_recipient(**company: str) -> dict[str, Mapping[str, str]]:
    recipient = preview_recipient()
    return {"contact": recipient["contact"], "company": {**recipient["company"], **company}}


def parse(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not any(part.defects for part in message.walk())
    return message


BUILDER = make_builder()
HEADERS = list(parse(BUILDER.build(make_recipient(), delivery_id=1, to_address="x@example.org", now=NOW).content))


def test_the_headers_of_a_campaign() -> None:
    built = BUILDER.build(
        make_recipient(), delivery_id=42, to_address="Camille@example.org", to_name="Camille Lefebvre", now=NOW
    )

    assert built.content.decode("ascii").partition("\r\n\r\n")[0].split("\r\n") == [
        'From: "CCI d\'Exemple" <info@example.org>'.replace('"', ""),
        "Reply-To: aides@example.org",
        "Auto-Submitted: auto-generated",
        "Precedence: bulk",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "List-Id: =?utf-8?q?Aides_=C3=A0_l=27=C3=A9conomie?= <cua-aides.example.org>",
        "List-Owner: <mailto:aides@example.org>",
        "List-Post: NO",
        "List-Help: <https://www.example.org/mails>",
        "To: Camille Lefebvre <Camille@example.org>",
        "Subject: Aides pour Boulangerie Lefebvre",
        "Date: Wed, 01 Apr 2020 09:00:05 +0000",
        f"Message-ID: {built.message_id}",
        "List-Unsubscribe:",
        f" <mailto:stop@example.org?subject=Desinscription%20{_token(parse(built.content))}>",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{parse(built.content).get_boundary()}"',
    ]
    assert not built.needs_smtputf8


def _token(message: EmailMessage) -> str:
    return message["List-Unsubscribe"].strip().removesuffix(">").rpartition("%20")[2]


def test_the_structure_is_plain_text_then_html_with_one_link_in_all() -> None:
    message = parse(BUILDER.build(make_recipient(), delivery_id=42, to_address="x@example.org", now=NOW).content)
    plain, html = message.iter_parts()

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in (plain, html)] == ["text/plain", "text/html"]
    for part in (plain, html):
        assert part.get_content_charset() == "utf-8"
        assert part["Content-Transfer-Encoding"] == "quoted-printable"
    link = message["List-Unsubscribe"].strip()[1:-1]
    assert plain.get_content() == f"Lefebvre, Été 2020\r\nStop : {link}"
    assert html.get_content() == f'<p>Lefebvre, Été 2020</p><a href="{link}">Stop</a>'
    assert read_token([SECRET], _token(message)) == 42


def test_attachments_stand_beside_the_two_texts() -> None:
    files = [Attachment("résumé.pdf", "application/pdf", bytes(range(256))), Attachment("a.csv", "text/csv", b"")]
    content = (
        make_builder(attachments=files)
        .build(make_recipient(), delivery_id=42, to_address="x@example.org", now=NOW)
        .content
    )
    message = parse(content)
    texts, *parts = message.iter_parts()

    assert to_wire(content) == content + b".\r\n"
    assert list(message) == HEADERS
    assert message.get_content_type() == "multipart/mixed"
    assert texts.get_content_type() == "multipart/alternative"
    plain = make_builder().build(make_recipient(), delivery_id=42, to_address="x@example.org", now=NOW).content
    for part, alone in zip(texts.iter_parts(), parse(plain).iter_parts(), strict=True):
        assert part.as_string() == alone.as_string()
    assert [part.get_filename() for part in parts] == ["résumé.pdf", "a.csv"]
    assert [part.get_payload(decode=True) for part in parts] == [each.content for each in files]


def test_a_structure_as_the_standard_library_makes_it() -> None:
    theirs = EmailMessage(policy=policy.SMTP)
    theirs.set_content("a")
    theirs.add_alternative("b", subtype="html")
    theirs.add_attachment(b"c" * 200, maintype="application", subtype="pdf", filename="résumé.pdf")
    ours = parse(
        make_builder(attachments=[Attachment("résumé.pdf", "application/pdf", b"c" * 200)])
        .build(make_recipient(), delivery_id=1, to_address="x@example.org", now=NOW)
        .content
    )
    read = parse(theirs.as_bytes())
    assert [part.get_content_type() for part in ours.walk()] == [part.get_content_type() for part in read.walk()]
    [pdf], [expected] = ours.iter_attachments(), read.iter_attachments()
    assert pdf.get_content() == expected.get_content()
    assert pdf["Content-Disposition"].params == expected["Content-Disposition"].params


def test_pictures_stand_beside_the_html_as_the_standard_library_puts_them() -> None:
    logo = Image("le logo.png", "image/png", "abc@relais", base64.b64encode(b"png" * 99).decode())
    files = [Attachment("plan.pdf", "application/pdf", b"%PDF")]
    content = (
        make_builder(attachments=files, html=HTML + '<img src="cid:abc@relais">', images=(logo,))
        .build(make_recipient(), delivery_id=1, to_address="x@example.org", now=NOW)
        .content
    )
    ours = parse(content)
    theirs = EmailMessage(policy=policy.SMTP)
    plain, html = (ours.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    theirs.set_content(plain.get_content(), cte="quoted-printable")
    theirs.add_alternative(html.get_content(), subtype="html", cte="quoted-printable")
    theirs.get_payload()[1].add_related(
        b"png" * 99, "image", "png", cid="<abc@relais>", filename="le logo.png", disposition="inline"
    )
    theirs.add_attachment(b"%PDF", "application", "pdf", filename="plan.pdf")
    read = parse(theirs.as_bytes())

    assert to_wire(content) == content + b".\r\n"
    ours_parts, their_parts = list(ours.walk()), list(read.walk())
    assert [part.get_content_type() for part in ours_parts] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    for part, expected in zip(ours_parts, their_parts, strict=True):
        assert part.get_content_type() == expected.get_content_type()
        assert (part["Content-ID"], part.get_filename()) == (expected["Content-ID"], expected.get_filename())
        assert part.get_content_disposition() == expected.get_content_disposition()
        if not part.is_multipart() and part.get_content_maintype() != "text":
            assert part.get_payload(decode=True) == expected.get_payload(decode=True)
    assert ours_parts[3]["Content-Type"].params["type"] == "text/html"  # RFC 2387 3.1
    boundaries = [part.get_boundary() for part in ours_parts if part.is_multipart()]
    assert len(set(boundaries)) == 3


def test_an_invitation_says_what_calendars_do_with_it() -> None:
    invitation = Attachment("invitation.ics", "text/calendar", b"BEGIN:VCALENDAR", ("method=CANCEL", "charset=utf-8"))
    message = parse(
        make_builder(attachments=[invitation])
        .build(make_recipient(), delivery_id=1, to_address="x@example.org", now=NOW)
        .content
    )
    [part] = message.iter_attachments()
    assert part.get_content_type() == "text/calendar"
    assert dict(part["Content-Type"].params) == {"method": "CANCEL", "charset": "utf-8", "name": "invitation.ics"}
    with pytest.raises(InvalidAttachment, match="described"):
        Attachment("a.ics", "text/calendar", b"", ("method=A\r\nB: c",))


def test_too_large_attachments_stop_the_campaign() -> None:
    with pytest.raises(InvalidAttachment, match=r"a\.pdf"):
        make_builder(attachments=[Attachment("a.pdf", "application/pdf", bytes(4_000_000))])


def test_each_field_stands_once_and_nothing_tells_of_another_recipient() -> None:
    message = parse(
        make_builder().build(make_recipient(), delivery_id=1, to_address="x@example.org", now=NOW).content,
    )
    assert {name: len(message.get_all(name, [])) for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert len(message.keys()) == len({name.lower() for name in message})
    assert [address.addr_spec for address in message["To"].addresses] == ["x@example.org"]
    absent = ("Bcc", "Cc", "Sender", "Return-Path", "List-Unsubscribe-Post")
    assert [message[name] for name in absent] == [None] * len(absent)


def test_optional_fields_are_left_out() -> None:
    identity = replace(IDENTITY, reply_to=None, help_url=None)
    message = parse(
        make_builder(identity).build(make_recipient(), delivery_id=1, to_address="x@example.org", now=NOW).content
    )
    assert message["Reply-To"] is None
    assert message["List-Help"] is None
    assert message["List-Owner"] == "<mailto:info@example.org>"


def test_a_repeat_is_the_same_message() -> None:
    first, again, other = (
        make_builder().build(make_recipient(), delivery_id=number, to_address="x@example.org", now=NOW)
        for number in (1, 1, 2)
    )
    assert first == again
    assert other.message_id != first.message_id
    assert parse(other.content).get_boundary() == parse(first.content).get_boundary()


def test_message_ids_are_ours_and_unique() -> None:
    identifiers = {message_id(SECRET, number, "example.org") for number in range(1, 10_001)}
    assert len(identifiers) == 10_000
    assert all(re.fullmatch(r"<[a-z0-9.]+@example\.org>", identifier) for identifier in identifiers)
    assert message_id(b"another secret", 1, "example.org") not in identifiers


@pytest.mark.parametrize(
    ("to_address", "written", "needs_smtputf8"),
    [
        pytest.param("x@exämple.test", "To: x@xn--exmple-cua.test", False, id="domain"),
        pytest.param("élodie@example.org", "To: élodie@example.org", True, id="local part"),
    ],
)
def test_internationalised_addresses(to_address: str, written: str, needs_smtputf8: bool) -> None:
    built = BUILDER.build(make_recipient(), delivery_id=1, to_address=to_address, now=NOW)
    assert f"\r\n{written}\r\n".encode() in built.content
    assert built.needs_smtputf8 is needs_smtputf8


def test_the_ids_stand_in_the_ascii_domain_of_the_sender() -> None:
    built = make_builder(replace(IDENTITY, from_address="info@exämple.test")).build(
        make_recipient(), delivery_id=1, to_address="x@example.org", now=NOW
    )
    assert built.message_id.endswith("@xn--exmple-cua.test>")
    assert parse(built.content)["List-Id"].endswith("<cua-aides.xn--exmple-cua.test>")


@pytest.mark.parametrize("control", ["\r\n", "\n", "\r", "\0"], ids=ascii)
@pytest.mark.parametrize(
    "field", ["from_name", "from_address", "reply_to", "unsubscribe_address", "list_name", "list_label", "help_url"]
)
def test_hostile_identities_are_refused(field: str, control: str) -> None:
    value = getattr(IDENTITY, field) + f"{control}Bcc: x@example.org"
    with pytest.raises(HeaderInjection):
        make_builder(replace(IDENTITY, **{field: value}))


@pytest.mark.parametrize("control", ["\r\n", "\n", "\r", "\0"], ids=ascii)
def test_hostile_recipients_are_refused(control: str) -> None:
    with pytest.raises(HeaderInjection):
        BUILDER.build(
            make_recipient(), delivery_id=1, to_address="x@a.test", to_name=f"X{control}Bcc: y@b.test", now=NOW
        )
    with pytest.raises(HeaderInjection):
        BUILDER.build(make_recipient(), delivery_id=1, to_address=f"x@a.test{control}Bcc: y@b.test", now=NOW)


@given(st.text(max_size=60))
def test_a_hostile_subject_stays_one_header(name: str) -> None:
    company = make_recipient(name=f"{name}\r\nBcc: y@example.org\r\n\r\n<p>")
    message = parse(BUILDER.build(company, delivery_id=1, to_address="x@example.org", now=NOW).content)
    assert message["Bcc"] is None
    assert list(message) == HEADERS
    assert len(list(message.iter_parts())) == 2


def test_a_missing_value_is_named() -> None:
    recipient = {"contact": {}, "company": {"name": "Boulangerie"}}
    with pytest.raises(RenderingFailed, match=r"contact\.family_name"):
        BUILDER.build(recipient, delivery_id=1, to_address="x@example.org", now=NOW)


def test_half_a_character_is_refused() -> None:
    recipient = {**make_recipient(), "contact": {**preview_recipient()["contact"], "family_name": "a\ud83d"}}
    with pytest.raises(InvalidMessage, match="cannot be encoded"):
        BUILDER.build(recipient, delivery_id=1, to_address="x@example.org", now=NOW)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        BUILDER.build(make_recipient(), delivery_id=1, to_address="x@example.org", now=NOW.replace(tzinfo=None))


@given(st.text(max_size=400), st.text(st.characters(exclude_categories=["C", "Z"]), max_size=200))
def test_every_message_is_fit_for_the_wire(value: str, to_name: str) -> None:
    recipient = {**make_recipient(name=value), "contact": {"family_name": value}}
    content = BUILDER.build(recipient, delivery_id=1, to_address="x@example.org", to_name=to_name, now=NOW).content

    assert to_wire(content) == content + b".\r\n"  # canonical line ends, and nothing to stuff
    assert content.isascii()
    headers, _, body = content.decode().partition("\r\n\r\n")
    assert all(len(line) <= 78 for line in headers.split("\r\n"))
    assert all(len(line) <= 76 for line in body.split("\r\n"))
    boundary = parse(content).get_boundary()
    assert boundary is not None
    assert body.count(boundary) == 3
    assert len(boundary) <= 70
