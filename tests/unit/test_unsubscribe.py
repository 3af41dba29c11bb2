import re
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sends.unsubscribe import mailto_link, make_token, read_token

OLD, NEW = b"old secret " * 3, b"new secret " * 3


@given(st.integers(0, 2**63 - 1), st.sampled_from([OLD, NEW]))
def test_a_token_gives_its_delivery_back_under_any_known_secret(delivery_id: int, secret: bytes) -> None:
    token = make_token(secret, delivery_id)

    assert re.fullmatch(r"[0-9a-z]{25,43}", token)
    assert read_token([NEW, OLD], token) == delivery_id
    assert read_token([b"another"], token) is None
    assert read_token([], token) is None


def test_no_flipped_bit_is_accepted() -> None:
    token = make_token(NEW, 4711)
    for place, character in enumerate(token):
        for bit in range(7):
            forged = token[:place] + chr(ord(character) ^ (1 << bit)) + token[place + 1 :]
            assert read_token([NEW, OLD], forged) is None


@pytest.mark.parametrize("change", ["", "0", " ", "\n", "é"])
@pytest.mark.parametrize("place", [0, 24, None])
def test_nothing_may_be_added(change: str, place: int | None) -> None:
    token = make_token(NEW, 7)
    changed = token + change if place is None else token[:place] + change + token[place:]
    assert (read_token([NEW], changed) == 7) is (changed == token)


def test_tokens_of_two_deliveries_share_nothing_but_the_key() -> None:
    assert make_token(NEW, 1)[4:24] != make_token(NEW, 2)[4:24]
    assert make_token(NEW, 1)[:4] == make_token(NEW, 2)[:4] != make_token(OLD, 1)[:4]


@pytest.mark.parametrize(
    ("address", "written"),
    [
        pytest.param("stop@example.org", "stop@example.org", id="plain"),
        pytest.param("a+b@example.org", "a+b@example.org", id="plus"),
        pytest.param("a&b?c%d@example.org", "a%26b%3Fc%25d@example.org", id="reserved"),
        pytest.param("élodie@example.org", "%C3%A9lodie@example.org", id="not ASCII"),
    ],
)
def test_the_link_opens_a_mail_whose_subject_holds_the_token(address: str, written: str) -> None:
    link = mailto_link(address, "abc1", subject="Ne plus écrire & merci")

    assert link == f"mailto:{written}?subject=Ne%20plus%20%C3%A9crire%20%26%20merci%20abc1"
    parts = urlsplit(link)
    assert unquote(parts.path) == address
    assert parse_qs(parts.query) == {"subject": ["Ne plus écrire & merci abc1"]}


def test_the_usual_subject_is_ascii() -> None:
    assert mailto_link("stop@example.org", "abc1") == "mailto:stop@example.org?subject=Desinscription%20abc1"
