"""Addresses: what can be written to, and which two are the same mailbox."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.addresses import Address, _validate, is_role_mailbox, parse_address, read_address
from audiences.errors import AudienceError, InvalidAddress


@pytest.mark.parametrize(
    ("text", "address", "key"),
    [
        pytest.param("paul@example.org", "paul@example.org", "paul@example.org", id="plain"),
        pytest.param("  paul@example.org\t", "paul@example.org", "paul@example.org", id="blanks-around"),
        pytest.param("Paul.Durand@Example.ORG", "Paul.Durand@example.org", "paul.durand@example.org", id="case"),
        pytest.param("a+b@example.org", "a+b@example.org", "a+b@example.org", id="plus"),
        pytest.param("o'neil@example.org", "o'neil@example.org", "o'neil@example.org", id="apostrophe"),
        pytest.param("a@épicerie.example", "a@épicerie.example", "a@xn--picerie-9xa.example", id="accented-domain"),
        pytest.param("a@XN--PICERIE-9XA.example", "a@épicerie.example", "a@xn--picerie-9xa.example", id="a-label"),
        pytest.param("rené@example.org", "rené@example.org", "rené@example.org", id="accented-local-part"),
        pytest.param("rene\u0301@example.org", "rené@example.org", "rené@example.org", id="combining-accent"),
        pytest.param("a@sub.domain.test", "a@sub.domain.test", "a@sub.domain.test", id="reserved-for-tests"),
        pytest.param("a" * 64 + "@example.org", "a" * 64 + "@example.org", "a" * 64 + "@example.org", id="longest"),
    ],
)
def test_what_can_be_written_to(text: str, address: str, key: str):
    assert parse_address(text) == Address(address, key)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("paul", id="no-at"),
        pytest.param("paul@", id="no-domain"),
        pytest.param("@example.org", id="no-local-part"),
        pytest.param("paul@@example.org", id="two-at"),
        pytest.param("paul@a@example.org", id="an-at-inside"),
        pytest.param("paul@example", id="no-top-level"),
        pytest.param("paul@example..org", id="two-dots-in-domain"),
        pytest.param("paul..durand@example.org", id="two-dots-in-local-part"),
        pytest.param(".paul@example.org", id="leading-dot"),
        pytest.param("paul.@example.org", id="trailing-dot"),
        pytest.param("paul durand@example.org", id="space"),
        pytest.param("paul@exam ple.org", id="space-in-domain"),
        pytest.param("Paul <paul@example.org>", id="display-name"),
        pytest.param("a@example.org; b@example.org", id="two-addresses"),
        pytest.param("paul@example.org\r\nBcc: b@example.org", id="header-injection"),
        pytest.param("paul@[192.0.2.1]", id="address-literal"),
        pytest.param("paul@-example.org", id="leading-hyphen"),
        pytest.param("a" * 65 + "@example.org", id="long-local-part"),
        pytest.param("a@" + "b" * 64 + ".org", id="long-label"),
        pytest.param("a@" + ".".join(["b" * 60] * 5), id="long-domain"),
        pytest.param("paul\0@example.org", id="nul"),
    ],
)
def test_what_cannot_be_written_to(text: str):
    with pytest.raises(InvalidAddress, match="is not an address: ") as caught:
        parse_address(text)
    assert isinstance(caught.value, AudienceError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        pytest.param("Contact@example.org", "contact@EXAMPLE.org", True, id="case"),
        pytest.param("a@épicerie.example", "a@xn--picerie-9xa.example", True, id="idna"),
        pytest.param("a@ÉPICERIE.example", "a@épicerie.example", True, id="idna-case"),
        pytest.param("paul.durand@example.org", "pauldurand@example.org", False, id="dot"),
        pytest.param("paul+cci@example.org", "paul@example.org", False, id="plus"),
        pytest.param("paul@example.org", "paul@example.com", False, id="domain"),
    ],
)
def test_same_mailbox(one: str, other: str, is_same: bool):
    assert (parse_address(one).key == parse_address(other).key) is is_same


@pytest.mark.parametrize(
    ("text", "is_role"),
    [
        ("contact@example.org", True),
        ("INFO@example.org", True),
        ("secretariat@example.org", True),
        ("paul.contact@example.org", False),
        ("paul@contact.example", False),
    ],
)
def test_role_mailboxes(text: str, is_role: bool):
    assert is_role_mailbox(parse_address(text)) is is_role


@given(st.emails())
def test_parsing_again_changes_nothing(text: str):
    try:
        address = parse_address(text)
    except InvalidAddress:
        return
    assert parse_address(address.text) == address
    assert parse_address(text.upper()).key == address.key


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str):
    with suppress(InvalidAddress):
        assert "@" in parse_address(text).key


LABEL = st.from_regex(r"[A-Za-z0-9_+.-]{0,70}", fullmatch=True)


@given(
    local=LABEL,
    domain=st.lists(st.from_regex(r"[A-Za-z0-9_-]{0,64}", fullmatch=True), min_size=1, max_size=4),
    top=st.sampled_from(
        ["fr", "FR", "test", "local", "example", "org", "arpa", "xn--p1ai", "f", "1", "onion", "invalid"]
    ),
)
def test_the_short_way_for_plain_addresses_decides_as_the_long_one(local: str, domain: list[str], top: str):
    def outcome(read: object, text: str) -> object:
        try:
            return read(text)  # type: ignore[operator]
        except InvalidAddress:
            return None

    text = f"{local}@{'.'.join([*domain, top])}"
    assert outcome(read_address, text) == outcome(_validate, text)


@pytest.mark.parametrize(
    "text",
    [
        "jean", "@b.org", "a@", "a@b", "a@b.123", "a@c.invalid", "a..b@example.org", ".a@example.org", "a@b.org.",
        "a.@example.org", "a@.org", "a@-b.org", "a@b-.org", "Jean <a@example.org>", "a@[1.2.3.4]", '"a b"@c.org',
        "a b@example.org", "a;b@c.org", "a@b@c.org", "a,b@c.org", "a@b_c.org", f"{'x' * 70}@e.org", f"a@{'x' * 70}.org",
    ],
)  # fmt: skip
def test_every_common_fault_is_said_in_the_language_of_the_interface(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("audiences.addresses._", lambda sentence: f"<{sentence}>")

    with pytest.raises(InvalidAddress) as caught:
        read_address(text)

    assert str(caught.value).endswith(">>")
