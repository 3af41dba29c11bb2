"""Guesses which column of a sheet is which field, and says what it is sure of and what a person has to confirm."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from gettext import gettext as _
from typing import NamedTuple

from audiences.columns import FIELDS, NEEDED, REASONS, SheetKind
from audiences.errors import AmbiguousColumn, MissingColumn, UnknownColumn
from audiences.text import fold, nearest

LIKELY = 84
"""How alike (0 to 100) a header and a known name are that may be a typing error of each other."""

CONTAINED = 85
"""The likeness of a header that has all words of a known name, and more of its own."""


class Certainty(StrEnum):
    """How a column came by its field."""

    GIVEN = "given"  # by --map
    CONFIRMED = "confirmed"  # a guess that somebody took
    REMEMBERED = "remembered"  # confirmed in an earlier import of this layout
    KNOWN = "known"  # its header is one of the names of the field
    LIKELY = "likely"  # its header resembles one: used only once it is confirmed
    REPEATED = "repeated"  # a column before it is that field
    UNUSED = "unused"


class Column(NamedTuple):
    """A column of a sheet: its header as written, its field (None: not used), and how sure that is."""

    header: str
    field: str | None
    certainty: Certainty


@dataclass(frozen=True)
class ColumnMapping:
    """What each column of a sheet is, in the order of the sheet."""

    kind: SheetKind
    columns: tuple[Column, ...]

    @property
    def positions(self) -> dict[str, int]:
        """The fields that the import reads, with the index of their column."""
        used = {Certainty.GIVEN, Certainty.CONFIRMED, Certainty.REMEMBERED, Certainty.KNOWN}
        return {each.field: at for at, each in enumerate(self.columns) if each.field and each.certainty in used}

    @property
    def ignored(self) -> tuple[str, ...]:
        """The headers of the columns that are not read."""
        used = set(self.positions.values())
        return tuple(
            each.header
            for at, each in enumerate(self.columns)
            if at not in used and each.header and fold(each.header) not in REASONS
        )

    @property
    def likely(self) -> tuple[Column, ...]:
        """The columns that are guessed, and not read unless somebody confirms them."""
        return tuple(each for each in self.columns if each.certainty is Certainty.LIKELY)

    @property
    def is_complete(self) -> bool:
        """Whether every column that the kind needs is known for certain."""
        return not self.doubts() and not self._missing()

    def confirmed(self) -> "ColumnMapping":
        """Give the mapping with its guesses taken as they are."""
        taken = [
            each._replace(certainty=Certainty.CONFIRMED) if each.certainty is Certainty.LIKELY else each
            for each in self.columns
        ]
        return replace(self, columns=tuple(taken))

    def doubts(self) -> tuple[str, ...]:
        """Give one line for each needed field that several columns may be, or one that only resembles it."""
        lines = []
        positions = self.positions
        for field in dict.fromkeys(field for group in NEEDED[self.kind] for field in group):
            rivals = [each for each in self.columns if each.field == field and each.header]
            sure = [each for each in rivals if each.certainty in {Certainty.GIVEN, Certainty.REMEMBERED}]
            known = [each for each in rivals if each.certainty in {Certainty.KNOWN, Certainty.REPEATED}]
            if not sure and len(known) > 1:
                names = _(" or ").join(_("“{header}”").format(header=each.header) for each in known)
                lines.append(_("{columns} may be {field}").format(columns=names, field=label(field, self.kind)))
        for group in self._missing():
            for each in self.likely:
                if each.field in group and each.field not in positions:
                    lines.append(
                        _("“{column}” looks like {field}").format(
                            column=each.header, field=label(each.field, self.kind)
                        )
                    )
        return tuple(lines)

    def require(self, file: str) -> None:
        """Raise MissingColumn or AmbiguousColumn, whose one line says which --map settles it, unless all is certain."""
        doubts = self.doubts()
        twins = twins_among(each.header for each in self.columns if each.certainty is not Certainty.UNUSED)
        for each in self.columns:
            if doubts and fold(each.header) in twins and any(each.field in group for group in NEEDED[self.kind]):
                raise _twins(file, each.header)
        if doubts:
            example = self._example()
            raise AmbiguousColumn(
                _("{file}: {doubts}. Say which: --map {example}").format(
                    file=file, doubts="; ".join(doubts), example=example
                )
            )
        missing = self._missing()
        if missing:
            fields = FIELDS[self.kind]
            wanted = "; ".join(" / ".join(f"“{fields[field][0].capitalize()}”" for field in group) for group in missing)
            present = ", ".join(each.header for each in self.columns if each.header)
            raise MissingColumn(
                _(
                    "{file} lacks a column: {wanted}. It has: {present}. Rename a header, or say which it is: --map {example}"
                ).format(file=file, wanted=wanted, present=present, example=f'"…={missing[0][0]}"')
            )

    def _missing(self) -> list[tuple[str, ...]]:
        positions = self.positions
        return [group for group in NEEDED[self.kind] if not any(field in positions for field in group)]

    def _example(self) -> str:
        shown = {}
        for each in self.columns:
            needed = any(each.field in group for group in NEEDED[self.kind])
            if needed and each.field and each.certainty in {Certainty.LIKELY, Certainty.REPEATED}:
                shown[each.field] = f'"{each.header}={each.field}"'
        return " --map ".join(shown.values())


def twins_among(headers: Iterable[str]) -> set[str]:
    """Give the headers, folded, that several columns have."""
    counts = Counter(map(fold, headers))
    return {name for name, count in counts.items() if name and count > 1}


def _twins(place: str, header: str) -> AmbiguousColumn:
    cause = _("{place}: several columns are called “{header}”. Rename all of them but one in the file.")
    return AmbiguousColumn(cause.format(place=place, header=header))


def label(field: str, kind: SheetKind) -> str:
    """Give a field as the officer reads it: its key, and its French header."""
    return f"{field} ({FIELDS[kind][field][0].capitalize()})"


def header_score(extra: Callable[[Sequence[str]], bool] = lambda _cells: False) -> Callable[[Sequence[str]], int]:
    """Give the function that tells how much a row looks like a header; a row for which `extra` holds is one.

    Names that are known count double, names that resemble one single: a title may resemble one.
    """
    known = {name for fields in FIELDS.values() for headers in fields.values() for name in headers}

    def score(cells: Sequence[str]) -> int:
        found = sum(fold(cell) in known for cell in cells if cell and len(cell) < 80)
        if extra(cells):
            return 1_000 + found
        if found:
            return 2 * found
        filled = [cell for cell in cells if cell]
        if len(filled) < 2 or any(len(cell) > 80 for cell in filled):
            return 0
        kinds = (SheetKind.CONTACTS, SheetKind.REQUESTS)
        return int(any(_likely(fold(cell), kind) is not None for kind in kinds for cell in filled))

    return score


def layout_hash(headers: Sequence[str]) -> str:
    """Give what recognises a layout: its headers, accents, case and order aside, without the reason of a rejection."""
    names = sorted({name for header in headers if (name := fold(header)) and name not in REASONS})
    return hashlib.blake2b("\x1f".join(names).encode(), digest_size=16).hexdigest()


def guess_kind_of(headers: Sequence[str]) -> SheetKind:
    """Tell what a sheet holds by its headers: INSEE's register, requests (date, channel, nature), else contacts."""
    names = {fold(header) for header in headers}

    def has(kind: SheetKind, *fields: str) -> bool:
        return all(names & set(FIELDS[kind][field]) for field in fields)

    if has(SheetKind.SIRENE, "siret", "state") and not has(SheetKind.CONTACTS, "address"):
        return SheetKind.SIRENE
    if has(SheetKind.REQUESTS, "received_on", "channel", "nature"):
        return SheetKind.REQUESTS
    return SheetKind.CONTACTS


def guess(
    headers: Sequence[str],
    kind: SheetKind,
    *,
    given: Mapping[str, str | None] | None = None,
    remembered: Mapping[str, str | None] | None = None,
) -> ColumnMapping:
    """Map the columns of a sheet to the fields of its kind.

    `given` and `remembered` are folded header -> field, None for a column that is not to be read; they come first,
    then the names that are known, then those that resemble one. Of two columns that are one field the first is read.
    """
    given, remembered = given or {}, remembered or {}
    names = {name: field for field, known in FIELDS[kind].items() for name in known}
    taken = {field for field in given.values() if field}
    columns: list[Column] = []
    for header in headers:
        name = fold(header)
        columns.append(_first_guess(header, name, names, given, remembered, taken))
    for at, column in enumerate(columns):
        if (
            column.certainty is not Certainty.UNUSED
            or not column.header
            or fold(column.header) in {*given, *remembered}
        ):
            continue
        field = _likely(fold(column.header), kind)
        if field is not None and field not in taken and fold(column.header) not in REASONS:
            columns[at] = column._replace(field=field, certainty=Certainty.LIKELY)
            taken.add(field)
    return ColumnMapping(kind, tuple(columns))


def _first_guess(
    header: str,
    name: str,
    names: Mapping[str, str],
    given: Mapping[str, str | None],
    remembered: Mapping[str, str | None],
    taken: set[str],
) -> Column:
    if name in given:
        return Column(header, given[name], Certainty.GIVEN if given[name] else Certainty.UNUSED)
    if name in remembered:
        field, certainty = remembered[name], Certainty.REMEMBERED
    else:
        field, certainty = names.get(name), Certainty.KNOWN
    if field is None:
        return Column(header, None, Certainty.UNUSED)
    if field in taken:
        return Column(header, field, Certainty.REPEATED)
    taken.add(field)
    return Column(header, field, certainty)


def _likely(name: str, kind: SheetKind) -> str | None:
    """Give the field whose names resemble this folded header most, None where two are as near or none is."""
    from rapidfuzz import fuzz

    if len(name) < 3:
        return None
    words = set(name.split())
    best: dict[str, tuple[float, int]] = {}
    for field, known in FIELDS[kind].items():
        for each in known:
            if len(each) < 3:
                continue
            likeness = fuzz.ratio(name, each)
            if words.issuperset(each.split()):
                likeness = max(likeness, CONTAINED)
            if likeness >= LIKELY:
                best[field] = max(best.get(field, (0.0, 0)), (likeness, len(each)))
    ranked = sorted(best.items(), key=lambda item: item[1], reverse=True)
    if not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


def parse_maps(words: Sequence[str], headers: Sequence[str], kind: SheetKind) -> dict[str, str | None]:
    """Read "Header=field" words: folded header -> field, None for "Header=" (not to be read).

    The field is its key or any name that is known of it. Raises UnknownColumn, naming the nearest header or field,
    and AmbiguousColumn for a header that several columns have.
    """
    present = {fold(header): header for header in headers if header}
    twins = twins_among(headers)
    fields = FIELDS[kind]
    by_name = {fold(field): field for field in fields} | {
        name: field for field, known in fields.items() for name in known
    }
    found: dict[str, str | None] = {}
    for word in words:
        header, equals, wanted = word.rpartition("=")
        if not equals:
            raise UnknownColumn(_('“{word}” maps no column. Write --map "Header=field".').format(word=word))
        if fold(header) not in present:
            near = nearest(header, present.values()) or list(present.values())
            raise UnknownColumn(
                _("The sheet has no column “{header}”. Write one of: {near}.").format(
                    header=header, near=", ".join(near)
                )
            )
        if fold(header) in twins and wanted.strip():
            raise _twins(f"--map {word}", header)
        field = by_name.get(fold(wanted)) if wanted.strip() else None
        if wanted.strip() and field is None:
            near = nearest(wanted, fields) or list(fields)
            raise UnknownColumn(
                _("“{field}” is no field of {kind}. Write one of: {near}.").format(
                    field=wanted, kind=kind, near=", ".join(near)
                )
            )
        if field is not None and field in found.values():
            raise UnknownColumn(_("Two columns are mapped to {field}. Keep one --map of it.").format(field=field))
        found[fold(header)] = field
    return found
