"""Writes docs/gallery.png: every shipped template as a phone and a PC show it."""

import argparse
import datetime as dt
import sys
import tomllib
from pathlib import Path

from campaigns.chamber import ChamberSection
from templates import (
    Renderer,
    bind_variables,
    compile_template,
    example_variables,
    find_templates,
    preview_recipient,
)
from tools import chromium

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "gallery.png"
WIDTHS = (320, 700)
SCALE = 0.42
COLUMNS = 4  # templates in a row
LARGEST = 1_000_000  # bytes of the picture
_GAP, _CAPTION = 24, 40
_DAY = dt.date(2020, 4, 1)


def examples() -> dict[str, str]:
    """Render every shipped template with its examples, for an invented company, under the brand of example.toml."""
    settings = tomllib.loads((ROOT / "campaigns" / "example.toml").read_text(encoding="utf-8"))
    brand = ChamberSection.model_validate(settings["chamber"]).brand()
    rendered = {}
    for name, template in find_templates().items():
        variables = bind_variables(template, example_variables(template), today=_DAY)
        rendered[name] = Renderer(compile_template(template), brand, variables).render(preview_recipient()).html
    return rendered


def draw(mails: dict[str, str], file: Path, *, dark: bool) -> None:
    """Draw mails in rows."""
    shown = chromium.sheets(mails, WIDTHS)
    page = chromium.frames(shown, columns=COLUMNS * len(WIDTHS), scale=SCALE)
    heights = [each["height"] for each in chromium.measure(page, dark=dark)]
    in_row = COLUMNS * len(WIDTHS)
    rows = [max(heights[at : at + in_row]) for at in range(0, len(heights), in_row)]
    width = _GAP + COLUMNS * (sum(WIDTHS) + _GAP * len(WIDTHS))
    height = _GAP + sum(row + _GAP + _CAPTION for row in rows)
    chromium.picture(page, file, size=(round(width * SCALE), round(height * SCALE)), dark=dark)


def main() -> int:
    """Write the picture; 1 when it is too large to keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dark", action="store_true", help="draw what a client in dark mode shows")
    parser.add_argument("--out", type=Path, default=PAGE, help="the file to write")
    given = parser.parse_args()
    draw(examples(), given.out, dark=given.dark)
    size = given.out.stat().st_size
    print(f"{given.out}: {size // 1000} KB")
    return 0 if size < LARGEST else 1


if __name__ == "__main__":
    sys.exit(main())
