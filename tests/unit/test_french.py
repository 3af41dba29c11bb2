"""The French of the interface: a whole catalogue, and commands that speak it in every locale of the system."""

import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from tests.acceptance.office import Office
from tools.build_catalogue import PO, merge, missing

PLACEHOLDER = re.compile(r"\{\w+(?:![rsa])?(?::[^{}]*)?\}")
ENGLISH_SPACING = re.compile(r" [;:!?»]|« |\w'\w")
"""What French typography writes with a narrow no-break space (U+202F), or with ’."""

LOCALES = {"none": {}, "c": {"LANG": "C"}, "posix": {"LC_ALL": "POSIX"}, "english": {"LANG": "en_US.UTF-8"}}


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    return merge(read_po(io.BytesIO(PO.read_bytes()), locale="fr"))


def translations(catalogue: Catalog) -> list[tuple[str, str]]:
    """Give each sentence with its translation, singular and plural apart."""
    pairs = []
    for message in catalogue:
        if message.id and message.string:
            ids, strings = ([each] if isinstance(each, str) else each for each in (message.id, message.string))
            pairs += zip(ids, strings, strict=True)
    return pairs


def test_no_sentence_is_missing(catalogue: Catalog):
    assert missing(catalogue) == []


def test_every_value_is_kept(catalogue: Catalog):
    found = translations(catalogue)
    assert found
    assert [
        english for english, french in found if set(PLACEHOLDER.findall(english)) != set(PLACEHOLDER.findall(french))
    ] == []


def test_french_typography(catalogue: Catalog):
    assert [french for _english, french in translations(catalogue) if ENGLISH_SPACING.search(french)] == []


def test_what_is_compiled_is_what_is_written():
    written = read_po(io.BytesIO(PO.read_bytes()), locale="fr")
    with PO.with_suffix(".mo").open("rb") as file:
        compiled = read_mo(file)
    assert sorted(translations(compiled)) == sorted(translations(written))


@pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
def test_french_whatever_the_system_speaks(tmp_path: Path, locale: dict[str, str]):
    relais = Office(tmp_path, RELAIS_LANGUAGE="fr", **locale)
    assert "Erreur\u202f: Il n’y a pas de fichier relais.toml" in relais("campaigns", "list", code=2).stderr


def test_help_is_french(tmp_path: Path):
    assert "Campagnes d’e-mails ciblées" in Office(tmp_path, RELAIS_LANGUAGE="fr")("--help").stdout


def test_english_is_there_for_the_asking(tmp_path: Path):
    relais = Office(tmp_path, RELAIS_LANGUAGE="en", LANG="fr_FR.UTF-8")
    assert "Targeted email campaigns" in relais("--help").stdout
    assert relais("campaigns", "list", code=2).stderr.startswith("Error: There is no relais.toml")


def test_the_settings_choose_unless_the_environment_does(tmp_path: Path):
    (tmp_path / "relais.toml").write_text('language = "fr"\n', encoding="utf-8")
    assert "Campagnes" in Office(tmp_path, RELAIS_LANGUAGE="")("--help").stdout
    assert "Targeted email campaigns" in Office(tmp_path, RELAIS_LANGUAGE="en")("--help").stdout
