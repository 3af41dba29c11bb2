"""The fields that speak of a company itself: its trade, its size, its name and numbers."""

import re
from collections.abc import Iterable
from gettext import gettext as _

from sqlalchemy import and_, case, null, or_

from audiences.errors import InvalidQuery, UnknownSector, UnknownValue
from audiences.fields import (
    Condition,
    Field,
    Meaning,
    Phrase,
    Store,
    Tally,
    check_order,
    guillemets,
    match_words,
    only_values,
)
from audiences.models import Company
from audiences.naf import naf_label
from audiences.reference import naf_labels
from audiences.sectors import Sector
from audiences.tallies import company_tallies
from audiences.text import fold
from audiences.tree import Range, Text
from audiences.values import HEADCOUNT_BANDS, Headcount, parse_siret

# The words carry their preposition: « qui sont du secteur A », « qui ne sont ni du secteur A ni du secteur B ».
_IS = Phrase("qui sont {}", "qui ne sont {pas}{}", "{}")
_HAS_SECTOR = Phrase("dont le secteur est connu", "dont le secteur n’est pas connu")
_HAS_NAF = Phrase("dont le code NAF est connu", "dont le code NAF n’est pas connu")
_HAS_HEADCOUNT = Phrase("dont l’effectif est connu", "dont l’effectif n’est pas connu")
_EMPLOYS = Phrase("qui ont {}", "qui n’ont pas {}", "de {}")
_IS_CALLED = Phrase("dont le nom contient {}", "dont le nom ne contient {pas}{}")
_HAS_SIRET = Phrase("dont le SIRET est connu", "dont le SIRET n’est pas connu")


def _sector(store: Store, value: Text | Range) -> Meaning:
    text = only_values(value, "sector")
    codes = store.vocabulary(Company.naf_code)
    if text.is_anything:
        return Meaning(Company.naf_code.in_([code for code in codes if store.sectors.of(code)]), _HAS_SECTOR)
    if text.is_pattern:
        wanted = set(match_words(text, [sector.slug for sector in store.sectors], "sector"))
        label = text.text
    else:
        try:
            sector = store.sectors.find(text.text)
        except UnknownSector as error:
            raise UnknownValue(str(error), text.span) from None
        wanted, label = {sector.slug}, sector.label
    found = [code for code in codes if wanted & {sector.slug for sector in store.sectors.of(code)}]
    return Meaning(Company.naf_code.in_(found), _IS, f"du secteur {guillemets(label)}")


def _sectors(store: Store) -> list[Tally]:
    """Count by sector: a company counts in its secteur and in each filière that has its code."""
    counts: dict[Sector, list[int]] = {sector: [0, 0] for sector in store.sectors}
    for tally in company_tallies(store, Company.naf_code, lambda code: (code, "") if code else None):
        for sector in store.sectors.of(tally.value):
            counts[sector][0] += tally.companies or 0
            counts[sector][1] += tally.contacts or 0
    found = [Tally(sector.slug, sector.label, *both) for sector, both in counts.items()]
    return sorted(found, key=lambda tally: (-(tally.companies or 0), tally.value))


def _naf(store: Store, value: Text | Range) -> Meaning:
    text = only_values(value, "naf")
    if text.is_anything:
        return Meaning(Company.naf_code.is_not(None), _HAS_NAF)
    match = re.fullmatch(r"(\d{2})\.?(\d{0,2})([A-Za-z]?)(\*?)", text.text.replace(" ", ""), re.ASCII)
    if match is None or (match[3] and len(match[2]) != 2):
        cause = _("“{value}” is not a NAF code. Write it like 56.10C, 56.10 or 56.")
        raise UnknownValue(cause.format(value=text.text), text.span)
    code = match[1] + (f".{match[2]}" if match[2] else "") + match[3].upper()
    label = naf_labels().get(code)
    words = f"de code NAF {code}" + (f" ({label})" if label else "")
    if match[3]:
        if naf_label(code) is None and match[3].upper() in "ABCDEFZ":
            cause = _("There is no NAF code {code} in NAF rév. 2. Look it up on insee.fr.")
            raise UnknownValue(cause.format(code=code), text.span)
        return Meaning(Company.naf_code == code, _IS, words)
    # The codes themselves instead of LIKE, so that the index answers.
    found = [each for each in store.vocabulary(Company.naf_code) if each.startswith(code)]
    return Meaning(Company.naf_code.in_(found), _IS, words)


def _nafs(store: Store) -> list[Tally]:
    return company_tallies(store, Company.naf_code, lambda code: (code, naf_labels().get(code, "")) if code else None)


def _headcount(_store: Store, value: Text | Range) -> Meaning:
    """A company is known by a band: a number asks for the band that holds it, a range for the bands inside it."""
    lowest, highest = Company.headcount_min, Company.headcount_max
    if isinstance(value, Text):
        if value.is_anything:
            return Meaning(lowest.is_not(None), _HAS_HEADCOUNT)
        number = _number(value)
        within = and_(lowest <= number, or_(highest.is_(None), highest >= number))
        return Meaning(within, _EMPLOYS, f"{number} {_staff(number)}")
    low = None if value.low is None else _number(value.low) + (not value.with_low)
    high = None if value.high is None else _number(value.high) - (not value.with_high)
    if value.low is not None and value.high is not None:
        check_order(value, _number(value.low), _number(value.high))
    parts: list[Condition] = [lowest.is_not(None)]
    if low is not None:
        parts.append(lowest >= low)
    if high is not None:
        parts.append(highest <= high)
    if low is not None and high is not None:
        words = f"{low} à {high} {_staff(high)}"
    elif low is not None:
        words = f"{low} {_staff(low)} ou plus"
    elif high is not None:
        words = f"{high} {_staff(high)} ou moins"
    else:
        return Meaning(lowest.is_not(None), _HAS_HEADCOUNT)
    return Meaning(and_(*parts), _EMPLOYS, words)


def _staff(number: int) -> str:
    return "salarié" if number in {0, 1} else "salariés"


def _number(text: Text) -> int:
    if not re.fullmatch(r"\d{1,7}", text.text, re.ASCII):
        cause = _("“{value}” is not a number. Write headcount:12 or headcount:[10 TO 49].")
        raise InvalidQuery(cause.format(value=text.text), text.span)
    return int(text.text)


def _headcounts(store: Store) -> Iterable[Tally]:
    """Count by INSEE's bands (SIRENE, trancheEffectifsEtablissement), smallest first."""
    bands = list(dict.fromkeys(HEADCOUNT_BANDS.values()))
    whens = [
        (
            and_(
                Company.headcount_min >= band.lowest,
                Company.headcount_max.is_(None) if band.highest is None else Company.headcount_max <= band.highest,
            ),
            at,
        )
        for at, band in enumerate(bands)
    ]
    counts = company_tallies(store, case(*whens, else_=null()), lambda at: None if at is None else (str(at), ""))
    found = {int(tally.value): tally for tally in counts}
    return [found[at]._replace(value=_band(band)) for at, band in enumerate(bands) if at in found]


def _band(band: Headcount) -> str:
    return f"[{band.lowest} TO {'*' if band.highest is None else band.highest}]"


def _name(_store: Store, value: Text | Range) -> Meaning:
    """Hold where the words stand in the company's name, whole words unless a wildcard says otherwise."""
    text = only_values(value, "name")
    if text.is_anything:
        return Meaning(Company.id.is_not(None), Phrase("qui sont des entreprises", "qui ne sont pas des entreprises"))
    marks = "" if text.is_quoted else "*?"
    parts = re.split(rf"([{re.escape(marks)}])", text.text) if marks else [text.text]
    letters = "".join({"*": "%", "?": "_"}.get(part) or fold(part) for part in parts if part)
    if not letters.strip("%_ "):
        raise InvalidQuery(
            _("“{value}” has no word. Write for example name:boulangerie.").format(value=text.text), text.span
        )
    # Folded words have neither % nor _ : both are punctuation, which `fold` makes a space.
    # `id > 0` says that there is a company in a way that lets SQLite begin with the companies.
    condition = (" " + Company.name_key + " ").like(f"% {letters} %")
    return Meaning(and_(Company.id > 0, condition), _IS_CALLED, guillemets(text.text))


def _siret(_store: Store, value: Text | Range) -> Meaning:
    text = only_values(value, "siret")
    if text.is_anything:
        return Meaning(Company.siret.is_not(None), _HAS_SIRET)
    try:
        siret = parse_siret(text.text)
    except ValueError:
        cause = _("“{value}” is not a SIRET: 14 digits with a valid check digit. Correct it.")
        raise UnknownValue(cause.format(value=text.text), text.span) from None
    return Meaning(Company.siret == siret, _IS, f"de SIRET {siret}")


def _siren(_store: Store, value: Text | Range) -> Meaning:
    from stdnum.fr import siren

    text = only_values(value, "siren")
    if text.is_anything:
        return Meaning(Company.siret.is_not(None), _HAS_SIRET)
    digits = re.sub(r"\s", "", text.text)
    if not digits.isascii() or not siren.is_valid(digits):
        cause = _("“{value}” is not a SIREN: 9 digits with a valid check digit. Correct it.")
        raise UnknownValue(cause.format(value=text.text), text.span)
    within = and_(Company.siret >= f"{digits}00000", Company.siret <= f"{digits}99999")
    return Meaning(within, _IS, f"de SIREN {digits}")


COMPANY_FIELDS = (
    Field(
        "sector",
        ("secteur",),
        _("a sector of the sector table"),
        "sector:transport-logistique",
        _sector,
        tally=_sectors,
    ),
    Field("naf", ("ape",), _("NAF code or its beginning"), "naf:56.10C", _naf, tally=_nafs),
    Field("headcount", ("effectif",), _("number of employees"), "headcount:[10 TO 49]", _headcount, tally=_headcounts),
    Field("name", ("nom", "raison_sociale"), _("words in the company's name"), "name:boulangerie", _name),
    Field("siret", (), _("SIRET of the establishment"), "siret:90000001900019", _siret),
    Field("siren", (), _("SIREN of the company, all its establishments"), "siren:900000019", _siren),
)
