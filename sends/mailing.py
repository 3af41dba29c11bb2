"""One campaign as the sender sees it: what to build for each recipient, and under which rules it leaves."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sends.claims import Claim
from sends.message import Addressee, BuiltMessage, MessageBuilder
from sends.recipients import Label, Recipient, display_name
from sends.retries import GIVE_UP_AFTER
from sends.signing import Signer
from sends.transports import OutgoingMessage


class Prepared(NamedTuple):
    """A claimed delivery with its message, ready to be offered; `checked` and `domain` as those of `Waiting`."""

    claim: Claim
    message: OutgoingMessage
    message_id: str
    checked: int
    domain: str | None


@dataclass(frozen=True)
class Mailing:
    """What a campaign hands to the sender.

    Its `slug` is how the officer calls it; `redirect_to` sends every message to one mailbox instead. Without a
    `signer`, signing is left to the relay.
    """

    campaign_id: int
    slug: str
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

    def prepare(self, waiting: Sequence["Waiting"], keys: Iterable[int], *, now: datetime) -> list[Prepared]:
        """Build the messages of some deliveries, under these keys; a template that misses a value raises RenderingFailed."""
        redirect_to = self.redirect_to
        addressees = [
            Addressee(recipient, claim.id, redirect_to)
            if redirect_to
            else Addressee(recipient, claim.id, claim.address, display_name(recipient))
            for claim, recipient, _checked, _domain in waiting
        ]
        messages = self.builder.build_all(addressees, now=now)
        return [
            Prepared(
                claim,
                OutgoingMessage(
                    key=key,
                    sender=self.envelope_sender,
                    recipient=redirect_to or claim.address,
                    body=self.sign(built, now=now),
                    envid=str(claim.id),
                    smtputf8=built.needs_smtputf8,
                    is_canonical=built.is_canonical,  # a signature is a few header lines of ours
                ),
                built.message_id,
                checked,
                domain,
            )
            for key, built, (claim, _recipient, checked, domain) in zip(keys, messages, waiting, strict=False)
        ]


class Waiting(NamedTuple):
    """A claimed delivery whose message is not built yet; `checked` is the last suppression row it was judged by.

    `domain` is the recipient's, None in a rehearsal.
    """

    claim: Claim
    recipient: Recipient
    checked: int
    domain: str | None


OpenMailing = Callable[[int], Mailing]
