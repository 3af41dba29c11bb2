"""What a run has in the air, and what it did so far."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from sends.mailing import Prepared
from sends.states import DeliveryStatus
from sends.transports import Connection


@dataclass
class Progress:
    """What one run did so far, for a progress bar and for its end."""

    done: Counter[DeliveryStatus] = field(default_factory=Counter)
    blocked: dict[int, str] = field(default_factory=dict)
    """Why campaigns have to pause: what the provider wants, and its reply."""
    resume_at: datetime | None = None
    is_held_up: bool = False
    """Whether other workers use all the connections that the relay takes."""


@dataclass(slots=True)
class Flight:
    """A message on a connection; `is_marked` once its intent is committed.

    Its key is that of the message, which is not the delivery's: a worker that slept through its lease may claim again
    what it has in flight.
    A rider goes behind another message: when the connection drops then, it is not to blame.
    """

    key: int
    prepared: Prepared
    connection: Connection
    is_rider: bool
    is_marked: bool = False
