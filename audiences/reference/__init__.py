"""The shipped reference data (communes, departments, EPCIs, NAF labels), each file read once per process and only when asked for."""

import csv
import gzip
import io
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["SECTORS", "Commune", "Epci", "communes", "departments", "epcis", "naf_labels", "vintage"]

_FOLDER = Path(__file__).parent

SECTORS = _FOLDER / "sectors.csv"
"""The shipped sector table; an officer's own copy stands beside relais.toml."""


class Commune(NamedTuple):
    """A commune, or a former one or an arrondissement (`successor` is then the code of the commune it is part of)."""

    code: str
    name: str  # empty for a former commune of which the source has the code alone
    key: str  # the name as `audiences.text.fold_commune` gives it
    department: str
    postcodes: str  # separated by spaces; empty for a former commune
    epci: str  # SIREN; empty for the few communes without an EPCI, and where there is a successor
    successor: str


class Epci(NamedTuple):
    """An inter-municipal body with its own taxation."""

    siren: str
    name: str  # as the DGCL writes it: "CA de Lens - Liévin"
    kind: str  # CC, CA, CU, METRO or MET69


def _rows(file: str) -> Iterator[list[str]]:
    text = gzip.decompress((_FOLDER / file).read_bytes()).decode()
    rows = csv.reader(io.StringIO(text))
    next(rows)
    return rows


@cache
def communes() -> tuple[Commune, ...]:
    """Return every commune of France, the former ones too, in order of code."""
    return tuple(map(Commune._make, _rows("communes.csv.gz")))


@cache
def departments() -> dict[str, str]:
    """Return the names of the departments and overseas territories by code ("62", "2A", "974")."""
    return dict(_rows("departments.csv.gz"))


@cache
def epcis() -> dict[str, Epci]:
    """Return the EPCIs by SIREN."""
    return {row[0]: Epci._make(row) for row in _rows("epcis.csv.gz")}


@cache
def naf_labels() -> dict[str, str]:
    """Return the labels of NAF rév. 2 by code, from division ("56") to subclass ("56.10C")."""
    return dict(_rows("naf.csv.gz"))


@cache
def vintage() -> int:
    """Return the year of the communes and EPCIs (their composition on 1 January)."""
    provenance = tomllib.loads((_FOLDER / "PROVENANCE.toml").read_text(encoding="utf-8"))
    return int(provenance["divisions"]["vintage"])
