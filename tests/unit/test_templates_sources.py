import pytest

import templates
from templates import InvalidTemplate, Purpose, UnknownTemplate, VariableType, find_templates, load_template

TOML = """
title = "Carte"
description = "Une carte."
purpose = "service"
subject = "La carte de {{ ville }}"

[variables.ville]
type = "text"
label = "ville"
required = true
example = "Arras"
"""


@pytest.fixture
def make_folder(tmp_path):
    def make(name="carte", toml=TOML, **files):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "template.toml").write_text(toml, encoding="utf-8")
        (folder / "body.html").write_text("<p>{{ ville }}</p>", encoding="utf-8")
        for file, text in files.items():
            (folder / file.replace("__", ".")).write_text(text, encoding="utf-8")
        return tmp_path

    return make


def test_public_names_are_what_the_package_says():
    assert sorted(templates.__all__) == sorted(set(templates.__all__))
    assert all(hasattr(templates, name) for name in templates.__all__)


def test_the_library_is_there():
    assert list(find_templates()) == [
        "carte-commerces",
        "enquete",
        "fonds",
        "formalites",
        "information",
        "masques",
        "partenariat",
        "webinaire",
    ]


def test_a_folder_is_read(make_folder):
    template = load_template("carte", [make_folder(body__txt="Ville : {{ ville }}")])
    assert (template.name, template.title, template.purpose) == ("carte", "Carte", Purpose.SERVICE)
    assert template.subject == "La carte de {{ ville }}"
    assert template.text == "Ville : {{ ville }}"
    assert template.variables["ville"].type is VariableType.TEXT
    assert template.variables["ville"].required


def test_the_officer_s_folder_wins_and_the_library_stays(make_folder):
    root = make_folder("fonds")
    found = find_templates([root / "nowhere", root])
    assert found["fonds"].title == "Carte"
    assert load_template("fonds", [root]).folder == root / "fonds"
    assert "masques" in found
    assert list(found) == sorted(found)


def test_subject_txt_wins(make_folder):
    assert load_template("carte", [make_folder(subject__txt="Autre sujet\n")]).subject == "Autre sujet"


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownTemplate, match="webinaire"):
        load_template("webinar")
    with pytest.raises(UnknownTemplate, match="fonds, formalites"):
        load_template("zzz")


FAULTS = {
    "not TOML": ("title = ", "TOML"),
    "no title": (TOML.replace('title = "Carte"', ""), "title"),
    "unknown purpose": (TOML.replace('"service"', '"publicité"'), "marketing"),
    "unknown key": (TOML.replace("subject", "sujet"), "subject"),
    "unknown type": (TOML.replace('type = "text"', 'type = "texte"'), "amount"),
    "unknown variable key": (TOML.replace("label", "libelle"), "label"),
    "reserved name": (TOML.replace("variables.ville", "variables.contact"), "contact"),
    "not an identifier": (TOML.replace("variables.ville", "variables.ma-ville"), "ma-ville"),
    "no example": (TOML.replace('example = "Arras"', ""), "example"),
    "required is a word": (TOML.replace("required = true", 'required = "oui"'), "required"),
    "example of another type": (TOML.replace('type = "text"', 'type = "date"'), "date"),
    "choice without choices": (TOML.replace('"text"', '"choice"'), "choices"),
    "choices of a text": (TOML + 'choices = ["Arras"]', "choices"),
    "example that is no choice": (TOML.replace('"text"', '"choice"') + 'choices = ["Lens"]', "Lens"),
    "choices is a text": (TOML.replace('"text"', '"choice"') + 'choices = "Arras"', "list of texts"),
    "variables is a list": (TOML.partition("[")[0] + 'variables = ["ville"]', "table"),
}


@pytest.mark.parametrize(("toml", "hint"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_template_toml_is_named(make_folder, toml, hint):
    root = make_folder(toml=toml)
    with pytest.raises(InvalidTemplate, match=hint) as caught:
        load_template("carte", [root])
    assert caught.value.file == root / "carte" / "template.toml"


def test_a_missing_or_unreadable_body_is_named(make_folder):
    root = make_folder()
    body = root / "carte" / "body.html"
    body.write_bytes("é".encode("latin-1"))
    with pytest.raises(InvalidTemplate, match="UTF-8"):
        load_template("carte", [root])
    body.unlink()
    with pytest.raises(InvalidTemplate, match=r"body\.html"):
        load_template("carte", [root])
