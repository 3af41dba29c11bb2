"""Where the OAuth 2 access tokens come from that stand for a password at Microsoft 365 and Google: a file, or a command.

A token lives for about an hour; whoever issues them renews them. Each connection asks anew, so that a run of hours
never logs in with one that has run out.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from gettext import gettext as _
from pathlib import Path
from typing import Protocol

KEPT_FOR = 240.0
"""Seconds for which the connections of a run share a token: commands renew one that ends within five minutes."""

JUST_NOW = 30.0
"""Seconds in which no token runs out: one that is refused so soon is refused for another reason."""

COMMAND_TIMEOUT = 60.0
"""Seconds that a token command may take."""


class TokenUnavailable(Exception):
    """No token can be had; the text is the cause, for the sentence that names the relay."""


class TokenSource(Protocol):
    """Gives the token for the next login."""

    def get(self) -> str:
        """Give a token, waiting for it if need be; raise TokenUnavailable."""
        ...

    def discard(self, token: str) -> bool:
        """Forget a token that the relay refused; tell whether the next one may be another."""
        ...


class TokenFile:
    """A file that another program keeps fresh, and that holds nothing but the token."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self) -> str:
        """Read the file."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            cause = getattr(error, "strerror", None) or _("not text")
            raise TokenUnavailable(
                _("the token file {file} cannot be read: {cause}").format(file=self._path, cause=cause)
            ) from error
        return _checked(text, _("the token file {file} holds no token").format(file=self._path))

    def discard(self, token: str) -> bool:
        """Tell whether the file holds another one meanwhile."""
        try:
            return self.get() != token
        except TokenUnavailable:
            return False


class TokenCommand:
    """A program that prints a token; its answer is shared for a few minutes by the connections that open meanwhile."""

    def __init__(self, command: Sequence[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._command = list(command)
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._got_at = 0.0

    def get(self) -> str:
        """Give the token that is known, or run the command; nothing that it prints to standard output is ever shown."""
        with self._lock:
            if self._token is None or self._age() >= KEPT_FOR:
                self._token, self._got_at = self._run(), self._clock()
            return self._token

    def discard(self, token: str) -> bool:
        """Run the command anew next time; one that it printed just now would come again."""
        with self._lock:
            if token != self._token:
                return self._token is not None  # another connection has fetched a new one meanwhile
            self._token = None
            return self._age() >= JUST_NOW

    def _age(self) -> float:
        return self._clock() - self._got_at

    def _run(self) -> str:
        program = self._command[0]
        try:
            run = subprocess.run(  # noqa: S603 - the officer's own setting, and no shell
                self._command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_TIMEOUT, check=False
            )
        except OSError as error:
            raise TokenUnavailable(
                _("the token command {program} cannot be run: {cause}").format(program=program, cause=error.strerror)
            ) from error
        except subprocess.TimeoutExpired as error:
            raise TokenUnavailable(
                _("the token command {program} took longer than {seconds} s").format(
                    program=program, seconds=int(COMMAND_TIMEOUT)
                )
            ) from error
        if run.returncode:
            complaint = run.stderr.decode("utf-8", "replace").strip().splitlines()
            cause = complaint[-1][:200] if complaint else _("exit code {code}").format(code=run.returncode)
            raise TokenUnavailable(
                _("the token command {program} failed: {cause}").format(program=program, cause=cause)
            )
        return _checked(
            run.stdout.decode("utf-8", "replace"),
            _("the token command {program} did not print one token and nothing else").format(program=program),
        )


def _checked(text: str, problem: str) -> str:
    """Give the one word of `text`; a token is visible ASCII without spaces (RFC 6750 2.1)."""
    words = text.split()
    if len(words) != 1 or not words[0].isascii():
        raise TokenUnavailable(problem)
    return words[0]
