"""The fields of the query language: what each is called, what it means, and the SQL condition of a value or range."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from gettext import gettext as _
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from audiences.errors import InvalidQuery, UnknownEpci, UnknownSector, UnknownValue
from audiences.models import Company, Contact, Request, Tag
from audiences.naf import naf_label
from audiences.sectors import Sectors
from audiences.territory import Territory
from audiences.text import fold, nearest, quote


class Text(NamedTuple):
    """A value as written, without its quotation marks; `*` and `?` stand for letters unless it was quoted."""

    text: str
    is_quoted: bool = False

    @property
    def is_pattern(self) -> bool:
        """Whether the value has a wildcard."""
        return not self.is_quoted and any(mark in self.text for mark in "*?")

    @property
    def is_anything(self) -> bool:
        """Whether the value is a lone `*`: the field has some value."""
        return not self.is_quoted and self.text == "*"


class Range(NamedTuple):
    """Two bounds as written, None where open; each says whether it is inside."""

    low: str | None
    high: str | None
    with_low: bool = True
    with_high: bool = True


Condition = ColumnElement[bool]
Build = Callable[["Store", Text | Range], Condition]


@dataclass(frozen=True)
class Field:
    """One field: English name, other names, an example for the help; `of_request` fields speak of a request."""

    name: str
    aliases: tuple[str, ...]
    meaning: str
    example: str
    build: Build
    of_request: bool = False


@dataclass(frozen=True)
class Store:
    """What the values of a query are resolved against; `terms` are words of a field that the store may not hold yet."""

    session: Session
    territory: Territory
    sectors: Sectors
    terms: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def vocabulary(self, column: InstrumentedAttribute[Any]) -> list[str]:
        """List the distinct values of a text column."""
        return [value for value in self.session.scalars(select(column).distinct()) if value]


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Say which known values are nearest, as the end of an error message."""
    words = list(known)
    if near := nearest(text, words):
        return _("Did you mean {names}?").format(names=_(" or ").join(map(quote, near)))
    return _("Known: {names}.").format(names=", ".join(map(quote, sorted(words)[:12])) or _("nothing yet"))


def _match(text: Text, known: Iterable[str], field: str) -> list[str]:
    """Find the known words that a value or pattern means, accents and case aside; UnknownValue names the nearest."""
    words = list(known)
    if text.is_pattern:
        pattern = re.compile(
            "".join({"*": ".*", "?": "."}.get(part, re.escape(fold(part))) for part in re.split(r"([*?])", text.text))
        )
        return [word for word in words if pattern.fullmatch(fold(word))]
    found = [word for word in words if fold(word) == fold(text.text)]
    if not found:
        raise UnknownValue(
            _("Unknown {field} “{value}”. {hint}").format(
                field=field, value=text.text, hint=did_you_mean(text.text, words)
            )
        )
    return found


def _no_range(value: Text | Range, field: str) -> Text:
    if isinstance(value, Range):
        raise InvalidQuery(_("The field {field} takes values, not a range.").format(field=field))
    return value


def _words(column: InstrumentedAttribute[Any], name: str) -> Build:
    """Build the condition of a column whose words are resolved against those in the store."""

    def build(store: Store, value: Text | Range) -> Condition:
        text = _no_range(value, name)
        if text.is_anything:
            return column.is_not(None)
        return column.in_(_match(text, {*store.vocabulary(column), *store.terms.get(name, ())}, name))

    return build


def _epci(store: Store, value: Text | Range) -> Condition:
    text = _no_range(value, "epci")
    if text.is_anything:
        return Company.epci_siren.is_not(None)
    if text.is_pattern:
        labels = {store.territory.label(siren): siren for siren in store.vocabulary(Company.epci_siren)}
        return Company.epci_siren.in_([labels[label] for label in _match(text, labels, "epci")])
    try:
        return Company.epci_siren == store.territory.find_epci(text.text).siren
    except UnknownEpci as error:
        raise UnknownValue(str(error)) from None


def _territory(store: Store, value: Text | Range) -> Condition:
    sirens = [epci.siren for epci in store.territory.epcis]
    match fold(_no_range(value, "territory").text):
        case "in" | "dans" | "oui":
            return Company.epci_siren.in_(sirens)
        case "out" | "hors" | "non":
            return and_(Company.commune_code.is_not(None), ~func.coalesce(Company.epci_siren.in_(sirens), false()))
        case "unknown" | "inconnu":
            return and_(Company.id.is_not(None), Company.commune_code.is_(None))
        case other:
            raise UnknownValue(_("Unknown territory “{value}”. Write in, out or unknown.").format(value=other))


def _sector(store: Store, value: Text | Range) -> Condition:
    text = _no_range(value, "sector")
    codes = store.vocabulary(Company.naf_code)
    if text.is_anything:
        return Company.naf_code.in_([code for code in codes if store.sectors.of(code)])
    if text.is_pattern:
        wanted = set(_match(text, [sector.slug for sector in store.sectors], "sector"))
    else:
        try:
            wanted = {store.sectors.find(text.text).slug}
        except UnknownSector as error:
            raise UnknownValue(str(error)) from None
    return Company.naf_code.in_([code for code in codes if wanted & {sector.slug for sector in store.sectors.of(code)}])


def _naf(_store: Store, value: Text | Range) -> Condition:
    text = _no_range(value, "naf")
    if text.is_anything:
        return Company.naf_code.is_not(None)
    match = re.fullmatch(r"(\d{2})\.?(\d{0,2})([A-Za-z]?)(\*?)", text.text.replace(" ", ""), re.ASCII)
    if match is None or (match[3] and len(match[2]) != 2):
        raise UnknownValue(_("“{value}” is not a NAF code. Write it like 56.10C, 56.10 or 56.").format(value=text.text))
    code = match[1] + (f".{match[2]}" if match[2] else "") + match[3].upper()
    if match[3]:
        if naf_label(code) is None and match[3].upper() in "ABCDEFZ":
            raise UnknownValue(
                _("There is no NAF code {code} in NAF rév. 2. Look it up on insee.fr.").format(code=code)
            )
        return Company.naf_code == code
    return Company.naf_code.like(f"{code}%")


def _postcode(_store: Store, value: Text | Range) -> Condition:
    if isinstance(value, Range):
        return _between(Company.postcode, value, _postcode_bound)
    if value.is_anything:
        return Company.postcode.is_not(None)
    if not re.fullmatch(r"\d{1,5}\*?|\d{5}", value.text, re.ASCII) or (not value.is_pattern and len(value.text) != 5):
        raise UnknownValue(
            _("“{value}” is not a postcode. Write five digits, or a beginning like 62*.").format(value=value.text)
        )
    return Company.postcode.like(value.text.replace("*", "%"))


def _postcode_bound(text: str) -> str:
    if not re.fullmatch(r"\d{5}", text, re.ASCII):
        raise UnknownValue(
            _("“{value}” is not a postcode. Write the range like postcode:[62000 TO 62999].").format(value=text)
        )
    return text


def _between(column: InstrumentedAttribute[Any], bounds: Range, parse: Callable[[str], Any]) -> Condition:
    parts: list[Condition] = [column.is_not(None)]
    if bounds.low is not None:
        parts.append(column >= parse(bounds.low) if bounds.with_low else column > parse(bounds.low))
    if bounds.high is not None:
        parts.append(column <= parse(bounds.high) if bounds.with_high else column < parse(bounds.high))
    return and_(*parts)


def _headcount(_store: Store, value: Text | Range) -> Condition:
    """A company is known by a band: a number asks for the band that holds it, a range for the bands inside it."""
    lowest, highest = Company.headcount_min, Company.headcount_max
    if isinstance(value, Text):
        if value.is_anything:
            return lowest.is_not(None)
        number = _number(value.text)
        return and_(lowest <= number, or_(highest.is_(None), highest >= number))
    parts: list[Condition] = [lowest.is_not(None)]
    if value.low is not None:
        parts.append(lowest >= _number(value.low) + (not value.with_low))
    if value.high is not None:
        parts.append(highest <= _number(value.high) - (not value.with_high))
    return and_(*parts)


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,7}", text, re.ASCII):
        raise InvalidQuery(
            _("“{value}” is not a number. Write headcount:12 or headcount:[10 TO 49].").format(value=text)
        )
    return int(text)


def _requested(_store: Store, value: Text | Range) -> Condition:
    if isinstance(value, Text):
        if value.is_anything:
            return Request.received_on.is_not(None)
        first, last = _days(value.text)
        return and_(Request.received_on >= first, Request.received_on <= last)
    parts: list[Condition] = [Request.received_on.is_not(None)]
    if value.low is not None:
        first, last = _days(value.low)
        parts.append(Request.received_on >= first if value.with_low else Request.received_on > last)
    if value.high is not None:
        first, last = _days(value.high)
        parts.append(Request.received_on <= last if value.with_high else Request.received_on < first)
    return and_(*parts)


def _days(text: str) -> tuple[date, date]:
    """Give the first and last day of 2020-03-17, 2020-03 or 2020."""
    try:
        match [int(part) for part in text.split("-")]:
            case [year]:
                return date(year, 1, 1), date(year, 12, 31)
            case [year, month]:
                first = date(year, month, 1)
                return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
            case [year, month, day]:
                return date(year, month, day), date(year, month, day)
    except (ValueError, OverflowError):  # the latter beyond the year 9999
        pass
    raise InvalidQuery(_("“{value}” is not a date. Write 2020-03-17 or 2020-03.").format(value=text))


def _tag(store: Store, value: Text | Range) -> Condition:
    text = _no_range(value, "tag")
    wanted = (
        Tag.word.is_not(None) if text.is_anything else Tag.word.in_(_match(text, store.vocabulary(Tag.word), "tag"))
    )
    of_company = select(Tag.company_id).where(wanted, Tag.company_id.is_not(None))
    of_contact = select(Tag.contact_id).where(wanted, Tag.contact_id.is_not(None))
    return or_(Contact.company_id.in_(of_company), Contact.id.in_(of_contact))


def some_request(condition: Condition) -> Condition:
    """Hold for the contacts whose company, or who without one themselves, made a request for which `condition` holds."""
    of_company = select(Request.company_id).where(condition, Request.company_id.is_not(None))
    of_contact = select(Request.contact_id).where(condition, Request.contact_id.is_not(None))
    return or_(Contact.company_id.in_(of_company), Contact.id.in_(of_contact))


FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("epci", (), _("EPCI of the company's commune"), "epci:(CUA OR CALL)", _epci),
        Field(
            "territory", ("territoire",), _("in, out or unknown: the chamber's territory"), "territory:in", _territory
        ),
        Field("sector", ("secteur",), _("a sector of the sector table"), "sector:transport-logistique", _sector),
        Field("naf", ("ape",), _("NAF code or its beginning"), "naf:56.10C", _naf),
        Field(
            "commune", ("ville",), _("commune of the company"), "commune:Arras", _words(Company.commune_name, "commune")
        ),
        Field("postcode", ("code_postal", "cp"), _("postcode or its beginning"), "postcode:62*", _postcode),
        Field("headcount", ("effectif",), _("number of employees"), "headcount:[10 TO 49]", _headcount),
        Field("tag", ("etiquette", "étiquette"), _("a word that you put on companies"), "tag:porteur-de-projet", _tag),
        Field(
            "nature", (), _("nature of a request"), 'nature:"Aides financières"', _words(Request.nature, "nature"), True
        ),
        Field(
            "channel",
            ("canal",),
            _("channel of a request"),
            'channel:"Appel CCI"',
            _words(Request.channel, "channel"),
            True,
        ),
        Field(
            "topic",
            ("dispositif", "sujet"),
            _("topic of a request"),
            'topic:"Fonds de solidarité"',
            _words(Request.topic, "topic"),
            True,
        ),
        Field(
            "adviser",
            ("conseiller",),
            _("adviser who took a request"),
            "adviser:Lambert",
            _words(Request.adviser, "adviser"),
            True,
        ),
        Field(
            "requested",
            ("demande_le",),
            _("day of a request"),
            "requested:[2020-03-17 TO 2020-04-30]",
            _requested,
            True,
        ),
    )
}
