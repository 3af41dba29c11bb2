import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sends.quotedprintable import encode, finish

PIECES = st.lists(
    st.one_of(
        st.text(max_size=200),
        st.text("é😀= .\t\r\n", max_size=120),
        st.sampled_from(["", ".", "..", " ", "\n", "\r\n", "\r", ".\n", "a" * 300, "é" * 80, "=" * 90, "." * 200]),
    ),
    max_size=8,
)


def canonical(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode()


@given(PIECES)
def test_any_segments_in_a_row_decode_to_their_texts(pieces: list[str]) -> None:
    written = finish(b"".join(encode(piece) for piece in pieces))

    assert quopri.decodestring(written) == b"".join(canonical(piece) for piece in pieces)
    for line in written.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith(b".")
        assert not line.endswith((b" ", b"\t"))
        assert b"\r" not in line
        assert b"\n" not in line
    assert not written.endswith(b"=")


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("Bonjour", "Bonjour=\r\n", id="simple"),
        pytest.param("Bonjour\n", "Bonjour\r\n", id="line"),
        pytest.param("a=b", "a=3Db=\r\n", id="equals sign"),
        pytest.param("Été", "=C3=89t=C3=A9=\r\n", id="accents"),
        pytest.param("fin \nici", "fin=20\r\nici=\r\n", id="space at the end of a line"),
        pytest.param("fin\t\n", "fin=09\r\n", id="tab at the end of a line"),
        pytest.param("fin ", "fin =\r\n", id="space before a soft break"),
        pytest.param(".a\n.b", "=2Ea\r\n=2Eb=\r\n", id="dots"),
        pytest.param("a\rb\r\nc", "a\r\nb\r\nc=\r\n", id="every line end"),
        pytest.param("\x00\x0b", "=00=0B=\r\n", id="control characters"),
        pytest.param("a" * 75, "a" * 75 + "=\r\n", id="a full line"),
        pytest.param("a" * 76, "a" * 75 + "=\r\na=\r\n", id="one more"),
        pytest.param("a" * 74 + "é", "a" * 74 + "=\r\n=C3=A9=\r\n", id="an escape stays whole"),
        pytest.param("a" * 75 + ".", "a" * 75 + "=\r\n=2E=\r\n", id="a dot after a soft break"),
    ],
)
def test_encode(text: str, encoded: str) -> None:
    assert encode(text) == encoded.encode()


@pytest.mark.parametrize(
    ("segments", "finished"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("a=\r\n", "a", id="soft break"),
        pytest.param("a\r\n", "a\r\n", id="line end"),
        pytest.param("a =\r\n", "a=\r\n=20", id="space"),
    ],
)
def test_finish(segments: str, finished: str) -> None:
    assert finish(segments.encode()) == finished.encode()


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode("a\ud83d")
