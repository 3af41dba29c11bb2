"""Tells of most keys that no row has them, so that a large import does not look them up one by one."""

from collections.abc import Iterable

SLOTS = 6
"""Slots a key, of one byte each: one key in seven that is not there has its slot taken, and is looked up in vain."""


class Sieve:
    """What was added falls through; of what was not, most is held back. It takes 6 to 12 bytes a key that is expected."""

    def __init__(self, expected: int) -> None:
        self._slots = bytearray(1 << (SLOTS * expected - 1).bit_length())
        self._mask = len(self._slots) - 1

    def add(self, keys: Iterable[str | None]) -> None:
        """Add keys."""
        slots, mask = self._slots, self._mask
        for key in keys:
            slots[hash(key) & mask] = 1

    def sift(self, keys: Iterable[str]) -> list[str]:
        """Give the keys that may have been added: all of them that were, and a few others."""
        slots, mask = self._slots, self._mask
        return [key for key in keys if slots[hash(key) & mask]]
