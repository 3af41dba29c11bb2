"""What every shipped template owes its readers, whatever it says."""

import datetime as dt
import re
from dataclasses import replace
from functools import cache

import pytest
from lxml import etree

from templates import (
    Brand,
    Rendered,
    Renderer,
    bind_variables,
    compile_template,
    example_variables,
    find_templates,
    preview_recipient,
)

BRAND = Brand(
    name="Chambre de commerce et d’industrie de l’Exemple",
    short_name="CCI Exemple",
    address=("1 rue de l’Exemple", "62000 Arras"),
    website="https://cci.example.org",
    email="contact@cci.example.org",
    phone="0300000000",
    logo_url="https://cci.example.org/logo.png",
    primary_colour="#12467f",
    accent_colour="#e3a008",
    logo_width=200,
    logo_alt="CCI de l’Exemple",
    contacts=({"label": "Formalités", "phone": "03 00 00 00 01", "email": "formalites@cci.example.org"},),
    social={"LinkedIn": "https://cci.example.org/linkedin"},
    privacy_email="dpo@cci.example.org",
    privacy_url="https://cci.example.org/donnees",
    legal="Établissement public de l’État",
)
TEMPLATES = find_templates()
every_template = pytest.mark.parametrize("name", TEMPLATES)
LONGEST_SUBJECT = 60
ENCODED = 60_000
"""Bytes of HTML in quoted-printable; Gmail clips what has more than about 102 KB."""


@cache
def rendered(name: str) -> Rendered:
    template = TEMPLATES[name]
    variables = bind_variables(template, example_variables(template), today=dt.date(2020, 4, 1))
    return Renderer(compile_template(template), BRAND, variables).render(preview_recipient())


@cache
def page(name: str):
    return etree.fromstring(rendered(name).html.strip(), etree.HTMLParser())


@every_template
def test_the_subject_fits_a_phone(name: str) -> None:
    assert 10 < len(rendered(name).subject) <= LONGEST_SUBJECT


@every_template
def test_a_preheader_stands_first_and_says_something_else(name: str) -> None:
    [hidden, *_rest] = page(name).find("body")
    shown = re.sub(r"[\s\u034f\u200c]+", " ", "".join(hidden.itertext())).strip()
    assert "display:none" in hidden.get("style").replace(" ", "")
    assert 40 < len(shown) < 140
    assert shown != rendered(name).subject


@every_template
def test_the_head_tells_language_title_and_schemes(name: str) -> None:
    tree = page(name)
    assert tree.get("lang") == "fr"
    assert tree.xpath("string(//title)").strip()
    metas = {each.get("name"): each.get("content") for each in tree.iter("meta")}
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"
    assert "prefers-color-scheme: dark" in rendered(name).html


@every_template
def test_pictures_have_a_text_and_a_width(name: str) -> None:
    assert [(each.get("alt"), each.get("width")) for each in page(name).iter("img")] == [("CCI de l’Exemple", "200")]


@every_template
def test_tables_of_the_layout_say_so(name: str) -> None:
    tables = list(page(name).iter("table"))
    assert {each.get("role") or each.get("class") for each in tables} <= {"presentation", "contentinfo", "facts"}
    for table in page(name).xpath("//table[@class='facts']"):
        assert all(row.find("th").get("scope") == "row" for row in table.iter("tr"))


@every_template
def test_links_are_safe_and_the_same_for_everybody(name: str) -> None:
    links = [each.get("href") for each in page(name).iter("a")]
    personal = preview_recipient()["links"]["unsubscribe"]
    assert links.count(personal) == 1
    assert all(re.match(r"https://|mailto:[\w.+-]+@|tel:\+?\d+$", link) for link in links)
    # xmlns names a vocabulary and is opened by nobody
    assert "http:" not in re.sub(r'xmlns="[^"]*"', "", rendered(name).html)


@every_template
def test_the_footer_says_who_why_and_what_for(name: str) -> None:
    [footer] = page(name).xpath("//table[@role='contentinfo']")
    said = " ".join("".join(footer.itertext()).split())
    for words in (
        BRAND.name,
        "1 rue de l’Exemple, 62000 Arras",
        "camille.lefebvre@example.org",
        "Vos coordonnées proviennent du Registre",
        BRAND.privacy_email,
        "CNIL",
        BRAND.legal,
        "LinkedIn",
        "Formalités",
    ):
        assert words in said


@every_template
def test_colours_are_the_brand_s(name: str) -> None:
    template = TEMPLATES[name]
    variables = bind_variables(template, example_variables(template), today=dt.date(2020, 4, 1))
    other = replace(BRAND, primary_colour="#7a1f6b", accent_colour="#0a7d5a", background_colour="#f4f1ea")
    html = Renderer(compile_template(template), other, variables).render(preview_recipient()).html
    assert not re.search(f"{BRAND.primary_colour}|{BRAND.accent_colour}|{BRAND.background_colour}", html)
    assert all(colour in html for colour in ("#7a1f6b", "#0a7d5a", "#f4f1ea"))


@every_template
def test_whoever_sets_a_background_sets_the_letters(name: str) -> None:
    for element in page(name).iter():
        style = element.get("style", "") if isinstance(element.tag, str) else ""
        if "background" in style:
            assert re.search(r"(?<![\w-])color:", style), style


@every_template
def test_the_encoded_mail_is_small(name: str) -> None:
    import quopri

    assert len(quopri.encodestring(rendered(name).html.encode())) < ENCODED


@every_template
def test_the_text_says_what_the_page_says(name: str) -> None:
    text = " ".join(rendered(name).text.split())
    for element in page(name).xpath("//h1|//h2|//li|//td[@class='fact']"):
        assert " ".join("".join(element.itertext()).split()) in text


def test_the_programme_is_in_order_of_time_with_its_weekdays() -> None:
    text = rendered("webinaire").text
    days = ["Mardi 19 mai 2020 à 11", "Jeudi 28 mai 2020 à 11", "Jeudi 4 juin 2020 à 11"]
    assert [text.index(day) for day in days] == sorted(text.index(day) for day in days)


def test_the_label_of_a_button_goes_on_one_line_of_a_phone() -> None:
    for name in TEMPLATES:
        for button in page(name).xpath("//a[@class='button-link']"):
            assert len("".join(button.itertext())) <= 26
