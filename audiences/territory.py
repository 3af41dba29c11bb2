"""The chamber's territory: which commune and EPCI a company stands in, and what an EPCI is called."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property, lru_cache
from gettext import gettext as _
from typing import NamedTuple

from audiences.errors import UnknownCommune, UnknownEpci
from audiences.reference import Commune, Epci, communes, epcis
from audiences.text import fold, fold_commune, nearest, quote

__all__ = ["Epci", "Placement", "Territory", "is_commune"]

_NOT_DIGIT = re.compile(r"\D+")
_IN_PARENTHESES = re.compile(r"\([^)]*\)")
_ALIKE = 75
"""From this score (of 100) on rapidfuzz's WRatio calls two names alike: "Henin" is Hénin-Beaumont, "Lens" not Valenciennes."""
_LINKING = frozenset({"a", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les"})
_KINDS = (
    ("communaute d agglomeration", "ca"),
    ("communaute agglomeration", "ca"),
    ("communaute de communes", "cc"),
    ("communaute urbaine", "cu"),
)


class Placement(NamedTuple):
    """Where a company stands: a commune of today, and its EPCI (None on the few islands without one, and overseas)."""

    commune_code: str
    commune: str
    epci_siren: str | None


class _Gazetteer(NamedTuple):
    by_code: dict[str, Commune]  # former codes and arrondissements too: the commune of today
    by_name: dict[str, list[Commune]]  # folded names, former ones too: the communes of today
    by_postcode: dict[str, list[Commune]]


@cache
def _gazetteer() -> _Gazetteer:
    rows = communes()
    by_code = {row.code: row for row in rows if not row.successor}
    by_postcode: dict[str, list[Commune]] = defaultdict(list)
    by_name: dict[str, list[Commune]] = defaultdict(list)
    for commune in list(by_code.values()):
        for postcode in commune.postcodes.split():
            by_postcode[postcode].append(commune)
    for row in rows:
        commune = by_code[row.successor or row.code]
        by_code.setdefault(row.code, commune)
        if row.key and commune not in (group := by_name[row.key]):
            group.append(commune)
    return _Gazetteer(by_code, dict(by_name), dict(by_postcode))


@cache
def _epcis_by_name() -> dict[str, tuple[Epci, ...]]:
    named: dict[str, list[Epci]] = defaultdict(list)
    for epci in epcis().values():
        full = _fold_epci(epci.name)
        named[full].append(epci)
        kind, _space, core = full.partition(" ")
        if kind in {"ca", "cc", "cu", "metropole"} and core:
            named[core].append(epci)
    return {name: tuple(group) for name, group in named.items()}


def _fold_epci(name: str) -> str:
    """Return the name of an EPCI as it compares: kind abbreviated, linking words and parentheses dropped."""
    folded = fold(_IN_PARENTHESES.sub(" ", name))
    for kind, short in _KINDS:
        folded = re.sub(rf"^{kind}\b", short, folded)
    return " ".join(word for word in folded.split() if word not in _LINKING)


class Territory:
    """Exactly the EPCIs that the chamber names in its settings, each under one short name or several."""

    def __init__(self, short_names: Mapping[str, str]) -> None:
        """Take short name -> EPCI SIREN, in the order to show them in; raise UnknownEpci for a wrong SIREN."""
        self._labels: dict[str, str] = {}
        self._short: dict[str, str] = {}
        for name, siren in short_names.items():
            if siren not in epcis():
                raise UnknownEpci(
                    _("no EPCI has the SIREN {siren} given for {name}: correct it").format(siren=siren, name=name)
                )
            self._labels.setdefault(siren, name)
            self._short[_fold_epci(name)] = siren
        self._cached = lru_cache(maxsize=1 << 17)(self._place)

    @property
    def epcis(self) -> tuple[Epci, ...]:
        """The EPCIs of the territory, in the order of the settings."""
        return tuple(epcis()[siren] for siren in self._labels)

    def contains(self, siren: str) -> bool:
        """Whether the EPCI of this SIREN is of the territory."""
        return siren in self._labels

    def label(self, siren: str) -> str:
        """Return the short name of an EPCI, its official name outside the territory, the SIREN itself if unknown.

        Unknown is what a store keeps of an EPCI that a newer vintage no longer has.
        """
        if siren in self._labels:
            return self._labels[siren]
        epci = epcis().get(siren)
        return epci.name if epci else siren

    def find_epci(self, text: str) -> Epci:
        """Return the EPCI of this short name, official name or SIREN, anywhere in France; raise UnknownEpci otherwise.

        Case, accents, punctuation, linking words ("CC du", "CA de") and the kind itself may be left out; of several
        EPCIs that remain, the one of the territory is meant.
        """
        siren = "".join(text.split())
        if siren in epcis():
            return epcis()[siren]
        folded = _fold_epci(text)
        if folded in self._short:
            return epcis()[self._short[folded]]
        named = _epcis_by_name().get(folded, ())
        found = [epci for epci in named if epci.siren in self._labels] or named
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownEpci(
                _("several EPCIs are called {text!r}: write the SIREN, {names}").format(
                    text=text, names=_(" or ").join(f"{epci.siren} ({epci.name})" for epci in found)
                )
            )
        # The chamber's own short names come first: of 1 200 official ones, some always look like a typing error.
        near = nearest(text, self._labels.values(), limit=2) + nearest(text, (epci.name for epci in epcis().values()))
        names = list(dict.fromkeys(near))[:3] or self._labels.values()
        raise UnknownEpci(
            _("no EPCI is called {text!r}: write one of {names}").format(text=text, names=", ".join(map(quote, names)))
        )

    def place(
        self, *, commune_code: str | None = None, postcode: str | None = None, commune: str | None = None
    ) -> Placement | None:
        """Return where these parts of an address lie, None where they do not name one commune of today.

        The first that holds decides:
        1. the INSEE code, also a former one or that of an arrondissement of Paris, Lyon or Marseille;
        2. the postcode with the commune's name, also a former name;
        3. the name, where the postcode's department has it once: no list has the CEDEX codes;
        4. the postcode, where it is of one commune only, and the name is missing or no commune's at all (a hamlet);
        5. without a postcode, the name, where the territory, or else France, has it once.
        A name that belongs to another department than the postcode contradicts it, and places nothing.
        """
        return self._cached(commune_code, postcode, commune)

    def places(
        self, codes: Iterable[str | None], postcodes: Iterable[str | None], communes: Iterable[str | None]
    ) -> list[Placement | None]:
        """Return what `place` says of many addresses, given as its three parts, each a column."""
        return list(map(self._cached, codes, postcodes, communes))

    def _place(self, commune_code: str | None, postcode: str | None, commune: str | None) -> Placement | None:
        gazetteer = _gazetteer()
        if commune_code and (known := gazetteer.by_code.get(commune_code.strip().upper().zfill(5))):
            return _placement([known])
        name = fold_commune(commune or "")
        named = gazetteer.by_name.get(name, [])
        digits = _NOT_DIGIT.sub("", postcode or "")
        if not digits:
            inside = [commune for commune in named if commune.epci in self._labels]
            return _placement(_own(inside, name) if inside else named)
        code = digits.zfill(5)  # a spreadsheet drops the leading zero of 01000
        at_postcode = gazetteer.by_postcode.get(code, [])
        if not named:
            return _placement(at_postcode)
        here = [commune for commune in named if commune in at_postcode]
        near = [commune for commune in named if _is_in_department(commune, code)]
        return _placement(_own(here or near, name))

    def find_commune(self, text: str, *, postcode: str | None = None) -> Placement:
        """Return the commune of this INSEE code or name, former ones too; raise UnknownCommune naming the likely ones.

        Of several communes of one name, that of the postcode or its department is meant, or the one of the territory.
        """
        place = self.place(commune_code=text) or self.place(commune=text)
        if place is None and postcode:
            place = self.place(postcode=postcode, commune=text) if fold_commune(text) in _gazetteer().by_name else None
        if place is not None:
            return place
        likely = self.likely_communes(commune=text, postcode=postcode)
        names = _(" or ").join(f"{commune.code} ({commune.name})" for commune in likely)
        raise UnknownCommune(
            _("“{text}” is not one commune: write the INSEE code, {names}").format(text=text, names=names)
            if likely
            else _("no commune is called “{text}”: write its INSEE code").format(text=text)
        )

    def communes_called(self, text: str, *, postcode: str | None = None) -> tuple[Commune, ...]:
        """Return the communes of today that have or had this name, with a postcode those of its department alone."""
        named = _gazetteer().by_name.get(fold_commune(text), [])
        digits = _NOT_DIGIT.sub("", postcode or "").zfill(5) if postcode else ""
        return tuple(commune for commune in named if not digits or _is_in_department(commune, digits))

    def likely_communes(
        self, *, postcode: str | None = None, commune: str | None = None, limit: int = 4
    ) -> tuple[Commune, ...]:
        """Return the communes of today that an address which `place` cannot place may mean, the likeliest first.

        Those of that name, those of the postcode with the nearest name first, and where none of these is near, those
        of a name like it in the postcode's department or, without a postcode, in the territory.
        """
        name = fold_commune(commune or "")
        digits = _NOT_DIGIT.sub("", postcode or "")
        at_postcode = _gazetteer().by_postcode.get(digits.zfill(5), []) if digits else []
        near = list(_like(name, {each.key: [each] for each in at_postcode}))
        found = [*_gazetteer().by_name.get(name, []), *near, *at_postcode]
        if not near:
            found = [*found, *_like(name, _names_of(digits.zfill(5)[:2]) if digits else self._names)]
        return tuple(dict.fromkeys(found))[:limit]

    @cached_property
    def _names(self) -> dict[str, list[Commune]]:
        """The communes of the territory by every name that they have or had."""
        named = {
            name: [commune for commune in communes if commune.epci in self._labels]
            for name, communes in _gazetteer().by_name.items()
        }
        return {name: communes for name, communes in named.items() if communes}


@lru_cache(maxsize=128)
def _names_of(start: str) -> dict[str, list[Commune]]:
    """Give the communes of the department whose postcodes start so, by every name that they have or had."""
    named = {
        name: [commune for commune in communes if _is_in_department(commune, start.ljust(5, "0"))]
        for name, communes in _gazetteer().by_name.items()
    }
    return {name: communes for name, communes in named.items() if communes}


def _like(name: str, named: Mapping[str, list[Commune]]) -> Iterator[Commune]:
    from rapidfuzz import fuzz, process

    if name:
        for key, _score, _at in process.extract(name, named.keys(), scorer=fuzz.WRatio, limit=4, score_cutoff=_ALIKE):
            yield from named[key]


def is_commune(name: str) -> bool:
    """Tell whether a commune of France bears or bore this name."""
    return fold_commune(name) in _gazetteer().by_name


def _is_in_department(commune: Commune, postcode: str) -> bool:
    return postcode.startswith("20" if commune.department in {"2A", "2B"} else commune.department)


def _own(found: list[Commune], name: str) -> list[Commune]:
    """Return the communes that bear the name today, or all where none does: a former name gives way."""
    return [commune for commune in found if commune.key == name] or found


def _placement(found: list[Commune]) -> Placement | None:
    if len(found) != 1:
        return None
    commune = found[0]
    return Placement(commune.code, commune.name, commune.epci or None)
