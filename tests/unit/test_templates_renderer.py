import datetime as dt
import re

import pytest
from lxml import etree

from templates import (
    Brand,
    CompiledTemplate,
    Renderer,
    RenderingFailed,
    bind_variables,
    compile_template,
    example_variables,
    find_templates,
    preview_recipient,
)

TODAY = dt.date(2020, 4, 1)
BRAND = Brand(
    name="Chambre de commerce de l’Exemple",
    short_name="CCI Exemple",
    address=("1 rue de l’Exemple", "62000 Arras"),
    website="https://cci.example.org",
    email="contact@cci.example.org",
    phone="03 00 00 00 00",
    logo_url=None,
    primary_colour="#12467f",
    accent_colour="#e3a008",
)
EMPTY = {
    "contact": dict.fromkeys(("civility", "given_name", "family_name", "role"), "") | {"address": "a@example.org"},
    "company": dict.fromkeys(("name", "siret", "commune", "epci", "naf"), ""),
    "links": {"unsubscribe": "https://cci.example.org/stop"},
    "campaign": {"name": "Essai"},
}


def make_renderer(html="", *, subject="", text="", **variables):
    return Renderer(CompiledTemplate("essai", "0", subject, html, text), BRAND, variables)


def shipped(name, only_required=False):
    template = find_templates()[name]
    given = example_variables(template)
    if only_required:
        given = {key: value for key, value in given.items() if template.variables[key].required}
    return Renderer(compile_template(template), BRAND, bind_variables(template, given, today=TODAY))


@pytest.mark.parametrize("only_required", [False, True], ids=["all variables", "only the required ones"])
@pytest.mark.parametrize("recipient", [preview_recipient(), EMPTY], ids=["full", "empty"])
@pytest.mark.parametrize("name", find_templates())
def test_shipped_templates_make_whole_messages(name, recipient, only_required):
    rendered = shipped(name, only_required).render(recipient)
    page = etree.fromstring(rendered.html.strip(), etree.HTMLParser())
    shown = page.xpath("string(//body)")
    assert rendered.subject
    for part in (shown, rendered.text):
        assert BRAND.name in part
        assert BRAND.address[1] in part
        assert recipient["contact"]["address"] in part  # why you receive this
        assert not re.search(r"[^\s\u202f] ?(?<![\u202fps]) [;:!?€»](?!/)", part), "a plain space before a double sign"
        assert "None" not in part
        assert "{" not in part
    assert recipient["links"]["unsubscribe"] in page.xpath("//a/@href")
    assert all("style" in link.attrib for link in page.iter("a"))


@pytest.mark.parametrize("name", find_templates())
def test_every_link_of_the_html_is_in_the_text(name):
    rendered = shipped(name).render(preview_recipient())
    page = etree.fromstring(rendered.html.strip(), etree.HTMLParser())
    for href in page.xpath("//a/@href"):
        assert href.removeprefix("mailto:") in rendered.text or href.startswith("tel:")


@pytest.mark.parametrize("name", find_templates())
def test_text_lines_are_short(name):
    lines = shipped(name).render(preview_recipient()).text.splitlines()
    assert [line for line in lines if len(line) > 78 and "\u202f: " not in line] == []


SALUTATIONS = {
    "Mme": ({"civility": "Mme", "family_name": "Lefebvre"}, "Madame Lefebvre,"),
    "M.": ({"civility": "M.", "family_name": "Petit"}, "Monsieur Petit,"),
    "no name": ({"civility": "Mme"}, "Madame,"),
    "no civility": ({"family_name": "Petit"}, "Madame, Monsieur,"),
    "nothing": ({}, "Madame, Monsieur,"),
}


@pytest.mark.parametrize(("contact", "salutation"), SALUTATIONS.values(), ids=SALUTATIONS)
def test_the_salutation_is_polite_whatever_is_known(contact, salutation):
    rendered = shipped("information").render({**EMPTY, "contact": EMPTY["contact"] | contact})
    assert f"\n{salutation}\n" in rendered.text
    assert f">{salutation}<" in rendered.html


def test_values_are_escaped_in_html_and_plain_in_text():
    renderer = make_renderer('<p title="{{ contact.role }}">{{ contact.role }}</p>', text="{{ contact.role }}")
    hostile = '<b>"it\'s" & {{ brand }}'
    rendered = renderer.render({**EMPTY, "contact": EMPTY["contact"] | {"role": hostile}})
    paragraph = etree.fromstring(rendered.html, etree.HTMLParser()).find(".//p")
    assert (paragraph.text, paragraph.get("title")) == (hostile, hostile)
    assert "<b>" not in rendered.html
    assert rendered.text == hostile


@pytest.mark.parametrize("breaks", ["\r\nBcc: x@example.org", "\n", "\u2028x", "\x00\x0b\x85y"], ids=ascii)
def test_the_subject_is_one_line(breaks):
    subject = make_renderer(subject="Objet\n{{ mot }}", mot=f"a{breaks}b").render(EMPTY).subject
    assert len(subject.splitlines()) == 1
    assert subject == re.sub(r"[\x00-\x20\x85\u2028]+", " ", f"Objet a{breaks}b")


def test_narrow_spaces_survive_in_the_subject():
    assert make_renderer(subject="Ouvert\u202f?").render(EMPTY).subject == "Ouvert\u202f?"


MISSING = {
    "variable": ("{{ montant }}", {}, "montant"),
    "field": ("{{ contact.role }}", {"contact": {"address": "a@example.org"}}, r"contact\.role"),
    "None": ("{{ contact.role }}", {"contact": EMPTY["contact"] | {"role": None}}, r"contact\.role"),
    "group": ("{{ company.name }}", {"company": None}, "company"),
    "in a filter": ("{{ montant | typography }}", {}, "montant"),
}


@pytest.mark.parametrize(("html", "changes", "name"), MISSING.values(), ids=MISSING)
def test_a_missing_value_is_named(html, changes, name):
    with pytest.raises(RenderingFailed, match=f"essai.*{name}"):
        make_renderer(html).render({**EMPTY, **changes})


ESCAPES = {
    "class": "{{ ''.__class__ }}",
    "mro": "{{ ''['__class__']['__mro__'] }}",
    "attr filter": "{{ '' | attr('__class__') }}",
    "globals of a function": "{{ range.__globals__ }}",
    "format": "{{ '{0.__class__}'.format('') }}",
    "mutation": "{% set x = [] %}{{ x.append(1) }}",
    "dictionary": "{{ contact.update({'role': 'x'}) }}",
    "frames": "{{ self.__init__ }}",
    "big loop": "{% for i in range(10 ** 9) %}{% endfor %}",
    "file": "{% include '/etc/hostname' %}",
    "division": "{{ 1 / 0 }}",
}


@pytest.mark.parametrize("html", ESCAPES.values(), ids=ESCAPES)
def test_the_sandbox_holds(html):
    with pytest.raises(RenderingFailed):
        make_renderer(html).render(EMPTY)


def test_constants_are_filled_in_once_and_stay_text():
    source = "{{ mot }} {% for mot2 in [1] %}{{ mot2 }}{% endfor %} {{ contact.role }}"
    renderer = make_renderer(source, subject=source, mot="{{ contact.role }} <b> {% if %}")
    rendered = renderer.render({**EMPTY, "contact": EMPTY["contact"] | {"role": "R"}})
    assert rendered.html == "{{ contact.role }} &lt;b&gt; {% if %} 1 R"
    assert rendered.subject == "{{ contact.role }} <b> {% if %} 1 R"


def test_names_set_by_the_template_are_not_constants():
    assert make_renderer("{% set mot = 'b' %}{{ mot }}", mot="a").render(EMPTY).html == "b"


def test_recipients_do_not_see_each_other():
    renderer = make_renderer("{% if contact.role %}{% set seen = 1 %}{% endif %}{{ seen is defined }}")
    first = renderer.render({**EMPTY, "contact": EMPTY["contact"] | {"role": "x"}})
    assert (first.html, renderer.render(EMPTY).html) == ("True", "False")
