"""How [smtp] says who logs in, and how long a connection is kept and waited for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns.errors import InvalidSettings
from campaigns.settings import SETTINGS_FILE, Settings, load_settings
from sends.transports import Auth, Timeouts, TokenCommand, TokenFile
from tests.factories import EXAMPLE

HOST = {"host": "smtp.example.org"}


def test_a_token_stands_for_the_password(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    command = make_settings(smtp={**HOST, "username": "info@example.org", "token_command": ["python3", "token.py"]})
    assert isinstance(command.relay().tokens, TokenCommand)
    assert (command.relay().auth, command.relay().password) == (Auth.XOAUTH2, None)
    file = make_settings(smtp={**HOST, "username": "info@example.org", "token_file": tmp_path / "none.txt"})
    assert isinstance(file.relay().tokens, TokenFile)  # it is read at the login, not before


def test_a_password_is_no_token(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "password.txt").write_text("sésame\n")
    smtp = {**HOST, "username": "info@example.org", "password_file": tmp_path / "password.txt"}
    relay = make_settings(smtp=smtp).relay()
    assert (relay.password, relay.tokens, relay.auth) == ("sésame", None, Auth.AUTO)


def test_a_token_needs_a_username(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(InvalidSettings, match="a token but no username"):
        make_settings(smtp={**HOST, "token_command": ["token"]}).relay()


def test_a_connection_is_kept_and_waited_for_as_it_is_set(make_settings: Callable[..., Settings]) -> None:
    smtp = {
        **HOST,
        "max_messages_per_connection": 100,
        "max_connection_age": 300,
        "pipelining": False,
        "allow_plaintext_login": True,
        "timeouts": {"dot": 900},
    }
    relay = make_settings(smtp=smtp).relay()
    assert (relay.max_messages_per_connection, relay.max_connection_age) == (100, 300)
    assert (relay.pipelining, relay.allow_plaintext_login) == (False, True)
    assert relay.timeouts == Timeouts(dot=900)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ('token_command = ["a"]\ntoken_file = "b"', "token_command and token_file cannot stand together"),
        ('password = "x"\ntoken_file = "b"', "password and token_file cannot stand together"),
        ('auth = "plain"\ntoken_file = "b"', "token_file goes with auth = xoauth2"),
        ('token_command = "python3 token.py"', r"smtp\.token_command"),
        ("timeouts = {dot = 0}", r"smtp\.timeouts\.dot"),
        ("timeouts = {lunch = 3600}", r"smtp\.timeouts\.lunch"),
        ("max_connection_age = -1", r"smtp\.max_connection_age"),
    ],
)
def test_what_does_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: str, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    text = EXAMPLE.read_text(encoding="utf-8").replace('\nusername = ""', f"\n{lines}\n", 1)
    SETTINGS_FILE.write_text(text.replace('password_file = ""', ""), encoding="utf-8")
    with pytest.raises(InvalidSettings, match=complaint):
        load_settings()
