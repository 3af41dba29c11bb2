"""Types the cells of a sheet's rows and names every fault by row, column, value and reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from gettext import gettext as _
from typing import Any, NamedTuple, TypeVar

from audiences.addresses import parse_address
from audiences.errors import InvalidAddress
from audiences.naf import normalise_naf
from audiences.registry import CompanyFacts, PersonFacts
from audiences.sheets import Row, Sheet
from audiences.territory import Territory
from audiences.values import (
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
    parse_tags,
    parse_yes_no,
)

T = TypeVar("T")


class SheetKind(StrEnum):
    """What the rows of a sheet are."""

    CONTACTS = "contacts"
    REQUESTS = "requests"


class Rejection(NamedTuple):
    """A cell that cannot be accepted: row as the spreadsheet numbers it, header, value as written, reason."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class ParsedRow:
    """One row, typed: what it says of a company and of a person, and for requests of the request itself."""

    number: int
    company: CompanyFacts
    person: PersonFacts
    tags: tuple[str, ...] = ()
    is_opposed: bool = False
    request: Mapping[str, Any] = field(default_factory=dict)


class RowParser:
    """Types the cells of a row; `reject` collects what is wrong, so that one pass names every fault."""

    def __init__(
        self, sheet: Sheet, territory: Territory, natures: Terms, channels: Terms, *, keep_invalid: bool
    ) -> None:
        self._sheet = sheet
        self._territory = territory
        self._natures = natures
        self._channels = channels
        self._keep_invalid = keep_invalid
        self.rejections: list[Rejection] = []

    def parse(self, row: Row, kind: SheetKind) -> ParsedRow | None:
        """Give the typed row, or None after its faults were added to `rejections`."""
        before = len(self.rejections)
        company = self._company(row)
        person = self._person(row)
        request = self._request(row) if kind is SheetKind.REQUESTS else {}
        tags = parse_tags(row.values.get("tags", ""))
        is_opposed = bool(self._cell(row, "opposed", parse_yes_no))
        if len(self.rejections) == before and not company.is_known and person.address is None:
            self._reject(row, "address", _("the row names neither a company (SIRET or name) nor an address"))
        if len(self.rejections) > before:
            return None
        return ParsedRow(row.number, company, person, tags, is_opposed, request)

    def _company(self, row: Row) -> CompanyFacts:
        text = row.values.get
        postcode = self._cell(row, "postcode", parse_postcode)
        code = self._cell(row, "commune_code", parse_commune_code)
        commune = text("commune") or None
        placement = None
        if code or commune or postcode:
            placement = self._territory.place(commune_code=code, postcode=postcode, commune=commune)
        return CompanyFacts(
            siret=self._cell(row, "siret", parse_siret),
            name=text("name", ""),
            naf_code=self._cell(row, "naf", normalise_naf),
            headcount=self._cell(row, "band", parse_band) or self._cell(row, "headcount", parse_headcount),
            postcode=postcode,
            commune_name=commune,
            commune_code=code,
            placement=placement,
            diffusion=self._cell(row, "diffusion", parse_diffusion),
        )

    def _person(self, row: Row) -> PersonFacts:
        text = row.values.get
        written = text("address", "")
        address, unusable = None, None
        if written:
            try:
                address = parse_address(written)
            except InvalidAddress as error:
                if self._keep_invalid:
                    unusable = written
                else:
                    self._reject(row, "address", str(error))
        return PersonFacts(
            address=address,
            unusable=unusable,
            civility=text("civility") or None,
            given_name=text("given_name") or None,
            family_name=text("family_name") or None,
            role=text("role") or None,
            kind=self._cell(row, "kind", parse_kind),
            legal_basis=self._cell(row, "legal_basis", parse_legal_basis),
            source=text("source") or None,
        )

    def _request(self, row: Row) -> dict[str, Any]:
        values: dict[str, Any] = {
            name: row.values.get(name) or None for name in ("reference", "topic", "adviser", "answer")
        }
        for name, parse in (
            ("received_on", parse_date),
            ("channel", self._channels.parse),
            ("nature", self._natures.parse),
        ):
            if row.values.get(name):
                values[name] = self._cell(row, name, parse)
            else:
                self._reject(row, name, _("the cell is empty"))
        return values

    def _cell(self, row: Row, name: str, parse: Callable[[str], T]) -> T | None:
        text = row.values.get(name, "")
        if not text:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self._reject(row, name, str(error))
            return None

    def _reject(self, row: Row, name: str, reason: str) -> None:
        column = self._sheet.columns.get(name, "")
        self.rejections.append(Rejection(row.number, column, row.values.get(name, ""), reason))
