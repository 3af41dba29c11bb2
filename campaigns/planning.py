"""From a campaign to its deliveries: the waterfall before a launch, and the launch itself, in one transaction."""

from collections.abc import Iterator
from datetime import datetime
from gettext import gettext as _
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from audiences.catalogue import written_out
from audiences.segments import Segment
from audiences.waterfall import Rule, Waterfall, candidates, explain, standard_rules, waterfall_of
from campaigns.errors import NoRecipients, WrongStatus
from campaigns.lifecycle import move
from campaigns.models import Campaign, CampaignStatus
from campaigns.queries import read_query
from campaigns.settings import Settings
from sends import ledger
from templates import Purpose

_STREAMED = 1_000  # rows fetched at a time


def compile_query(session: Session, query: str, settings: Settings, *, now: datetime) -> ColumnElement[bool]:
    """Compile a query with every field of the language; relative dates count from `now`."""
    return read_query(session, query, settings, now=now).condition


def rules_for(purpose: Purpose) -> tuple[Rule, ...]:
    """Give the waterfall's rules for a mailing of this purpose."""
    return standard_rules(is_marketing=purpose == Purpose.MARKETING)


def explain_query(session: Session, query: str, settings: Settings, *, purpose: Purpose, now: datetime) -> Waterfall:
    """Count what a query matches and what each rule leaves out."""
    return explain_segment(session, read_query(session, query, settings, now=now), purpose=purpose)


def explain_segment(session: Session, segment: Segment, *, purpose: Purpose) -> Waterfall:
    """Count what a query that was read matches, and what each rule leaves out."""
    return explain(session, segment.condition, rules_for(purpose))


def recipients_of(
    session: Session, query: str, settings: Settings, *, purpose: Purpose, now: datetime
) -> Iterator[tuple[int, str]]:
    """Give the recipients of a query as (contact id, address), in the order in which they would be planned.

    They come from the database as they are asked for, so that a million takes no more memory than a batch.
    """
    found = candidates(compile_query(session, query, settings, now=now), rules_for(purpose)).subquery()
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
    condition = compile_query(session, campaign.audience.query, settings, now=now)
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
    campaign.query = written_out(session, campaign.audience.query)
    campaign.waterfall = waterfall.as_dict()
    return waterfall


def stored_waterfall(campaign: Campaign) -> Waterfall:
    """Give the waterfall of a launched campaign as it was at its launch."""
    kept = campaign.waterfall or {}
    counts: dict[str | None, int] = {**kept["left_out"], None: kept["recipients"]}
    return waterfall_of(counts, kept["companies"], rules_for(Purpose(campaign.purpose)))
