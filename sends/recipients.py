"""What a message may say of its recipient: the contact and the company, as the templates name them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from audiences.hot import HotStatement, one_of
from audiences.models import Company, Contact

Recipient = Mapping[str, Mapping[str, str]]
Label = Callable[[str], str]

_CONTACT = ("civility", "given_name", "family_name", "role", "address")
_COMPANY = {"name": "name", "siret": "siret", "commune": "commune_name", "epci": "epci_siren", "naf": "naf_code"}

_COMPANY_AT = 1 + len(_CONTACT)

NOBODY: Recipient = {"contact": dict.fromkeys(_CONTACT, ""), "company": dict.fromkeys(_COMPANY, "")}
"""A recipient of whom nothing is known: every field is empty, none is missing."""


def _of_contacts(dialect: str) -> Select[Any]:
    columns = [getattr(Contact, name) for name in _CONTACT] + [getattr(Company, name) for name in _COMPANY.values()]
    return (
        select(Contact.id, *columns)
        .outerjoin(Company, Company.id == Contact.company_id)
        .where(one_of(Contact.id, "b_ids", dialect))
    )


_LOAD = HotStatement(_of_contacts, ("b_ids",))


def load_recipients(session: Session, contact_ids: Iterable[int], epci_label: Label) -> dict[int, Recipient]:
    """Load contacts with their companies, by contact id; a value that is not known is "" (never missing)."""
    rows = _LOAD.fetch(session.connection(), (list(contact_ids),))
    contacts = [dict(zip(_CONTACT, [value or "" for value in row[1:_COMPANY_AT]], strict=True)) for row in rows]
    companies = [dict(zip(_COMPANY, [value or "" for value in row[_COMPANY_AT:]], strict=True)) for row in rows]
    labels = {siren: epci_label(siren) for siren in {company["epci"] for company in companies} - {""}} | {"": ""}
    for company in companies:
        company["epci"] = labels[company["epci"]]
    return {
        row[0]: {"contact": contact, "company": company}
        for row, contact, company in zip(rows, contacts, companies, strict=True)
    }


def display_name(recipient: Recipient) -> str:
    """Give the name that stands beside the address in To: the person's, or nothing."""
    contact = recipient["contact"]
    return f"{contact['given_name']} {contact['family_name']}".strip()
