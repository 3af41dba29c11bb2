"""Reads the text of a query (Lucene syntax, French operators too) into a tree, or says at which place it cannot be."""

import re
import unicodedata
from collections.abc import Iterator
from gettext import gettext as _
from typing import Any, NamedTuple

from audiences.errors import InvalidQuery
from audiences.text import fold
from audiences.tree import All, Either, Everything, Not, Range, SameRequest, Span, Term, Text, Tree

REQUEST_NAMES = frozenset({"request", "demande", "sollicitation"})
"""What the group may be called whose conditions speak of one and the same request."""

AUDIENCE_NAMES = frozenset({"audience", "ciblage"})
"""What the field may be called that stands for the query of a saved audience."""

FRENCH_OPERATORS = {"ET": ("AND_OP", "AND"), "OU": ("OR_OP", "OR"), "SAUF": ("NOT", "NOT")}
FRENCH_TO = frozenset({"AU", "À", "A"})  # [17/03/2020 AU 30/04/2020]

OPERATORS = {"and": "AND", "et": "ET", "&&": "AND", "or": "OR", "ou": "OU", "||": "OR", "not": "NOT", "sauf": "SAUF"}
"""What people write for the operators, which are known in capitals only."""

DEEPEST = 50
"""Parentheses and NOT inside each other: more is no query of a person."""

MOST_TERMS = 2_000
"""Values in one query, those of the audiences that it names included."""

_ASIDE = re.compile(r'"(?:[^"\\]|\\.)*"|\\.', re.DOTALL)
_OPENING = {"(": ")", "[": "]", "{": "]"}
_CLOSING = {")": ")", "]": "]", "}": "]"}
LONGEST_VALUE = 300
"""Characters of one value: SQLite refuses much longer patterns."""

_LONGEST_REMEDY = 160


def parse(query: str) -> Tree[Term]:
    """Read a query; raise InvalidQuery with the place where it cannot be read.

    Words beside each other must all hold, as with AND. AND and OR side by side are refused: a reader takes them
    either way, so parentheses must say which one is meant.
    """
    # luqum builds its parser at import, which takes a while: only commands with a query pay for it
    from luqum.exceptions import IllegalCharacterError, ParseSyntaxError
    from luqum.parser import lexer, parser

    if not query.strip():
        raise InvalidQuery(
            _("The query is empty. Write *:* for the whole base, or for example epci:CUA."), Span(0, 0), query
        )
    # A parser of PLY that failed keeps its state; a lexer of its own for each query leaves nothing behind.
    tokens = _Tokens(lexer.clone())
    try:
        tree = parser.parse(query, lexer=tokens)
    except (ParseSyntaxError, IllegalCharacterError) as error:
        raise _explain(query, str(error)) from None
    except ArithmeticError:  # luqum reads the number behind such a mark, which may be none
        raise InvalidQuery(_no_marks(), _first_mark(query), query) from None
    try:
        return _Reader(query, tokens.closed_at).read(tree)
    except InvalidQuery as error:
        raise error.within(query) from None


def normalise(query: str) -> str:
    """Give a query as it is read and saved: an accent typed as a sign of its own is one with its letter (NFC)."""
    return unicodedata.normalize("NFC", query)


def terms_of(tree: Tree[Term]) -> Iterator[Term]:
    """Give the terms of a query in the order in which they are written."""
    match tree:
        case Term():
            yield tree
        case SameRequest(part) | Not(part):
            yield from terms_of(part)
        case All(parts) | Either(parts):
            for part in parts:
                yield from terms_of(part)


class _Tokens:
    """luqum's lexer, which also knows the French operators, and where each bracket is closed."""

    def __init__(self, lexer: Any) -> None:
        self._lexer = lexer
        self._open: list[int] = []
        self._before = ""
        self.closed_at: dict[int, int] = {}

    def input(self, text: str) -> None:
        self._lexer.input(text)

    def token(self) -> Any:
        from luqum.head_tail import TokenValue

        token = self._lexer.token()
        if token is None:
            return None
        if token.type in {"LPAREN", "LBRACKET"}:
            self._open.append(token.lexpos)
        elif token.type in {"RPAREN", "RBRACKET"} and self._open:
            self.closed_at[self._open.pop()] = token.lexpos + 1
        elif token.type == "TERM" and self._before != "COLUMN" and (meant := self._meant(token.value.value)):
            value = TokenValue(meant[1])
            value.pos, value.size, value.head = token.value.pos, token.value.size, token.value.head
            token.type, token.value = meant[0], value
        self._before = token.type
        return token

    def _meant(self, word: str) -> tuple[str, str] | None:
        is_in_range = bool(self._open) and self._lexer.lexdata[self._open[-1]] in "[{"
        if is_in_range:
            return ("TO", "TO") if word in FRENCH_TO and self._before not in {"LBRACKET", "TO"} else None
        return FRENCH_OPERATORS.get(word)


class _Place(NamedTuple):
    """Where a value stands: under which field, inside a request or not, how deep."""

    field: str | None = None
    field_span: Span = Span(0, 0)
    in_request: bool = False
    depth: int = 0


class _Reader:
    """Turns luqum's tree into ours."""

    def __init__(self, query: str, closed_at: dict[int, int]) -> None:
        self._query = query
        self._closed_at = closed_at
        self._terms = 0

    def read(self, node: Any) -> Tree[Term]:
        """Read the whole tree."""
        return self._node(node, _Place())

    def _node(self, node: Any, place: _Place) -> Tree[Term]:
        from luqum import tree

        if place.depth > DEEPEST:
            cause = _(
                "More than {count} parentheses or NOT stand inside each other. Save a part as an audience of its own."
            )
            raise InvalidQuery(cause.format(count=DEEPEST), self._span(node))
        place = place._replace(depth=place.depth + 1)
        match node:
            case tree.SearchField():
                return self._search(node, place)
            case tree.Group() | tree.FieldGroup() | tree.Plus():
                return self._node(node.children[0], place)
            case tree.AndOperation() | tree.UnknownOperation() | tree.OrOperation():
                return self._operation(node, place)
            case tree.Not() | tree.Prohibit():
                return Not(self._node(node.children[0], place))
            case tree.Word() | tree.Phrase() | tree.Range() | tree.From() | tree.To():
                return self._value(node, place)
        cause = _no_marks()
        raise InvalidQuery(cause, self._span(node))

    def _operation(self, node: Any, place: _Place) -> Tree[Term]:
        from luqum import tree

        is_or = isinstance(node, tree.OrOperation)
        for child in node.children:
            if _is_operation(child) and isinstance(child, tree.OrOperation) != is_or:
                raise InvalidQuery(self._mixed(node), self._span(node))
            if is_or and isinstance(child, tree.Plus):
                cause = _("“+” says that a condition must hold, OR that it need not. Take the + out, or write AND.")
                raise InvalidQuery(cause, self._span(child))
        kind = Either if is_or else All
        parts: list[Tree[Term]] = []
        for child in node.children:
            part = self._node(child, place)
            parts += part.parts if isinstance(part, kind) else [part]  # (a AND b) AND c is a AND b AND c
        return kind(tuple(parts))

    def _mixed(self, node: Any) -> str:
        """Say which two readings a mix of AND and OR has."""
        operands, operators = self._flatten(node)
        readings = [self._grouped(operands, operators, first) for first in ("AND", "OR")]
        if max(map(len, readings)) > _LONGEST_REMEDY:
            return _("AND and OR stand side by side. Put parentheses around what belongs together.")
        return _("AND and OR stand side by side. Write {first} or {second}.").format(
            first=readings[0], second=readings[1]
        )

    def _flatten(self, node: Any) -> tuple[list[str], list[str]]:
        from luqum import tree

        operands: list[str] = []
        operators: list[str] = []
        for at, child in enumerate(node.children):
            if at:
                operators.append("OR" if isinstance(node, tree.OrOperation) else "AND")
            if _is_operation(child):
                inner, between = self._flatten(child)
                operands += inner
                operators += between
            else:
                start, end = self._span(child)
                operands.append(self._query[start:end])
        return operands, operators

    @staticmethod
    def _grouped(operands: list[str], operators: list[str], first: str) -> str:
        """Write the operands with parentheses around those that the operator `first` joins."""
        runs: list[list[str]] = [[operands[0]]]
        for operator, operand in zip(operators, operands[1:], strict=True):
            if operator == first:
                runs[-1].append(operand)
            else:
                runs.append([operand])
        joined = [run[0] if len(run) == 1 else f"({f' {first} '.join(run)})" for run in runs]
        return f" {'OR' if first == 'AND' else 'AND'} ".join(joined)

    def _search(self, node: Any, place: _Place) -> Tree[Term]:
        from luqum import tree

        span = Span(node.pos, node.pos + len(node.name))
        name = _unescape(node.name)
        if place.field is not None:
            cause = _("A field stands inside the values of {field}. Close its parenthesis first.")
            raise InvalidQuery(cause.format(field=place.field), span)
        is_anything = isinstance(node.expr, tree.Word) and node.expr.value == "*"
        if name == "*":
            if not is_anything:
                raise InvalidQuery(_("* is no field. Write *:* for the whole base, or name a field."), span)
            self._count(node)
            return Everything()
        if fold(name) not in REQUEST_NAMES:
            return self._node(node.expr, place._replace(field=name, field_span=span))
        if place.in_request:
            raise InvalidQuery(_("A request stands inside a request. Take the inner one out."), span)
        if is_anything:
            self._count(node)
            return SameRequest(Everything())
        return SameRequest(self._node(node.expr, place._replace(in_request=True)))

    def _value(self, node: Any, place: _Place) -> Term:
        self._count(node)
        value = self._read(node)
        if place.field is not None:
            return Term(place.field, value, place.field_span, place.in_request)
        word = self._query[value.span.start : value.span.end]
        if meant := OPERATORS.get(word.lower()):
            cause = _("Write {meant}, in capitals, instead of {word}.").format(meant=meant, word=word)
        elif word == "*":
            cause = _("* stands without a field. Write *:* for the whole base.")
        elif isinstance(value, Range):
            cause = _("The range {word} stands without a field. Write for example requested:{word}.").format(word=word)
        else:
            cause = _(
                "{word} stands without a field. Write for example epci:{word}, or quotation marks around a value of several words."
            ).format(word=word)
        raise InvalidQuery(cause, value.span)

    def _count(self, node: Any) -> None:
        self._terms += 1
        if self._terms > MOST_TERMS:
            cause = _("The query has more than {count} values. Put a tag on these companies, and ask for the tag.")
            raise InvalidQuery(cause.format(count=MOST_TERMS), self._span(node))

    def _read(self, node: Any) -> Text | Range:
        from luqum import tree

        span = self._span(node)
        match node:
            case tree.Range():
                low, high = self._bound(node.low), self._bound(node.high)
                return Range(low, high, with_low=node.include_low, with_high=node.include_high, span=span)
            case tree.From():
                return Range(self._bound(node.children[0]), None, with_low=node.include, span=span)
            case tree.To():
                return Range(None, self._bound(node.children[0]), with_high=node.include, span=span)
        return self._text(node)

    def _bound(self, node: Any) -> Text | None:
        text = self._text(node)
        return None if text.is_anything else text

    def _text(self, node: Any) -> Text:
        from luqum import tree

        span = self._span(node)
        if isinstance(node, tree.Prohibit):  # the sign of a negative bound
            inner = self._text(node.children[0])
            return Text(f"-{inner.text}", inner.is_quoted, span)
        if isinstance(node, tree.Phrase) and len(node.value) <= LONGEST_VALUE:
            return Text(_unescape(node.value[1:-1]), is_quoted=True, span=span)
        if len(node.value) > LONGEST_VALUE:
            cause = _("The value has more than {count} characters. Shorten it, or end it with *.")
            raise InvalidQuery(cause.format(count=LONGEST_VALUE), span)
        bare = re.sub(r"\\.", "", node.value)
        is_literal = not set("*?") & set(bare) and bare != node.value  # prix\* is the word, not a pattern
        return Text(_unescape(node.value), is_quoted=is_literal, span=span)

    def _span(self, node: Any) -> Span:
        """Give the place of a node: luqum's own sizes leave out the blanks between the parts."""
        from luqum import tree

        match node:
            case tree.Word() | tree.Phrase() | tree.Regex():
                return Span(node.pos, node.pos + node.size)
            case tree.Group() | tree.FieldGroup() | tree.Range():
                return Span(node.pos, self._closed_at[node.pos])
            case tree.SearchField():
                return Span(node.pos, self._span(node.expr).end)
            case tree.Fuzzy() | tree.Proximity() | tree.Boost():
                inner = self._span(node.children[0])
                return Span(inner.start, inner.end + 1)
            case tree.Not() | tree.Plus() | tree.Prohibit() | tree.From() | tree.To():
                return Span(node.pos, self._span(node.children[-1]).end)
        return Span(self._span(node.children[0]).start, self._span(node.children[-1]).end)


def _is_operation(node: Any) -> bool:
    from luqum import tree

    return isinstance(node, tree.AndOperation | tree.UnknownOperation | tree.OrOperation)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _no_marks() -> str:
    return _("Fuzzy, regular expression and boost marks are not part of the language. Take the mark out.")


def _first_mark(query: str) -> Span:
    found = re.search(r"[~^]", _ASIDE.sub(lambda aside: " " * len(aside[0]), query))
    at = found.start() if found else 0
    return Span(at, at + 1)


def _explain(query: str, cause: str) -> InvalidQuery:
    """Say why the parser stopped: a mark that is not closed before all, for it can stop far behind it."""
    bare = _ASIDE.sub(lambda aside: " " * len(aside[0]), query)
    if '"' in bare:
        at = bare.index('"')
        return InvalidQuery(_("The quotation mark is not closed. Close it."), Span(at, at + 1), query)
    for check in (_unbalanced, _illegible):
        if found := check(bare, cause):
            return InvalidQuery(found[0], found[1], query)
    end = len(query.rstrip())
    return InvalidQuery(
        _("The query ends too early. Write a value after a field, a condition after AND, OR and NOT."),
        Span(end, end + 1),
        query,
    )


def _unbalanced(bare: str, _cause: str) -> tuple[str, Span] | None:
    waiting: list[int] = []
    for at, char in enumerate(bare):
        if char in _OPENING:
            waiting.append(at)
        elif char in _CLOSING:
            if not waiting or _OPENING[bare[waiting[-1]]] != _CLOSING[char]:
                return _("There is a {sign} too many. Take it out, or open it before.").format(sign=char), Span(
                    at, at + 1
                )
            waiting.pop()
    if not waiting:
        return None
    at = waiting[-1]
    cause = _("The {sign} is not closed. Close it with {close}.")
    return cause.format(sign=bare[at], close=_OPENING[bare[at]]), Span(at, at + 1)


def _illegible(bare: str, cause: str) -> tuple[str, Span] | None:
    found = re.search(r"at position (\d+)", cause)
    if not found:
        return None
    at = int(found[1])
    word = re.compile(r"[^\s:()\[\]{}]+|.", re.DOTALL).match(bare, at)
    text = _("This cannot be read here. Put quotation marks around a value that has spaces or signs.")
    return text, Span(at, word.end() if word else at + 1)
