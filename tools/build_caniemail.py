"""Builds templates/lint/reference/ (which client shows which HTML and CSS) from the pinned npm package caniemail.

Needs `npm`, with whatever registry it is set to. For a new vintage, change the version and run it again. The file is the
same byte for byte at each run: rows are sorted and the gzip header carries no time.
"""

import argparse
import json
import re
import tempfile
from pathlib import Path
from typing import Any

from build_reference import Row, fetch, write  # the folder of a script is on its path

REFERENCE = Path(__file__).resolve().parent.parent / "templates" / "lint" / "reference"
PACKAGE = "caniemail"
VERSION = "2.0.2"

CLIENTS = {
    "outlook-windows": ("outlook", "windows"),
    "outlook-com": ("outlook", "outlook-com"),
    "gmail": ("gmail", "desktop-webmail"),
    "gmail-ios": ("gmail", "ios"),
    "gmail-android": ("gmail", "android"),
    "apple-mail-macos": ("apple-mail", "macos"),
    "apple-mail-ios": ("apple-mail", "ios"),
    "thunderbird": ("thunderbird", "windows"),
    "yahoo": ("yahoo", "desktop-webmail"),
    "orange": ("orange", "desktop-webmail"),
    "sfr": ("sfr", "desktop-webmail"),
    "laposte": ("laposte", "desktop-webmail"),
    "free": ("free-fr", "desktop-webmail"),
}
"""The clients that companies in France read with: our name of each, and where the package keeps it.

Thunderbird was mostly tested on macOS, which stands in where Windows has no result (`INSTEAD`).
"""

INSTEAD = {"thunderbird": ("thunderbird", "macos")}

UNTOLD = "u"

DATA_NOTICE = """\
features.csv.gz is drawn from the data of Can I email... (caniemail.com), MIT License, Copyright (c) 2019 HTeuMeuLeu,
as the npm package caniemail carries them under this licence:

"""

# What the names of the features do not say by themselves.
KEYS = {
    "css-align-items": "property:align-items",
    "css-block-inline-size": "property:block-size property:inline-size",
    "css-column-layout-properties": "property:columns property:column-fill property:column-rule property:column-span"
    " property:column-width",
    "css-conic-gradient": "function:conic-gradient function:repeating-conic-gradient",
    "css-display-flex": "value:display=flex value:display=inline-flex",
    "css-display-grid": "value:display=grid value:display=inline-grid",
    "css-display-none": "value:display=none",
    "css-flex-direction": "value:flex-direction=column",
    "css-flex-wrap": "value:flex-wrap=wrap",
    "css-function-clamp": "function:clamp",
    "css-function-light-dark": "function:light-dark",
    "css-function-max": "function:max",
    "css-function-min": "function:min",
    "css-gap": "property:gap property:column-gap property:row-gap",
    "css-grid-template": "property:grid-template property:grid-template-areas property:grid-template-columns"
    " property:grid-template-rows",
    "css-inset": "property:inset property:inset-block property:inset-inline",
    "css-left-right-top-bottom": "property:left property:right property:top property:bottom",
    "css-linear-gradient": "function:linear-gradient function:repeating-linear-gradient",
    "css-margin-inline-block": "property:margin-inline property:margin-block",
    "css-modern-color": "function:lch function:oklch function:lab function:oklab",
    "css-padding-inline-block": "property:padding-inline property:padding-block",
    "css-radial-gradient": "function:radial-gradient function:repeating-radial-gradient",
    "css-rgb": "function:rgb",
    "css-rgba": "function:rgba",
    "css-unit-calc": "function:calc",
    "css-unit-percent": "unit:%",
    "css-unit-initial": "keyword:initial",
    "css-variables": "function:var",
    "css-at-font-face": "at:font-face",
    "css-at-import": "at:import",
    "css-at-keyframes": "at:keyframes",
    "css-at-media": "at:media",
    "css-at-supports": "at:supports",
    "css-at-media-device-pixel-ratio": "media:-webkit-min-device-pixel-ratio media:-webkit-device-pixel-ratio",
    "css-pseudo-class-has": "pseudo:has",
    "html-button-reset": "element:button",
    "html-h1-h6": "element:h1 element:h2 element:h3 element:h4 element:h5 element:h6",
    "html-image-maps": "element:map attribute:usemap",
    "html-lists": "element:ul element:ol element:dl",
    "html-loading-attribute": "attribute:loading",
    "html-object": "element:object element:embed",
    "html-semantics": "element:article element:aside element:details element:figcaption element:figure element:footer"
    " element:header element:main element:mark element:nav element:section element:summary element:time",
    "html-srcset": "attribute:srcset attribute:sizes",
    "image-jpg": "image:jpg image:jpeg",
    "image-heif": "image:heif image:heic",
    "image-tiff": "image:tif image:tiff",
    "image-mp4": "image:mp4",
}

# Rules of selectors, of the document or of a whole mail, which no single declaration or element shows.
LEFT_OUT = re.compile(
    r"amp$|bimi$|css-(?:comments|important|nesting|selector-|intrinsic|inert|sytem-ui|border-(?:inline|radius-logical)"
    r"|margin-block-start|margin-inline-start|padding-block-start|padding-inline-start|pseudo-class-lang)"
    r"|html-(?:anchor-links|base|body|button-submit|comments|doctype|input-|mailto-links|meta-color-scheme|style|link$"
    r"|address|form|select|textarea|required)|image-(?:base64|apng|hdr)"
)


def keys_of(slug: str) -> str:
    """Give what to look for in a mail, as words such as property:float, element:video or unit:rem."""
    if slug in KEYS:
        return KEYS[slug]
    for stem, kind in (
        ("css-at-media-", "media"),
        ("css-pseudo-class-", "pseudo"),
        ("css-pseudo-element-", "pseudo-element"),
        ("css-unit-", "unit"),
        ("css-", "property"),
        ("image-", "image"),
    ):
        if slug.startswith(stem):
            return f"{kind}:{slug.removeprefix(stem)}"
    return ""


def html_key(slug: str, title: str) -> str:
    """Give what an HTML feature is about, which its title tells: an attribute or an element."""
    name = slug.removeprefix("html-")
    return f"attribute:{name}" if "attribute" in title else f"element:{name}"


def support_of(stats: dict[str, Any], client: str) -> str:
    """Give what the newest version tested does: y (supported), a (in part), n (not), u (nobody tested it)."""
    for family, platform in filter(None, (CLIENTS[client], INSTEAD.get(client))):
        versions = stats.get(family, {}).get(platform, {})
        if versions:
            newest = max(versions, key=lambda version: [int(part) for part in re.findall(r"\d+", version)])
            letter = str(versions[newest]).split()[0]
            if letter != UNTOLD:
                return letter
    return UNTOLD


def feature_rows(data: list[dict[str, Any]]) -> list[Row]:
    """Return slug, title, keys and one letter a client of every feature that can be found in a mail."""
    rows = []
    for feature in data:
        slug, title = feature["slug"], feature["title"]
        if LEFT_OUT.match(slug):
            continue
        keys = keys_of(slug) or html_key(slug, title)
        rows.append((slug, title.strip(), keys, *(support_of(feature["stats"], client) for client in CLIENTS)))
    return sorted(rows)


def provenance(updated: str, features: list[Row], known: int) -> str:
    """Return the provenance file: what came from where, in which vintage, under which licence, and how much."""
    tested = {client: sum(1 for row in features if row[3 + at] != UNTOLD) for at, client in enumerate(CLIENTS)}
    lines = "\n".join(f"{client} = {count}" for client, count in tested.items())
    return f"""\
# Written by tools/build_caniemail.py.
tool = "tools/build_caniemail.py (npm pack)"

[caniemail]
files = ["features.csv.gz"]
package = "{PACKAGE}"
version = "{VERSION}"
vintage = "{updated}"
sources = ["Can I email… (caniemail.com, HTeuMeuLeu), its published data"]
licence = "data: MIT; package: MIT (both in LICENSE.txt)"
features_of_the_package = {known}
features = {len(features)}

# Of how many features a test tells what the client does; the others count as supported.
[tested]
{lines}
"""


def main() -> None:
    """Fetch the package and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--into", type=Path, default=REFERENCE, help="folder to write to (default: templates/lint/reference)"
    )
    into: Path = parser.parse_args().into
    with tempfile.TemporaryDirectory() as name:
        file = fetch(PACKAGE, VERSION, Path(name)) / "data" / "caniemail.json"
        published = json.loads(file.read_text(encoding="utf-8"))
        licence = re.sub(r" <\S+@\S+>", "", (file.parent.parent / "LICENSE").read_text(encoding="utf-8"))
    rows = feature_rows(published["data"])
    write(into / "features.csv.gz", ("feature", "title", "keys", *CLIENTS), rows)
    (into / "LICENSE.txt").write_text(DATA_NOTICE + licence, encoding="utf-8")
    updated = published["last_update_date"][:10]
    (into / "PROVENANCE.toml").write_text(provenance(updated, rows, len(published["data"])), encoding="utf-8")
    print(f"features.csv.gz: {(into / 'features.csv.gz').stat().st_size} bytes, {len(rows)} features")


if __name__ == "__main__":
    main()
