"""Dates and hours that cannot be right: past, impossible, on another weekday, on a public holiday."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import zip_longest

from templates.lint.calendar import DAYS, Mention, find_dates
from templates.lint.findings import Finding, Level, Part, Rule
from templates.lint.page import Page, leaves
from templates.lint.passages import Passage
from templates.typography import date as in_full

PAST = Rule(
    "date-past",
    Level.WARNING,
    "Une date est passée\u202f; celles d’un décret ou d’un «\u202fdepuis\u202f» ne comptent pas.",
)
WEEKDAY = Rule("date-wrong-weekday", Level.ERROR, "Le jour de la semaine ne va pas avec la date.")
IMPOSSIBLE = Rule(
    "date-impossible", Level.ERROR, "Une date n’existe pas (31 avril), ou une période finit avant de commencer."
)
HOUR = Rule("hour-impossible", Level.ERROR, "Une heure n’existe pas (25 h, 9 h 75).")
HOLIDAY = Rule("date-public-holiday", Level.HINT, "Une date à venir est un jour férié en France.")
RULES = (PAST, WEEKDAY, IMPOSSIBLE, HOUR, HOLIDAY)

_REPORTED = re.compile(
    r"\b(?:depuis|décret|lois?|arrêté|ordonnance|règlement|délibération|circulaire|directive|en activité|convention|avenant|accord|"
    r"paru|parue|publiée?s?|signé|signée|adopté|adoptée|lancée?s?|créée?s?|envoyé|envoyée|reçu|reçue|courrier|"
    r"courriel|message|demande|mise? à jour|en date|version|au journal officiel|édition|s’est tenue?|ont eu lieu|a eu lieu)"
    r"\b(?:(?!\. |[!?]).){0,40}$",
    re.IGNORECASE,
)
"""Words before a date that speak of the past on purpose."""

_STREET = re.compile(
    r"\b(?:rue|place|avenue|av\.|bd|boulevard|square|quai|allées?|cours|impasse|esplanade|faubourg|chemin|route|rond-point|"
    r"salle|stade|parc|pont|lycée|collège|école) (?:du|de la|des|le)\s*$",
    re.IGNORECASE,
)
"""Words before a date that is a street's name: rue du 8 Mai 1945."""

_TO = re.compile(r"\W*(?:au|à|jusqu['’]au|et)?\W*", re.IGNORECASE)
_CLOSED = re.compile(r"férié|fermé|fermeture|ferme(?:nt)? |sauf|hors", re.IGNORECASE)
_SPACE = r"[\s\u00a0\u202f]?"
_HOUR = re.compile(
    rf"(?P<cue>\b(?:à|dès|jusqu['’]à|vers|entre|avant|après|de)\s+)?"
    rf"(?<![\d,./])(?P<hour>\d{{1,3}}){_SPACE}(?:h(?![a-zà-ÿ]){_SPACE}(?P<minute>\d{{2}})?|:(?P<colon>\d{{2}}))(?![\d/])",
    re.IGNORECASE,
)
_UNTIL = re.compile(rf"{_SPACE}(?:à|-|–|jusqu)", re.IGNORECASE)
_DURATIONS = frozenset({35, 39, 48, 72})  # hours of a working week, of a delay: de 39 h à 35 h


def check(page: Page) -> Iterator[Finding]:
    """Look for dates and hours in every passage."""
    for passage in page.passages:
        mentions = sorted(find_dates(passage.text, page.today), key=lambda mention: mention.span)
        for mention, following in zip_longest(mentions, mentions[1:]):
            if not _STREET.search(passage.text[: mention.span[0]]):
                is_open = following is not None and _opens(passage.text, mention, following, page.today)
                yield from _check_date(page, passage, mention, is_open=is_open)
        yield from _check_hours(passage)


def _opens(text: str, mention: Mention, following: Mention, today: dt.date) -> bool:
    """Tell the first day of a period that has not ended, as in: du 28 mars au 4 avril."""
    between = text[mention.span[1] : following.span[0]]
    return following.day is not None and following.day >= today and _TO.fullmatch(between) is not None


def _check_date(page: Page, passage: Passage, mention: Mention, *, is_open: bool) -> Iterator[Finding]:
    day, written = mention.day, mention.written
    if day is None:
        yield IMPOSSIBLE.found(f"«\u202f{written}\u202f» n’existe pas.", "Corrigez le jour ou le mois.", passage.place)
        return
    variable = page.variable_of(day) or page.variable_of(written)
    place = replace(passage.place, variable=variable)
    if mention.begin is not None and mention.begin > day:
        yield IMPOSSIBLE.found(f"«\u202f{written}\u202f» finit avant de commencer.", "Corrigez les deux dates.", place)
    if mention.weekday is not None and mention.weekday != day.weekday():
        said = next(name for name, number in DAYS.items() if number == mention.weekday)
        fitting = f"{in_full(day)}" if mention.has_year else f"{in_full(day)}, l’année la plus proche"
        yield WEEKDAY.found(
            f"«\u202f{written}\u202f»\u202f: ce jour n’est pas un {said} ({fitting}).",
            "Vérifiez le calendrier\u202f: corrigez le jour ou la date.",
            place,
            level=Level.ERROR if mention.has_year else Level.WARNING,
        )
    before = passage.text[: mention.span[0]]
    is_example = variable in page.examples
    if (
        day < page.today
        and not is_open
        and not is_example
        and not _REPORTED.search(before)
        and not _is_of_example(page, mention, day)
    ):
        yield PAST.found(
            f"«\u202f{written}\u202f» est passé ({_ago((page.today - day).days)}).",
            "Vérifiez que la date est la bonne, ou parlez-en au passé.",
            place,
        )
    name = holidays_of(day.year).get(day)
    if name and day >= page.today and not is_example and not _CLOSED.search(passage.text):
        yield HOLIDAY.found(f"Le {in_full(day)} est un jour férié ({name}).", "Vérifiez que c’est voulu.", place)


def _is_of_example(page: Page, mention: Mention, day: dt.date) -> bool:
    """Tell a day that an example has, if only as day and month where the message shows no year."""
    days = {each for name in page.examples for each in _days_of(page.variables.get(name), page.today)}
    return day in days or (not mention.has_year and (day.month, day.day) in {(each.month, each.day) for each in days})


def _days_of(value: object, today: dt.date) -> Iterator[dt.date]:
    for leaf in leaves(value):
        if isinstance(leaf, dt.datetime):
            yield leaf.date()
        elif isinstance(leaf, dt.date):
            yield leaf
        elif isinstance(leaf, str):
            yield from (mention.day for mention in find_dates(leaf, today) if mention.day)


def _ago(days: int) -> str:
    if days == 1:
        return "hier"
    return (
        f"il y a {days} jours"
        if days < 60
        else f"il y a {days // 30} mois"
        if days < 730
        else f"il y a {days // 365} ans"
    )


@lru_cache(maxsize=8)
def holidays_of(year: int) -> dict[dt.date, str]:
    """Give the public holidays of metropolitan France, without those of Alsace and Moselle alone."""
    from holidays import country_holidays  # a tenth of a second, for a mail that has dates

    return dict(country_holidays("FR", years=year, language="fr"))


def _check_hours(passage: Passage) -> Iterator[Finding]:
    if passage.place.part is Part.HTML and not passage.text:
        return
    for match in _HOUR.finditer(passage.text):
        hour, minute = int(match["hour"]), int(match["minute"] or match["colon"] or 0)
        cue = (match["cue"] or "").strip().lower()
        # 48 h and 35 h 30 are durations, unless something says that an hour of the day is meant.
        is_clock = bool(cue) and (cue != "de" or _UNTIL.match(passage.text, match.end()) is not None)
        if hour in _DURATIONS and minute <= 59:
            continue
        if minute > 59 or (hour > 24 and (is_clock or match["colon"])) or (hour == 24 and minute and is_clock):
            written = match[0].removeprefix(match["cue"] or "").strip()
            yield HOUR.found(f"«\u202f{written}\u202f» n’est pas une heure.", "Corrigez l’heure.", passage.place)
