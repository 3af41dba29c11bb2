"""The one spelling of NAF codes, their nomenclature and labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiences.errors import InvalidNaf
from audiences.naf import Nomenclature, naf_label, nomenclature_of, normalise_naf
from audiences.reference import naf_labels


@pytest.mark.parametrize("text", ["5610c", "56.10 C", "56.10C", " 56 10 c ", "56.10c\u00a0"])
def test_normalise(text: str):
    assert normalise_naf(text) == "56.10C"


@pytest.mark.parametrize("text", ["", "56", "56.10", "526A", "56.10CC", "5.610C", "AB.CDE", "٥٦.10C"])
def test_what_is_no_code_is_refused(text: str):
    with pytest.raises(InvalidNaf, match=r"is not a NAF code: write four digits and a letter, such as 56\.10C"):
        normalise_naf(text)


@given(st.from_regex(r"[0-9]{2}\.[0-9]{2}[A-Z]", fullmatch=True))
def test_a_normal_code_stays(code: str):
    assert normalise_naf(code) == normalise_naf(code.replace(".", "").lower()) == code


def test_every_subclass_of_the_reference_is_of_rev_2():
    codes = [code for code in naf_labels() if code[-1].isalpha()]
    assert {nomenclature_of(code) for code in codes} == {Nomenclature.NAF_REV2}


@pytest.mark.parametrize("code", ["56.11J", "56.12Y", "47.92G", "85.59H", "47.11K"])
def test_later_letters_are_of_2025(code: str):
    assert nomenclature_of(code) is Nomenclature.NAF2025


def test_labels():
    assert naf_label("5610c") == "Restauration de type rapide"
    assert naf_label("56.11J") is None
