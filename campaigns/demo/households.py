"""Households of the demo: the companies that one mailbox ties together, mostly one, and how their addresses stand."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class Standing(StrEnum):
    """How the addresses of a household stand."""

    REACHED = "reached"  # one company, one good address
    TWO_CONTACTS = "two contacts"  # one company, two good addresses
    ONE_OWNER = "one owner"  # two companies, one mailbox
    ACCOUNTANT = "accountant"  # three companies, the mailbox of their accountant
    NO_ADDRESS = "no address"
    INVALID = "invalid"  # mistyped
    OPPOSED = "opposed"
    OPPOSED_TWIN = "opposed twin"  # two companies, one mailbox, the opposition noted on one of them only
    DEAD = "dead"  # refused by the relay in the first mailing of all
    LATE_DEAD = "late dead"  # known from a request only, refused in the first mailing after it


COMPANIES = {Standing.ONE_OWNER: 2, Standing.ACCOUNTANT: 3, Standing.OPPOSED_TWIN: 2}
"""Companies of a household; the others are of one."""

RECIPIENTS = {Standing.REACHED: 1, Standing.TWO_CONTACTS: 2, Standing.ONE_OWNER: 1, Standing.ACCOUNTANT: 1}
"""Mailboxes of a household that can be reached; the others have none."""


class Activity(StrEnum):
    """What a company of the contact base does, as far as the audiences tell it apart."""

    TARGETED = "targeted"  # transport, food shops, fast food, with employees, in the territory
    EMPLOYER = "employer"  # any other sector, with employees, in the territory
    ALONE = "alone"  # without employees, or not known, in the territory
    ELSEWHERE = "elsewhere"  # outside the territory


class Ask(NamedTuple):
    """What a company asked, and when."""

    on: date
    nature: str
    topic: str


@dataclass
class Household:
    """Companies tied by one mailbox; `activity` is None for those that stand in no contact sheet.

    `asks` are (which company of the household, what it asked).
    """

    standing: Standing
    epci: str
    activity: Activity | None = None
    asks: list[tuple[int, Ask]] = field(default_factory=list)

    @property
    def companies(self) -> int:
        """How many companies it has."""
        return COMPANIES.get(self.standing, 1)

    @property
    def recipients(self) -> int:
        """How many mailboxes can be reached."""
        return RECIPIENTS.get(self.standing, 0)

    def is_known(self, on: date) -> bool:
        """Whether the chamber knew the household by then."""
        return self.activity is not None or self.asks[0][1].on <= on
