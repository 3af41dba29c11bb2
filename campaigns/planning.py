"""From a campaign to its deliveries: the waterfall before a launch, and the launch itself, in one transaction."""

from collections.abc import Iterator
from datetime import datetime
from gettext import gettext as _
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from audiences.errors import InvalidQuery, UnknownValue
from audiences.fields import Field, Range, Store, Text
from audiences.models import Contact
from audiences.segments import compile_segment
from audiences.text import nearest
from audiences.rules import standard_rules
from audiences.waterfall import Rule, Waterfall, candidates, explain, waterfall_of
from campaigns.errors import NoRecipients, WrongStatus
from campaigns.lifecycle import move
from campaigns.models import Campaign, CampaignStatus
from campaigns.settings import Settings
from sends import ledger
from sends.models import Delivery
from sends.states import DeliveryStatus
from templates import Purpose

_STREAMED = 1_000  # rows fetched at a time


def _received(store: Store, value: Text | Range) -> ColumnElement[bool]:
    """Hold for contacts whose mailbox got the campaign: the relay took the message over, and it was no rehearsal."""
    if isinstance(value, Range):
        raise InvalidQuery(_("The field received takes the name of a campaign, not a range."))
    got = (
        select(Delivery.address_key)
        .join(Campaign, Campaign.id == Delivery.campaign_id)
        .where(Delivery.status.in_([DeliveryStatus.SENT, DeliveryStatus.DELIVERED]), Campaign.redirect_to.is_(None))
    )
    if not value.is_anything:
        slugs = store.vocabulary(Campaign.slug)
        if value.text not in slugs:
            near = nearest(value.text, slugs)
            hint = (
                _("Did you mean {names}?").format(names=_(" or ").join(near))
                if near
                else _("See `relais campaigns list`.")
            )
            raise UnknownValue(_("There is no campaign {slug}. {hint}").format(slug=value.text, hint=hint))
        got = got.where(Campaign.slug == value.text)
    return func.coalesce(Contact.address_key, "").in_(got)


SEND_FIELDS = (Field("received", ("recu", "reçu"), _("got this campaign"), "received:info-fonds-cua", _received),)
"""The fields of the query language that speak of campaigns."""


def compile_query(session: Session, query: str, settings: Settings) -> ColumnElement[bool]:
    """Compile a query with every field of the language, against this installation's store and reference."""
    terms = {"nature": settings.requests.natures, "channel": settings.requests.channels}
    store = Store(session, settings.places, settings.sectors, terms)
    return compile_segment(query, store, extra=SEND_FIELDS)


def rules_for(purpose: Purpose) -> tuple[Rule, ...]:
    """Give the waterfall's rules for a mailing of this purpose."""
    return standard_rules(is_marketing=purpose == Purpose.MARKETING)


def explain_query(session: Session, query: str, settings: Settings, *, purpose: Purpose) -> Waterfall:
    """Count what a query matches and what each rule leaves out."""
    return explain(session, compile_query(session, query, settings), rules_for(purpose))


def recipients_of(session: Session, query: str, settings: Settings, *, purpose: Purpose) -> Iterator[tuple[int, str]]:
    """Give the recipients of a query as (contact id, address), in the order in which they would be planned.

    They come from the database as they are asked for, so that a million takes no more memory than a batch.
    """
    found = candidates(compile_query(session, query, settings), rules_for(purpose)).subquery()
    rows = select(found.c.contact_id, found.c.address).where(found.c.reason.is_(None)).order_by(found.c.contact_id)
    for row in session.connection().execute(rows.execution_options(yield_per=_STREAMED)):
        yield row.contact_id, row.address


def launch(
    session: Session, campaign: Campaign, settings: Settings, *, content: dict[str, Any], now: datetime
) -> Waterfall:
    """Plan the deliveries of a draft or scheduled campaign and let it send, in the caller's one transaction.

    The status is claimed first, by a statement that checks it, so that two launches at once plan one time.
    Raises WrongStatus when the campaign was launched before, NoRecipients when nobody is left.
    """
    waiting = [CampaignStatus.DRAFT, CampaignStatus.SCHEDULED]
    before = campaign.status
    claimed = session.execute(
        update(Campaign)
        .where(Campaign.id == campaign.id, Campaign.status.in_(waiting))
        .values(launched_at=now)
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    ).first()
    if claimed is None:
        raise WrongStatus(_("The campaign {slug} was launched before.").format(slug=campaign.slug))
    session.refresh(campaign, ["status", "launched_at"])
    if campaign.status != before:
        raise WrongStatus(_("The campaign {slug} has just changed. Look at it again.").format(slug=campaign.slug))
    rules = rules_for(Purpose(campaign.purpose))
    condition = compile_query(session, campaign.audience.query, settings)
    selected = candidates(condition, rules)
    found = selected.subquery()
    companies = session.scalar(select(func.count(found.c.company_id.distinct()))) or 0
    counts = ledger.plan(session, campaign.id, selected, now=now)
    if not counts[None]:
        raise NoRecipients(
            _("Nobody is left to write to: see `relais audiences explain {audience}`.").format(
                audience=campaign.audience.slug
            )
        )
    waterfall = waterfall_of(dict(counts), companies, rules)
    move(campaign, CampaignStatus.SENDING)
    campaign.content = content
    campaign.query = campaign.audience.query
    campaign.waterfall = waterfall.as_dict()
    return waterfall


def stored_waterfall(campaign: Campaign) -> Waterfall:
    """Give the waterfall of a launched campaign as it was at its launch."""
    kept = campaign.waterfall or {}
    counts: dict[str | None, int] = {**kept["left_out"], None: kept["recipients"]}
    return waterfall_of(counts, kept["companies"], rules_for(Purpose(campaign.purpose)))
