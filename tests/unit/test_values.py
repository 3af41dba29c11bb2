"""Cells of spreadsheets: what each value becomes, and what is refused."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.addresses import parse_address
from audiences.models import ContactKind, LegalBasis
from audiences.values import (
    HEADCOUNT_BANDS,
    Headcount,
    Terms,
    guess_kind,
    parse_band,
    parse_commune_code,
    parse_date,
    parse_diffusion,
    parse_headcount,
    parse_kind,
    parse_legal_basis,
    parse_postcode,
    parse_siret,
    parse_tags,
    parse_yes_no,
)

ROLE, INDIVIDUAL, PROFESSIONAL = ContactKind.ROLE, ContactKind.INDIVIDUAL, ContactKind.PROFESSIONAL


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        pytest.param(parse_siret, "90000001900019", "90000001900019", id="siret"),
        pytest.param(parse_siret, "900 000 019 00019", "90000001900019", id="siret-with-spaces"),
        pytest.param(parse_siret, "900\u00a0000\u202f019 00019", "90000001900019", id="siret-with-typographic-spaces"),
        pytest.param(parse_siret, "5520135400010", "05520135400010", id="siret-that-lost-its-zero"),
        pytest.param(parse_siret, "9.0000001900019E+13", "90000001900019", id="siret-as-a-number"),
        pytest.param(parse_siret, "9,0000001900019E+13", "90000001900019", id="siret-as-a-french-number"),
        pytest.param(parse_siret, "5.52013540001E+12", "05520135400010", id="siret-as-a-number-that-lost-its-zero"),
        pytest.param(parse_siret, "35600000000048", "35600000000048", id="siret-of-la-poste"),
        pytest.param(parse_siret, "35600000049837", "35600000049837", id="siret-of-a-post-office"),
        pytest.param(parse_postcode, "62000", "62000", id="postcode"),
        pytest.param(parse_postcode, "1000", "01000", id="postcode-that-lost-its-zero"),
        pytest.param(parse_postcode, "62 000", "62000", id="postcode-with-space"),
        pytest.param(parse_commune_code, "62041", "62041", id="commune"),
        pytest.param(parse_commune_code, "1004", "01004", id="commune-that-lost-its-zero"),
        pytest.param(parse_commune_code, "2a004", "2A004", id="commune-in-corsica"),
        pytest.param(parse_date, "2020-03-30", date(2020, 3, 30), id="iso-date"),
        pytest.param(parse_date, "30/03/2020", date(2020, 3, 30), id="french-date"),
        pytest.param(parse_date, "30/03/20", date(2020, 3, 30), id="short-date"),
        pytest.param(parse_date, "3.4.2020", date(2020, 4, 3), id="date-with-points"),
        pytest.param(parse_date, "30-03-2020", date(2020, 3, 30), id="date-with-hyphens"),
        pytest.param(parse_date, "30/03/2020 14:05", date(2020, 3, 30), id="date-and-time"),
        pytest.param(parse_date, "2020-03-30T14:05:00", date(2020, 3, 30), id="iso-date-and-time"),
        pytest.param(parse_date, "43920", date(2020, 3, 30), id="excel-day"),
        pytest.param(parse_date, "43920.75", date(2020, 3, 30), id="excel-day-and-time"),
        pytest.param(parse_date, "29/02/2020", date(2020, 2, 29), id="leap-day"),
        pytest.param(parse_headcount, "12", Headcount(12, 12), id="headcount"),
        pytest.param(parse_headcount, "0", Headcount(0, 0), id="nobody"),
        pytest.param(parse_headcount, "10 à 19 salariés", Headcount(10, 19), id="band"),
        pytest.param(parse_headcount, "1 000 à 1 999 salariés", Headcount(1000, 1999), id="band-of-thousands"),
        pytest.param(parse_headcount, "10\u202f000 salariés et plus", Headcount(10000, None), id="open-band"),
        pytest.param(parse_band, "11", Headcount(10, 19), id="band-code"),
        pytest.param(parse_band, "1", Headcount(1, 2), id="band-code-that-lost-its-zero"),
        pytest.param(parse_band, "nn", Headcount(0, 0), id="band-code-of-nobody"),
        pytest.param(parse_band, "20 à 49", Headcount(20, 49), id="band-label"),
        pytest.param(parse_diffusion, "p", "P", id="diffusion"),
        pytest.param(parse_diffusion, "Non diffusible", "N", id="diffusion-in-words"),
        pytest.param(parse_yes_no, "Oui", True, id="yes"),
        pytest.param(parse_yes_no, "x", True, id="cross"),
        pytest.param(parse_yes_no, "1", True, id="one"),
        pytest.param(parse_yes_no, "", False, id="empty"),
        pytest.param(parse_yes_no, " NON ", False, id="no"),
        pytest.param(parse_kind, "Générique", ROLE, id="kind-role"),
        pytest.param(parse_kind, "porteur de projet", INDIVIDUAL, id="kind-project-holder"),
        pytest.param(parse_kind, "Professionnel", PROFESSIONAL, id="kind-professional"),
        pytest.param(parse_legal_basis, "Intérêt légitime", LegalBasis.LEGITIMATE_INTEREST, id="basis-french"),
        pytest.param(parse_legal_basis, "consent", LegalBasis.CONSENT, id="basis-english"),
        pytest.param(parse_legal_basis, "mission de service public", LegalBasis.PUBLIC_TASK, id="basis-public-task"),
        pytest.param(parse_tags, "export, salon 2020;export | vip", ("export", "salon 2020", "vip"), id="tags"),
        pytest.param(parse_tags, " ;, ", (), id="no-tags"),
    ],
)
def test_values(parse: Callable[[str], Any], text: str, value: Any):
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "reason"),
    [
        pytest.param(parse_siret, "90000001900018", "check digit", id="siret-with-a-wrong-digit"),
        pytest.param(parse_siret, "1.2345E+13", "the spreadsheet shortened this SIRET", id="siret-cut-short"),
        pytest.param(parse_siret, "9E+13", "not a SIRET", id="siret-of-one-digit"),
        pytest.param(parse_siret, "900000019", "not a SIRET", id="siren"),
        pytest.param(parse_siret, "9.00000019000E13", "not a SIRET", id="siret-in-scientific-notation"),
        pytest.param(parse_siret, "900000019000190", "not a SIRET", id="siret-too-long"),
        pytest.param(parse_siret, "néant", "not a SIRET", id="siret-in-words"),
        pytest.param(parse_siret, "٩٠٠٠٠٠٠١٩٠٠٠١٩", "not a SIRET", id="siret-in-other-digits"),
        pytest.param(parse_siret, "0", "not a SIRET", id="siret-zero"),
        pytest.param(parse_siret, "0" * 14, "not a SIRET", id="siret-of-zeros"),
        pytest.param(parse_postcode, "620", "not a postcode", id="postcode-too-short"),
        pytest.param(parse_postcode, "B-7000", "not a postcode", id="belgian-postcode"),
        pytest.param(parse_commune_code, "Arras", "INSEE", id="commune-by-name"),
        pytest.param(parse_date, "31/02/2020", "30/03/2020", id="no-such-day"),
        pytest.param(parse_date, "hier", "not a date", id="date-in-words"),
        pytest.param(parse_date, "2020", "not a date", id="year-alone"),
        pytest.param(parse_headcount, "quelques-uns", "not a headcount", id="headcount-in-words"),
        pytest.param(parse_headcount, "19 à 10", "not a headcount", id="band-upside-down"),
        pytest.param(parse_headcount, "1, 2 ou 3", "not a headcount", id="three-numbers"),
        pytest.param(parse_headcount, "99999999999", "not a headcount", id="more-than-the-store-holds"),
        pytest.param(parse_band, "tranche A", "not a headcount", id="no-such-band"),
        pytest.param(parse_diffusion, "?", "O, P or N", id="diffusion"),
        pytest.param(parse_yes_no, "peut-être", "neither yes nor no", id="maybe"),
        pytest.param(parse_kind, "ami", "not a kind", id="kind"),
        pytest.param(parse_legal_basis, "aucune", "consentement, contrat, intérêt légitime", id="basis"),
    ],
)
def test_what_is_refused_says_why(parse: Callable[[str], Any], text: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        parse(text)


PARSERS = [parse_siret, parse_postcode, parse_commune_code, parse_date, parse_headcount, parse_band]


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__name__)
@given(text=st.one_of(st.text(), st.from_regex(r"[\d ./-]*", fullmatch=True), st.integers().map(str)))
def test_any_text_is_a_value_or_refused(parse: Callable[[str], Any], text: str):
    with suppress(ValueError):
        assert parse(text)


def test_the_bands_of_insee_follow_each_other():
    bands = [band for code, band in HEADCOUNT_BANDS.items() if code != "NN"]
    assert [band.lowest for band in bands[1:]] == [band.highest + 1 for band in bands[:-1] if band.highest is not None]
    assert bands[-1].highest is None


@pytest.mark.parametrize(
    ("address", "has_company", "kind"),
    [
        pytest.param("contact@example.org", True, ROLE, id="function"),
        pytest.param("contact@gmail.com", True, ROLE, id="function-at-a-webmail"),
        pytest.param("paul@example.org", True, PROFESSIONAL, id="person-at-work"),
        pytest.param("paul@orange.fr", True, INDIVIDUAL, id="webmail"),
        pytest.param("paul@example.org", False, INDIVIDUAL, id="project-holder"),
        pytest.param(None, True, PROFESSIONAL, id="company-without-address"),
    ],
)
def test_the_kind_of_a_contact_is_guessed_from_its_address(address: str | None, has_company: bool, kind: ContactKind):
    assert guess_kind(parse_address(address) if address else None, has_company=has_company) == kind


TERMS = Terms(["Aides financières", "Chômage", "Sécurité / Santé"], "[requests] natures")


@pytest.mark.parametrize("text", ["Sécurité / Santé", "SECURITE/SANTE", " sécurité santé "])
def test_terms_are_given_as_the_settings_spell_them(text: str):
    assert TERMS.parse(text) == "Sécurité / Santé"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("Aide financiere", "[requests] natures of relais.toml; the nearest is “Aides financières”", id="near"),
        pytest.param("%", "the nearest is “-”", id="far"),
    ],
)  # fmt: skip
def test_an_unknown_term_names_its_setting_and_the_nearest(text: str, message: str):
    with pytest.raises(ValueError, match="not in the list") as caught:
        TERMS.parse(text)
    assert message in str(caught.value)
