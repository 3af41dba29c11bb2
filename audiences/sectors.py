"""Sectors: groups of NAF codes that the chamber targets, read from a table which an officer may copy and edit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from gettext import gettext as _
from pathlib import Path
from typing import NamedTuple, Self

from audiences.errors import InvalidSectorFile, UnknownSector, UnreadableSheet
from audiences.naf import Nomenclature, nomenclature_of, normalise_naf
from audiences.reference import SECTORS, naf_labels
from audiences.text import SLUG, fold, nearest
from audiences.textfiles import TextFile

COLUMNS = ("kind", "sector", "label", "nomenclature", "prefix")
"""The columns of the table, in this order; one row a prefix, the rows of a sector in any order."""

_PREFIX = re.compile(r"\d\d(?:\.\d{1,2})?|\d\d\.\d\d[A-Z]")


class SectorKind(StrEnum):
    """How a sector takes its companies."""

    SECTEUR = "secteur"  # every company has one at most: the longest prefix wins
    FILIERE = "filiere"  # as many as match, beside the secteur


class Prefix(NamedTuple):
    """The beginning of NAF codes ("56", "56.1", "56.10C") in one nomenclature: the two reuse each other's numbers."""

    nomenclature: Nomenclature
    prefix: str


@dataclass(frozen=True, slots=True)
class Sector:
    """A named group of NAF prefixes."""

    slug: str
    label: str
    kind: SectorKind
    prefixes: tuple[Prefix, ...]

    def reach(self, nomenclature: Nomenclature, code: str) -> int:
        """Return the length of the longest prefix that `code` begins with, 0 where none does."""
        return max(
            (len(p.prefix) for p in self.prefixes if p.nomenclature == nomenclature and code.startswith(p.prefix)),
            default=0,
        )


class Sectors:
    """The sector table; iterating gives its sectors in the order of the file."""

    def __init__(self, sectors: tuple[Sector, ...]) -> None:
        self._sectors = sectors
        self._by_name = {fold(name): sector for sector in sectors for name in (sector.label, sector.slug)}
        self._cached = lru_cache(maxsize=None)(self._match)

    def __iter__(self) -> Iterator[Sector]:
        return iter(self._sectors)

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read the table at `path` or, without one, the shipped table.

        Comma or semicolon, UTF-8 or cp1252: a French Excel saves the latter. A row that cannot be read raises
        InvalidSectorFile naming file, row and column.
        """
        return cls(_read(path or SECTORS))

    def find(self, text: str) -> Sector:
        """Return the sector of this slug or label, in any spelling; raise UnknownSector naming the nearest."""
        sector = self._by_name.get(fold(text))
        if sector is None:
            near = dict.fromkeys(self._by_name[name].slug for name in nearest(text, self._by_name))
            hint = _("See `relais audiences sectors`.")
            if near:
                hint = _("Did you mean {names}?").format(names=_(" or ").join(near))
            raise UnknownSector(_("Unknown {field} “{value}”. {hint}").format(field="sector", value=text, hint=hint))
        return sector

    def of(self, naf_code: str) -> tuple[Sector, ...]:
        """Return the sectors of a NAF subclass: its one `secteur` first, then every `filiere` that has it.

        A secteur is less than its prefixes: commerce-detail has 47 but leaves 47.11 to commerce-alimentaire. So
        companies are selected by their codes (`sector in sectors.of(code)`), not by their prefixes. Raises InvalidNaf.
        """
        return self._cached(naf_code)

    def main(self, naf_code: str) -> Sector | None:
        """Return the `secteur` of a NAF subclass, None where the table has none; raise InvalidNaf."""
        return next((sector for sector in self.of(naf_code) if sector.kind is SectorKind.SECTEUR), None)

    def _match(self, naf_code: str) -> tuple[Sector, ...]:
        code, nomenclature = normalise_naf(naf_code), nomenclature_of(naf_code)
        reached = [(sector.reach(nomenclature, code), sector) for sector in self]
        secteurs = [(reach, sector) for reach, sector in reached if reach and sector.kind is SectorKind.SECTEUR]
        filieres = [sector for reach, sector in reached if reach and sector.kind is SectorKind.FILIERE]
        main = [max(secteurs, key=lambda pair: pair[0])[1]] if secteurs else []
        return (*main, *filieres)


class _BadCellError(Exception):
    def __init__(self, column: str, cause: str) -> None:
        self.column, self.cause = column, cause


def _read(path: Path) -> tuple[Sector, ...]:
    try:
        rows = TextFile(path, lambda cells: len({*cells} & {*COLUMNS})).rows()
        _number, head = next(rows, (1, []))
    except UnreadableSheet as error:
        raise InvalidSectorFile(str(error)) from error
    if tuple(cell.strip() for cell in head) != COLUMNS:
        raise InvalidSectorFile(
            _("{path}, row 1: the columns must be {columns}").format(path=path, columns=", ".join(COLUMNS))
        )
    sectors: dict[str, Sector] = {}
    for number, row in rows:
        try:
            _add(sectors, [cell.strip() for cell in row])
        except _BadCellError as bad:
            raise InvalidSectorFile(
                _("{path}, row {row}, column {column}: {cause}").format(
                    path=path, row=number, column=bad.column, cause=bad.cause
                )
            ) from bad
    return tuple(sectors.values())


def _add(sectors: dict[str, Sector], row: list[str]) -> None:
    """Add the prefix of one row to its sector; raise _BadCellError for the first cell that is wrong."""
    if len(row) != len(COLUMNS) or not all(row):
        missing = next((name for name, cell in zip(COLUMNS, row, strict=False) if not cell), COLUMNS[-1])
        raise _BadCellError(
            missing, _("a row has exactly these five cells: {columns}").format(columns=", ".join(COLUMNS))
        )
    kind_text, slug, label, nomenclature_text, prefix_text = row
    if kind_text not in set(SectorKind):
        raise _BadCellError("kind", _("{text!r} is unknown: write secteur or filiere").format(text=kind_text))
    if not SLUG.fullmatch(slug):
        raise _BadCellError(
            "sector", _("{text!r} is not a short name: use a-z, 0-9 and single hyphens").format(text=slug)
        )
    prefix = _prefix(nomenclature_text, prefix_text)
    kind = SectorKind(kind_text)
    sector = sectors.get(slug) or Sector(slug, label, kind, ())
    if sector.kind is not kind:
        raise _BadCellError(
            "kind", _("{slug} is a {kind} further up: write the same").format(slug=slug, kind=sector.kind)
        )
    if sector.label != label:
        raise _BadCellError(
            "label", _("{slug} is labelled {label!r} further up: write the same").format(slug=slug, label=sector.label)
        )
    for other in sectors.values():
        if slug not in sectors and {fold(slug), fold(label)} & {fold(other.slug), fold(other.label)}:
            raise _BadCellError(
                "sector", _("{slug} cannot be told from {other}: rename one").format(slug=slug, other=other.slug)
            )
        if prefix in other.prefixes and (other.slug == slug or other.kind is kind is SectorKind.SECTEUR):
            raise _BadCellError(
                "prefix",
                _("{text} belongs to {other} already: a prefix stands in one secteur only").format(
                    text=prefix.prefix, other=other.slug
                ),
            )
    sectors[slug] = Sector(slug, label, kind, (*sector.prefixes, prefix))


def _prefix(nomenclature_text: str, text: str) -> Prefix:
    if nomenclature_text not in set(Nomenclature):
        raise _BadCellError(
            "nomenclature", _("{text!r} is unknown: write NAFRev2 or NAF2025").format(text=nomenclature_text)
        )
    if not _PREFIX.fullmatch(text):
        raise _BadCellError(
            "prefix", _("{text!r} does not begin a NAF code: write it like 01, 47.2, 47.11 or 56.10C").format(text=text)
        )
    nomenclature = Nomenclature(nomenclature_text)
    if text[-1].isalpha() and nomenclature_of(text) is not nomenclature:
        raise _BadCellError(
            "prefix",
            _("{text} is a code of {other}: correct the nomenclature").format(text=text, other=nomenclature_of(text)),
        )
    if nomenclature is Nomenclature.NAF_REV2 and text not in naf_labels():
        raise _BadCellError("prefix", _("NAF rév. 2 has no {text}: correct it or remove the row").format(text=text))
    return Prefix(nomenclature, text)
