"""Types the cells of a sheet's rows and names every fault by row, column, value and reason."""

from collections.abc import Callable, Sequence
from datetime import date
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
"""Cells of one column whose value is remembered: most columns repeat themselves (measured: 4 us a row less)."""

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
    """One row, typed; None where it says nothing. The fields are those of `FIELDS`, in the order of `SLOTS`, and four more."""

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

    @property
    def company_name(self) -> Name | None:
        """The company's name; of INSEE's register the sign, where it has no other."""
        return self.name or self.sign


SLOTS = {("state" if name == "is_closed" else name): at for at, name in enumerate(ParsedRow._fields[:-3])}
_WIDTH = len(ParsedRow._fields)
_ADDRESS, _POSTCODE = SLOTS["address"], SLOTS["postcode"]
_COMMUNE, _COMMUNE_CODE = SLOTS["commune"], SLOTS["commune_code"]
_SIRET, _NAME, _NAF, _DIFFUSION = SLOTS["siret"], SLOTS["name"], SLOTS["naf"], SLOTS["diffusion"]
_NAF_2025, _UNIT_DIFFUSION = SLOTS["naf_2025"], SLOTS["unit_diffusion"]

_MARKED = frozenset("'[")

_Parse = Callable[[str], Any]
_Fault = tuple[str, str, str]
"""A field, its cell, and what is wrong with it."""


class RowParser:
    """Types the cells of a row; `rejections` collects what is wrong, so that one pass names every fault."""

    def __init__(
        self, mapping: ColumnMapping, territory: Territory, natures: Terms, channels: Terms, *, keep_invalid: bool
    ) -> None:
        self._kind = mapping.kind
        self._place = territory.place
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
        self._columns: list[tuple[int, int, dict[str, Any] | None, _Parse, str]] = [
            (positions[field], slot, None if field in UNIQUE else {}, parsers.get(field, _text), field)
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
        self.has_people = bool({"address", "civility", "given_name", "family_name", "role"} & positions.keys())

    def names_company(self, cells: Sequence[str]) -> bool:
        """Tell whether a row names a company, by SIRET or by name."""
        width = len(cells)
        for at in self._company_at:  # noqa: SIM110 - `any` with a generator takes twice as long
            if at < width and cells[at] and cells[at].strip():
                return True
        return False

    def parse(self, number: int, cells: list[str]) -> ParsedRow | None:
        """Give the typed row, or None after its faults were added to `rejections`."""
        values: list[Any] = [None] * _WIDTH
        faults: list[_Fault] = []
        unusable = self._read(cells, values, faults)
        for field, slot in self._needed:
            if values[slot] is None and not any(fault[0] == field for fault in faults):
                faults.append((field, "", _("the cell is empty")))
        if not faults and values[_SIRET] is None and values[_NAME] is None and values[_ADDRESS] is None:
            reason = _("the row names neither a company (SIRET or name) nor an address")
            faults.append(("address", unusable or "", reason))
        if faults:
            self._reject(number, faults)
            return None
        postcode, commune, code = values[_POSTCODE], values[_COMMUNE], values[_COMMUNE_CODE]
        placement = None
        if code or commune or postcode:
            placement = self._place(commune_code=code, postcode=postcode, commune=commune)
        if self._is_lenient:
            _settle_register(values)
        values[-3:] = number, placement, unusable
        return tuple.__new__(ParsedRow, values)

    def _read(self, cells: list[str], values: list[Any], faults: list[_Fault]) -> str | None:
        """Type the cells into `values`; give an address that cannot be written to, and is kept."""
        if len(cells) < self._width:
            cells = cells + [""] * (self._width - len(cells))
        unusable = None
        for at, slot, memo, parse, field in self._columns:
            text = cells[at]
            if not text:
                continue
            if memo is not None and text in memo:
                values[slot] = memo[text]
                continue
            clean = text.strip()
            if clean[:1] in _MARKED:
                clean = self._bare(clean)
            if not clean:
                continue
            try:
                value = parse(clean)
            except ValueError as error:
                if slot == _ADDRESS and self._keep_invalid:
                    unusable = clean
                elif not self._is_lenient or slot == _SIRET:
                    faults.append((field, clean, str(error)))
                continue
            values[slot] = value
            if memo is not None:
                if len(memo) >= MEMO:
                    memo.clear()
                memo[text] = value
        return unusable

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


def _settle_register(values: list[Any]) -> None:
    """Choose among what INSEE writes twice: the code of the nomenclature in force, and the stricter diffusion.

    One that objects, the legal unit or the establishment, is not prospected.
    """
    values[_NAF] = values[_NAF] or values[_NAF_2025]
    if values[_UNIT_DIFFUSION] in {"P", "N"}:
        values[_DIFFUSION] = values[_UNIT_DIFFUSION]
