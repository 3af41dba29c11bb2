"""docs/templates.md: its example works, and it names every template, type, filter and field of the brand."""

import datetime as dt
import re
from pathlib import Path

import pytest

from templates import (
    Brand,
    Renderer,
    VariableType,
    bind_variables,
    compile_template,
    example_variables,
    find_templates,
    load_template,
    phrases,
    preview_recipient,
)
from templates.brand import BRAND_NAMES

TEXT = (Path(__file__).parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")
BRAND = Brand("Chambre", "CCI", ("1 rue",), "https://example.org", "a@example.org", "", None, "#143a66", "#c8102e")
FILTERS = {*phrases.FILTERS, *phrases.FRENCH_NAMES} - {"wrapped"}  # for the text part, where the compiler puts it


def test_the_example_works(tmp_path):
    folder = tmp_path / "petit-dejeuner"
    folder.mkdir()
    for name, kind in (("template.toml", "toml"), ("body.html", "html")):
        [source] = re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)
        (folder / name).write_text(source, encoding="utf-8")
    template = load_template("petit-dejeuner", [tmp_path])
    compiled = compile_template(template)
    assert compiled.obstacle == ""
    variables = bind_variables(template, example_variables(template), today=dt.date(2020, 4, 1))
    rendered = Renderer(compiled, BRAND, variables).render(preview_recipient())
    assert rendered.subject == "Petit-déjeuner jeudi 23 avril 2020"
    assert "à deux pas d’Arras" in rendered.text


@pytest.mark.parametrize(
    "names",
    [find_templates(), VariableType, FILTERS, BRAND_NAMES],
    ids=["templates", "types", "filters", "brand"],
)
def test_every_name_is_there(names):
    assert set(map(str, names)) <= set(re.findall(r"`([\w-]+)`", TEXT))


@pytest.mark.parametrize("template", find_templates().values(), ids=find_templates())
def test_what_a_template_needs_is_there(template):
    [row] = re.findall(rf"^\| `{template.name}` \|.*$", TEXT, re.MULTILINE)
    _name, _title, purpose, needs = (cell.strip() for cell in row.strip("|").split("|"))
    assert purpose == template.purpose
    assert needs == ", ".join(f"`{each.name}`" for each in template.variables.values() if each.required)
