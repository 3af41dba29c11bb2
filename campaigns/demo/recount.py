"""Counts the invented chamber again, from its rows alone, and compares with the published figures."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from gettext import gettext as _
from typing import TYPE_CHECKING

from campaigns.demo.dataset import Company, Dataset, Request
from campaigns.demo.facts import OUTSIDE, UNPLACED, Facts, Mailing
from campaigns.demo.landscape import TARGETED

if TYPE_CHECKING:
    from audiences.sectors import Sectors


class WrongDataset(ValueError):
    """The invented chamber does not give the published figures."""


@dataclass(frozen=True)
class Count:
    """What one audience comes to; `left_out` counts contacts by the first reason that applies."""

    companies: int
    contacts: int
    left_out: Mapping[str, int]
    recipients: frozenset[str]


def check_dataset(dataset: Dataset, facts: Facts) -> dict[str, Count]:
    """Recount every published figure, and return the audiences by campaign; raise WrongDataset naming what differs."""
    tables = (
        (facts.by_channel, Counter(request.channel for request in dataset.requests)),
        (facts.by_nature, Counter(request.nature for request in dataset.requests)),
        (facts.by_epci, Counter(request.company.epci for request in dataset.requests)),
        ({"total": facts.total}, {"total": len({request.number for request in dataset.requests})}),
    )
    wrong = [
        f"{name}: {counted.get(name, 0)} <> {published[name]}"
        for published, counted in tables
        for name in published
        if counted.get(name, 0) != published[name]
    ]
    counts = {}
    bounced: set[str] = set()
    for campaign in facts.campaigns:
        count = counts[campaign.slug] = _count(dataset, campaign, bounced)
        refused = count.recipients & dataset.dead_mailboxes
        bounced |= refused
        found = {
            "delivered": len(count.recipients - refused),
            "matched": count.companies,
            "recipients": len(count.recipients),
        }
        for name, figure in found.items():
            published_figure = getattr(campaign, name)
            if published_figure is not None and published_figure != figure:
                wrong.append(f"{campaign.slug}, {name}: {figure} <> {published_figure}")
    if wrong:
        raise WrongDataset(
            _("the invented chamber differs from the published figures ({differences}): mend the plan").format(
                differences="; ".join(wrong)
            )
        )
    return counts


def _count(dataset: Dataset, campaign: Mailing, bounced: Container[str]) -> Count:
    """Apply the rules of every mailing, in their order, to what a campaign's query matches."""
    opposed = {contact.address.lower() for contact in dataset.contacts if contact.is_opposed}
    if campaign.slug == "continuite-creation":
        companies, addresses = 0, [holder.address for holder in dataset.project_holders]
    else:
        requests = [request for request in dataset.requests if request.received_on <= campaign.export]
        known = _addresses(dataset, requests)
        matched = _matched(known, requests, campaign.slug)
        companies, addresses = len(matched), [address for company in matched for address in known[company]]
    left_out: Counter[str] = Counter()
    recipients: set[str] = set()
    for address in addresses:
        if reason := _reason(address, opposed, bounced, recipients):
            left_out[reason] += 1
        else:
            recipients.add(address.lower())
    return Count(companies, len(addresses), left_out, frozenset(recipients))


def _addresses(dataset: Dataset, requests: Iterable[Request]) -> dict[Company, list[str]]:
    """Give the contacts of each known company as addresses, "" for a company without one."""
    known: dict[Company, list[str]] = {}
    for contact in dataset.contacts:
        known.setdefault(contact.company, []).append(contact.address)
    for request in requests:
        addresses = known.setdefault(request.company, [])
        if not addresses or (request.address and request.address.lower() not in map(str.lower, addresses)):
            addresses.append(request.address)
    return known


def _matched(known: Iterable[Company], requests: Iterable[Request], slug: str) -> list[Company]:
    if slug in _BY_REQUEST:
        asked = {request.company for request in requests if _BY_REQUEST[slug](request)}
        return [company for company in known if company in asked]
    return [company for company in known if _BY_COMPANY[slug](company)]


def _reason(address: str, opposed: Container[str], bounced: Container[str], recipients: Container[str]) -> str:
    """Name the first rule that leaves a contact out, "" for none."""
    from audiences.addresses import parse_address
    from audiences.errors import InvalidAddress

    if not address:
        return "no address"
    try:
        key = parse_address(address).key
    except InvalidAddress:
        return "invalid"
    rules = (("opposed", opposed), ("bounced", bounced), ("same mailbox", recipients))
    return next((name for name, keys in rules if key in keys), "")


def _asked_for_aid(epci: str) -> Callable[[Request], bool]:
    return lambda request: request.nature == "Aides financières" and request.company.epci == epci


def _is_inside(company: Company) -> bool:
    return company.epci not in {OUTSIDE, UNPLACED}


def _has_staff(company: Company) -> bool:
    return company.band not in {"", "NN", "00"}


@cache
def _sectors() -> "Sectors":
    from audiences.sectors import Sectors

    return Sectors.load()


def _sectors_of(naf: str) -> set[str]:
    return {sector.slug for sector in _sectors().of(naf)} if naf else set()


_BY_REQUEST: Mapping[str, Callable[[Request], bool]] = {
    "fonds-solidarite-1": lambda request: request.topic == "Fonds de solidarité",
    "fonds-solidarite-2": lambda request: request.topic == "Fonds de solidarité",
    "info-fonds-call": _asked_for_aid("CALL"),
    "info-fonds-cua": _asked_for_aid("CUA"),
    "info-fonds-cabbalr": _asked_for_aid("CABBALR"),
}

_BY_COMPANY: Mapping[str, Callable[[Company], bool]] = {
    "continuite-formalites": lambda _company: True,
    "masques-transp-log": lambda company: (
        _is_inside(company) and _has_staff(company) and not TARGETED.isdisjoint(_sectors_of(company.naf))
    ),
    "carte-commerces-ouverts": lambda company: (
        _is_inside(company) and not _sectors_of(company.naf).isdisjoint({"commerce-detail", "commerce-alimentaire"})
    ),
    "masques-toutes-activites": lambda company: (
        _is_inside(company) and _has_staff(company) and bool(_sectors_of(company.naf))
    ),
}
