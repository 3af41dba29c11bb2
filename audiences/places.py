"""Which companies could not be placed or sorted, what they may have meant, and the correction of a place by hand."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from gettext import gettext as _
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from audiences.errors import UnknownCompany
from audiences.models import Company
from audiences.naf import Nomenclature, naf_label, nomenclature_of
from audiences.reference import Commune
from audiences.sectors import Sectors
from audiences.territory import Placement, Territory
from audiences.text import did_you_mean, fold, fold_commune
from audiences.values import parse_siret


class Fault(StrEnum):
    """What keeps a company out of an audience by place or sector, or from being recognised again."""

    NO_PLACE = "no_place"  # neither a postcode nor a commune
    UNKNOWN_COMMUNE = "unknown_commune"  # no commune has this name, or this postcode
    CONTRADICTION = "contradiction"  # the commune does not lie in the postcode's department
    AMBIGUOUS = "ambiguous"  # several communes have this postcode, or this name
    OUTDATED = "outdated"  # the commune was merged since, or went to another EPCI
    NO_NAF = "no_naf"
    UNKNOWN_NAF = "unknown_naf"  # in neither nomenclature
    NO_SIRET = "no_siret"
    INVALID_SIRET = "invalid_siret"


PLACE = frozenset({Fault.NO_PLACE, Fault.UNKNOWN_COMMUNE, Fault.CONTRADICTION, Fault.AMBIGUOUS, Fault.OUTDATED})
NAF = frozenset({Fault.NO_NAF, Fault.UNKNOWN_NAF})
SIRET = frozenset({Fault.NO_SIRET, Fault.INVALID_SIRET})


@dataclass(frozen=True)
class Misfit:
    """A company with its faults, as it stands in the store, and the communes that it may lie in, the likeliest first."""

    id: int
    siret: str | None
    name: str
    naf: str | None
    postcode: str | None
    commune: str | None
    commune_code: str | None
    faults: tuple[Fault, ...]
    likely: tuple[Commune, ...]


def find_misfits(
    session: Session, territory: Territory, sectors: Sectors, *, only: Iterable[Fault] = tuple(Fault)
) -> Iterator[Misfit]:
    """Give the companies with one of these faults, in the order of their names."""
    wanted = set(only)
    columns = (
        Company.id,
        Company.siret,
        Company.name,
        Company.naf_code,
        Company.postcode,
        Company.commune_name,
        Company.commune_given,
        Company.commune_code,
        Company.commune_code_given,
        Company.epci_siren,
    )
    rows = session.execute(select(*columns).order_by(Company.name_key, Company.id).execution_options(yield_per=1_000))
    for row in rows:
        place, likely = _fault_of_place(row, territory) if wanted & PLACE else (None, ())
        faults = [place, _fault_of_naf(row.naf_code, sectors), _fault_of_siret(row.siret)]
        found = tuple(fault for fault in faults if fault is not None and fault in wanted)
        if found:
            yield Misfit(
                id=row.id,
                siret=row.siret,
                name=row.name,
                naf=row.naf_code,
                postcode=row.postcode,
                commune=row.commune_name if row.commune_code else row.commune_given or row.commune_name,
                commune_code=row.commune_code or row.commune_code_given,
                faults=found,
                likely=likely if place in found else (),
            )


def _fault_of_place(row: Any, territory: Territory) -> tuple[Fault | None, tuple[Commune, ...]]:
    if row.commune_code is not None:
        today = territory.place(commune_code=row.commune_code)
        if today is not None and (today.commune_code, today.epci_siren) == (row.commune_code, row.epci_siren):
            return None, ()
        return Fault.OUTDATED, territory.likely_communes(commune=today.commune, limit=1) if today else ()
    commune = row.commune_given or row.commune_name
    if not commune and not row.postcode:
        return Fault.NO_PLACE, ()
    likely = territory.likely_communes(postcode=row.postcode, commune=commune)
    if not commune:
        return Fault.AMBIGUOUS if likely else Fault.UNKNOWN_COMMUNE, likely
    if not territory.communes_called(commune):
        return Fault.UNKNOWN_COMMUNE, likely
    is_near = bool(territory.communes_called(commune, postcode=row.postcode))
    return Fault.AMBIGUOUS if is_near else Fault.CONTRADICTION, likely


def _fault_of_naf(code: str | None, sectors: Sectors) -> Fault | None:
    """Judge a code: of rév. 2 the reference has every one, of 2025 the sector table has what begins them."""
    if code is None:
        return Fault.NO_NAF
    if nomenclature_of(code) is Nomenclature.NAF_REV2:
        return None if naf_label(code) else Fault.UNKNOWN_NAF
    return None if sectors.of(code) else Fault.UNKNOWN_NAF


def _fault_of_siret(siret: str | None) -> Fault | None:
    if siret is None:
        return Fault.NO_SIRET
    try:
        parse_siret(siret)
    except ValueError:
        return Fault.INVALID_SIRET
    return None


def find_company(session: Session, text: str) -> Company:
    """Find a company by its SIRET or its whole name; raise UnknownCompany for none or several."""
    try:
        siret = parse_siret(text)
    except ValueError:
        found = list(session.scalars(select(Company).where(Company.name_key == fold(text)).limit(2)))
    else:
        found = list(session.scalars(select(Company).where(Company.siret == siret)))
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownCompany(_("Several companies are called “{text}”. Write the SIRET.").format(text=text))
    hint = did_you_mean(text, session.scalars(select(Company.name).distinct()), otherwise="")
    raise UnknownCompany(
        _("No company has the SIRET or the name “{text}”.").format(text=text) + (f" {hint}" if hint else "")
    )


def correct_place(company: Company, place: Placement, *, by: str, now: datetime) -> None:
    """Put a company into a commune by hand; imports that repeat what the sheets wrote so far do not undo it."""
    company.commune_given = company.commune_given or company.commune_name
    company.commune_code, company.commune_name, company.epci_siren = place
    company.placed_by = by
    company.updated_at = now


class _Placed(Protocol):
    """What `is_corrected` asks of a company, a row of the store or an import's record of it."""

    @property
    def postcode(self) -> str | None: ...
    @property
    def commune_given(self) -> str | None: ...
    @property
    def commune_code_given(self) -> str | None: ...
    @property
    def placed_by(self) -> str | None: ...


def is_corrected(company: _Placed, *, postcode: str | None, commune: str | None, code: str | None) -> bool:
    """Tell whether a person corrected the place of a company, and a row repeats what was wrong or says nothing of it."""
    if company.placed_by is None:
        return False
    pairs = (
        (postcode, company.postcode),
        (fold_commune(commune or ""), fold_commune(company.commune_given or "")),
        (code, company.commune_code_given),
    )
    return all(new == given or not new for new, given in pairs)


def update_places(session: Session, territory: Territory, *, now: datetime) -> int:
    """Follow the communes that were merged, or went to another EPCI, since their companies were placed; give how many.

    Former codes lead to the commune of today (INSEE, Code officiel géographique: the reference has the movements).
    """
    count = 0
    for code, siren in session.execute(select(Company.commune_code, Company.epci_siren).distinct()).all():
        today = territory.place(commune_code=code) if code else None
        if today is None or (today.commune_code, today.epci_siren) == (code, siren):
            continue
        places = (Company.commune_code == code, Company.epci_siren.is_not_distinct_from(siren))
        for company in session.scalars(select(Company).where(*places)):
            company.commune_code, company.commune_name, company.epci_siren = today
            company.updated_at = now
            count += 1
    return count
