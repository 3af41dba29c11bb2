"""From a campaign to its deliveries: the waterfall before a launch, and the launch itself, in one transaction."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from gettext import gettext as _
from typing import Any

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.orm import Session

from audiences.catalogue import written_out
from audiences.listing import Told, telling
from audiences.segments import Segment
from audiences.waterfall import Rule, Step, Waterfall, candidates, explain, labels, narrowed, waterfall_of
from campaigns.errors import AudienceChanged, NoRecipients, WrongStatus
from campaigns.lifecycle import move
from campaigns.models import Campaign, CampaignStatus
from campaigns.queries import read_query
from campaigns.settings import Settings
from campaigns.targets import Target, rule_labels, rules_of
from sends import ledger
from sends.log import planned, planned_recipients

_STREAMED = 1_000  # rows fetched at a time


def compile_query(session: Session, query: str, settings: Settings, *, now: datetime) -> ColumnElement[bool]:
    """Compile a query with every field of the language; relative dates count from `now`."""
    return read_query(session, query, settings, now=now).condition


def explain_target(session: Session, target: Target, settings: Settings, *, now: datetime) -> Waterfall:
    """Count what a target matches and what each rule leaves out, as a launch now would."""
    return explain_segment(session, read_query(session, target.query, settings, now=now), target, settings, now=now)


def explain_segment(
    session: Session, segment: Segment, target: Target, settings: Settings, *, now: datetime
) -> Waterfall:
    """Count what a target matches whose query was read, and what each rule leaves out."""
    return explain(session, segment.condition, rules_of(target, settings, now=now), per_company=target.is_per_company)


def compile_target(
    session: Session, target: Target, settings: Settings, *, now: datetime
) -> tuple[ColumnElement[bool], tuple[Rule, ...]]:
    """Give the condition of a target's query and the rules that leave contacts out of it."""
    return compile_query(session, target.query, settings, now=now), rules_of(target, settings, now=now)


@dataclass(frozen=True)
class Explanation:
    """Every matched contact with its rule: `found` selects as `candidates` does, `tell` says what a rule goes by."""

    found: Select[Any]
    labels: Mapping[str, str]
    tell: Told | None


def explanation_of(session: Session, target: Target, settings: Settings, *, now: datetime) -> Explanation:
    """Explain each contact of a target, as a launch now would judge it."""
    condition, rules = compile_target(session, target, settings, now=now)
    few = narrowed(session, condition)
    return Explanation(
        candidates(few, rules, per_company=target.is_per_company),
        labels(rules),
        telling(few, rules, per_company=target.is_per_company),
    )


def explanation_of_launch(campaign: Campaign) -> Explanation:
    """Explain each contact of a launched campaign, as its launch judged it; what the rules went by then is not kept."""
    left_out = {step.name: step.label for step in stored_waterfall(campaign).steps}
    return Explanation(planned(campaign.id), left_out, None)


def recipients_of(session: Session, target: Target, settings: Settings, *, now: datetime) -> Iterator[tuple[int, str]]:
    """Give the recipients of a target as (contact id, address), in the order in which they would be planned.

    They come from the database as they are asked for, so that a million takes no more memory than a batch.
    """
    found = explanation_of(session, target, settings, now=now).found.subquery()
    rows = select(found.c.contact_id, found.c.address).where(found.c.reason.is_(None)).order_by(found.c.contact_id)
    for row in session.connection().execute(rows.execution_options(yield_per=_STREAMED)):
        yield row.contact_id, row.address


@dataclass(frozen=True)
class Approval:
    """What a person was shown and said yes to: the figures, and a digest of the recipients behind them."""

    waterfall: Waterfall
    recipients: str

    @classmethod
    def of(cls, waterfall: Waterfall, recipients: Iterable[tuple[int, str]]) -> "Approval":
        """Approve these recipients, given as `recipients_of` gives them."""
        return cls(waterfall, _digest(recipients))


def _digest(recipients: Iterable[tuple[int, str]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for contact_id, address in recipients:
        digest.update(f"{contact_id} {address}\n".encode())
    return digest.hexdigest()


def launch(
    session: Session,
    campaign: Campaign,
    settings: Settings,
    *,
    content: dict[str, Any],
    now: datetime,
    approved: Approval | None = None,
) -> Waterfall:
    """Plan the deliveries of a draft or scheduled campaign and let it send, in the caller's one transaction.

    The status is claimed first, by a statement that checks it, so that two launches at once plan one time.
    `approved` is what a person was shown and said yes to. Raises WrongStatus when the campaign was launched before,
    NoRecipients when nobody is left, AudienceChanged when the plan does not come down to what was approved, be it that as
    many others are written to.
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
    explanation = explanation_of(session, Target.of(campaign), settings, now=now)
    counts, companies = ledger.plan(session, campaign.id, explanation.found, now=now)
    if not counts[None]:
        raise NoRecipients(
            _("Nobody is left to write to: see `relais audiences explain --campaign {slug}`.").format(
                slug=campaign.slug
            )
        )
    waterfall = waterfall_of(counts, companies, explanation.labels)
    if approved is not None:
        _compare(session, campaign, waterfall, approved)
    move(campaign, CampaignStatus.SENDING)
    campaign.content = content
    campaign.query = written_out(session, campaign.audience.query)
    campaign.waterfall = waterfall.as_dict()
    return waterfall


def _compare(session: Session, campaign: Campaign, waterfall: Waterfall, approved: Approval) -> None:
    """Raise AudienceChanged unless what was planned is what was approved."""
    before = approved.waterfall
    if waterfall.as_dict() != before.as_dict():
        raise AudienceChanged(
            _(
                "The audience of {slug} has changed since it was shown: {now} recipients now, {before} then. Nothing was sent; look at it again."
            ).format(slug=campaign.slug, now=waterfall.recipients, before=before.recipients)
        )
    rows = session.connection().execute(planned_recipients(campaign.id).execution_options(yield_per=_STREAMED))
    if _digest((row.contact_id, row.address) for row in rows) != approved.recipients:
        raise AudienceChanged(
            _(
                "The audience of {slug} has changed since it was shown: as many recipients, but not the same ones. Nothing was sent; look at it again."
            ).format(slug=campaign.slug)
        )


def stored_waterfall(campaign: Campaign) -> Waterfall:
    """Give the waterfall of a launched campaign as it was at its launch."""
    kept = campaign.waterfall or {}
    known = rule_labels()
    steps = tuple(Step(name, known.get(name, name), count) for name, count in kept["left_out"].items())
    return Waterfall(kept["companies"], kept["contacts"], steps, kept["recipients"])
