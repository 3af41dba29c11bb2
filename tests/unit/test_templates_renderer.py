import datetime as dt
import re
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree

from templates import (
    Brand,
    CompiledTemplate,
    Purpose,
    Renderer,
    RenderingFailed,
    Template,
    Variable,
    VariableType,
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


def make_template(body, subject="Bonjour"):
    variables = {name: Variable(name, VariableType.TEXT, name, False, "", "x") for name in ("titre", "vide")}
    html = f"<html><body>{body}</body></html>"
    return Template("essai", "Essai", "Essai", Purpose.SERVICE, variables, Path(), subject, html, None)


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
    "class of a field": "{{ contact.__class__.__base__.__subclasses__() }}",
    "globals of a function": "{{ range.__globals__ }}",
    "globals of a class": "{{ cycler.__init__.__globals__.os }}",
    "globals of joiner": "{{ joiner.__init__.__globals__ }}",
    "globals of namespace": "{{ namespace.__init__.__globals__ }}",
    "lipsum": "{{ lipsum.__globals__ }}",
    "format": "{{ '{0.__class__}'.format('') }}",
    "format by map": "{{ '{0.__class__}'.format_map({'0': 1}) }}",
    "format by name": "{{ ''['format'](1) }}",
    "percent": "{{ '%s' % contact }}",
    "attribute of a sort": "{{ [1, 2] | sort(attribute='__class__.__name__') | list }}",
    "loop": "{% for x in [1] %}{{ loop.__class__.__init__.__globals__ }}{% endfor %}",
    "macro": "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "self": "{{ self._TemplateReference__context }}",
    "method of a text": "{{ ''.join.__self__.encode }}",
    "generator": "{{ (contact | items).gi_frame.f_globals }}",
    "mutation": "{% set x = [] %}{{ x.append(1) }}",
    "dictionary": "{{ contact.update({'role': 'x'}) }}",
    "frames": "{{ self.__init__ }}",
    "file": "{% include '/etc/hostname' %}",
    "division": "{{ 1 / 0 }}",
}


@pytest.mark.parametrize("html", ESCAPES.values(), ids=ESCAPES)
def test_the_sandbox_holds(html):
    with pytest.raises(RenderingFailed):
        make_renderer(html).render(EMPTY)


@pytest.mark.parametrize("chain", ["map(attribute='__class__')", "groupby('__class__')", "map('upper')"])
def test_filters_reach_no_further_than_the_sandbox(chain):
    assert "class" not in make_renderer(f"{{{{ [''] | {chain} | list }}}}").render(EMPTY).html


BOMBS = {
    "big range": "{% for i in range(10 ** 9) %}{% endfor %}",
    "nested loops": "{% for i in range(1000) %}{% for j in range(1000) %}x{% endfor %}{% endfor %}",
    "loops one after the other": "{% for i in range(6000) %}{% endfor %}" * 2,
    "macros upon macros": "{% macro m0() %}x{% endmacro %}"
    + "".join(f"{{% macro m{n}() %}}{{{{ m{n - 1}() }}}}{{{{ m{n - 1}() }}}}{{% endmacro %}}" for n in range(1, 40))
    + "{{ m39() }}",
    "macro that calls itself": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "endless macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "long text": "{{ 'a' * 10 ** 9 }}",
    "long list": "{{ ([0] * 10 ** 8) | length }}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "width": "{{ '%1000000000d' % 1 }}",
    "format width": "{{ '{:>1000000000}'.format(1) }}",
    "padding": "{{ 'a'.ljust(10 ** 9) }}",
    "centred": "{{ 'a'.center(10 ** 9) }}",
    "doubling": "{% set a = 'ab' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "doubling in a loop": "{% set n = namespace(a='ab') %}{% for i in range(50) %}{% set n.a = n.a + n.a %}{% endfor %}",
    "doubling of blocks": "{% set a %}ab{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40 + "{{ a }}",
    "replacing": "{% set a = 'a' * 90000 %}{{ a | replace('a', a) }}",
    "replacing by a method": "{% set a = 'a' * 90000 %}{{ a.replace('a', a) }}",
    "joining": "{% set a = 'a' * 90000 %}{{ a.join(a) }}",
    "joining by a filter": "{% set a = 'a' * 9000 %}{{ a | join(a) }}",
    "long page": "{% set a = 'a' * 90000 %}{% for i in range(100) %}{{ a }}{% endfor %}",
}


@pytest.mark.parametrize("html", BOMBS.values(), ids=BOMBS)
def test_no_template_turns_or_grows_without_bound(html):
    begun = time.process_time()
    with pytest.raises(RenderingFailed):
        make_renderer(html).render(EMPTY)
    assert time.process_time() - begun < 3


def test_the_bounds_are_of_one_rendering():
    renderer = make_renderer("{% for i in range(900) %}{% endfor %}x")
    assert {renderer.render(EMPTY).html for _turn in range(30)} == {"x"}


DANGEROUS = [
    "javascript:alert(1)",
    "JAVASCRIPT:x",
    " java\nscript:x",
    "\x01javascript:x",
    "data:text/html,x",
    "vbscript:x",
]


@pytest.mark.parametrize("value", DANGEROUS, ids=ascii)
@pytest.mark.parametrize("attribute", ["href", "src"])
def test_links_open_nothing_but_pages_and_mail(value, attribute):
    compiled = compile_template(make_template(f'<p><a {attribute}="{{{{ titre }}}}">a</a></p>'))
    with pytest.raises(RenderingFailed, match="link"):
        Renderer(compiled, BRAND, {"titre": value}).render(EMPTY)


HOSTILE = "\"><script>alert(1)</script>&' onload=x"


def test_values_are_escaped_where_they_stand():
    body = (
        "<p title='{{ titre }}'>{{ titre }}</p><a href='https://example.org/{{ titre }}?q={{ titre }}#a'>b</a>"
        "<!-- {{ titre }} --><a href='{% if titre %}https://example.org/{{ vide }}{% else %}{{ titre }}{% endif %}'>c</a>"
    )
    compiled = compile_template(make_template(body))
    html = Renderer(compiled, BRAND, {"titre": HOSTILE, "vide": ""}).render(EMPTY).html
    page = etree.fromstring(html.strip(), etree.HTMLParser())
    assert not page.findall(".//script")
    assert page.find(".//p").attrib["title"] == page.find(".//p").text == HOSTILE
    links = [link.get("href") for link in page.findall(".//a")]
    assert parse_qs(urlsplit(links[0]).query) == {"q": [HOSTILE]}
    assert not re.search(r"[\s<>\"]", links[0])
    assert links[1] == "https://example.org/"


def test_a_subject_is_one_line():
    compiled = compile_template(make_template("<p>a</p>", subject="Bonjour {{ titre }}"))
    rendered = Renderer(compiled, BRAND, {"titre": "a\r\nBcc: x@example.org\u2028y\x00"}).render(EMPTY)
    assert rendered.subject == "Bonjour a Bcc: x@example.org y"


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
