"""The sector table: the shipped one, what it makes of NAF codes, and how a bad line is told."""

from pathlib import Path

import pytest

from audiences.errors import InvalidNaf, InvalidSectorFile, UnknownSector
from audiences.naf import Nomenclature, nomenclature_of
from audiences.reference import naf_labels
from audiences.sectors import SectorKind, Sectors

HEAD = "kind,sector,label,nomenclature,prefix\n"


@pytest.fixture(scope="module")
def sectors() -> Sectors:
    return Sectors.load()


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("transport-logistique", "transport-logistique"),
        ("Transport et logistique", "transport-logistique"),
        ("HCR", "hcr"),
        ("hotels, cafes, restaurants", "hcr"),
        ("commerce_alimentaire", "commerce-alimentaire"),
        ("Restauration rapide", "restauration-rapide"),
        ("INDUSTRIE", "industrie"),
        ("bâtiment et travaux publics", "btp"),
    ],
)
def test_find(sectors: Sectors, text: str, slug: str):
    assert sectors.find(text).slug == slug


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("industri", "Unknown sector “industri”. Did you mean industrie", id="nearest"),
        pytest.param("%%%", "Unknown sector “%%%”. See `relais audiences sectors`.", id="nothing-near"),
    ],
)
def test_unknown_sector_names_the_nearest(sectors: Sectors, text: str, message: str):
    with pytest.raises(UnknownSector, match=message):
        sectors.find(text)


@pytest.mark.parametrize(
    ("code", "slugs"),
    [
        pytest.param("56.10C", ["hcr", "restauration-rapide"], id="fast-food"),
        pytest.param("5611j", ["hcr", "restauration-rapide"], id="fast-food-2025"),
        pytest.param("10.71C", ["commerce-alimentaire", "boulangerie-patisserie"], id="bakery-is-no-industry"),
        pytest.param("10.71H", ["commerce-alimentaire", "boulangerie-patisserie"], id="bakery-2025"),
        pytest.param("10.71A", ["industrie", "agroalimentaire"], id="industrial-bakery"),
        pytest.param("47.11F", ["commerce-alimentaire", "grande-distribution"], id="hypermarket"),
        pytest.param("47.71Z", ["commerce-detail"], id="clothes-shop"),
        pytest.param("47.81Z", ["commerce-alimentaire"], id="food-market"),
        pytest.param("47.81Y", ["automobile"], id="same-number-in-2025"),
        pytest.param("41.10A", ["immobilier"], id="developer"),
        pytest.param("41.20A", ["btp"], id="builder"),
        pytest.param("04.00Z", [], id="none"),
    ],
)
def test_of(sectors: Sectors, code: str, slugs: list[str]):
    assert [sector.slug for sector in sectors.of(code)] == slugs


@pytest.mark.parametrize(
    ("rev_2", "naf_2025"),
    [
        ("56.10A", "56.11G"),
        ("56.10C", "56.11J"),
        ("10.71C", "10.71H"),
        ("47.11F", "47.11K"),
        ("45.20A", "95.31Y"),
        ("45.11Z", "47.81Y"),
        ("96.02A", "96.21Y"),
        ("85.59A", "85.59G"),
        ("49.41A", "49.41G"),
        ("41.20A", "41.00G"),
        ("62.01Z", "62.10Y"),
    ],
)
def test_a_company_falls_into_the_same_sector_by_either_nomenclature(sectors: Sectors, rev_2: str, naf_2025: str):
    assert nomenclature_of(rev_2) is Nomenclature.NAF_REV2
    assert nomenclature_of(naf_2025) is Nomenclature.NAF2025
    assert sectors.of(rev_2) == sectors.of(naf_2025) != ()


def test_every_rev_2_subclass_has_one_main_sector(sectors: Sectors):
    for code in naf_labels():
        if code[-1].isalpha():
            main = sectors.main(code)
            assert main is not None
            assert [sector for sector in sectors.of(code) if sector.kind is SectorKind.SECTEUR] == [main]


def test_no_main_sector_and_no_code(sectors: Sectors):
    assert sectors.main("04.00Z") is None
    with pytest.raises(InvalidNaf):
        sectors.of("bakery")


def test_iteration_keeps_the_order_of_the_file(sectors: Sectors):
    slugs = [sector.slug for sector in sectors]
    assert slugs[:2] == ["agriculture", "industrie"]
    assert len(slugs) == len(set(slugs)) == 44
    assert sectors.find("interim").prefixes == ((Nomenclature.NAF_REV2, "78"), (Nomenclature.NAF2025, "78"))


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("cp1252", ";"), ("utf-16", "\t")],
    ids=["plain", "bom", "excel", "excel-unicode"],
)
def test_an_officers_copy_in_the_spelling_of_a_spreadsheet(tmp_path: Path, encoding: str, delimiter: str):
    path = tmp_path / "sectors.csv"
    rows = [HEAD.strip(), "secteur,hcr,Cafés,NAFRev2,56", "", "filiere,bars,Débits,NAFRev2,56.30"]
    path.write_bytes("\r\n".join(rows).replace(",", delimiter).encode(encoding))
    assert [sector.label for sector in Sectors.load(path).of("56.30Z")] == ["Cafés", "Débits"]


@pytest.mark.parametrize(
    ("row", "column", "cause"),
    [
        pytest.param("sector,a,A,NAFRev2,56", "kind", "write secteur or filiere", id="kind"),
        pytest.param("secteur,A b,A,NAFRev2,56", "sector", "use a-z, 0-9 and single hyphens", id="slug"),
        pytest.param("secteur,a,,NAFRev2,56", "label", "exactly these five cells", id="no-label"),
        pytest.param("secteur,a,A,NAFRev2", "prefix", "exactly these five cells", id="too-short"),
        pytest.param("secteur,a,A, B,NAFRev2,56", "prefix", "exactly these five cells", id="too-long"),
        pytest.param("secteur,a,A,NAF,56", "nomenclature", "write NAFRev2 or NAF2025", id="nomenclature"),
        pytest.param("secteur,a,A,NAFRev2,1", "prefix", "write it like 01", id="lost-zero"),
        pytest.param("secteur,a,A,NAFRev2,5610C", "prefix", "write it like 01", id="no-dot"),
        pytest.param("secteur,a,A,NAFRev2,56.11J", "prefix", "a code of NAF2025", id="letter-of-2025"),
        pytest.param("secteur,a,A,NAF2025,56.10C", "prefix", "a code of NAFRev2", id="letter-of-rev-2"),
        pytest.param("secteur,a,A,NAFRev2,04", "prefix", "NAF rév. 2 has no 04", id="no-such-division"),
        pytest.param("filiere,hcr,Cafés,NAFRev2,56.1", "kind", "hcr is a secteur further up", id="other-kind"),
        pytest.param("secteur,hcr,Bars,NAFRev2,56.1", "label", "labelled 'Cafés' further up", id="other-label"),
        pytest.param("secteur,cafes,Bars,NAFRev2,56.1", "sector", "cannot be told from hcr", id="same-name"),
        pytest.param("secteur,hcr,Cafés,NAFRev2,56", "prefix", "belongs to hcr already", id="twice"),
        pytest.param("secteur,bars,Bars,NAFRev2,56", "prefix", "belongs to hcr already", id="two-secteurs"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: str, column: str, cause: str):
    path = tmp_path / "sectors.csv"
    path.write_text(f"{HEAD}secteur,hcr,Cafés,NAFRev2,56\n{row}\n", encoding="utf-8")
    with pytest.raises(InvalidSectorFile) as caught:
        Sectors.load(path)
    assert str(caught.value).startswith(f"{path}, row 3, column {column}: ")
    assert cause in str(caught.value)


def test_no_file_and_no_table(tmp_path: Path):
    with pytest.raises(InvalidSectorFile, match="cannot be read"):
        Sectors.load(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(InvalidSectorFile, match="row 1: the columns must be kind, sector, label, nomenclature, prefix"):
        Sectors.load(tmp_path / "empty.csv")
