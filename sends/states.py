"""Where a delivery can stand, and the one table of the ways between."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class DeliveryStatus(StrEnum):
    """Where one delivery stands; `ledger` is the only writer."""

    QUEUED = "queued"  # planned, may be claimed when due
    CLAIMED = "claimed"  # leased by a worker, nothing on the wire that counts
    SENDING = "sending"  # intent committed, the final dot may be out
    SENT = "sent"  # the relay answered 250: it owns the message now
    DEFERRED = "deferred"  # refused for now (4yz), to be tried again when due
    DELIVERED = "delivered"  # a success DSN came
    BOUNCED = "bounced"  # the mailbox cannot be written to (hard or soft bounce)
    FAILED = "failed"  # not sent for another reason: block, content, expired
    UNCERTAIN = "uncertain"  # the link died after the final dot: only evidence or a person settles it
    SUPPRESSED = "suppressed"  # opposed, or bounced elsewhere, after it was planned
    CANCELLED = "cancelled"  # the campaign was cancelled before it left


_S = DeliveryStatus

TRANSITIONS: Mapping[DeliveryStatus, frozenset[DeliveryStatus]] = MappingProxyType(
    {
        _S.QUEUED: frozenset({_S.CLAIMED, _S.CANCELLED}),
        # Up to the body nothing was accepted (RFC 5321 4.1.1.10): a lapsed claim may go back to the queue.
        _S.CLAIMED: frozenset({_S.QUEUED, _S.SENDING, _S.DEFERRED, _S.BOUNCED, _S.FAILED, _S.SUPPRESSED, _S.CANCELLED}),
        _S.SENDING: frozenset({_S.SENT, _S.DEFERRED, _S.BOUNCED, _S.FAILED, _S.UNCERTAIN}),
        _S.DEFERRED: frozenset({_S.CLAIMED, _S.QUEUED, _S.CANCELLED}),
        _S.SENT: frozenset({_S.DELIVERED, _S.BOUNCED}),
        _S.DELIVERED: frozenset({_S.BOUNCED}),
        _S.BOUNCED: frozenset({_S.QUEUED}),
        _S.FAILED: frozenset({_S.QUEUED}),
        # Evidence settles it: a log, a DSN, a person, or a late worker that read the reply after all.
        _S.UNCERTAIN: frozenset({_S.SENT, _S.DELIVERED, _S.BOUNCED, _S.DEFERRED, _S.FAILED, _S.QUEUED}),
        _S.SUPPRESSED: frozenset(),
        _S.CANCELLED: frozenset(),
    }
)


ARRIVED = (_S.SENT, _S.DELIVERED)
"""What a recipient has got, as far as anybody knows."""

PERHAPS_ARRIVED = (*ARRIVED, _S.UNCERTAIN)
"""What a recipient has got or may have got: who must not get the same news twice is left out by it."""


def may_become(before: DeliveryStatus, after: DeliveryStatus) -> bool:
    """Tell whether a delivery may go from `before` to `after`."""
    return after in TRANSITIONS[before]
