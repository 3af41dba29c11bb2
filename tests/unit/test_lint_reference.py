"""The shipped data of Can I email…: of the vintage and licence that its provenance file states, and whole."""

import tomllib
from pathlib import Path

from templates.lint import reference, support

FOLDER = Path(reference.__file__).parent
PROVENANCE = tomllib.loads((FOLDER / "PROVENANCE.toml").read_text(encoding="utf-8"))


def test_counts_are_those_of_the_provenance_file():
    names = {feature.name for feature in reference.features().values()}
    assert len(names) == PROVENANCE["caniemail"]["features"] == 255
    assert set(PROVENANCE["tested"]) == set(reference.CLIENTS)
    for client, count in PROVENANCE["tested"].items():
        tested = {each.name for each in reference.features().values() if each.support[client] != "u"}
        assert len(tested) == count


def test_vintage_and_licence_are_stated():
    assert PROVENANCE["caniemail"]["version"] == "2.0.2"
    assert PROVENANCE["caniemail"]["vintage"].startswith("2026-")
    assert "MIT" in PROVENANCE["caniemail"]["licence"]
    assert "HTeuMeuLeu" in (FOLDER / "LICENSE.txt").read_text(encoding="utf-8")


def test_every_feature_that_breaks_a_mail_is_in_the_data():
    names = {feature.name for feature in reference.features().values()}
    assert set(support.REMEDIES) <= names
    assert set(support._ADORNMENT) <= names


def test_what_is_looked_for_has_a_known_form():
    kinds = {key.partition(":")[0] for key in reference.features()}
    assert kinds == {
        "at", "attribute", "element", "function", "image", "keyword", "media", "property", "pseudo", "pseudo-element",
        "unit", "value",
    }  # fmt: skip
