"""Writes every message of a campaign before one leaves, so that no recipient gets a broken one or one with a gap."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from gettext import gettext as _
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from campaigns import planning
from campaigns.content import compiled_of, open_mailing, variables_of
from campaigns.errors import PreflightFailed
from campaigns.models import Campaign
from campaigns.settings import Settings
from campaigns.targets import Target
from sends.errors import InvalidMessage
from sends.mailing import Mailing
from sends.recipients import NOBODY, Recipient, display_name, load_recipients
from templates import StrictRenderer, TemplateError

BATCH = 500
_SIGNATURE = 1_000  # octets that DKIM adds to a message, at most
_NAMED = 3  # faults that the refusal of a launch names; `campaigns check` lists them all


class Fault(NamedTuple):
    """A recipient whose message would miss a value or break, and why; `fields` are the empty ones, if it is that."""

    contact_id: int
    address: str
    company: str
    fields: tuple[str, ...]
    cause: str


def check_campaign(
    session: Session,
    campaign: Campaign,
    settings: Settings,
    content: dict[str, Any],
    *,
    secret: bytes,
    now: datetime,
    most_octets: int | None = None,
    advance: Callable[[int], None] = lambda _done: None,
) -> Iterator[Fault]:
    """Write the message of every recipient of the campaign's audience as of now; give the faults as they are found.

    `content` is what would be frozen; `most_octets` is what the relay takes, where it said so. Recipients are read in
    batches, so that memory does not grow with their number.
    """
    bare = {**content, "compiled": compiled_of(content).without_inlining().to_dict()}
    mailing = open_mailing(campaign, settings, secret=secret, content=bare)
    strict = StrictRenderer(compiled_of(bare), settings.brand, variables_of(bare))
    recipients = planning.recipients_of(session, Target.of(campaign), settings, now=now)
    common = {"links": {"unsubscribe": "mailto:x@example.org"}, "campaign": {"name": campaign.name}}
    return _find_faults(session, mailing, strict, recipients, common, now=now, most_octets=most_octets, advance=advance)


def _find_faults(
    session: Session,
    mailing: Mailing,
    strict: StrictRenderer,
    recipients: Iterable[tuple[int, str]],
    common: Mapping[str, object],
    *,
    now: datetime,
    most_octets: int | None,
    advance: Callable[[int], None],
) -> Iterator[Fault]:
    waiting = iter(recipients)
    while batch := list(islice(waiting, BATCH)):
        known = load_recipients(session, [contact_id for contact_id, _address in batch], mailing.epci_label)
        for contact_id, address in batch:
            recipient = known.get(contact_id, NOBODY)
            try:
                fields = tuple(strict.missing({**recipient, **common}))
                cause = _("empty: {fields}").format(fields=", ".join(fields)) if fields else None
                if cause is None:
                    size = _build(mailing, recipient, contact_id, address, now)
                    if most_octets and size > most_octets:
                        cause = _("the message takes {size:.1f} MB, the relay {limit:.1f} MB; attach less").format(
                            size=size / 1_000_000, limit=most_octets / 1_000_000
                        )
            except (TemplateError, InvalidMessage) as error:
                fields, cause = (), str(error)
            if cause is not None:
                yield Fault(contact_id, address, recipient["company"]["name"], fields, cause)
        advance(len(batch))


def _build(mailing: Mailing, recipient: Recipient, contact_id: int, address: str, now: datetime) -> int:
    """Write one message; give its octets, its signature among them."""
    to_name = display_name(recipient)
    built = mailing.builder.build(recipient, delivery_id=contact_id, to_address=address, to_name=to_name, now=now)
    return sum(map(len, built.pieces)) + (_SIGNATURE if mailing.signer else 0)


def refuse_faults(slug: str, faults: Iterable[Fault]) -> None:
    """Raise PreflightFailed where there is a fault, naming the first ones."""
    named: list[Fault] = []
    count = 0
    for fault in faults:
        count += 1
        if len(named) < _NAMED:
            named.append(fault)
    if count:
        raise PreflightFailed(
            _(
                "{count} message(s) would miss a value or break, so nothing was sent. {named}. See: relais campaigns check {slug}"
            ).format(count=count, named="; ".join(f"{fault.address}: {fault.cause}" for fault in named), slug=slug)
        )
