"""What a campaign's audience was when it was scheduled, and who came and went since, and why."""

import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from heapq import merge
from itertools import accumulate, islice
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from audiences.models import Company, Contact
from campaigns.models import AudienceSnapshot, Campaign, CampaignStatus
from campaigns.planning import explanation_of
from campaigns.settings import Settings
from campaigns.targets import Target
from sends.log import planned

NOT_MATCHED = "not_matched"
"""Stands for a contact that the query does not match: it is no candidate."""

GONE = "gone"
"""Stands for a contact that is in the store no more."""

_RECIPIENTS = ""  # the reason under which the recipients are kept: a key cannot be NULL
_BATCH = 500


class Change(NamedTuple):
    """A contact that became a recipient, or ceased to be one; `before` and `after` are its reasons (None: recipient)."""

    contact_id: int
    address: str | None
    company: str | None
    before: str | None
    after: str | None

    @property
    def came(self) -> bool:
        """Whether it is a recipient now."""
        return self.after is None


class Changes(NamedTuple):
    """How many recipients came and went since the campaign was scheduled."""

    since: datetime
    came: int
    went: int


def keep_audience(session: Session, campaign: Campaign, settings: Settings, *, now: datetime) -> None:
    """Keep who would get a campaign now, and who is left out by which rule; what was kept before is replaced."""
    forget_audience(session, campaign)
    kept: dict[str, array[int]] = {_RECIPIENTS: array("q")}
    for contact_id, reason in _today(session, campaign, settings, now):
        kept.setdefault(reason or _RECIPIENTS, array("q")).append(contact_id)
    session.add_all(
        AudienceSnapshot(campaign_id=campaign.id, reason=reason, taken_at=now, contacts=len(ids), contact_ids=pack(ids))
        for reason, ids in kept.items()
    )


def forget_audience(session: Session, campaign: Campaign) -> None:
    """Drop what was kept: the campaign is scheduled no more."""
    session.execute(delete(AudienceSnapshot).where(AudienceSnapshot.campaign_id == campaign.id))


def pack(ids: Sequence[int]) -> bytes:
    """Write ascending ids as the zlib-compressed decimal steps between them: about a byte each."""
    steps = (str(after - before) for before, after in zip([0, *ids], ids, strict=False))
    return zlib.compress(",".join(steps).encode())


def unpack(packed: bytes) -> Iterator[int]:
    """Read what `pack` wrote."""
    text = zlib.decompress(packed).decode()
    return accumulate(map(int, text.split(","))) if text else iter(())


def changes_of(session: Session, campaign: Campaign, settings: Settings, *, now: datetime) -> Changes | None:
    """Count who came and went since the campaign was scheduled; None for one that never was, or is not any more."""
    if campaign.status == CampaignStatus.CANCELLED and campaign.launched_at is None:
        return None
    taken_at = session.scalar(_kept(campaign).with_only_columns(AudienceSnapshot.taken_at).limit(1))
    if taken_at is None:
        return None
    came = went = 0
    for _contact_id, _before, after in _changed(session, campaign, settings, now):
        came += after is None
        went += after is not None
    return Changes(taken_at, came, went)


def list_changes(session: Session, campaign: Campaign, settings: Settings, *, now: datetime) -> Iterator[Change]:
    """Give who came and went since the campaign was scheduled, up to its launch or to `now`, in their order."""
    waiting = _changed(session, campaign, settings, now)
    while batch := list(islice(waiting, _BATCH)):
        known = _names(session, [contact_id for contact_id, _before, _after in batch])
        for contact_id, before, after in batch:
            address, company = known.get(contact_id, (None, None))
            is_gone = contact_id not in known and after is not None
            yield Change(contact_id, address, company, before, GONE if is_gone else after)


def _names(session: Session, ids: Sequence[int]) -> Mapping[int, tuple[str | None, str | None]]:
    named = select(Contact.id, Contact.address, Company.name).outerjoin(Company, Company.id == Contact.company_id)
    rows = session.execute(named.where(Contact.id.in_(ids)))
    return {contact_id: (address, company) for contact_id, address, company in rows}


def _kept(campaign: Campaign) -> Select[Any]:
    return select(AudienceSnapshot).where(AudienceSnapshot.campaign_id == campaign.id)


Judged = tuple[int, str | None]
"""A contact's id and the rule that leaves it out, None for a recipient."""


def _changed(
    session: Session, campaign: Campaign, settings: Settings, now: datetime
) -> Iterator[tuple[int, str | None, str | None]]:
    """Walk through both audiences, each in the order of the ids, and give who is a recipient in one of them only."""
    kept = session.scalars(_kept(campaign)).all()
    before = merge(*(_judged(each) for each in kept), key=itemgetter(0))
    is_launched = campaign.launched_at is not None
    after = _planned(session, campaign) if is_launched else _today(session, campaign, settings, now)
    old, new = next(before, None), next(after, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old[0] < new[0]):
            assert old is not None  # noqa: S101 - the loop says so
            if old[1] is None:
                yield old[0], None, NOT_MATCHED
            old = next(before, None)
        elif old is None or new[0] < old[0]:
            if new[1] is None:
                yield new[0], NOT_MATCHED, None
            new = next(after, None)
        else:
            if (old[1] is None) != (new[1] is None):
                yield old[0], old[1], new[1]
            old, new = next(before, None), next(after, None)


def _judged(kept: AudienceSnapshot) -> Iterator[Judged]:
    return ((contact_id, kept.reason or None) for contact_id in unpack(kept.contact_ids))


def _today(session: Session, campaign: Campaign, settings: Settings, now: datetime) -> Iterator[Judged]:
    found = explanation_of(session, Target.of(campaign), settings, now=now).found.subquery()
    return _stream(session, select(found.c.contact_id, found.c.reason).order_by(found.c.contact_id))


def _planned(session: Session, campaign: Campaign) -> Iterator[Judged]:
    found = planned(campaign.id).subquery()
    return _stream(session, select(found.c.contact_id, found.c.reason).order_by(found.c.contact_id))


def _stream(session: Session, statement: Select[Any]) -> Iterator[Judged]:
    for row in session.connection().execute(statement.execution_options(yield_per=_BATCH)):
        yield row[0], row[1]
