"""Which mail client shows which HTML and CSS: the data of Can I email…, in the vintage of PROVENANCE.toml."""

import csv
import gzip
from functools import cache
from importlib.resources import files
from typing import NamedTuple

CLIENTS = {
    "outlook-windows": "Outlook (Windows)",
    "outlook-com": "Outlook.com",
    "gmail": "Gmail (web)",
    "gmail-ios": "Gmail (iOS)",
    "gmail-android": "Gmail (Android)",
    "apple-mail-macos": "Apple Mail (macOS)",
    "apple-mail-ios": "Apple Mail (iOS)",
    "thunderbird": "Thunderbird",
    "yahoo": "Yahoo",
    "orange": "Orange",
    "sfr": "SFR",
    "laposte": "La Poste",
    "free": "Free",
}
"""The clients of the data and what they are called. Of Free's webmail (zimbra.free.fr) only 19 features are tested, and
of Orange, SFR and La Poste about four in five; what nobody tested counts as supported."""

UNSUPPORTED = "n"


class Feature(NamedTuple):
    """One feature: its name, its title, and the letter of each client (y, a in part, n not, u untested)."""

    name: str
    title: str
    support: dict[str, str]

    def lacking(self) -> tuple[str, ...]:
        """Give the clients that do not support it at all."""
        return tuple(client for client, letter in self.support.items() if letter == UNSUPPORTED)


@cache
def features() -> dict[str, Feature]:
    """Give every feature by what shows it in a mail, such as property:float, element:video or unit:rem."""
    packed = (files(__name__) / "features.csv.gz").read_bytes()
    found: dict[str, Feature] = {}
    for row in csv.DictReader(gzip.decompress(packed).decode().splitlines()):
        feature = Feature(row["feature"], row["title"], {client: row[client] for client in CLIENTS})
        found |= dict.fromkeys(row["keys"].split(), feature)
    return found
