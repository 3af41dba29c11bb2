"""What the log of a real Postfix 3.7 (tests/samples/postfix.log) tells, and how lines of other systems are dated."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sends.postfix_log import RelayLog, UnreadableLog, read_postfix_log

SAMPLE = Path(__file__).parents[1] / "samples" / "postfix.log"
PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def sample() -> RelayLog:
    return read_postfix_log(SAMPLE, now=NOW, zone=UTC)


def read(path: Path, *lines: str, now: datetime = NOW) -> RelayLog:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return read_postfix_log(path, now=now, zone=PARIS)


@pytest.mark.parametrize(
    ("name", "found_in"),
    [
        ("half-small", "not_taken"),  # the client was gone within the body, and cleanup's line came later
        ("half-big", "not_taken"),
        ("half-rst", "not_taken"),
        ("rejected", "not_taken"),  # by a header check, at the dot
        ("ended", "not_taken"),  # by a restriction at the dot
        ("dot-close", "taken"),  # the client was gone after the dot and read no reply
        ("dot-rst", "taken"),
        ("held", "taken"),  # answered 250; the queue manager never sees it until somebody releases it
        ("discarded", "taken"),
        ("incoming", "taken"),  # the queue manager came to it late
    ],
)
def test_what_became_of_a_message(sample: RelayLog, name: str, found_in: str) -> None:
    message_id = f"<{name}@example.org>"
    found = {kind for kind in ("taken", "not_taken", "unknown") if message_id in getattr(sample, kind)}
    assert found == {found_in}
    assert not sample.is_silent_about(message_id)
    assert sample.is_silent_about(f"<never-{name}@example.org>")


HEAD = "2026-11-02T09:00:00.5+01:00 relay postfix"
CLIENT = f"{HEAD}/smtpd[7]: ABC123: client=localhost[127.0.0.1]"
NAMED = f"{HEAD}/cleanup[8]: ABC123: message-id=<a@example.org>"
ACTIVE = f"{HEAD}/qmgr[9]: ABC123: from=<b@example.org>, size=1, nrcpt=1 (queue active)"
LOST = f"{HEAD}/smtpd[7]: lost connection after DATA (9 bytes) from localhost[127.0.0.1]"
HELD = f"{HEAD}/cleanup[8]: ABC123: hold: header X: y from localhost[127.0.0.1]"


@pytest.mark.parametrize(
    ("lines", "found_in"),
    [
        pytest.param([CLIENT, NAMED], "unknown", id="nothing more is told"),
        pytest.param([CLIENT, NAMED, LOST], "not_taken", id="broken off"),
        pytest.param([CLIENT, LOST, NAMED], "not_taken", id="broken off, told in another order"),
        pytest.param([CLIENT, NAMED, LOST.replace("[7]", "[6]")], "unknown", id="another client broke off"),
        pytest.param([CLIENT, NAMED, LOST.replace("DATA", "END-OF-MESSAGE")], "unknown", id="gone after the dot"),
        pytest.param([CLIENT, LOST, NAMED, HELD], "not_taken", id="held by its header, but broken off"),
        pytest.param([CLIENT, NAMED, HELD], "taken", id="held"),
        pytest.param([CLIENT, NAMED, ACTIVE], "taken", id="taken"),
        pytest.param([CLIENT, NAMED, LOST, CLIENT, NAMED, ACTIVE], "taken", id="broken off, then sent again"),
        pytest.param(
            [CLIENT, NAMED, ACTIVE, CLIENT, NAMED.replace("<a@", "<other@"), LOST], "taken", id="a queue id used again"
        ),
        pytest.param([CLIENT, NAMED, LOST, CLIENT, NAMED], "unknown", id="broken off, then another time half seen"),
    ],
)
def test_the_order_of_lines(tmp_path: Path, lines: list[str], found_in: str) -> None:
    log = read(tmp_path / "mail.log", *lines)
    assert "<a@example.org>" in getattr(log, found_in)


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("2026-11-02T09:00:00.123456+01:00", datetime(2026, 11, 2, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-02T08:00:00Z", datetime(2026, 11, 2, 8, tzinfo=UTC)),
        ("Nov  2 09:00:00", datetime(2026, 11, 2, 8, tzinfo=UTC)),
        ("Dec 31 23:00:00", datetime(2025, 12, 31, 22, tzinfo=UTC)),
        ("Feb 29 12:00:00", datetime(2024, 2, 29, 11, tzinfo=UTC)),
    ],
)
def test_times(tmp_path: Path, stamp: str, at: datetime) -> None:
    log = read(tmp_path / "mail.log", f"{stamp} relay postfix/submission/smtpd[7]: connect from localhost[127.0.0.1]")
    assert (log.begins, log.ends) == (at, at)


def test_what_is_no_log_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableLog, match="holds no line of Postfix"):
        read(tmp_path / "mail.log", "Nov  2 09:00:00 relay sshd[1]: hello")
    with pytest.raises(UnreadableLog, match="cannot be read"):
        read_postfix_log(tmp_path / "none.log", now=NOW, zone=UTC)
