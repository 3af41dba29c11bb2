"""The figures of campaigns, and the month's report in French as a table, Markdown, CSV or JSON."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from audiences.exports import harmless
from audiences.statistics import RequestStatistics, request_statistics
from audiences.waterfall import Waterfall
from campaigns.calendar import local_iso
from campaigns.lifecycle import list_campaigns
from campaigns.models import Campaign, CampaignStatus
from campaigns.settings import Settings
from sends import tally
from sends.buckets import forecast
from sends.states import DeliveryStatus


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    MARKDOWN = "md"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True)
class Figures:
    """One campaign in numbers of recipients; `matched` counts companies, None before the launch.

    `held` is the part of `waiting` that workers have in their hands, living ones or dead.
    """

    matched: int | None
    recipients: int | None
    sent: int
    delivered: int
    bounced: int
    failed: int
    deferred: int
    uncertain: int
    suppressed: int
    cancelled: int
    waiting: int
    held: int


def figures_of(session: Session, campaigns: Sequence[Campaign]) -> dict[int, Figures]:
    """Count the deliveries of campaigns, by campaign id."""
    counts = tally.count_by_status(session, [campaign.id for campaign in campaigns])
    return {campaign.id: _figures(campaign, counts[campaign.id]) for campaign in campaigns}


def _figures(campaign: Campaign, by_status: Counter[DeliveryStatus]) -> Figures:
    waterfall: Mapping[str, Any] = campaign.waterfall or {}
    is_launched = campaign.launched_at is not None
    status = DeliveryStatus
    return Figures(
        matched=waterfall.get("companies"),
        recipients=by_status.total() if is_launched else None,
        sent=by_status[status.SENT] + by_status[status.DELIVERED],
        delivered=by_status[status.DELIVERED],
        bounced=by_status[status.BOUNCED],
        failed=by_status[status.FAILED],
        deferred=by_status[status.DEFERRED],
        uncertain=by_status[status.UNCERTAIN],
        suppressed=by_status[status.SUPPRESSED],
        cancelled=by_status[status.CANCELLED],
        waiting=by_status[status.QUEUED] + by_status[status.CLAIMED] + by_status[status.SENDING],
        held=by_status[status.CLAIMED] + by_status[status.SENDING],
    )


def campaign_record(campaign: Campaign, figures: Figures, zone: ZoneInfo) -> dict[str, Any]:
    """Give one campaign as plain values, for JSON; times are local with their offset."""
    return {
        "slug": campaign.slug,
        "name": campaign.name,
        "status": campaign.status,
        "audience": campaign.audience.slug,
        "template": campaign.template,
        "purpose": campaign.purpose,
        "scheduled_at": local_iso(campaign.scheduled_at, zone),
        "launched_at": local_iso(campaign.launched_at, zone),
        "finished_at": local_iso(campaign.finished_at, zone),
        **vars(figures),
        "note": campaign.note,
    }


def forecast_end(
    session: Session, record: Mapping[str, Any], waterfall: Waterfall, settings: Settings, *, now: datetime
) -> str | None:
    """Tell when the last message of a campaign leaves under the limits of the relay; None when nothing holds it back."""
    if record["status"] in (CampaignStatus.FINISHED, CampaignStatus.CANCELLED):
        return None
    waiting = record["waiting"] + record["deferred"] if record["launched_at"] else waterfall.recipients
    start = datetime.fromisoformat(record["scheduled_at"]) if record["scheduled_at"] else now
    end = forecast(session, settings.limits(), waiting=waiting, now=max(start, now), zone=settings.zone)
    return local_iso(end, settings.zone)


@dataclass(frozen=True)
class Report:
    """What was asked and what was sent in a period, both days included, and what is coming."""

    since: date
    until: date
    requests: RequestStatistics
    launched: tuple[tuple[Campaign, Figures], ...]
    upcoming: tuple[Campaign, ...]
    zone: ZoneInfo


def build_report(session: Session, settings: Settings, *, since: date, until: date) -> Report:
    """Gather the report of a period: the campaigns launched in it, in their order, and those scheduled now."""
    zone = settings.zone
    campaigns = list_campaigns(session)
    launched = [
        campaign
        for campaign in campaigns
        if campaign.launched_at and since <= campaign.launched_at.astimezone(zone).date() <= until
    ]
    launched.sort(key=lambda campaign: (campaign.launched_at, campaign.id))
    figures = figures_of(session, launched)
    return Report(
        since=since,
        until=until,
        requests=request_statistics(session, settings.places, outside=settings.outside_label, since=since, until=until),
        launched=tuple((campaign, figures[campaign.id]) for campaign in launched),
        upcoming=tuple(campaign for campaign in campaigns if campaign.status == CampaignStatus.SCHEDULED),
        zone=zone,
    )


COLUMNS = ("Date", "Campagne", "Entreprises", "Destinataires", "Acceptés", "Rejets", "Échecs", "Différés", "Incertains")
SHORT_COLUMNS = ("Date", "Campagne", "Entr.", "Dest.", "Acceptés", "Rejets", "Échecs", "Différés", "Incert.")
"""The same where a screen has 80 characters."""


def day_fr(day: date) -> str:
    """Write a day as a French reader does."""
    return day.strftime("%d/%m/%Y")


def launched_rows(report: Report) -> list[tuple[str, ...]]:
    """Give the launched campaigns as rows of text under `COLUMNS`."""
    rows = []
    for campaign, figures in report.launched:
        launched_at: datetime | None = campaign.launched_at
        day = day_fr(launched_at.astimezone(report.zone).date()) if launched_at else ""
        late = figures.deferred + figures.waiting
        settled = (figures.sent, figures.bounced, figures.failed, late, figures.uncertain)
        numbers = (figures.matched, figures.recipients, *settled)
        rows.append((day, campaign.name, *(str(number or 0) for number in numbers)))
    return rows


def upcoming_rows(report: Report) -> list[tuple[str, str, str]]:
    """Give the upcoming campaigns: when, what, to whom."""
    return [
        (
            campaign.scheduled_at.astimezone(report.zone).strftime("%d/%m/%Y %H:%M") if campaign.scheduled_at else "",
            campaign.name,
            campaign.audience.description or campaign.audience.slug,
        )
        for campaign in report.upcoming
    ]


def request_tables(report: Report) -> list[tuple[str, dict[str, int]]]:
    """Give the request statistics by their French headings."""
    found = report.requests
    return [
        ("Source des contacts", found.by_channel),
        ("EPCI", found.by_epci),
        ("Objet de la demande", found.by_nature),
    ]


def to_json(report: Report) -> str:
    """Write the report as one JSON object with English keys."""
    return json.dumps(
        {
            "since": report.since.isoformat(),
            "until": report.until.isoformat(),
            "requests": vars(report.requests),
            "campaigns": [campaign_record(campaign, figures, report.zone) for campaign, figures in report.launched],
            "upcoming": [
                {"slug": each.slug, "name": each.name, "scheduled_at": local_iso(each.scheduled_at, report.zone)}
                for each in report.upcoming
            ],
        },
        ensure_ascii=False,
        indent=2,
    )


def to_csv(report: Report) -> str:
    """Write the launched campaigns as CSV for a French Excel (semicolons)."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([harmless(cell) for cell in row] for row in launched_rows(report))
    return out.getvalue()


def to_markdown(report: Report) -> str:
    """Write the whole report as Markdown."""
    lines = [f"# Activité du {day_fr(report.since)} au {day_fr(report.until)}", ""]
    lines += [f"## Sollicitations : {report.requests.total}", ""]
    for heading, counts in request_tables(report):
        lines += _table((heading, "Nombre"), [(label, str(number)) for label, number in counts.items()])
    lines += ["## Campagnes", "", *_table(COLUMNS, launched_rows(report))]
    if report.upcoming:
        upcoming = _table(("Date", "Campagne", "Cible"), upcoming_rows(report))
        lines += ["## Prochaines campagnes", "", *upcoming]
    return "\n".join(lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(header), line(["---"] * len(header)), *(line(row) for row in rows), ""]


def default_period(today: date) -> tuple[date, date]:
    """Give the period of a report without dates: the last thirty days."""
    return today - timedelta(days=30), today
