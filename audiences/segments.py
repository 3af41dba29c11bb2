"""Compiles a segment (a query in Lucene syntax) to one SQL condition on contacts and their companies."""

import re
from collections.abc import Iterable, Sequence
from gettext import gettext as _
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true

from audiences.errors import AudienceError, InvalidQuery, UnknownField
from audiences.fields import FIELDS, Field, Range, Store, Text, did_you_mean, some_request

Condition = ColumnElement[bool]

QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')

OPERATORS = {"and": "AND", "et": "AND", "&&": "AND", "or": "OR", "ou": "OR", "||": "OR", "not": "NOT", "sauf": "NOT"}
"""What people write for the operators, which are known in capitals only."""


def compile_segment(query: str, store: Store, *, extra: Iterable[Field] = ()) -> Condition:
    """Turn a query into a condition over Contact outer-joined to Company; `extra` fields come from the rooms above.

    A bare request condition (`nature:…`) holds if some request has it; inside `request:( … )` all of them speak of one
    and the same request. Words beside each other without an operator must all hold. Raises InvalidQuery, UnknownField
    or UnknownValue, whose text gives the place in the query.
    """
    return _Compiler(query, store, extra).compile()


class _Compiler:
    def __init__(self, query: str, store: Store, extra: Iterable[Field]) -> None:
        self._query = query
        self._store = store
        fields = [*FIELDS.values(), *extra]
        self._fields = {name: field for field in fields for name in (field.name, *field.aliases)}

    def compile(self) -> Condition:
        """Parse and compile the whole query."""
        # luqum builds its parser at import, which takes a while: only commands with a query pay for it
        from luqum.exceptions import IllegalCharacterError, ParseSyntaxError
        from luqum.parser import parser

        if not self._query.strip():
            raise InvalidQuery(_("The query is empty. Write *:* for the whole base, or for example epci:CUA."))
        try:
            tree = parser.parse(self._query)
        except (ParseSyntaxError, IllegalCharacterError) as error:
            raise InvalidQuery(self._explain_syntax(str(error))) from None
        return self._node(tree, None, in_request=False)

    def _explain_syntax(self, cause: str) -> str:
        bare = QUOTED.sub(lambda quoted: " " * len(quoted[0]), self._query)
        opened, closed = bare.count("("), bare.count(")")
        if '"' in bare:
            return _("The query has an open quotation mark at character {at}: {query}. Close it.").format(
                at=bare.index('"') + 1, query=self._query
            )
        if opened > closed:
            return _("The query has an open parenthesis at character {at}: {query}. Close it with ).").format(
                at=_open_at(bare) + 1, query=self._query
            )
        if closed > opened:
            return _("The query has a closing parenthesis too many: {query}. Take it out.").format(query=self._query)
        if found := re.search(r"position (\d+)", cause):
            return _(
                "The query cannot be read at character {at}: {query}. Put quotation marks around a value that has spaces or signs."
            ).format(at=int(found[1]) + 1, query=self._query)
        return _(
            "The query ends too early: {query}. Write a value after a field, a condition after AND, OR and NOT."
        ).format(query=self._query)

    def _node(self, node: Any, field: Field | None, *, in_request: bool) -> Condition:
        from luqum import tree

        match node:
            case tree.SearchField():
                return self._search(node, field, in_request=in_request)
            case tree.Group() | tree.FieldGroup() | tree.Plus():
                return self._node(node.children[0], field, in_request=in_request)
            case tree.AndOperation() | tree.UnknownOperation() | tree.BoolOperation():
                return and_(*(self._node(child, field, in_request=in_request) for child in node.children))
            case tree.OrOperation():
                return or_(*(self._node(child, field, in_request=in_request) for child in node.children))
            case tree.Not() | tree.Prohibit():
                # A company without the value is one for which the condition does not hold: NULL counts as false.
                return not_(func.coalesce(self._node(node.children[0], field, in_request=in_request), false()))
            case tree.Word() | tree.Phrase() | tree.Range() | tree.From() | tree.To():
                return self._value(node, field, in_request=in_request)
        raise self._error(node, _("fuzzy, regular expression and boost marks are not part of the language"))

    def _search(self, node: Any, outer: Field | None, *, in_request: bool) -> Condition:
        if outer is not None:
            raise self._error(node, _("a field inside the values of {field}").format(field=outer.name))
        if node.name == "*" and str(node.expr).strip() == "*":
            return true()
        if node.name.lower() in {"request", "demande"}:
            if in_request:
                raise self._error(node, _("a request inside a request: take the inner one out"))
            return some_request(self._node(node.expr, None, in_request=True))
        field = self._fields.get(node.name.lower())
        if field is None:
            hint = did_you_mean(node.name, self._fields)
            message = _("Unknown field “{name}” at character {at}. {hint}").format(
                name=node.name, at=_at(node), hint=hint
            )
            raise UnknownField(message)
        if in_request and not field.of_request:
            raise self._error(
                node, _("{field} does not speak of a request: take it out of request:( … )").format(field=field.name)
            )
        return self._node(node.expr, field, in_request=in_request)

    def _value(self, node: Any, field: Field | None, *, in_request: bool) -> Condition:
        if field is None:
            word = str(node).strip()
            if meant := OPERATORS.get(word.lower()):
                raise self._error(
                    node, _("write {meant}, in capitals, instead of {word}").format(meant=meant, word=word)
                )
            raise self._error(
                node,
                _("“{word}” stands without a field. Write epci:{word}, or quotation marks around several words").format(
                    word=word
                ),
            )
        try:
            condition = field.build(self._store, _read(node))
        except AudienceError as error:
            place = _("(character {at} of the query)").format(at=_at(node))
            raise type(error)(f"{error} {place}") from None
        return condition if in_request or not field.of_request else some_request(condition)

    def _error(self, node: Any, cause: str) -> InvalidQuery:
        return InvalidQuery(_("The query cannot be used at character {at}: {cause}.").format(at=_at(node), cause=cause))


def _read(node: Any) -> Text | Range:
    from luqum import tree

    match node:
        case tree.Phrase():
            return Text(_unescape(node.value[1:-1]), is_quoted=True)
        case tree.Range():
            low, high = _bound(node.low), _bound(node.high)
            return Range(low, high, with_low=node.include_low, with_high=node.include_high)
        case tree.From():
            return Range(_bound(node.children[0]), None, with_low=node.include)
        case tree.To():
            return Range(None, _bound(node.children[0]), with_high=node.include)
    return Text(_unescape(node.value))


def _bound(node: Any) -> str | None:
    text = str(node).strip().strip('"')
    return None if text == "*" else text


def _unescape(text: str) -> str:
    return text.replace('\\"', '"').replace("\\:", ":").replace("\\ ", " ")


def _at(node: Any) -> int:
    """Give the place of a node as a person counts, from 1."""
    return int(node.pos or 0) + 1


def _open_at(query: str) -> int:
    open_at: Sequence[int] = ()
    for at, char in enumerate(query):
        if char == "(":
            open_at = (*open_at, at)
        elif char == ")" and open_at:
            open_at = open_at[:-1]
    return open_at[-1] if open_at else 0
