"""One campaign as the sender sees it: what to build for each recipient, and under which rules it leaves."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sends.claims import Claim
from sends.message import BuiltMessage, MessageBuilder
from sends.recipients import Label, Recipient, display_name
from sends.retries import GIVE_UP_AFTER
from sends.signing import Signer
from sends.transports import OutgoingMessage


class Prepared(NamedTuple):
    """A claimed delivery with its message, ready to be offered; `checked` is the last suppression row it was judged by.

    `domain` is the recipient's, None in a rehearsal.
    """

    claim: Claim
    message: OutgoingMessage
    message_id: str
    checked: int
    domain: str | None


@dataclass(frozen=True)
class Mailing:
    """What a campaign hands to the sender; `redirect_to` sends every message to one mailbox instead.

    Without a `signer`, signing is left to the relay.
    """

    campaign_id: int
    is_marketing: bool
    builder: MessageBuilder
    envelope_sender: str
    epci_label: Label
    redirect_to: str | None = None
    give_up_after: timedelta = GIVE_UP_AFTER
    signer: Signer | None = None

    def sign(self, built: BuiltMessage, *, now: datetime) -> tuple[bytes, ...]:
        """Give the pieces of a message, the DKIM signature before them where this installation signs."""
        return (self.signer.sign(built.content, now), *built.pieces) if self.signer else built.pieces

    def prepare(self, claim: Claim, recipient: Recipient, *, key: int, now: datetime, checked: int) -> Prepared:
        """Build the message of one delivery; a template that misses a value raises RenderingFailed."""
        to_address = self.redirect_to or claim.address
        built = self.builder.build(
            recipient,
            delivery_id=claim.id,
            to_address=to_address,
            to_name="" if self.redirect_to else display_name(recipient),
            now=now,
        )
        message = OutgoingMessage(
            key=key,
            sender=self.envelope_sender,
            recipient=to_address,
            body=self.sign(built, now=now),
            envid=str(claim.id),
            smtputf8=built.needs_smtputf8,
            is_canonical=built.is_canonical,  # a signature is a few header lines of ours
        )
        return Prepared(claim, message, built.message_id, checked, None if self.redirect_to else claim.domain)


class Waiting(NamedTuple):
    """A claimed delivery whose message is not built yet."""

    claim: Claim
    mailing: Mailing
    recipient: Recipient
    checked: int

    @property
    def domain(self) -> str | None:
        """The recipient's domain, None in a rehearsal."""
        return None if self.mailing.redirect_to else self.claim.domain

    def prepare(self, *, key: int, now: datetime) -> Prepared:
        """Build the message; a template that misses a value raises RenderingFailed."""
        return self.mailing.prepare(self.claim, self.recipient, key=key, now=now, checked=self.checked)


OpenMailing = Callable[[int], Mailing]
