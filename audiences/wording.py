"""Says in plain French whom a query means, so that an officer can check it before she sends."""

from collections.abc import Sequence
from typing import NamedTuple

from audiences.claims import Claim, Named, Resolved, speaks_of_companies
from audiences.fields import ASKED, Phrase, RequestPhrase, Subject, guillemets
from audiences.tree import All, Either, Everything, Not, SameRequest

_STORE = Phrase("qui sont dans la base", "qui ne sont pas dans la base")
_RECORDED = RequestPhrase("est enregistrée", "n’est pas enregistrée", "enregistrée")


class _Said(NamedTuple):
    """A clause, and whether it has several parts that need parentheses beside others."""

    text: str
    is_compound: bool = False


def in_french(tree: Resolved) -> str:
    """Give the sentence of a resolved query: “entreprises de la CUA dont une demande porte sur …, sauf celles qui …”.

    Values of one field are joined; NOT at the top becomes “sauf”, deeper down it is said of each condition (for
    which AND and OR change places); parentheses stay where a reader could take the words in two ways.
    """
    is_of_companies = speaks_of_companies(tree)
    noun, those = ("entreprises", "celles") if is_of_companies else ("entreprises et porteurs de projet", "ceux")
    parts = [part for part in (tree.parts if isinstance(tree, All) else (tree,)) if not isinstance(part, Everything)]
    kept = [part for part in parts if not isinstance(part, Not)]
    dropped = [part.part for part in parts if isinstance(part, Not)]
    if not kept:
        noun = "toute la base" if not dropped else "toutes les entreprises et tous les porteurs de projet"
    short = [words for part in kept if (words := _short(part))]
    clauses: list[str] = []
    asked = 0
    for part in (part for part in kept if not _short(part)):
        said = _clause(part, is_again=bool(asked))
        asked += _is_request(part)
        clauses.append(f"({said.text})" if said.is_compound and len(kept) > 1 else said.text)
    text = " ".join([noun, ", ".join(short)]).strip()
    if clauses:
        is_aside = bool(short) and clauses[0].startswith("(")  # it would read as a remark on what stands before
        text += (", et " if is_aside else ", " if len(short) > 1 else " ") + ", et ".join(clauses)
    without = [f"{those} {_short(part) or _clause(part).text}" for part in dropped]
    return text + (", sauf " + ", et sauf ".join(without) if without else "")


def _short(part: Resolved) -> str:
    """Give the words that need no relative pronoun ("de la CUA ou de la CALL"), nothing where there are none."""
    if isinstance(part, Named):
        return f"de l’audience {guillemets(part.name)} ({in_french(part.part)})"
    claims = _merged(part.parts) if isinstance(part, Either) else [part]
    if len(claims) != 1 or not isinstance(claims[0], _Values | Claim):
        return ""
    claim = _values(claims[0])
    if not isinstance(claim.phrase, Phrase) or not claim.phrase.short:
        return ""
    return " ou ".join(claim.phrase.short.format(word) for word in claim.words)


class _Values(NamedTuple):
    """Claims of one field that differ in their values alone."""

    subject: Subject
    phrase: Phrase | RequestPhrase
    words: tuple[str, ...]


def _values(claim: "Claim | _Values") -> _Values:
    if isinstance(claim, _Values):
        return claim
    words = (claim.meaning.words,) if claim.meaning.words else ()
    return _Values(claim.subject, claim.meaning.phrase, words)


def _merged(parts: Sequence[Resolved]) -> "list[Resolved | _Values]":
    """Put the values of one field together, in the place of the first."""
    merged: list[Resolved | _Values] = []
    at: dict[Phrase | RequestPhrase, int] = {}
    for part in parts:
        if not isinstance(part, Claim) or not part.meaning.words:
            merged.append(part)
            continue
        values = _values(part)
        if values.phrase in at:
            before = merged[at[values.phrase]]
            words = (*_values(before).words, *values.words) if isinstance(before, _Values) else values.words
            merged[at[values.phrase]] = values._replace(words=tuple(dict.fromkeys(words)))
        else:
            at[values.phrase] = len(merged)
            merged.append(values)
    return merged


def _is_request(part: "Resolved | _Values") -> bool:
    if isinstance(part, Either):
        return any(map(_is_request, _merged(part.parts)))
    return isinstance(part, SameRequest) or (isinstance(part, Claim | _Values) and part.subject is Subject.REQUEST)


def _clause(part: "Resolved | _Values", *, holds: bool = True, is_again: bool = False) -> _Said:
    """Give a relative clause; `is_again` marks a request beside another one, which need not be the same."""
    match part:
        case All(parts):
            return _joined(list(parts), " et " if holds else " ou ", holds=holds, is_again=is_again)
        case Either(parts):
            return _joined(_merged(parts), " ou " if holds else " et ", holds=holds, is_again=is_again)
        case Not(inner):
            return _clause(inner, holds=not holds, is_again=is_again)
        case Everything():
            text = _STORE.holds if holds else _STORE.fails
        case Claim() | _Values():
            text = _claim(_values(part), holds=holds, is_again=is_again)
        case Named(name, inner):
            verb = "qui font partie" if holds else "qui ne font pas partie"
            text = f"{verb} de l’audience {guillemets(name)} ({in_french(inner)})"
        case SameRequest(inner):
            text = _request(inner, holds=holds, is_again=is_again)
    return _Said(text)


def _joined(parts: "list[Resolved | _Values]", operator: str, *, holds: bool, is_again: bool) -> _Said:
    said: list[_Said] = []
    asked = is_again
    for part in parts:
        said.append(_clause(part, holds=holds, is_again=asked and operator == " et "))
        asked = asked or _is_request(part)
    if len(said) == 1:
        return said[0]
    return _Said(operator.join(f"({each.text})" if each.is_compound else each.text for each in said), is_compound=True)


def _claim(values: _Values, *, holds: bool, is_again: bool) -> str:
    phrase = values.phrase
    if isinstance(phrase, RequestPhrase) and phrase.alone:
        phrase = phrase.alone
    if isinstance(phrase, Phrase):
        return _fill(phrase.holds if holds else phrase.fails, values.words, is_negated=not holds)
    if holds:
        return f"{_some_request(is_again)} {_fill(phrase.holds, values.words)}"
    return f"qui n’ont aucune demande {_fill(phrase.participle, values.words)}"


def _some_request(is_again: bool) -> str:
    return "dont une demande (la même ou une autre)" if is_again else "dont une demande"


def _request(part: Resolved, *, holds: bool, is_again: bool) -> str:
    """Say what one and the same request fulfils: “dont une demande porte sur …, reçue …” where that suffices."""
    if isinstance(part, Everything):
        return ASKED.holds if holds else ASKED.fails
    simple = _simple_claims(part)
    if simple and not holds:
        return "qui n’ont aucune demande " + ", ".join(_fill(_of(each).participle, each.words) for each in simple)
    if simple:
        first, *others = simple
        spoken = [_fill(_of(first).holds, first.words), *(_fill(_of(each).participle, each.words) for each in others)]
        return f"{_some_request(is_again)} {', '.join(spoken)}"
    text = _of_request(part, holds=True).text
    if not holds:
        return f"qui n’ont aucune demande qui {text}"
    return f"dont une même demande{' (celle d’avant ou une autre)' if is_again else ''} {text}"


def _of(values: _Values) -> RequestPhrase:
    return values.phrase if isinstance(values.phrase, RequestPhrase) else _RECORDED


def _simple_claims(part: Resolved) -> list[_Values]:
    """Give the claims of an AND of plain conditions, nothing where it has NOT or an OR of several fields."""
    found: list[_Values] = []
    for each in part.parts if isinstance(part, All) else (part,):
        merged = _merged(each.parts) if isinstance(each, Either) else [each]
        if len(merged) != 1 or not isinstance(merged[0], Claim | _Values):
            return []
        found.append(_values(merged[0]))
    return found


def _of_request(part: "Resolved | _Values", *, holds: bool) -> _Said:
    """Give what stands after “une demande” or “une demande qui”."""
    match part:
        case Claim() | _Values():
            values = _values(part)
            phrase = _of(values)
            return _Said(_fill(phrase.holds if holds else phrase.fails, values.words, is_negated=not holds))
        case Not(inner):
            return _of_request(inner, holds=not holds)
        case All() | Either():
            is_and = isinstance(part, All) == holds
            parts = list(part.parts) if isinstance(part, All) else _merged(part.parts)
            said = [_of_request(each, holds=holds) for each in parts]
            if len(said) == 1:
                return said[0]
            texts = [f"({each.text})" if each.is_compound else each.text for each in said]
            return _Said((" et " if is_and else " ou ").join(texts), is_compound=True)
    return _Said(_RECORDED.holds if holds else _RECORDED.fails)


def _fill(pattern: str, words: Sequence[str], *, is_negated: bool = False) -> str:
    """Put the values into a phrase: by “ou”, after a negation that can by “ni … ni”."""
    takes_ni = is_negated and "{pas}" in pattern and len(words) > 1
    joined = " ".join(f"ni {word}" for word in words) if takes_ni else " ou ".join(words)
    return pattern.format(joined, pas="" if takes_ni else "pas ")
