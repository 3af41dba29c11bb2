"""Headers of spreadsheets: which field each names, and what is said when one lacks."""

import random

import pytest

from audiences.columns import FIELDS, NEEDED, SheetKind
from audiences.errors import AmbiguousColumn, MissingColumn, UnknownColumn
from audiences.mapping import (
    Certainty,
    ColumnMapping,
    guess,
    guess_kind_of,
    header_score,
    layout_hash,
    parse_maps,
)
from audiences.text import fold

CONTACTS, REQUESTS, SIRENE = SheetKind.CONTACTS, SheetKind.REQUESTS, SheetKind.SIRENE


def field_of(header: str, kind: SheetKind) -> str | None:
    return next(iter(guess([header], kind).positions), None)


def fields_of(mapping: ColumnMapping) -> dict[str, str]:
    """Give what is read: field -> header."""
    return {field: mapping.columns[at].header for field, at in mapping.positions.items()}


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
    assert field_of(header, CONTACTS) == field


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
    assert field_of(header, REQUESTS) == field


# The columns that INSEE's StockEtablissement has in front of and between those that are read.
STOCK = (
    "siren,nic,siret,statutDiffusionEtablissement,dateCreationEtablissement,trancheEffectifsEtablissement,"
    "anneeEffectifsEtablissement,codePostalEtablissement,libelleCommuneEtablissement,codeCommuneEtablissement,"
    "codePostal2Etablissement,libelleCommune2Etablissement,codeCommune2Etablissement,etatAdministratifEtablissement,"
    "enseigne1Etablissement,denominationUsuelleEtablissement,activitePrincipaleEtablissement,"
    "nomenclatureActivitePrincipaleEtablissement,activitePrincipaleNAF25Etablissement"
).split(",")


def test_the_columns_of_insee():
    assert fields_of(guess(STOCK, SIRENE)) == {
        "siret": "siret",
        "diffusion": "statutDiffusionEtablissement",
        "band": "trancheEffectifsEtablissement",
        "postcode": "codePostalEtablissement",
        "commune": "libelleCommuneEtablissement",
        "commune_code": "codeCommuneEtablissement",
        "state": "etatAdministratifEtablissement",
        "sign": "enseigne1Etablissement",
        "name": "denominationUsuelleEtablissement",
        "naf": "activitePrincipaleEtablissement",
        "naf_2025": "activitePrincipaleNAF25Etablissement",
    }


@pytest.mark.parametrize("kind", SheetKind)
def test_no_header_names_two_fields_and_each_can_be_found(kind: SheetKind):
    names = [name for headers in FIELDS[kind].values() for name in headers]
    assert len(names) == len(set(names))
    assert [fold(name) for name in names] == names


@pytest.mark.parametrize("kind", SheetKind)
def test_the_order_of_the_columns_does_not_matter(kind: SheetKind):
    headers = [names[-1].upper() for names in FIELDS[kind].values()]
    expected = fields_of(guess(headers, kind))
    assert set(expected) == set(FIELDS[kind])
    random.Random(1).shuffle(headers)
    assert fields_of(guess(headers, kind)) == expected


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        pytest.param(STOCK, SIRENE, id="insee"),
        pytest.param(["SIRET", "État administratif", "Dénomination"], SIRENE, id="annuaire"),
        pytest.param(["SIRET", "État administratif", "Courriel"], CONTACTS, id="with-addresses"),
        pytest.param(["Date", "Canal", "Nature", "Entreprise"], REQUESTS, id="requests"),
        pytest.param(["Date", "Entreprise", "Courriel"], CONTACTS, id="contacts-with-a-date"),
    ],
)
def test_the_kind_is_told_by_the_headers(headers: list[str], kind: SheetKind):
    assert guess_kind_of(headers) is kind


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Adresse mail du dirigeant", "address"),
        ("Courriell", "address"),
        ("Code postal du siège", "postcode"),
        ("Nom de la société", "name"),
        ("Ville (siège)", "commune"),
        ("Prenoms", "given_name"),
        ("Numéro de SIRET", "siret"),
        ("Couleur", None),
        ("Téléphone", None),
        ("Chiffre d’affaires", None),
    ],
)
def test_a_header_that_resembles_a_name_is_a_guess_and_not_read(header: str, field: str | None):
    mapping = guess([header, "Observations"], CONTACTS)
    assert mapping.positions == {}
    assert [each.field for each in mapping.likely] == ([] if field is None else [field])
    assert mapping.confirmed().positions == ({} if field is None else {field: 0})


def test_when_all_that_is_needed_is_known_there_is_no_question():
    mapping = guess(["Courriel", "Ville du siège", "Couleur", ""], CONTACTS)
    mapping.require("contacts.csv")
    assert mapping.is_complete
    assert mapping.ignored == ("Ville du siège", "Couleur")


def test_a_needed_column_that_is_only_guessed_is_one_line_that_says_what_to_write():
    mapping = guess(["Entreprise", "Adresse mail du dirigeant"], CONTACTS)
    with pytest.raises(AmbiguousColumn) as caught:
        mapping.require("contacts.csv")
    assert str(caught.value) == (
        "contacts.csv: “Adresse mail du dirigeant” looks like address (Email). "
        'Say which: --map "Adresse mail du dirigeant=address"'
    )
    mapping.confirmed().require("contacts.csv")


def test_columns_of_one_name_cannot_be_told_apart():
    headers = ["Entreprise", "Email", "E-MAIL", "email"]
    remedy = "several columns are called “Email”. Rename all of them but one in the file."
    with pytest.raises(AmbiguousColumn) as caught:
        guess(headers, CONTACTS).require("contacts.csv")
    assert str(caught.value) == f"contacts.csv: {remedy}"
    with pytest.raises(AmbiguousColumn) as caught:
        parse_maps(["Email=address"], headers, CONTACTS)
    assert str(caught.value) == f"--map Email=address: {remedy}"
    assert parse_maps(["Email="], headers, CONTACTS) == {"email": None}


def test_two_columns_that_may_be_a_needed_field_are_one_line_too():
    headers = ["E-mail", "Courriel", "Ville", "Commune"]
    mapping = guess(headers, CONTACTS)
    with pytest.raises(AmbiguousColumn) as caught:
        mapping.confirmed().require("contacts.csv")
    assert str(caught.value) == (
        'contacts.csv: “E-mail” or “Courriel” may be address (Email). Say which: --map "Courriel=address"'
    )
    settled = guess(headers, CONTACTS, given=parse_maps(["Courriel=address"], headers, CONTACTS))
    settled.require("contacts.csv")
    assert fields_of(settled) == {"address": "Courriel", "commune": "Ville"}
    assert [each.certainty for each in settled.columns] == [
        Certainty.REPEATED, Certainty.GIVEN, Certainty.KNOWN, Certainty.REPEATED,
    ]  # fmt: skip


def test_every_missing_column_is_named_with_what_the_sheet_has():
    with pytest.raises(MissingColumn) as caught:
        guess(["Entreprise", "Couleur"], REQUESTS).require("suivi.csv")
    assert str(caught.value) == (
        "suivi.csv lacks a column: “Date”; “Canal”; “Nature”. It has: Entreprise, Couleur. "
        'Rename a header, or say which it is: --map "…=received_on"'
    )


class TestMaps:
    """What --map takes."""

    HEADERS = ("Contact", "Nom = prénom", "Ville")

    @pytest.mark.parametrize(
        ("word", "found"),
        [
            ("Contact=address", {"contact": "address"}),
            ("CONTACT=Courriel", {"contact": "address"}),
            ("Nom = prénom=family_name", {"nom prenom": "family_name"}),
            ("ville=", {"ville": None}),
        ],
    )
    def test_a_header_and_a_field(self, word: str, found: dict[str, str | None]):
        assert parse_maps([word], self.HEADERS, CONTACTS) == found

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["Contact"], 'maps no column. Write --map "Header=field".'),
            (["Vile=commune"], "The sheet has no column “Vile”. Write one of: Ville"),
            (["Ville=comune"], "“comune” is no field of contacts. Write one of: commune"),
            (["Ville=commune", "Contact=ville"], "Two columns are mapped to commune"),
        ],
    )
    def test_what_is_wrong_is_told(self, words: list[str], message: str):
        with pytest.raises(UnknownColumn) as caught:
            parse_maps(words, self.HEADERS, CONTACTS)
        assert message in str(caught.value)

    def test_an_empty_field_leaves_the_column_out(self):
        given = parse_maps(["Ville="], self.HEADERS, CONTACTS)
        assert guess(self.HEADERS, CONTACTS, given=given).positions == {}


def test_what_was_confirmed_comes_before_what_is_guessed():
    remembered = {"mail": None, "contact": "address"}
    mapping = guess(["Mail", "Contact", "Ville"], CONTACTS, remembered=remembered)
    assert fields_of(mapping) == {"address": "Contact", "commune": "Ville"}
    assert mapping.columns[1].certainty is Certainty.REMEMBERED


def test_a_layout_is_known_by_its_headers_whatever_their_order_and_spelling():
    known = layout_hash(["Entreprise", "Prénom", "", "E-mail"])
    assert layout_hash(["e mail", "ENTREPRISE", "prenom"]) == known
    assert layout_hash(["Entreprise", "Prénom", "E-mail", "Motif du rejet"]) == known
    assert layout_hash(["Entreprise", "Prénom"]) != known


def test_the_reason_of_a_rejection_is_no_column():
    mapping = guess(["Courriel", "Motif du rejet"], CONTACTS)
    assert fields_of(mapping) == {"address": "Courriel"}
    assert mapping.ignored == ()


def test_a_title_is_no_header():
    score = header_score()
    assert score(["Entreprise", "Courriel"]) > score(["Suivi des entreprises"]) == score(["Suivi, avril 2020"]) == 0
    assert score(["Nom de la société", "Adresse mail pro"]) > 0


@pytest.mark.parametrize("kind", SheetKind)
def test_what_is_needed_are_fields(kind: SheetKind):
    assert {field for group in NEEDED[kind] for field in group} <= set(FIELDS[kind])
