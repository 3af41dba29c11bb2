from email import message_from_bytes, message_from_string, policy
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sends import headers
from sends.errors import HeaderInjection, InvalidMessage

CONTROLS = ["\r", "\n", "\r\n", "\0", "\x0b", "\x1b", "\x7f", "\x85", "\u2028", "\ud83d"]
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300)


def raw_value(field: str) -> str:
    name, _, value = field.replace("\r\n", "").partition(": ")
    assert name
    return value


@given(TEXTS)
def test_a_text_reads_back_and_every_line_is_short(text: str) -> None:
    field = headers.text_field("Subject", text)

    assert str(make_header(decode_header(raw_value(field)))) == text
    lines = field.removesuffix("\r\n").split("\r\n")
    assert all(len(line) <= 78 for line in lines)
    assert all(line.startswith(" ") for line in lines[1:])
    assert field.isascii()


@pytest.mark.parametrize("offset", range(80))
def test_a_character_is_never_cut(offset: int) -> None:
    field = headers.text_field("Subject", "a" * offset + "😀é")
    words = raw_value(field).split(" ")

    assert all(len(word) <= 75 for word in words)
    for word in words:
        [(octets, charset)] = decode_header(word)
        assert octets.decode(charset)  # each word alone is whole characters (RFC 2047 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("Info fonds", "Info fonds", id="plain"),
        pytest.param("", "", id="empty"),
        pytest.param("Été", "=?utf-8?q?=C3=89t=C3=A9?=", id="accents"),
        pytest.param("a =?utf-8?q?b?=", "=?utf-8?q?a_=3D=3Futf-8=3Fq=3Fb=3F=3D?=", id="looks encoded"),
        pytest.param(" a", "=?utf-8?q?_a?=", id="leading space"),
        pytest.param("a  b", "=?utf-8?q?a__b?=", id="two spaces"),
    ],
)
def test_text_field(text: str, value: str) -> None:
    assert headers.text_field("Subject", text) == f"Subject: {value}\r\n"


def test_a_long_plain_text_is_folded_at_spaces() -> None:
    field = headers.text_field("Subject", "mot " * 60 + "fin")
    assert message_from_string(field, policy=policy.default)["Subject"] == "mot " * 60 + "fin"
    assert "=?" not in field


@pytest.mark.parametrize(
    ("name", "written"),
    [
        pytest.param("", "x@example.org", id="none"),
        pytest.param("CCI Artois", "CCI Artois <x@example.org>", id="atoms"),
        pytest.param("d'Arc, J.", '"d\'Arc, J." <x@example.org>', id="quoted"),
        pytest.param('A "B" \\C', r'"A \"B\" \\C" <x@example.org>', id="escaped"),
        pytest.param("Élodie, d'Été", "=?utf-8?q?=C3=89lodie=2C_d=27=C3=89t=C3=A9?= <x@example.org>", id="encoded"),
        pytest.param("a@b.test", '"a@b.test" <x@example.org>', id="an address as a name"),
    ],
)
def test_address_field(name: str, written: str) -> None:
    assert headers.address_field("To", name, "x@example.org") == f"To: {written}\r\n"


@given(TEXTS.map(str.strip).filter(bool))
def test_a_name_never_changes_the_address(name: str) -> None:
    field = headers.address_field("To", name, "x@example.org")

    assert all(len(line) <= 78 for line in field.split("\r\n"))
    message = message_from_bytes(field.encode("ascii") + b"\r\n", policy=policy.default)
    assert [address.addr_spec for address in message["To"].addresses] == ["x@example.org"]
    assert list(message) == ["To"]
    phrase = raw_value(field).removesuffix("<x@example.org>").rstrip(" ")
    if not phrase.startswith('"'):
        assert str(make_header(decode_header(phrase))) == name


@pytest.mark.parametrize(
    ("address", "written"),
    [
        pytest.param("A.B@example.org", "A.B@example.org", id="case kept"),
        pytest.param("a@exämple.test", "a@xn--exmple-cua.test", id="A-label"),
        pytest.param("élodie@exämple.test", "élodie@xn--exmple-cua.test", id="SMTPUTF8"),
        pytest.param("o'neil+x@example.org", "o'neil+x@example.org", id="atext"),
    ],
)
def test_ascii_domain(address: str, written: str) -> None:
    assert headers.ascii_domain(address) == written


@pytest.mark.parametrize(
    "address",
    [
        *("", "a", "a@", "@b.test", "a b@c.test", "a@b@c.test", "a@b.test>", "<a@b.test", "a,b@c.test", "a@b..test"),
        *("a@" + "b" * 260, "a@☃☃-.test", 'a"@b.test', "a@b.test, c@d.test", "a(b)@c.test"),
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidMessage):
        headers.address_field("To", "", address)


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda text: headers.text_field("Subject", text), id="text"),
        pytest.param(lambda text: headers.address_field("To", text, "x@example.org"), id="name"),
        pytest.param(lambda text: headers.address_field("To", "", f"x{text}@example.org"), id="address"),
        pytest.param(lambda text: headers.list_id_field(text, "aides.example.org"), id="list name"),
        pytest.param(lambda text: headers.list_id_field("Aides", f"aides{text}.example.org"), id="list label"),
        pytest.param(lambda text: headers.uri_field("List-Help", f"https://example.org/{text}"), id="uri"),
    ],
)
def test_control_characters_are_refused(write, control: str) -> None:
    with pytest.raises(HeaderInjection, match="control character"):
        write(f"a{control}Bcc: b@example.org")


def test_list_id() -> None:
    assert headers.list_id_field("Aides à l'économie", "aides.example.org") == (
        "List-Id: =?utf-8?q?Aides_=C3=A0_l=27=C3=A9conomie?= <aides.example.org>\r\n"
    )


@pytest.mark.parametrize("identifier", ["aides", "aides élus.example.org", "a..org", "a>.org", "a." * 127 + "org"])
def test_what_is_no_list_id_is_refused(identifier: str) -> None:
    with pytest.raises(InvalidMessage):
        headers.list_id_field("Aides", identifier)


def test_a_long_uri_stays_whole_on_a_line_of_its_own() -> None:
    uri = "https://example.org/" + "a" * 880
    assert headers.uri_field("List-Unsubscribe", uri) == f"List-Unsubscribe:\r\n <{uri}>\r\n"


@pytest.mark.parametrize("uri", ["example.org", "https://a b", "https://a>", "https://é.test", "https://" + "a" * 901])
def test_what_is_no_uri_is_refused(uri: str) -> None:
    with pytest.raises(InvalidMessage):
        headers.uri_field("List-Help", uri)
