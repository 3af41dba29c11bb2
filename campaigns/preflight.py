"""Builds every message of a campaign before one leaves, so that no recipient gets a broken one."""

from collections.abc import Callable, Sequence
from datetime import datetime
from gettext import gettext as _
from itertools import islice
from typing import NamedTuple

from sqlalchemy.orm import Session

from campaigns.errors import PreflightFailed
from sends.errors import InvalidMessage
from sends.mailing import Mailing
from sends.recipients import NOBODY, display_name, load_recipients
from templates import TemplateError

BATCH = 500


class Fault(NamedTuple):
    """A recipient whose message cannot be built, and why."""

    address: str
    cause: str


def check_messages(
    session: Session,
    mailing: Mailing,
    recipients: Sequence[tuple[int, str]],
    *,
    now: datetime,
    advance: Callable[[int], None] = lambda _done: None,
) -> None:
    """Build the message of every recipient (contact id, address); raise PreflightFailed naming the first faults."""
    faults: list[Fault] = []
    waiting = iter(recipients)
    while batch := list(islice(waiting, BATCH)):
        known = load_recipients(session, [contact_id for contact_id, _address in batch], mailing.epci_label)
        for contact_id, address in batch:
            recipient = known.get(contact_id, NOBODY)
            try:
                mailing.builder.build(
                    recipient, delivery_id=contact_id, to_address=address, to_name=display_name(recipient), now=now
                )
            except (TemplateError, InvalidMessage) as error:
                faults.append(Fault(address, str(error)))
        advance(len(batch))
    if faults:
        raise PreflightFailed(
            _("{count} message(s) cannot be built, so nothing was sent. {address}: {cause}.").format(
                count=len(faults), address=faults[0].address, cause=faults[0].cause
            )
        )
