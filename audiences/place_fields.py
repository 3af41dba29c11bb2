"""The fields that say where a company stands: EPCI, territory, commune, postcode, department."""

import re
from collections.abc import Iterable
from gettext import gettext as _

from sqlalchemy import and_, case, false, func, or_

from audiences.errors import UnknownEpci, UnknownValue
from audiences.fields import (
    Condition,
    Field,
    Meaning,
    Phrase,
    Store,
    Tally,
    between,
    match_words,
    only_values,
    spelling,
)
from audiences.models import Company
from audiences.reference import departments
from audiences.tallies import company_tallies
from audiences.territory import is_commune
from audiences.text import did_you_mean, fold, fold_commune
from audiences.tree import Range, Text

_IS = Phrase("qui sont {}", "qui ne sont {pas}{}", "{}")
_HAS_EPCI = Phrase("dont l’EPCI est connu", "dont l’EPCI n’est pas connu")
_HAS_COMMUNE = Phrase("dont la commune est connue", "dont la commune n’est pas connue")
_HAS_POSTCODE = Phrase("dont le code postal est connu", "dont le code postal n’est pas connu")
_TERRITORY = {
    "in": ("in", "dans", "oui"),
    "out": ("out", "hors", "non"),
    "unknown": ("unknown", "inconnu", "inconnue"),
}


def _epci(store: Store, value: Text | Range) -> Meaning:
    text = only_values(value, "epci")
    if text.is_anything:
        return Meaning(Company.epci_siren.is_not(None), _HAS_EPCI)
    if text.is_pattern:
        labels = {store.territory.label(siren): siren for siren in store.vocabulary(Company.epci_siren)}
        sirens = [labels[label] for label in match_words(text, labels, "epci")]
        return Meaning(Company.epci_siren.in_(sirens), _IS, f"de l’EPCI {text.text}")
    try:
        siren = store.territory.find_epci(text.text).siren
    except UnknownEpci as error:
        raise UnknownValue(str(error), text.span) from None
    return Meaning(Company.epci_siren == siren, _IS, _of_epci(store.territory.label(siren)))


def _of_epci(label: str) -> str:
    """Give the name with its preposition: an acronym is that of a communauté or métropole, hence feminine."""
    if re.fullmatch(r"[A-Z]{2,}( .*)?", label):
        return f"de l’{label}" if label[0] in "AEIOUY" else f"de la {label}"
    return f"de l’EPCI {label}"


def _epcis(store: Store) -> list[Tally]:
    def name(siren: str | None) -> tuple[str, str] | None:
        if siren is None:
            return None
        label = store.territory.label(siren)
        return (label, "") if store.territory.contains(siren) else (siren, label)

    return company_tallies(store, Company.epci_siren, name)


def _territory(store: Store, value: Text | Range) -> Meaning:
    text = only_values(value, "territory")
    inside = Company.epci_siren.in_([epci.siren for epci in store.territory.epcis])
    wanted = next((name for name, words in _TERRITORY.items() if fold(text.text) in words), None)
    match wanted:
        case "in":
            return Meaning(inside, _IS, "du territoire")
        case "out":
            outside = and_(Company.commune_code.is_not(None), ~func.coalesce(inside, false()))
            return Meaning(outside, _IS, "hors du territoire")
        case "unknown":
            unplaced = and_(Company.id.is_not(None), Company.commune_code.is_(None))
            return Meaning(unplaced, _IS, "sans commune connue")
    cause = _("Unknown territory “{value}”. Write in, out or unknown.")
    raise UnknownValue(cause.format(value=text.text), text.span)


def _territories(store: Store) -> list[Tally]:
    inside = func.coalesce(Company.epci_siren.in_([epci.siren for epci in store.territory.epcis]), false())
    where = case((inside, "in"), (Company.commune_code.is_not(None), "out"), else_="unknown")
    labels = {"in": _("in the territory"), "out": _("elsewhere"), "unknown": _("commune not known")}
    return company_tallies(store, where, lambda word: (word, labels[word]))


def _commune(store: Store, value: Text | Range) -> Meaning:
    text = only_values(value, "commune")
    if text.is_anything:
        return Meaning(Company.commune_name.is_not(None), _HAS_COMMUNE)
    try:
        found = match_words(text, store.vocabulary(Company.commune_name), "commune", fold_commune)
    except UnknownValue:
        if not is_commune(text.text):
            raise
        found = []  # a commune of France where no company of the store is
    return Meaning(Company.commune_name.in_(found), _IS, _at_commune(spelling(text, found)))


def _at_commune(name: str) -> str:
    """Give the name with its preposition: à Arras, au Touquet, aux Attaques."""
    for article, joined in (("Le ", "au "), ("Les ", "aux ")):
        if name.startswith(article):
            return joined + name.removeprefix(article)
    return f"à {name}"


def _communes(store: Store) -> list[Tally]:
    return company_tallies(store, Company.commune_name, lambda name: (name, "") if name else None)


def _postcode(_store: Store, value: Text | Range) -> Meaning:
    if isinstance(value, Range):
        condition, low, high = between(Company.postcode, value, _postcode_bound)
        if low is None and high is None:
            return Meaning(condition, _HAS_POSTCODE)
        words = f"{low} à {high}" if low and high else f"à partir de {low}" if low else f"jusqu’à {high}"
        if (low and not value.with_low) or (high and not value.with_high):
            words += " (bornes ouvertes exclues)"
        return Meaning(condition, _IS, f"de code postal {words}")
    if value.is_anything:
        return Meaning(Company.postcode.is_not(None), _HAS_POSTCODE)
    if not re.fullmatch(r"\d{1,5}\*?|\d{5}", value.text, re.ASCII) or (not value.is_pattern and len(value.text) != 5):
        cause = _("“{value}” is not a postcode. Write five digits, or a beginning like 62*.")
        raise UnknownValue(cause.format(value=value.text), value.span)
    if not value.is_pattern:
        return Meaning(Company.postcode == value.text, _IS, f"de code postal {value.text}")
    begin = value.text.rstrip("*")
    # Bounds instead of LIKE, so that the index answers.
    within = and_(Company.postcode >= begin.ljust(5, "0"), Company.postcode <= begin.ljust(5, "9"))
    return Meaning(within, _IS, f"de code postal {begin}…" if len(begin) < 5 else f"de code postal {begin}")


def _postcode_bound(text: Text) -> str:
    if not re.fullmatch(r"\d{5}", text.text, re.ASCII):
        cause = _("“{value}” is not a postcode. Write the range like postcode:[62000 TO 62999].")
        raise UnknownValue(cause.format(value=text.text), text.span)
    return text.text


def _postcodes(store: Store) -> list[Tally]:
    return company_tallies(store, Company.postcode, lambda code: (code, "") if code else None)


def _department(_store: Store, value: Text | Range) -> Meaning:
    text = only_values(value, "department")
    if text.is_anything:
        return Meaning(Company.commune_code.is_not(None), _HAS_COMMUNE)
    names = departments()
    code = text.text.upper()
    if text.is_pattern:
        matched = match_words(text, names.values(), "department")
        codes = [code for code, name in names.items() if name in matched]
        return Meaning(or_(false(), *map(_in_department, codes)), _IS, f"d’un département {text.text}")
    code = code.zfill(2) if code.isdigit() else code
    if code not in names:
        found = [each for each, name in names.items() if fold(name) == fold(text.text)]
        if not found:
            cause = _("Unknown department “{value}”. Write its number or name. {hint}")
            hint = did_you_mean(text.text, names.values())
            raise UnknownValue(cause.format(value=text.text, hint=hint), text.span)
        code = found[0]
    return Meaning(_in_department(code), _IS, f"du département {code} ({names[code]})")


def _in_department(code: str) -> Condition:
    """Hold for the communes whose INSEE code begins with this one; bounds instead of LIKE, so that the index answers."""
    return and_(Company.commune_code >= code.ljust(5, "0"), Company.commune_code <= code.ljust(5, "9"))


def _departments(store: Store) -> Iterable[Tally]:
    start = func.substr(Company.commune_code, 1, 2)
    code = case((start.in_(["97", "98"]), func.substr(Company.commune_code, 1, 3)), else_=start)
    return company_tallies(store, code, lambda found: (found, departments().get(found, "")) if found else None)


PLACE_FIELDS = (
    Field("epci", (), _("EPCI of the company's commune"), "epci:(CUA OR CALL)", _epci, tally=_epcis),
    Field(
        "territory",
        ("territoire",),
        _("in, out or unknown: the chamber's territory"),
        "territory:in",
        _territory,
        tally=_territories,
    ),
    Field("commune", ("ville",), _("commune of the company"), "commune:Arras", _commune, tally=_communes),
    Field(
        "postcode", ("code_postal", "cp"), _("postcode or its beginning"), "postcode:62*", _postcode, tally=_postcodes
    ),
    Field(
        "department",
        ("departement", "dept"),
        _("department of the commune: its number or name"),
        "department:62",
        _department,
        tally=_departments,
    ),
)
