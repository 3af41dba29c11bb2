"""How a worker that waits treats a relay that does not take its mail."""

from datetime import timedelta

from campaigns.worker import COOL_OFF, LONGEST_COOL_OFF, cool_off


def test_a_relay_that_is_down_is_asked_less_and_less() -> None:
    pauses = [cool_off(failures) for failures in range(1, 200)]
    assert pauses[:4] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)]
    assert (pauses[0], pauses[-1]) == (COOL_OFF, LONGEST_COOL_OFF)
    assert pauses == sorted(pauses)
    # a night of a login that is refused: too few times for a provider to lock the account
    assert sum(sum(pauses[:number], timedelta()) < timedelta(hours=8) for number in range(1, 200)) < 40
