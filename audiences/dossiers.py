"""The companies of a query as a chamber hands them on: what they are, whom to ask for, and what they asked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from audiences.exports import Cell, write_sheet
from audiences.models import Company, Contact, Request, SuppressionReason
from audiences.sectors import Sectors
from audiences.suppressions import find_suppressed
from audiences.territory import Territory

CHUNK = 500
"""Companies that are read together."""

COMPANY = ("Entreprise", "SIRET", "Commune", "EPCI", "Code NAF", "Secteur", "Effectif")
CONTACTS = ("Contact", "Fonction", "Email", "Ne plus écrire à")
SUMMARY = ("Demandes", "Dernière demande", "Natures")
REQUEST = ("Date", "Canal", "Nature", "Dispositif", "Conseiller", "Réponse")

PROJECT_HOLDER = "(porteur de projet)"
"""What stands for the company of a person who has none."""


@dataclass
class Dossier:
    """A company, or a person without one, with all its contacts and requests; requests come the newest first.

    `opposed` are the addresses among its contacts that are not written to.
    """

    company: Company | None
    contacts: list[Contact] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    opposed: list[str] = field(default_factory=list)


@dataclass
class Written:
    """What a file holds: its rows, and the companies, people without one, and requests that they speak of."""

    rows: int = 0
    companies: int = 0
    people: int = 0
    requests: int = 0


def load_dossiers(session: Session, condition: ColumnElement[bool]) -> Iterator[Dossier]:
    """Give the companies that a compiled query matches, by name, then the people without one, a chunk at a time."""
    matched = select(Contact.id, Contact.company_id).outerjoin(Company, Company.id == Contact.company_id)
    found = matched.where(condition).cte("matched")
    of_companies = select(Company.id).where(Company.id.in_(select(found.c.company_id)))
    companies = list(session.scalars(of_companies.order_by(Company.name_key, Company.id)))
    for ids in _chunks(companies):
        yield from _load(session, ids, Company)
    people = select(found.c.id).where(found.c.company_id.is_(None)).order_by(found.c.id)
    for ids in _chunks(list(session.scalars(people))):
        yield from _load(session, ids, Contact)


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    for at in range(0, len(ids), CHUNK):
        yield ids[at : at + CHUNK]


def _load(session: Session, ids: list[int], kind: type[Company] | type[Contact]) -> Iterator[Dossier]:
    """Give the dossiers of companies, or of contacts without one, with these ids, in their order."""
    is_company = kind is Company
    dossiers = {id_: Dossier(None) for id_ in ids}
    if is_company:
        for company in session.scalars(select(Company).where(Company.id.in_(ids))):
            dossiers[company.id].company = company
    owner = Contact.company_id if is_company else Contact.id
    by_key: dict[str, list[Dossier]] = defaultdict(list)
    for contact in session.scalars(select(Contact).where(owner.in_(ids)).order_by(Contact.id)):
        dossier = dossiers[(contact.company_id if is_company else contact.id) or 0]
        dossier.contacts.append(contact)
        if contact.address_key:
            by_key[contact.address_key].append(dossier)
    for key in _opposed(session, by_key):
        for dossier in by_key[key]:
            dossier.opposed.append(key)
    asker = Request.company_id if is_company else Request.contact_id
    newest_first = (Request.received_on.desc(), Request.id.desc())
    for request in session.scalars(select(Request).where(asker.in_(ids)).order_by(*newest_first)):
        dossiers[(request.company_id if is_company else request.contact_id) or 0].requests.append(request)
    yield from dossiers.values()
    session.expunge_all()


def _opposed(session: Session, keys: Iterable[str]) -> dict[str, SuppressionReason]:
    return find_suppressed(session, keys, is_marketing=True)


def write_dossiers(
    path: Path,
    dossiers: Iterable[Dossier],
    territory: Territory,
    sectors: Sectors,
    *,
    by_request: bool,
    with_contacts: bool,
) -> Written:
    """Write a row a company, or `by_request` a row a request, as XLSX or CSV by the file's name; see `write_sheet`.

    Without contacts the file holds no names, functions or addresses of people, and neither who took a request nor the
    answer, whose free words may name them.
    """
    request = REQUEST if with_contacts else REQUEST[:4]
    titles = (*COMPANY, *(CONTACTS if with_contacts else ()), *(request if by_request else SUMMARY))
    written = Written()

    def rows() -> Iterator[list[Cell]]:
        for dossier in dossiers:
            written.companies += dossier.company is not None
            written.people += dossier.company is None
            written.requests += len(dossier.requests)
            known = [*_company(dossier.company, territory, sectors), *(_contacts(dossier) if with_contacts else ())]
            if by_request:
                yield from ([*known, *_request(each, with_words=with_contacts)] for each in dossier.requests)
            else:
                yield [*known, *_summary(dossier)]

    written.rows = write_sheet(path, titles, rows(), name="Demandes" if by_request else "Entreprises")
    return written


def _company(company: Company | None, territory: Territory, sectors: Sectors) -> tuple[Cell, ...]:
    if company is None:
        return (PROJECT_HOLDER, *([None] * (len(COMPANY) - 1)))
    sector = sectors.main(company.naf_code) if company.naf_code else None
    return (
        company.name,
        company.siret,
        company.commune_name,
        territory.label(company.epci_siren) if company.epci_siren else None,
        company.naf_code,
        sector.label if sector else None,
        _headcount(company.headcount_min, company.headcount_max),
    )


def _headcount(lowest: int | None, highest: int | None) -> Cell:
    if lowest is None:
        return None
    if highest is None:
        return f"{lowest} et plus"
    return lowest if lowest == highest else f"{lowest} à {highest}"


def _contacts(dossier: Dossier) -> tuple[Cell, ...]:
    def listed(texts: Iterable[str | None]) -> str:
        return " ; ".join(dict.fromkeys(text for text in texts if text))

    people = (" ".join(filter(None, (each.civility, each.given_name, each.family_name))) for each in dossier.contacts)
    return (
        listed(people),
        listed(each.role for each in dossier.contacts),
        listed(each.address for each in dossier.contacts),
        listed(dossier.opposed),
    )


def _summary(dossier: Dossier) -> tuple[Cell, ...]:
    natures = dict.fromkeys(each.nature for each in dossier.requests)
    last = dossier.requests[0].received_on if dossier.requests else None
    return len(dossier.requests), last, " ; ".join(natures)


def _request(request: Request, *, with_words: bool) -> tuple[Any, ...]:
    words = (request.adviser, request.answer) if with_words else ()
    return request.received_on, request.channel, request.nature, request.topic, *words
