"""Which header of a spreadsheet is which field: the French and English names that chambers and INSEE write."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class SheetKind(StrEnum):
    """What the rows of a sheet are."""

    CONTACTS = "contacts"
    REQUESTS = "requests"
    SIRENE = "sirene"  # establishments of INSEE's register: they complete companies, and bring no contact


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

PEOPLE = frozenset({"address", "civility", "given_name", "family_name", "role"})
"""The fields of a person: a sheet without them tells of no people."""

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

# StockEtablissement of INSEE's SIRENE (v3, and the columns added since), the export of its search page, and that of
# the "Annuaire des entreprises".
SIRENE_HEADERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "siret": (*COMPANY_HEADERS["siret"], "siret du siege"),
        "name": (
            "denominationusuelleetablissement", "denominationunitelegale", "denomination", "raison sociale",
            "nom complet", "nom raison sociale", "denomination de l unite legale",
        ),
        "sign": ("enseigne1etablissement", "enseigne", "nom commercial"),
        "naf": (
            "activiteprincipaleetablissement", "activite principale", "code naf", "code ape", "code naf ape", "naf",
            "ape", "activite principale de l etablissement",
        ),
        "naf_2025": ("activiteprincipalenaf25etablissement", "activite principale naf 2025", "code naf 2025"),
        "band": (
            "trancheeffectifsetablissement", "tranche effectif salarie", "tranche effectifs", "tranche d effectif",
            "tranche d effectif salarie", "tranche d effectifs", "tranche d effectif salarie de l etablissement",
            "tranche effectif salarie etablissement",
        ),
        "postcode": ("codepostaletablissement", "code postal", "code postal etablissement", "cp"),
        "commune": ("libellecommuneetablissement", "libelle commune", "commune", "ville", "libelle commune etablissement"),
        "commune_code": ("codecommuneetablissement", "code commune", "code insee", "commune code", "code commune etablissement"),
        "diffusion": (
            "statutdiffusionetablissement", "statut diffusion", "statut de diffusion", "statut diffusion etablissement",
        ),
        "unit_diffusion": ("statutdiffusionunitelegale", "statut diffusion unite legale"),
        "state": (
            "etatadministratifetablissement", "etat administratif", "etat administratif etablissement",
            "etat administratif de l etablissement",
        ),
    }
)  # fmt: skip

FIELDS: Mapping[SheetKind, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        SheetKind.CONTACTS: {**COMPANY_HEADERS, **PERSON_HEADERS},
        SheetKind.REQUESTS: {
            **COMPANY_HEADERS,
            **{field: headers for field, headers in PERSON_HEADERS.items() if field != "source"},
            **REQUEST_HEADERS,
        },
        SheetKind.SIRENE: SIRENE_HEADERS,
    }
)
"""The fields of each kind of sheet, with the folded headers that name them; the first is shown."""

NEEDED: Mapping[SheetKind, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        SheetKind.CONTACTS: (("address",),),
        SheetKind.REQUESTS: (("received_on",), ("channel",), ("nature",), ("siret", "name", "address")),
        SheetKind.SIRENE: (("siret",),),
    }
)
"""Of every group, a sheet of the kind has at least one column."""

REASONS = frozenset({"motif du rejet", "reason for the rejection"})
"""The column that Relais adds to a file of rejected rows, folded: it is no part of the layout."""
