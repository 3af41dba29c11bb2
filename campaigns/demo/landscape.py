"""Where the invented companies stand: real communes and NAF codes of the shipped reference."""

import csv
from pathlib import Path
from typing import NamedTuple

from campaigns.demo.facts import OUTSIDE, Facts

TARGETED = frozenset({"transport-logistique", "commerce-alimentaire", "restauration-rapide"})
"""Sectors of the first mask mailing."""


class Trade(NamedTuple):
    """A NAF code, how common it is, and the words that its companies call themselves by."""

    naf: str
    weight: int
    words: tuple[str, ...]


class Place(NamedTuple):
    """A commune with one of its postcodes."""

    code: str
    name: str
    postcode: str
    is_main: bool


def read_trades() -> tuple[list[Trade], list[Trade]]:
    """Read the trades: those of the targeted sectors, and the others."""
    from audiences.sectors import Sectors

    sectors = Sectors.load()
    targeted: list[Trade] = []
    others: list[Trade] = []
    with Path(__file__).with_name("trades.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            trade = Trade(row["naf"], int(row["weight"]), tuple(row["words"].split("|")))
            is_targeted = any(sector.slug in TARGETED for sector in sectors.of(trade.naf))
            (targeted if is_targeted else others).append(trade)
    return targeted, others


def read_places(facts: Facts) -> dict[str, list[Place]]:
    """Read the communes of each EPCI of the territory, and those elsewhere, from the shipped reference."""
    from audiences.reference import communes

    names = {plan.siren: (name, frozenset(plan.towns)) for name, plan in facts.epcis.items()}
    elsewhere = (OUTSIDE, frozenset(facts.outside))
    places: dict[str, list[Place]] = {name: [] for name in (*facts.epcis, OUTSIDE)}
    for commune in communes():
        name, towns = names.get(commune.epci, elsewhere)
        if not commune.postcodes or (name == OUTSIDE and commune.code not in towns):
            continue
        postcode = commune.postcodes.split(" ")[0]
        places[name].append(Place(commune.code, commune.name, postcode, commune.code in towns))
    return places
