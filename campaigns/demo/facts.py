"""The published month that the demo replays, and what the demo invents around it, read from `april_2020.toml`."""

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

_FILE = Path(__file__).with_name("april_2020.toml")

UNPLACED = "Non précisé"
"""The EPCI column of requests whose company has no known commune."""

OUTSIDE = "Hors territoire Artois"
"""The EPCI column of requests from companies in communes outside the chamber's territory."""


@dataclass(frozen=True)
class Mailing:
    """A mailing of the month: its query, the request export that preceded it, its published figures where there are any.

    `delivered` counts the messages that the relay accepted, `matched` companies, `recipients` mailboxes.
    """

    date: datetime.date
    slug: str
    name: str
    subject: str
    query: str
    template: str
    export: datetime.date
    delivered: int | None = None
    matched: int | None = None
    recipients: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EpciPlan:
    """One EPCI of the territory: `share` weighs its companies, `asked` are those that asked first for the solidarity fund."""

    siren: str
    share: int
    asked: int
    towns: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """The published request tables, the mailings, and the invented details that leave them true."""

    total: int
    by_channel: Mapping[str, int]
    by_epci: Mapping[str, int]
    by_nature: Mapping[str, int]
    campaigns: tuple[Mailing, ...]
    relays: tuple[Mailing, ...]
    upcoming: tuple[Mailing, ...]
    exports: tuple[datetime.date, ...]
    project_holders: int
    advisers: tuple[str, ...]
    outside: tuple[str, ...]
    topics: Mapping[str, tuple[str, ...]]
    epcis: Mapping[str, EpciPlan]

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Build the facts of a parsed TOML table."""
        requests, invented = table["requests"], table["invented"]
        return cls(
            total=requests["total"],
            by_channel=requests["by_channel"],
            by_epci=requests["by_epci"],
            by_nature=requests["by_nature"],
            campaigns=tuple(Mailing(**entry) for entry in table["campaigns"]),
            relays=tuple(Mailing(**entry) for entry in table["relays"]),
            upcoming=tuple(Mailing(**entry) for entry in table["upcoming"]),
            exports=tuple(invented["exports"]),
            project_holders=invented["project_holders"],
            advisers=tuple(invented["advisers"]),
            outside=tuple(invented["outside"]),
            topics={nature: tuple(topics) for nature, topics in invented["topics"].items()},
            epcis={
                name: EpciPlan(entry["siren"], entry["share"], entry["asked"], tuple(entry["towns"]))
                for name, entry in invented["epcis"].items()
            },
        )

    def campaign(self, slug: str) -> Mailing:
        """Return the campaign of this slug; raise KeyError where there is none."""
        return {campaign.slug: campaign for campaign in self.campaigns}[slug]


def load_facts() -> Facts:
    """Read the shipped facts."""
    return Facts.from_table(tomllib.loads(_FILE.read_text(encoding="utf-8")))
