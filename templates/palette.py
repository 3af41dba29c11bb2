"""Colours of a mail, checked and derived: what can be read on what, in light and in dark."""

from collections.abc import Iterable
from colorsys import hls_to_rgb, rgb_to_hls

ENOUGH = 4.5
"""The contrast that text needs (WCAG 2.2, 1.4.3, level AA)."""

WHITE, BLACK = "#ffffff", "#000000"
DARK_PAGE, DARK_CARD, DARK_PANEL = "#12161c", "#1c222b", "#27303c"
DARK_TEXT = "#d9dfe7"

_STEPS = 50


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio of two colours written as #rrggbb, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def mix(colour: str, other: str, share: float) -> str:
    """Give a colour with a share, from 0 to 1, of another in it."""
    return _written(
        round(own + (new - own) * share) for own, new in zip(_channels(colour), _channels(other), strict=True)
    )


def readable(colour: str, *grounds: str) -> str:
    """Give the nearest shade of a colour, of its hue, that can be read on each of these grounds, which are about as light."""
    furthest = max((0.0, 1.0), key=lambda end: min(contrast((BLACK, WHITE)[int(end)], ground) for ground in grounds))
    hue, lightness, saturation = rgb_to_hls(*(channel / 255 for channel in _channels(colour)))
    shade = colour
    for step in range(1, _STEPS + 1):
        if all(contrast(shade, ground) >= ENOUGH for ground in grounds):
            break
        lighter = lightness + (furthest - lightness) * step / _STEPS
        shade = _written(round(channel * 255) for channel in hls_to_rgb(hue, lighter, saturation))
    return shade


def text_on(ground: str, dark: str) -> str:
    """Give white where it can be read on a ground, else the dark colour, darkened as far as it takes."""
    return WHITE if contrast(WHITE, ground) >= ENOUGH else readable(dark, ground)


def derive(primary: str, text: str, background: str) -> dict[str, str]:
    """Give every colour of the layout that follows from the chamber's own, by its name in the templates."""
    panel = mix(primary, WHITE, 0.94)
    dark_primary = readable(primary, DARK_CARD, DARK_PANEL)
    return {
        "on_primary_colour": text_on(primary, text),
        "link_colour": readable(primary, WHITE, panel),
        "heading_colour": mix(text, BLACK, 0.35),
        "muted_colour": readable(mix(text, WHITE, 0.2), panel),
        "panel_colour": panel,
        "line_colour": mix(text, WHITE, 0.84),
        "footer_colour": readable(mix(text, background, 0.15), background),
        "dark_primary_colour": dark_primary,
        "on_dark_primary_colour": text_on(dark_primary, DARK_PAGE),
    }


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _written(channels: Iterable[int]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def _luminance(colour: str) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
