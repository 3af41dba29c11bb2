import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import ENOUGH, WHITE, Brand, contrast
from templates.brand import BRAND_NAMES
from templates.palette import DARK_CARD, DARK_PAGE, DARK_PANEL, DARK_TEXT, derive, mix, readable

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)
TEXT, BACKGROUND = "#2c3541", "#edf0f4"


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#143a66", "#143a66", 1.0),
        ("#ff0000", "#ffffff", 4.0),
    ],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.005)


def test_mix():
    assert [mix("#000000", "#ffffff", share) for share in (0, 0.5, 1)] == ["#000000", "#808080", "#ffffff"]


@given(colour=COLOURS, ground=COLOURS)
def test_a_readable_shade_can_be_read(colour, ground):
    assert contrast(readable(colour, ground), ground) >= ENOUGH


@given(primary=COLOURS)
def test_every_brand_can_be_read_in_light_and_dark(primary):
    colours = derive(primary, TEXT, BACKGROUND)
    pairs = [
        (colours["on_primary_colour"], primary),
        (colours["link_colour"], WHITE),
        (colours["link_colour"], colours["panel_colour"]),
        (colours["heading_colour"], colours["panel_colour"]),
        (colours["muted_colour"], WHITE),
        (colours["muted_colour"], colours["panel_colour"]),
        (colours["footer_colour"], BACKGROUND),
        (TEXT, colours["panel_colour"]),
        (colours["dark_primary_colour"], DARK_CARD),
        (colours["dark_primary_colour"], DARK_PANEL),
        (colours["on_dark_primary_colour"], colours["dark_primary_colour"]),
        (DARK_TEXT, DARK_PAGE),
        (DARK_TEXT, DARK_PANEL),
    ]
    assert [pair for pair in pairs if contrast(*pair) < ENOUGH] == []


def test_a_colour_that_can_be_read_stays():
    assert readable("#143a66", WHITE) == "#143a66"


def test_the_names_of_a_brand_are_the_known_ones():
    brand = Brand("Chambre", "CCI", ("1 rue",), "https://example.org", "a@example.org", "", None, "#143a66", "#c8102e")
    names = brand.names()
    assert tuple(names) == BRAND_NAMES
    assert names["name"] == "Chambre"
