"""Chromium without a window: what a page measures, and a picture of it."""

import html
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-extensions --hide-scrollbars --allow-file-access-from-files"
).split()
_PATIENCE = 120  # seconds
_DARK, _LIGHT = 0, 1  # Blink's mojom PreferredColorScheme

_MEASURE = """
const buttonsOf = (page) => [...page.querySelectorAll('.button-link')];
const tell = () => {
  const found = [...document.querySelectorAll('iframe')].map((frame) => {
    const page = frame.contentDocument;
    const style = (element) => frame.contentWindow.getComputedStyle(element);
    frame.style.height = page.documentElement.scrollHeight + 'px';
    return {
      name: frame.title,
      width: frame.clientWidth,
      scroll: Math.max(page.documentElement.scrollWidth, page.body.scrollWidth),
      height: page.documentElement.scrollHeight,
      buttons: buttonsOf(page).map((each) => each.getBoundingClientRect().height),
      smallest: Math.min(...[...page.querySelectorAll('p, td, th, li, a, h1, h2')]
        .filter((each) => each.offsetHeight && each.textContent.trim())
        .map((each) => parseFloat(style(each).fontSize))),
      background: style(page.body).backgroundColor,
      colours: Object.fromEntries(['.card', 'h1', '.main p', '.button', '.button-link', '.small'].map((selector) => {
        const element = page.querySelector(selector);
        return [selector, element && [style(element).color, style(element).backgroundColor]];
      })),
    };
  });
  document.getElementById('told').textContent = JSON.stringify(found);
};
addEventListener('load', tell);
"""


class NoChromium(RuntimeError):
    """There is no Chromium on this machine."""


def executable() -> str:
    """Find the browser. Raises NoChromium with the remedy."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise NoChromium(f"none of {', '.join(NAMES)} is installed; on Debian: apt install chromium")


def frames(mails: Sequence[tuple[str, str, int]], *, scale: float = 1, columns: int | None = None) -> str:
    """Write a page that shows mails (a title, its HTML, its width in pixels) as frames, which are as high as the mails.

    Each stands in a frame of its own, so that its media queries see its own width.
    """
    shown = "".join(
        f"<figure><figcaption>{html.escape(title)}</figcaption>"
        f'<iframe title="{html.escape(title)}" style="width:{width}px" srcdoc="{html.escape(mail)}"></iframe></figure>'
        for title, mail, width in mails
    )
    grid = f"display:grid;grid-template-columns:repeat({columns},max-content)" if columns else ""
    return (
        '<!doctype html><html lang="fr"><meta charset="utf-8"><style>'
        f"body{{margin:0;padding:24px;background:#c9ced6;zoom:{scale}}} main{{{grid};gap:24px;align-items:start}}"
        "figure{margin:0} figcaption{font:600 22px sans-serif;padding:0 0 8px;color:#1b2027} iframe{border:0;display:block}"
        f"</style><main>{shown}</main><pre id=told hidden></pre><script>{_MEASURE}</script></html>"
    )


def measure(page: str, *, dark: bool = False) -> list[dict[str, Any]]:
    """Give what each frame of such a page measures: width, scroll width, height, buttons, smallest letters, colours."""
    dumped = _run(page, ["--dump-dom", "--window-size=1600,1200"], dark=dark)
    told = re.search(r'<pre id="told"[^>]*>(.*?)</pre>', dumped, re.DOTALL)
    if not told or not told[1]:
        raise RuntimeError("Chromium did not tell what it measured")
    found: list[dict[str, Any]] = json.loads(html.unescape(told[1]))
    return found


def picture(page: str, file: Path, *, size: tuple[int, int], dark: bool = False, density: float = 1) -> None:
    """Write a PNG of a page, `size` pixels wide and high."""
    width, height = size
    arguments = [f"--screenshot={file}", f"--window-size={width},{height}", f"--force-device-scale-factor={density}"]
    _run(page, arguments, dark=dark)
    if not file.is_file():
        raise RuntimeError(f"Chromium wrote no {file}")


def _run(page: str, arguments: Sequence[str], *, dark: bool) -> str:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(page, encoding="utf-8")
        scheme = f"--blink-settings=preferredColorScheme={_DARK if dark else _LIGHT}"
        command = [executable(), *_FLAGS, scheme, f"--user-data-dir={folder}/profile", "--virtual-time-budget=5000"]
        done = subprocess.run(
            [*command, *arguments, source.as_uri()], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    return done.stdout


def sheets(mails: Mapping[str, str], widths: Sequence[int]) -> list[tuple[str, str, int]]:
    """Give each mail at each width, as `frames` takes them."""
    return [(f"{name} · {width} px", mail, width) for name, mail in mails.items() for width in widths]
