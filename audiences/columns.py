"""Which header of a spreadsheet is which field: the French and English names that chambers write."""

from collections.abc import Callable, Mapping
from gettext import gettext as _
from types import MappingProxyType

from audiences.errors import MissingColumn
from audiences.sheets import Sheet
from audiences.text import fold

COMPANY_HEADERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "siret": ("siret", "n siret", "numero siret", "no siret", "code siret"),
        "name": (
            "raison sociale",
            "entreprise",
            "nom de l entreprise",
            "societe",
            "denomination",
            "company",
            "company name",
        ),
        "naf": ("code naf", "naf", "code ape", "ape", "code naf ape", "code ape naf", "naf code"),
        "headcount": ("effectif", "effectifs", "nombre de salaries", "salaries", "headcount", "employees"),
        "band": (
            "tranche effectifs",
            "tranche effectif",
            "tranche d effectifs",
            "tranche d effectif",
            "headcount band",
        ),
        "postcode": ("code postal", "cp", "postcode", "postal code", "zip"),
        "commune": ("commune", "ville", "localite", "city", "town"),
        "commune_code": ("code commune", "code insee", "insee", "code commune insee", "commune code"),
        "diffusion": ("statut de diffusion", "diffusion", "statutdiffusionetablissement"),
    }
)

PERSON_HEADERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "address": (
            "email", "e mail", "mail", "courriel", "adresse mail", "adresse email", "adresse e mail",
            "adresse electronique", "adresse courriel", "address", "email address", "e mail address",
        ),
        "civility": ("civilite", "civility"),
        "given_name": ("prenom", "prenom du contact", "first name", "given name"),
        "family_name": ("nom", "nom de famille", "nom du contact", "last name", "family name", "surname"),
        "role": ("fonction", "poste", "qualite", "role", "job title"),
        "kind": ("type", "type de contact", "type contact", "kind"),
        "legal_basis": ("base legale", "legal basis"),
        "source": ("source", "origine", "origin"),
        "tags": ("etiquettes", "etiquette", "mots cles", "tags", "tag"),
        "opposed": ("opposition", "oppose", "opposee", "desinscrit", "desabonne", "opt out", "unsubscribed"),
    }
)  # fmt: skip

REQUEST_HEADERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "reference": ("n", "no", "numero", "n de demande", "numero de demande", "reference", "ref", "id"),
        "received_on": (
            "date",
            "date de la demande",
            "date demande",
            "date de contact",
            "date de sollicitation",
            "received on",
        ),
        "channel": ("canal", "source du contact", "source des contacts", "mode de contact", "channel"),
        "nature": ("nature", "nature de la demande", "objet de la demande", "objet", "nature demande"),
        "topic": ("dispositif", "sujet", "theme", "topic"),
        "adviser": ("conseiller", "conseillere", "charge de mission", "adviser", "advisor"),
        "answer": ("reponse", "suite donnee", "reponse apportee", "answer"),
    }
)

CONTACT_FIELDS = {**COMPANY_HEADERS, **PERSON_HEADERS}
REQUEST_FIELDS = {**COMPANY_HEADERS, **{k: v for k, v in PERSON_HEADERS.items() if k != "source"}, **REQUEST_HEADERS}


def header_finder(fields: Mapping[str, tuple[str, ...]]) -> Callable[[str], str | None]:
    """Give a function from a header, however accented or cased, to the field that it names."""
    names = {name: field for field, headers in fields.items() for name in headers}
    return lambda header: names.get(fold(header))


def require_columns(sheet: Sheet, fields: Mapping[str, tuple[str, ...]], *groups: tuple[str, ...]) -> None:
    """Check that the sheet has at least one column of every group of fields; raise MissingColumn naming all that lack."""
    missing = [group for group in groups if not any(field in sheet.columns for field in group)]
    if not missing:
        return
    wanted = "; ".join(" / ".join(f"“{fields[field][0].capitalize()}”" for field in group) for group in missing)
    present = ", ".join([*sheet.columns.values(), *sheet.ignored])
    raise MissingColumn(
        _("{file} lacks a column: {wanted}. It has: {present}. Rename a header or add the column.").format(
            file=sheet.path.name, wanted=wanted, present=present
        )
    )
