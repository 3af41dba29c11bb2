"""Sends a campaign's message to the officer herself, as its first recipient would get it."""

import asyncio
from datetime import datetime
from email import message_from_bytes, policy
from gettext import gettext as _
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Engine

from audiences.addresses import parse_address
from audiences.database import reading
from campaigns.content import content_of, open_mailing
from campaigns.errors import TestRefused
from campaigns.lifecycle import get_campaign
from campaigns.planning import recipients_of
from campaigns.schema import secret_of
from campaigns.settings import Settings
from campaigns.targets import Target
from sends.recipients import Recipient, load_recipients
from sends.single import send_one
from sends.transports import OutgoingMessage
from templates import preview_recipient

TRIAL_ID = 0
"""No delivery has this id, so that a test's unsubscribe token means nobody."""


class Trial(NamedTuple):
    """What a test send did: with whose data, under which subject, and what the relay said."""

    recipient: str
    subject: str
    reply: str


def send_test(engine: Engine, settings: Settings, slug: str, to: str, *, now: datetime) -> Trial:
    """Send one message to `to`; the ledger knows nothing of it. Raises TestRefused with the relay's reply."""
    address = parse_address(to).text
    with reading(engine) as session:
        campaign = get_campaign(session, slug)
        content = content_of(campaign, settings, now=now)
        compiled = content["compiled"]
        content = {**content, "compiled": {**compiled, "subject": "[Test] " + compiled["subject"]}}
        mailing = open_mailing(campaign, settings, secret=secret_of(engine), content=content)
        found = list(islice(recipients_of(session, Target.of(campaign), settings, now=now), 1))
        known = load_recipients(session, [contact_id for contact_id, _address in found], settings.places.label)
    recipient: Recipient = known[found[0][0]] if found else preview_recipient()
    shown = recipient["company"]["name"] or recipient["contact"]["address"]
    built = mailing.builder.build(recipient, delivery_id=TRIAL_ID, to_address=address, now=now)
    message = OutgoingMessage(
        key=TRIAL_ID,
        sender=mailing.envelope_sender,
        recipient=address,
        body=mailing.sign(built, now=now),
        smtputf8=built.needs_smtputf8,
    )
    is_taken, reply = asyncio.run(send_one(settings.relay(), message))
    if not is_taken:
        raise TestRefused(_("The relay refused the test to {address}: {reply}.").format(address=address, reply=reply))
    return Trial(shown, subject_of(built.content), str(reply))


def subject_of(content: bytes) -> str:
    """Read the subject line of a message as a person does."""
    return str(message_from_bytes(content, policy=policy.default)["Subject"])
