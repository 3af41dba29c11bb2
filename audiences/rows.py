"""Types the cells of a sheet's rows and names every fault by row, column, value and reason."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import partial
from gettext import gettext as _
from typing import Any, NamedTuple

from audiences.addresses import Address, read_address
from audiences.columns import SheetKind
from audiences.exports import FORMULA_MARKS
from audiences.mapping import ColumnMapping
from audiences.models import ContactKind, LegalBasis
from audiences.naf import normalise_naf
from audiences.territory import Placement, Territory
from audiences.text import fold
from audiences.textfiles import TextRow
from audiences.values import (
    Headcount,
    Terms,
    parse_band,
    parse_commune_code,
    parse_date,
    parse_diffusion,
    parse_headcount,
    parse_kind,
    parse_legal_basis,
    parse_postcode,
    parse_siret,
    parse_state,
    parse_tags,
    parse_yes_no,
)

MEMO = 1 << 13
"""Cells of one column whose value is remembered: most columns repeat themselves."""

UNIQUE = frozenset({"address", "reference"})
"""Columns whose cells hardly ever repeat."""

UNDISCLOSED = "[ND]"
"""What INSEE writes where an establishment of partial diffusion has a name or an address."""


class Rejection(NamedTuple):
    """A cell that cannot be accepted: row as the spreadsheet numbers it, header, value as written, reason."""

    row: int
    column: str
    value: str
    reason: str


class Name(NamedTuple):
    """A company's name, and as it compares."""

    text: str
    key: str


class ParsedRow(NamedTuple):
    """One row, typed; None where it says nothing. The fields are those of `FIELDS`, in the order of `SLOTS`, and three more.

    `name` is of INSEE's register the sign, where an establishment has no other.
    """

    postcode: str | None
    commune: str | None
    commune_code: str | None
    siret: str | None
    name: Name | None
    naf: str | None
    band: Headcount | None
    headcount: Headcount | None
    diffusion: str | None
    address: Address | None
    civility: str | None
    given_name: str | None
    family_name: str | None
    role: str | None
    kind: ContactKind | None
    legal_basis: LegalBasis | None
    source: str | None
    tags: tuple[str, ...] | None
    opposed: bool | None
    reference: str | None
    received_on: date | None
    channel: str | None
    nature: str | None
    topic: str | None
    adviser: str | None
    answer: str | None
    sign: Name | None
    naf_2025: str | None
    unit_diffusion: str | None
    is_closed: bool | None
    number: int
    placement: Placement | None
    unusable: str | None


SLOTS = {("state" if name == "is_closed" else name): at for at, name in enumerate(ParsedRow._fields[:-3])}
SAID = SLOTS["address"]
"""How many of the first fields speak of the company."""

_WIDTH = len(ParsedRow._fields)
_ADDRESS, _SIRET, _NAME, _SIGN = SLOTS["address"], SLOTS["siret"], SLOTS["name"], SLOTS["sign"]
_PLACE = (SLOTS["commune_code"], SLOTS["postcode"], SLOTS["commune"])
_NAF, _NAF_2025 = SLOTS["naf"], SLOTS["naf_2025"]
_DIFFUSION, _UNIT_DIFFUSION = SLOTS["diffusion"], SLOTS["unit_diffusion"]

_MARKED = frozenset("'[")

_Parse = Callable[[str], Any]
_Fault = tuple[str, str, str]
"""A field, its cell, and what is wrong with it."""

_make_row: Callable[[tuple[Any, ...]], ParsedRow] = partial(tuple.__new__, ParsedRow)


class _Unread(NamedTuple):
    """A cell that has no value, and why."""

    cell: str
    reason: str


class _Cells(dict[str, Any]):
    """The values of one column's cells: those that repeat are looked up, without a step of Python's for each."""

    def __init__(self, field: str, parse: _Parse, bare: Callable[[str], str], *, is_told: bool) -> None:
        """Read the cells of a field; where nobody is told why a cell has no value, the reason is not put into words."""
        super().__init__()
        self._is_told = is_told
        self.field = field
        self._parse, self._bare = parse, bare
        self._is_unique = field in UNIQUE
        self.has_unread = False

    def __missing__(self, text: str) -> Any:
        clean = text.strip()
        if clean[:1] in _MARKED:
            clean = self._bare(clean)
        if not clean:
            return None
        try:
            value = self._parse(clean)
        except ValueError as error:
            self.has_unread = True
            return _Unread(clean, str(error) if self._is_told else "")
        if not self._is_unique:
            if len(self) >= MEMO:
                self.clear()
            self[text] = value
        return value


class RowParser:
    """Types the cells of rows; `rejections` collects what is wrong, so that one pass names every fault."""

    def __init__(
        self, mapping: ColumnMapping, territory: Territory, natures: Terms, channels: Terms, *, keep_invalid: bool
    ) -> None:
        self._kind = mapping.kind
        self._places = territory.places
        self._keep_invalid = keep_invalid
        self._is_lenient = mapping.kind is SheetKind.SIRENE
        parsers: dict[str, _Parse] = {
            "siret": parse_siret, "name": _name, "sign": _name, "naf": normalise_naf, "naf_2025": normalise_naf,
            "band": parse_band, "headcount": parse_headcount, "postcode": parse_postcode,
            "commune_code": parse_commune_code, "diffusion": parse_diffusion, "unit_diffusion": parse_diffusion,
            "address": read_address, "kind": parse_kind, "legal_basis": parse_legal_basis, "tags": parse_tags,
            "opposed": parse_yes_no, "received_on": parse_date, "channel": channels.parse, "nature": natures.parse,
            "state": parse_state,
        }  # fmt: skip
        positions = mapping.positions
        self._headers = {field: mapping.columns[at].header for field, at in positions.items()}
        self._width = max(positions.values(), default=-1) + 1
        self._company_at = [at for field, at in positions.items() if field in {"siret", "name", "sign"}]
        self._columns: list[tuple[int, int, _Cells]] = [
            (positions[field], slot, self._cells_of(field, parsers.get(field, _text)))
            for field, slot in SLOTS.items()
            if field in positions
        ]
        self._needed = [
            (field, slot)
            for field, slot in SLOTS.items()
            if (self._kind is SheetKind.REQUESTS and field in {"received_on", "channel", "nature"})
            or (self._kind is SheetKind.SIRENE and field == "siret")
        ]
        self.rejections: list[Rejection] = []
        self.rejected = 0

    def _cells_of(self, field: str, parse: _Parse) -> _Cells:
        is_kept = self._keep_invalid if field == "address" else self._is_lenient and field != "siret"
        return _Cells(field, parse, self._bare, is_told=not is_kept)

    def divide(self, rows: Iterable[TextRow]) -> tuple[list[TextRow], list[TextRow]]:
        """Give the rows that name a company, by SIRET or by name, and those that do not."""
        named: list[TextRow] = []
        nameless: list[TextRow] = []
        for row in rows:
            cells = row[1]
            width = len(cells)
            for at in self._company_at:
                if at < width and cells[at] and cells[at].strip():
                    named.append(row)
                    break
            else:
                nameless.append(row)
        return named, nameless

    def parse(self, rows: Sequence[TextRow]) -> list[ParsedRow]:
        """Give the typed rows, column by column, without those whose faults were added to `rejections`."""
        if not rows:
            return []
        numbers = [number for number, _cells in rows]
        columns = list(zip(*self._padded([cells for _number, cells in rows]), strict=False))
        nothing: list[Any] = [None] * len(rows)
        values: list[Sequence[Any]] = [nothing] * _WIDTH
        unusable: list[str | None] = nothing
        faults: dict[int, list[_Fault]] = {}
        for at, slot, cells in self._columns:
            cells.has_unread = False
            values[slot] = column = list(map(cells.__getitem__, columns[at]))
            if cells.has_unread:
                unread = [(place, each) for place, each in enumerate(column) if type(each) is _Unread]
                for place, _each in unread:
                    column[place] = None
                if slot == _ADDRESS and self._keep_invalid:
                    unusable = list(nothing)
                    for place, each in unread:
                        unusable[place] = each.cell
                elif not self._is_lenient or slot == _SIRET:
                    for place, each in unread:
                        faults.setdefault(place, []).append((cells.field, *each))
        self._look_for_gaps(values, unusable, faults)
        for place in sorted(faults):
            self._reject(numbers[place], faults[place])
        if self._is_lenient:
            _settle_register(values)
        placements = self._places(*(values[slot] for slot in _PLACE))
        values[-3:] = numbers, placements, unusable
        parsed = map(_make_row, zip(*values, strict=True))
        return [row for place, row in enumerate(parsed) if place not in faults] if faults else list(parsed)

    def _padded(self, rows: list[list[str]]) -> list[list[str]]:
        """Give the rows with at least as many cells as are read."""
        width = self._width
        if min(map(len, rows)) >= width:
            return rows
        return [cells + [""] * (width - len(cells)) for cells in rows]

    def _look_for_gaps(
        self, values: Sequence[Sequence[Any]], unusable: Sequence[str | None], faults: dict[int, list[_Fault]]
    ) -> None:
        """Add the faults of rows that lack a cell which they need."""
        for field, slot in self._needed:
            if None in values[slot]:
                for place, value in enumerate(values[slot]):
                    if value is None and all(fault[0] != field for fault in faults.get(place, ())):
                        faults.setdefault(place, []).append((field, "", _("the cell is empty")))
        if None in values[_SIRET]:
            for place, who in enumerate(zip(values[_SIRET], values[_NAME], values[_ADDRESS], strict=True)):
                if who == (None, None, None) and place not in faults:
                    reason = _("the row names neither a company (SIRET or name) nor an address")
                    faults[place] = [("address", unusable[place] or "", reason)]

    def _bare(self, text: str) -> str:
        """Take away the apostrophe that an export puts before what would be a formula, and what INSEE does not tell."""
        if self._is_lenient and text == UNDISCLOSED:
            return ""
        is_guarded = text[0] == "'" and text[1:].lstrip()[:1] in FORMULA_MARKS and text[1:].strip()
        return text[1:].strip() if is_guarded else text

    def _reject(self, number: int, faults: list[_Fault]) -> None:
        self.rejected += 1
        headers = self._headers
        self.rejections += [Rejection(number, headers.get(field, ""), value, reason) for field, value, reason in faults]


def _text(text: str) -> str:
    return text


def _name(text: str) -> Name:
    return Name(text, fold(text))


def _settle_register(values: list[Sequence[Any]]) -> None:
    """Choose among what INSEE writes twice: the code of the nomenclature in force, the name, and the stricter diffusion.

    One that objects, the legal unit or the establishment, is not prospected.
    """
    values[_NAF] = [code or later for code, later in zip(values[_NAF], values[_NAF_2025], strict=True)]
    values[_NAME] = [name or sign for name, sign in zip(values[_NAME], values[_SIGN], strict=True)]
    values[_DIFFUSION] = [
        unit if unit in {"P", "N"} else own
        for own, unit in zip(values[_DIFFUSION], values[_UNIT_DIFFUSION], strict=True)
    ]
