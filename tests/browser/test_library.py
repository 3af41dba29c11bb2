"""The shipped templates in a real browser: nothing runs over the edge, fingers find the buttons, dark mode is dark."""

from typing import Any

import pytest

from templates import ENOUGH, contrast
from tools import chromium
from tools.build_gallery import WIDTHS, examples

MAILS = examples()
FINGER = 44
"""CSS pixels that a target needs (WCAG 2.2, 2.5.5)."""


@pytest.fixture(scope="module", params=[False, True], ids=["light", "dark"])
def measured(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return chromium.measure(chromium.frames(chromium.sheets(MAILS, WIDTHS)), dark=request.param)


def test_every_template_is_measured_at_every_width(measured: list[dict[str, Any]]) -> None:
    assert [each["width"] for each in measured] == list(WIDTHS) * len(MAILS)


def test_nothing_runs_over_the_edge(measured: list[dict[str, Any]]) -> None:
    assert [each["name"] for each in measured if each["scroll"] > each["width"]] == []


def test_a_finger_finds_every_button(measured: list[dict[str, Any]]) -> None:
    assert all(each["buttons"] for each in measured)
    assert [each["name"] for each in measured if min(each["buttons"]) < FINGER] == []


def test_no_letters_are_small(measured: list[dict[str, Any]]) -> None:
    assert min(each["smallest"] for each in measured) >= 14


def test_what_is_written_can_be_read(measured: list[dict[str, Any]]) -> None:
    for each in measured:
        colours = each["colours"]
        card = written(colours[".card"][1])
        grounds = {"h1": card, ".main p": card, ".button-link": written(colours[".button"][1])}
        grounds[".small"] = written(each["background"])
        for selector, ground in grounds.items():
            assert contrast(written(colours[selector][0]), ground) >= ENOUGH, (each["name"], selector)


def test_dark_mode_is_dark() -> None:
    page = chromium.frames(chromium.sheets({"fonds": MAILS["fonds"]}, WIDTHS))
    light, dark = (chromium.measure(page, dark=is_dark)[0] for is_dark in (False, True))
    assert all(
        contrast(written(ground), "#000000") > 15 for ground in (light["background"], light["colours"][".card"][1])
    )
    assert all(contrast(written(ground), "#000000") < 2 for ground in (dark["background"], dark["colours"][".card"][1]))


def written(rgb: str) -> str:
    """Write rgb(1, 2, 3), as a browser tells it, as #010203."""
    return "#" + "".join(f"{int(part):02x}" for part in rgb.removeprefix("rgb(").rstrip(")").split(","))
