"""Headers of spreadsheets: which field each names, and what is said when one lacks."""

from pathlib import Path

import pytest

from audiences.columns import CONTACT_FIELDS, REQUEST_FIELDS, header_finder, require_columns
from audiences.errors import MissingColumn
from audiences.sheets import Sheet
from audiences.text import fold


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("SIRET", "siret"),
        ("N° SIRET", "siret"),
        ("Raison sociale", "name"),
        ("Nom de l’entreprise", "name"),
        ("DÉNOMINATION", "name"),
        ("Code NAF/APE", "naf"),
        ("Effectifs", "headcount"),
        ("Tranche d'effectifs", "band"),
        ("CP", "postcode"),
        ("Ville", "commune"),
        ("Code INSEE", "commune_code"),
        ("E-mail", "address"),
        ("Adresse e-mail", "address"),
        ("  courriel : ", "address"),
        ("Prénom", "given_name"),
        ("Nom", "family_name"),
        ("Étiquettes", "tags"),
        ("Désinscrit", "opposed"),
        ("Base légale", "legal_basis"),
        ("Origine", "source"),
        ("Couleur", None),
        ("", None),
    ],
)
def test_contact_headers(header: str, field: str | None):
    assert header_finder(CONTACT_FIELDS)(header) == field


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("N°", "reference"),
        ("Date de la demande", "received_on"),
        ("Source du contact", "channel"),
        ("Nature de la demande", "nature"),
        ("Dispositif", "topic"),
        ("Conseillère", "adviser"),
        ("Suite donnée", "answer"),
        ("SIRET", "siret"),
        ("Courriel", "address"),
        ("Source", None),
    ],
)
def test_request_headers(header: str, field: str | None):
    assert header_finder(REQUEST_FIELDS)(header) == field


@pytest.mark.parametrize("fields", [CONTACT_FIELDS, REQUEST_FIELDS], ids=["contacts", "requests"])
def test_no_header_names_two_fields_and_each_can_be_found(fields: dict[str, tuple[str, ...]]):
    names = [name for headers in fields.values() for name in headers]
    assert len(names) == len(set(names))
    assert [fold(name) for name in names] == names


def test_every_missing_column_is_named_with_what_the_sheet_has():
    sheet = Sheet(Path("suivi.csv"), {"name": "Entreprise"}, ("Couleur",), [], {"name": 0})
    with pytest.raises(MissingColumn) as caught:
        require_columns(sheet, REQUEST_FIELDS, ("received_on",), ("channel", "topic"), ("siret", "name"))
    assert str(caught.value) == (
        "suivi.csv lacks a column: “Date”; “Canal” / “Dispositif”. It has: Entreprise, Couleur. "
        "Rename a header or add the column."
    )
