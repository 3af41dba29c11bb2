"""The shipped reference data: whole, consistent in itself, and of the vintage that its provenance file states."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from audiences import reference
from audiences.text import fold_commune

PROVENANCE = tomllib.loads(
    (Path(reference.__file__).with_name("PROVENANCE.toml")).read_text(encoding="utf-8"),
)


def today() -> list[reference.Commune]:
    return [commune for commune in reference.communes() if not commune.successor]


def test_counts_are_those_of_the_provenance_file():
    divisions, naf = PROVENANCE["divisions"], PROVENANCE["naf"]
    assert len(today()) == divisions["communes"] == 34969
    assert len(reference.communes()) - len(today()) == divisions["former_communes_and_arrondissements"]
    assert sum(not commune.epci for commune in today()) == divisions["communes_without_epci"]
    assert len(reference.epcis()) == divisions["epcis"] == 1255
    assert len(reference.naf_labels()) == naf["codes"]
    assert sum(code[-1].isalpha() for code in reference.naf_labels()) == naf["subclasses"] == 732
    assert reference.vintage() == 2026


@pytest.mark.parametrize(
    ("siren", "name", "kind", "members"),
    [
        pytest.param("200033579", "CU d'Arras", "CU", 46, id="CUA"),
        pytest.param("200035442", "CC du Sud Artois", "CC", 64, id="Sud Artois"),
        pytest.param("200044048", "CC Osartis Marquion", "CC", 49, id="Osartis Marquion"),
        pytest.param("200069482", "CC des Campagnes de l'Artois", "CC", 96, id="Campagnes de l'Artois"),
        pytest.param("200069672", "CC du Ternois", "CC", 103, id="Ternois"),
        pytest.param("200072460", "CA de Béthune-Bruay, Artois-Lys Romane", "CA", 100, id="CABBALR"),
        pytest.param("245900758", "CC Flandre Lys", "CC", 8, id="Flandre Lys"),
        pytest.param("246200299", "CA d'Hénin-Carvin", "CA", 14, id="CAHC"),
        pytest.param("246200364", "CA de Lens - Liévin", "CA", 36, id="CALL"),
    ],
)
def test_epci_has_its_members(siren: str, name: str, kind: str, members: int):
    assert reference.epcis()[siren] == (siren, name, kind)
    assert Counter(commune.epci for commune in today())[siren] == members


@pytest.mark.parametrize(
    ("code", "name", "successor"),
    [
        pytest.param("62461", "Huby-Saint-Leu", "62447", id="delegated-of-Hesdin-la-Foret"),
        pytest.param("62447", "Hesdin", "62447", id="delegated-with-the-new-code"),
        pytest.param("62482", "Labuissière", "62178", id="associated"),
        pytest.param("62884", "", "62008", id="former-code"),
        pytest.param("01018", "", "01033", id="former-code-of-Valserhone"),
        pytest.param("75120", "Paris 20e Arrondissement", "75056", id="Paris"),
        pytest.param("69389", "Lyon 9e Arrondissement", "69123", id="Lyon"),
        pytest.param("13216", "Marseille 16e Arrondissement", "13055", id="Marseille"),
    ],
)
def test_former_communes_and_arrondissements_have_their_successor(code: str, name: str, successor: str):
    assert (code, name, successor) in {(row.code, row.name, row.successor) for row in reference.communes()}


def test_the_three_cities_have_all_their_arrondissements():
    cities = Counter(row.successor for row in reference.communes() if row.name.endswith("Arrondissement"))
    assert cities == {"75056": 20, "69123": 9, "13055": 16}


def test_every_row_refers_to_what_exists():
    codes = {commune.code for commune in today()}
    assert len(codes) == len(today())
    for commune in reference.communes():
        if commune.successor:
            assert commune.successor in codes
            assert not commune.epci
        else:
            assert not commune.epci or commune.epci in reference.epcis()


def test_keys_are_the_folded_names():
    """Fails after a change of `fold_commune`: build the reference again."""
    assert [c.name for c in reference.communes() if c.key != fold_commune(c.name)] == []
