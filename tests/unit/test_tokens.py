"""Access tokens out of a file or a command: one word, never shown, asked for anew when they may have run out."""

import sys
from pathlib import Path

import pytest

from sends.transports.tokens import JUST_NOW, KEPT_FOR, TokenCommand, TokenFile, TokenUnavailable


class Ticks:
    """A clock in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def python(code: str, **values: object) -> TokenCommand:
    return TokenCommand([sys.executable, "-c", code], **values)


@pytest.fixture
def counting(tmp_path: Path, ticks: Ticks) -> TokenCommand:
    """A command that prints token-1, token-2 ... one after the other."""
    code = (
        "import pathlib, sys; kept = pathlib.Path(sys.argv[1]);"
        " number = len(kept.read_text()) + 1 if kept.exists() else 1;"
        " kept.write_text('x' * number); print(f'token-{number}')"
    )
    return TokenCommand([sys.executable, "-c", code, str(tmp_path / "count")], clock=ticks)


def test_connections_that_open_together_share_a_token(counting: TokenCommand, ticks: Ticks) -> None:
    assert counting.get() == "token-1"
    ticks.now = KEPT_FOR - 1
    assert counting.get() == "token-1"
    ticks.now = KEPT_FOR
    assert counting.get() == "token-2"


def test_a_refused_token_is_fetched_anew_once(counting: TokenCommand, ticks: Ticks) -> None:
    first = counting.get()
    ticks.now = JUST_NOW
    assert counting.discard(first)  # it may have run out
    second = counting.get()
    assert second == "token-2"
    assert counting.discard(first)  # another connection used the old one
    assert not counting.discard(second)  # it had just come: the next one would be refused, too
    assert counting.get() == "token-3"


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("print()", "did not print one token and nothing else"),
        ("print('Token: abc')", "did not print one token and nothing else"),
        ("print('jeton-d’accès')", "did not print one token and nothing else"),
        ("import sys; print('abc'); sys.exit('log in first')", "failed: log in first"),
        ("raise SystemExit(3)", "failed: exit code 3"),
    ],
)
def test_a_command_without_a_token_says_why_and_not_what_it_printed(code: str, cause: str) -> None:
    with pytest.raises(TokenUnavailable, match=cause) as caught:
        python(code).get()
    assert "abc" not in str(caught.value)


def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(TokenUnavailable, match=r"no-such-program cannot be run: No such file"):
        TokenCommand(["no-such-program"]).get()


def test_a_command_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sends.transports.tokens.COMMAND_TIMEOUT", 0.2)
    with pytest.raises(TokenUnavailable, match="took longer than"):
        python("import time; time.sleep(60)").get()


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token.txt"
    path.write_text("one\n")
    tokens = TokenFile(path)
    assert tokens.get() == "one"
    assert not tokens.discard("one")
    path.write_text("two")
    assert tokens.discard("one")
    assert tokens.get() == "two"


@pytest.mark.parametrize(("content", "cause"), [(None, "No such file"), ("", "holds no token"), ("a b", "no token")])
def test_a_file_without_a_token_is_told(tmp_path: Path, content: str | None, cause: str) -> None:
    path = tmp_path / "token.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(TokenUnavailable, match=cause):
        TokenFile(path).get()
    assert not TokenFile(path).discard("x")
