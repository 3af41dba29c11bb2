"""Placing addresses in communes and EPCIs, and finding EPCIs by the names that people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences import reference
from audiences.errors import UnknownCommune, UnknownEpci
from audiences.territory import Placement, Territory
from audiences.text import _NOT_WORD, _decompose, fold, fold_commune, nearest

SHORT_NAMES = {
    "CUA": "200033579",
    "CALL": "246200364",
    "CAHC": "246200299",
    "CABBALR": "200072460",
    "CC Osartis Marquion": "200044048",
    "CC Sud Artois": "200035442",
    "Campagnes de l'Artois": "200069482",
    "Flandre Lys": "245900758",
    "Ternois": "200069672",
}
ARRAS = Placement("62041", "Arras", "200033579")
PARIS = Placement("75056", "Paris", "200054781")


@pytest.fixture(scope="module")
def territory() -> Territory:
    return Territory(SHORT_NAMES)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Hénin-Beaumont", "henin beaumont"),
        ("  L’Œuvre  d'ART ", "l oeuvre d art"),
        ("restauration_rapide", "restauration rapide"),
        ("Æ…œ", "ae oe"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str):
    assert fold(text) == folded


@given(st.text(st.characters(codec="latin-1")))
def test_folding_twice_is_folding_once(text: str):
    assert fold(fold(text)) == fold(text)
    assert fold(text.upper()) == fold(text)
    assert fold_commune(fold_commune(text)) == fold_commune(text) or fold_commune(text).split()[0] in {
        "l",
        "la",
        "le",
        "les",
    }


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("ST LAURENT BLANGY", "saint laurent blangy"),
        ("Ste-Catherine", "sainte catherine"),
        ("Arras Cédex 9", "arras"),
        ("LENS CEDEX", "lens"),
        ("La Gorgue", "gorgue"),
        ("L'Abergement", "abergement"),
        ("Noyelles s/s Lens", "noyelles sous lens"),
        ("Aire s/ la Lys", "aire sur la lys"),
        ("Fouquières-lez-Lens", "fouquieres les lens"),
        ("Marseille 1er Arrondissement", "marseille"),
        ("PARIS 09", "paris"),
        ("Lyon 3ème", "lyon"),
        ("Y", "y"),
        ("Les", "les"),
    ],
)
def test_fold_commune(name: str, folded: str):
    assert fold_commune(name) == folded


def test_nearest_gives_the_best_first_and_nothing_far_away():
    assert nearest("CABBALLR", SHORT_NAMES)[0] == "CABBALR"
    assert nearest("xyzzy", ["Industrie"]) == []


@pytest.mark.parametrize(
    ("parts", "placement"),
    [
        pytest.param({"commune_code": "62041"}, ARRAS, id="code"),
        pytest.param(
            {"commune_code": "1053", "commune": "?"}, ("01053", "Bourg-en-Bresse", "200071751"), id="lost-zero"
        ),
        pytest.param({"commune_code": "62884"}, ("62008", "Acquin-Westbécourt", "246201016"), id="former-code"),
        pytest.param({"commune_code": "75109"}, PARIS, id="arrondissement"),
        pytest.param({"commune_code": "2a004"}, ("2A004", "Ajaccio", "242010056"), id="corsica"),
        pytest.param({"commune_code": "29083"}, ("29083", "Île-de-Sein", None), id="no-epci"),
        pytest.param({"commune_code": "62041", "postcode": "75001", "commune": "Paris"}, ARRAS, id="code-decides"),
        pytest.param({"commune_code": "99999", "postcode": "62000", "commune": "Arras"}, ARRAS, id="unknown-code"),
        pytest.param({"postcode": "62000", "commune": "ARRAS"}, ARRAS, id="postcode-and-name"),
        pytest.param({"postcode": "F-62 000", "commune": "arras"}, ARRAS, id="postcode-spelling"),
        pytest.param(
            {"postcode": "62223", "commune": "ST LAURENT BLANGY"},
            ("62753", "Saint-Laurent-Blangy", "200033579"),
            id="abbreviation",
        ),
        pytest.param(
            {"postcode": "1000", "commune": "Bourg en Bresse"}, ("01053", "Bourg-en-Bresse", "200071751"), id="01"
        ),
        pytest.param({"postcode": "20000", "commune": "ajaccio"}, ("2A004", "Ajaccio", "242010056"), id="postcode-20"),
        pytest.param(
            {"postcode": "20704", "commune": "Ajaccio Cedex 9"}, ("2A004", "Ajaccio", "242010056"), id="cedex-20"
        ),
        pytest.param({"postcode": "75009", "commune": "Paris 9e"}, PARIS, id="district"),
        pytest.param({"postcode": "62008", "commune": "Arras Cedex 9"}, ARRAS, id="cedex"),
        pytest.param({"postcode": "62000", "commune": "Lille"}, None, id="contradiction"),
        pytest.param({"postcode": "62000"}, None, id="postcode-of-several"),
        pytest.param({"postcode": "62000", "commune": "Fosse 12"}, None, id="hamlet-of-several"),
        pytest.param({"postcode": "62210"}, ("62065", "Avion", "246200364"), id="postcode-of-one"),
        pytest.param(
            {"postcode": "62210", "commune": "Cité des Cheminots"}, ("62065", "Avion", "246200364"), id="hamlet"
        ),
        pytest.param({"commune": "Arras Cedex 9"}, ARRAS, id="name-alone"),
        pytest.param({"commune": "merville"}, ("59400", "Merville", "245900758"), id="name-once-in-the-territory"),
        pytest.param({"commune": "Strasbourg"}, ("67482", "Strasbourg", "246700488"), id="name-once-in-france"),
        pytest.param({"commune": "Saint-Aubin-sur-Mer"}, None, id="name-several-in-france"),
        pytest.param({"commune": "Atlantis"}, None, id="no-such-name"),
        pytest.param({"postcode": "", "commune": " "}, None, id="blank"),
        pytest.param({"postcode": "0", "commune": "Arras"}, None, id="no-postcode"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_place(territory: Territory, parts: dict[str, str], placement: tuple[str, str, str | None] | None):
    assert territory.place(**parts) == placement


def test_every_commune_is_placed_by_each_postcode_with_its_name(territory: Territory):
    for commune in reference.communes():
        for postcode in commune.postcodes.split():
            placed = territory.place(postcode=postcode, commune=commune.name.upper())
            assert placed is not None
            assert placed.commune_code == (commune.successor or commune.code)


def test_every_former_name_leads_to_its_successor(territory: Territory):
    today = {commune.code: commune for commune in reference.communes() if not commune.successor}
    for commune in reference.communes():
        if commune.successor and commune.name:
            for postcode in today[commune.successor].postcodes.split():
                placed = territory.place(postcode=postcode, commune=commune.name)
                assert placed is not None
                assert placed.commune_code == commune.successor, commune


@pytest.mark.parametrize(
    ("postcode", "commune", "likely"),
    [
        pytest.param("62000", None, ["Arras", "Dainville"], id="all-of-a-postcode"),
        pytest.param("62000", "Aras", ["Arras", "Dainville"], id="typing-error"),
        pytest.param("62000", "Lille", ["Lille", "Dainville", "Arras"], id="contradiction"),
        pytest.param("62300", "Lense", ["Lens"], id="typing-error-beside-one"),
        pytest.param(None, "Arass", ["Arras"], id="no-postcode"),
        pytest.param(None, "Buruay la Buissiere", ["Bruay-la-Buissière"], id="no-postcode-and-long"),
        pytest.param("62999", "Hesdin", ["Hesdin-la-Forêt"], id="former-name"),
        pytest.param("62999", None, [], id="no-such-postcode"),
        pytest.param(None, None, [], id="nothing"),
        pytest.param("", "%%%", [], id="nothing-near"),
    ],
)
def test_likely_communes(territory: Territory, postcode: str | None, commune: str | None, likely: list[str]):
    found = [each.name for each in territory.likely_communes(postcode=postcode, commune=commune)]
    assert found[: len(likely)] == likely
    assert bool(found) == bool(likely)
    assert len(found) == len(set(found)) <= 4


@given(st.none() | st.text(max_size=12), st.none() | st.text(max_size=20))
def test_whatever_is_asked_for_a_few_communes_or_none_are_likely(
    territory: Territory, postcode: str | None, commune: str | None
):
    assert len(territory.likely_communes(postcode=postcode, commune=commune)) <= 4


@pytest.mark.parametrize(
    ("text", "postcode", "code"),
    [
        ("62041", None, "62041"),
        ("arras", None, "62041"),
        ("62884", None, "62008"),
        ("Labuissière", None, "62178"),
        ("Saint-Aubin", "62223", "62742"),
        ("Merville", None, "59400"),
    ],
)
def test_find_commune(territory: Territory, text: str, postcode: str | None, code: str):
    assert territory.find_commune(text, postcode=postcode).commune_code == code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("Arrass", r"“Arrass” is not one commune: write the INSEE code, 62041 \(Arras\)", id="nearest"),
        pytest.param("Saint-Aubin-sur-Mer", r"14562 .* or 76564", id="several"),
        pytest.param("99999", "no commune is called “99999”", id="no-such-code"),
        pytest.param("", "no commune is called", id="blank"),
    ],
)
def test_what_is_no_commune_names_the_remedy(territory: Territory, text: str, message: str):
    with pytest.raises(UnknownCommune, match=message):
        territory.find_commune(text)


def test_communes_called(territory: Territory):
    assert [each.code for each in territory.communes_called("st laurent blangy", postcode="62223")] == ["62753"]
    assert territory.communes_called("Lille", postcode="62000") == ()
    assert len(territory.communes_called("Saint-Aubin")) > 3


@pytest.mark.parametrize(
    ("text", "siren"),
    [
        ("cua", "200033579"),
        ("Communauté urbaine d'Arras", "200033579"),
        ("ARRAS", "200033579"),
        ("200 033 579", "200033579"),
        ("Lens-Liévin", "246200364"),
        ("CA de Lens - Liévin", "246200364"),
        ("henin carvin", "246200299"),
        ("Communauté d'agglomération de Béthune-Bruay, Artois-Lys Romane", "200072460"),
        ("CC Osartis Marquion", "200044048"),
        ("osartis-marquion", "200044048"),
        ("CC du Sud-Artois", "200035442"),
        ("Campagnes de l’Artois", "200069482"),
        ("CC des Campagnes de l'Artois", "200069482"),
        ("FLANDRE LYS", "245900758"),
        ("Communauté de communes du Ternois", "200069672"),
        ("CC du Ternois (TernoisCom)", "200069672"),
        ("Métropole européenne de Lille", "200093201"),
    ],
)
def test_find_epci(territory: Territory, text: str, siren: str):
    assert territory.find_epci(text).siren == siren


def test_every_official_name_is_found(territory: Territory):
    for epci in reference.epcis().values():
        if epci.name != "CC des Quatre Rivières":  # the one name that two EPCIs bear
            assert territory.find_epci(epci.name) == epci


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("CABBALLR", "'CABBALLR': write one of CABBALR", id="nearest"),
        pytest.param("Béthune-Bruay", "CA de Béthune-Bruay, Artois-Lys Romane", id="nearest-official"),
        pytest.param("Quatre Rivières", "247000623 .* or 247400666", id="several"),
        pytest.param("%%%", "write one of CUA, CALL, CAHC", id="nothing-near"),
    ],
)
def test_unknown_epci_names_the_remedy(territory: Territory, text: str, message: str):
    with pytest.raises(UnknownEpci, match=message):
        territory.find_epci(text)


def test_of_several_the_territory_is_meant():
    assert Territory({"4R": "247400666"}).find_epci("quatre rivieres").siren == "247400666"


def test_labels_and_order(territory: Territory):
    assert [epci.siren for epci in territory.epcis] == list(SHORT_NAMES.values())
    assert territory.label("200033579") == "CUA"
    assert territory.label("200093201") == "Métropole Européenne de Lille"
    assert territory.label("000000000") == "000000000"
    assert territory.contains("246200364")
    assert not territory.contains("200093201")


def test_second_short_name_finds_and_the_first_one_labels():
    territory = Territory({"Ternois": "200069672", "TernoisCom": "200069672"})
    assert territory.find_epci("terNOIScom").siren == "200069672"
    assert territory.label("200069672") == "Ternois"
    assert len(territory.epcis) == 1


def test_short_name_of_no_epci_is_refused():
    with pytest.raises(UnknownEpci, match="no EPCI has the SIREN 123456789 given for CUA: correct it"):
        Territory({"CUA": "123456789"})


@given(st.text(st.one_of(st.characters(max_codepoint=0x200), st.characters(codec="utf-8"))))
def test_folding_letter_by_letter_is_folding_the_text(text: str):
    assert fold(text) == _NOT_WORD.sub(" ", _decompose(text)).strip()
