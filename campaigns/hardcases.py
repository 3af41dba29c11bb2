"""Picks the recipients of a campaign whose messages are most likely to look wrong, and tells why."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from gettext import gettext as _
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from audiences.addresses import parse_address
from audiences.models import Contact
from campaigns import planning
from campaigns.content import compiled_of, variables_of
from campaigns.errors import NoRecipients
from campaigns.models import Campaign
from campaigns.settings import Settings
from campaigns.targets import Target
from sends.recipients import NOBODY, Recipient, load_recipients
from templates import Rendered, Renderer
from templates.branches import Branch, BranchFinder
from templates.images import show_inside

BATCH = 500

Score = Callable[[Recipient], int]


class Case(NamedTuple):
    """One recipient and the reasons for which the officer should see the message."""

    contact_id: int
    recipient: Recipient
    reasons: tuple[str, ...]


def _person(recipient: Recipient) -> str:
    contact = recipient["contact"]
    return " ".join(filter(None, (contact["civility"], contact["given_name"], contact["family_name"])))


def _accents(recipient: Recipient) -> int:
    text = recipient["company"]["name"] + _person(recipient)
    return sum(unicodedata.decomposition(sign) != "" or sign in "œŒæÆ'’-&" for sign in text)


def _criteria() -> Mapping[str, Score]:
    """Give what makes a message hard, each with how hard; 0 is not at all."""
    return {
        _("the longest company name"): lambda each: len(each["company"]["name"]),
        _("the longest name of a person"): lambda each: len(_person(each)),
        _("the longest name of a commune"): lambda each: len(each["company"]["commune"]),
        _("the most accents, apostrophes and signs"): _accents,
        _("the most empty fields"): lambda each: sum(not text for group in each.values() for text in group.values()),
        _("the longest address"): lambda each: len(each["contact"]["address"]),
        _("an address that is not plain ASCII"): lambda each: int(not each["contact"]["address"].isascii()),
        _("no name of a person"): lambda each: int(not each["contact"]["family_name"]),
        _("no company"): lambda each: int(not each["company"]["name"]),
    }


def find_hard_cases(
    session: Session,
    campaign: Campaign,
    settings: Settings,
    content: dict[str, Any],
    *,
    now: datetime,
    advance: Callable[[int], None] = lambda _done: None,
) -> list[Case]:
    """Look at every recipient once and give the hardest ones, one for several reasons where it can be.

    Of each condition whose outcome differs between recipients, both ways are shown.
    """
    best: dict[str, tuple[int, int, Recipient]] = {}
    ways: dict[Branch, tuple[int, Recipient]] = {}
    criteria = _criteria()
    finder = BranchFinder(compiled_of(content), settings.brand, variables_of(content))
    for contact_id, recipient in _recipients(session, campaign, settings, advance, now=now):
        for reason, score in criteria.items():
            points = score(recipient)
            if points > best.get(reason, (0,))[0]:
                best[reason] = (points, contact_id, recipient)
        for branch in finder.taken(_named(recipient, campaign)):
            ways.setdefault(branch, (contact_id, recipient))
    picked: dict[int, tuple[Recipient, list[str]]] = {}
    for reason, (_points, contact_id, recipient) in best.items():
        picked.setdefault(contact_id, (recipient, []))[1].append(reason)
    for branch, (contact_id, recipient) in sorted(ways.items(), key=lambda way: way[0][1:]):
        if branch._replace(holds=not branch.holds) not in ways:
            continue  # the same for everybody
        held = _("{tag} holds") if branch.holds else _("{tag} does not hold")
        reasons = picked.setdefault(contact_id, (recipient, []))[1]
        if (reason := held.format(tag=branch.tag)) not in reasons:
            reasons.append(reason)
    if not picked:
        raise NoRecipients(
            _("Nobody is left to write to: see `relais audiences explain --campaign {slug}`.").format(
                slug=campaign.slug
            )
        )
    return [Case(contact_id, recipient, tuple(reasons)) for contact_id, (recipient, reasons) in picked.items()]


def find_case(session: Session, campaign: Campaign, settings: Settings, address: str | None, *, now: datetime) -> Case:
    """Give the first recipient, or the contact with this address, in the audience or not.

    Raises InvalidAddress, or NoRecipients where nobody has it.
    """
    if address is None:
        for contact_id, recipient in _recipients(session, campaign, settings, lambda _done: None, now=now):
            return Case(contact_id, recipient, (_("the first recipient"),))
        raise NoRecipients(
            _("Nobody is left to write to: see `relais audiences explain --campaign {slug}`.").format(
                slug=campaign.slug
            )
        )
    with_it = select(Contact.id).where(Contact.address_key == parse_address(address).key)
    ids = session.scalars(with_it.order_by(Contact.id)).all()
    if not ids:
        raise NoRecipients(_("Nobody has the address {address}. Check how it is written.").format(address=address))
    recipients = planning.recipients_of(session, Target.of(campaign), settings, now=now)
    chosen = next((contact_id for contact_id, _address in recipients if contact_id in ids), None)
    reason = _("asked for; a recipient") if chosen is not None else _("asked for; not a recipient of the campaign")
    contact_id = chosen or ids[0]
    return Case(contact_id, load_recipients(session, [contact_id], settings.places.label)[contact_id], (reason,))


def render_case(case: Case, campaign: Campaign, settings: Settings, content: dict[str, Any]) -> Rendered:
    """Write a case's message as a browser shows it. Raises RenderingFailed."""
    compiled = compiled_of(content)
    rendered = Renderer(compiled, settings.brand, variables_of(content)).render(_named(case.recipient, campaign))
    return Rendered(rendered.subject, show_inside(rendered.html, compiled.images), rendered.text)


def _named(recipient: Recipient, campaign: Campaign) -> dict[str, Any]:
    links = {"unsubscribe": "mailto:desinscription@example.org"}
    return {**recipient, "links": links, "campaign": {"name": campaign.name}}


def _recipients(
    session: Session, campaign: Campaign, settings: Settings, advance: Callable[[int], None], *, now: datetime
) -> Iterator[tuple[int, Recipient]]:
    found = planning.recipients_of(session, Target.of(campaign), settings, now=now)
    while batch := [contact_id for contact_id, _address in islice(found, BATCH)]:
        known = load_recipients(session, batch, settings.places.label)
        for contact_id in batch:
            yield contact_id, known.get(contact_id, NOBODY)
        advance(len(batch))
