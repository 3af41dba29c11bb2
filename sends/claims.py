"""What a worker holds and says of a delivery: its claim, the intent to send it, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sends.states import DeliveryStatus, may_become
from sends.transports import Reply


class Claim(NamedTuple):
    """A delivery that this worker leases; `fence` proves it."""

    id: int
    campaign_id: int
    contact_id: int | None
    address: str
    address_key: str
    fence: int
    attempts: int
    first_attempt_at: datetime | None

    @property
    def domain(self) -> str:
        """The mailbox's domain, folded."""
        return self.address_key.rpartition("@")[2]


@dataclass(slots=True)
class Outcome:
    """What became of a claimed delivery: the status it leaves, the one it gets, and what the relay said.

    A rehearsal's refusals are not about the recipient's mailbox.
    """

    claim: Claim
    before: DeliveryStatus
    after: DeliveryStatus
    reason: str | None = None
    reply: Reply | None = None
    not_before: datetime | None = None
    is_attempt: bool = True
    is_hard_bounce: bool = False
    is_about_mailbox: bool = True

    def __post_init__(self) -> None:
        if not may_become(self.before, self.after):
            raise ValueError(f"a delivery cannot go from {self.before} to {self.after}")


class Mark(NamedTuple):
    """The intent to write a body, committed before it goes out; `checked` is the last suppression row known by then."""

    claim: Claim
    message_id: str
    checked: int
