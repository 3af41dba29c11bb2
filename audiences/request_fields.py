"""The fields that speak of a request: its nature, channel, topic, adviser and day."""

from collections.abc import Iterable
from gettext import gettext as _
from typing import Any

from sqlalchemy import and_, extract, true
from sqlalchemy.orm import InstrumentedAttribute

from audiences.dates import read_period
from audiences.fields import (
    ASKED,
    Build,
    Condition,
    Field,
    Meaning,
    RequestPhrase,
    Store,
    Subject,
    Tally,
    guillemets,
    match_words,
    only_values,
    spelling,
)
from audiences.models import Request
from audiences.tallies import request_tallies, word_tallies
from audiences.tree import Range, Text

# The words carry their preposition: « porte sur A ou sur B », « ne porte ni sur A ni sur B ».
_NATURE = RequestPhrase("porte {}", "ne porte {pas}{}", "portant {}")
_TOPIC = RequestPhrase("concerne {}", "ne concerne {pas}{}", "concernant {}")
_CHANNEL = RequestPhrase("est arrivée {}", "n’est {pas}arrivée {}", "arrivée {}")
_ADVISER = RequestPhrase("est suivie {}", "n’est {pas}suivie {}", "suivie {}")
_DAY = RequestPhrase("a été reçue {}", "n’a {pas}été reçue {}", "reçue {}")
_ANY_DAY = RequestPhrase("est datée", "n’est pas datée", "datée", ASKED)


def _worded(
    name: str, column: InstrumentedAttribute[Any], phrase: RequestPhrase, before: str, anything: RequestPhrase
) -> Build:
    """Build the condition of a column whose words are resolved against those in the store."""

    def build(store: Store, value: Text | Range) -> Meaning:
        text = only_values(value, name)
        if text.is_anything:
            return Meaning(column.is_not(None), anything)
        found = match_words(text, dict.fromkeys([*store.vocabulary(column), *store.terms.get(name, ())]), name)
        return Meaning(column.in_(found), phrase, f"{before} {guillemets(spelling(text, found))}".strip())

    return build


def _requested(store: Store, value: Text | Range) -> Meaning:
    if isinstance(value, Text) and value.is_anything:
        return Meaning(true(), _ANY_DAY)  # every request has a day
    first, last, words = read_period(value, store.today)
    parts: list[Condition] = [Request.received_on.is_not(None)]
    if first is not None:
        parts.append(Request.received_on >= first)
    if last is not None:
        parts.append(Request.received_on <= last)
    return Meaning(and_(*parts), _DAY, words)


def _months(store: Store) -> Iterable[Tally]:
    year, month = extract("year", Request.received_on), extract("month", Request.received_on)
    return request_tallies(store, (year, month), lambda key: (f"{key[0]:04}-{key[1]:02}", ""))


def _known(what: str, gender: str = "e") -> RequestPhrase:
    return RequestPhrase(f"a {what} connu{gender}", f"n’a pas {what} connu{gender}", f"avec {what} connu{gender}")


def _field(
    name: str, aliases: tuple[str, ...], meaning: str, example: str, column: InstrumentedAttribute[Any], build: Build
) -> Field:
    return Field(
        name, aliases, meaning, example, build, Subject.REQUEST, lambda store: word_tallies(store, column, name)
    )


REQUEST_FIELDS = (
    _field(
        "nature",
        ("objet",),
        _("nature of a request"),
        'nature:"Aides financières"',
        Request.nature,
        _worded("nature", Request.nature, _NATURE, "sur", _known("une nature")),
    ),
    _field(
        "channel",
        ("canal",),
        _("channel of a request"),
        'channel:"Appel CCI"',
        Request.channel,
        _worded("channel", Request.channel, _CHANNEL, "par", _known("un canal", "")),
    ),
    _field(
        "topic",
        ("dispositif", "sujet"),
        _("topic of a request"),
        'topic:"Fonds de solidarité"',
        Request.topic,
        _worded("topic", Request.topic, _TOPIC, "", _known("un dispositif", "")),
    ),
    _field(
        "adviser",
        ("conseiller", "conseillere"),
        _("adviser who took a request"),
        "adviser:Lambert",
        Request.adviser,
        _worded("adviser", Request.adviser, _ADVISER, "par", _known("un conseiller", "")),
    ),
    Field(
        "requested",
        ("demande_le", "recu_le"),
        _("day of a request; now-30d counts from today"),
        "requested:[2020-03-17 TO 2020-04-30]",
        _requested,
        Subject.REQUEST,
        _months,
    ),
)
