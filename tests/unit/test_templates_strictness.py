import pytest

from templates import Brand, CompiledTemplate, RenderingFailed, StrictRenderer
from templates.previews import preview_recipient

BRAND = Brand("Chambre", "CCI", ("1 rue",), "https://example.org", "a@example.org", "", None, "#000000", "#ffffff")
SOURCES = {
    "filled": ("{{ contact.given_name }}", []),
    "empty": ("{{ contact.role }}", ["contact.role"]),
    "through filters": ("{{ contact.role | typography | capital }}", ["contact.role"]),
    "put together": ("{{ contact.given_name ~ ' ' ~ contact.role }}", ["contact.role"]),
    "by another name": ("{% set metier = contact.role %}{{ metier }}", ["contact.role"]),
    "twice": ("{{ contact.role }}{{ contact.role }}{{ company.naf }}", ["contact.role", "company.naf"]),
    "spaces": ("{{ contact.civility }}", ["contact.civility"]),
    "stand-in": ("{{ contact.role or 'Madame' }}{{ contact.role | default('x', true) }}", []),
    "behind an if": ("{% if contact.role %}{{ contact.role }}{% endif %}", []),
    "inside a branch that is taken": ("{% if not contact.role %}{{ company.naf }}{% endif %}", ["company.naf"]),
    "conditional": ("{{ contact.role if contact.role else '' }}", []),
    "empty variable": ("{{ lieu }}", ["lieu"]),
    "empty variable behind an if": ("{% if lieu %}{{ lieu }}{% endif %}{{ lieu or 'Arras' }}", []),
    "filled variable": ("{{ jour }}", []),
    "link": ("<a href='https://example.org/{{ contact.role }}'>a</a>", ["contact.role"]),
}


def strict(html="", subject="", text="", obstacle=""):
    compiled = CompiledTemplate("essai", "0", subject, html, text, obstacle)
    return StrictRenderer(compiled, BRAND, {"lieu": "", "jour": "lundi"})


def recipient():
    found = preview_recipient()
    found["contact"] |= {"role": "", "civility": " "}
    found["company"] |= {"naf": ""}
    return found


@pytest.mark.parametrize(("source", "expected"), SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("part", ["html", "subject", "text"])
def test_what_is_written_and_empty_is_named(source, expected, part):
    renderer = strict(**{part: source})
    assert [renderer.missing(recipient()) for _again in range(2)] == [expected, expected]
    complete = recipient()
    complete["contact"] |= {"role": "Gérante", "civility": "Mme"}
    complete["company"]["naf"] = "10.71C"
    assert [name for name in renderer.missing(complete) if name != "lieu"] == []


def test_a_message_that_breaks_is_told():
    with pytest.raises(RenderingFailed, match="division"):
        strict("{{ 1 / (contact.role | length) }}").missing(recipient())


def test_styles_that_are_inlined_late_take_no_time_here():
    html = "{% filter inlined %}<style>p { color: red }</style><p class='{{ contact.role }}'>x</p>{% endfilter %}"
    assert strict(html, obstacle="x").missing(recipient()) == ["contact.role"]
