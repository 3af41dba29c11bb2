"""Keeps SQLite, which has no statistics of this store, from an index that would cost a thousand times as much."""

from typing import Any

from sqlalchemy import Column, ColumnElement, SQLColumnExpression
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler


class _Unindexed(ColumnElement[Any]):
    """A column that SQLite reads from the row, never by an index; PostgreSQL, which has statistics, chooses freely."""

    inherit_cache = True
    _traverse_internals = [("column", visitors.InternalTraversal.dp_clauseelement)]  # noqa: RUF012 - the base declares it so

    def __init__(self, column: Any) -> None:
        # The column itself, not the attribute of a model: a walk through the expression is to find it.
        self.column = column.__clause_element__() if hasattr(column, "__clause_element__") else column
        self.type = column.type


@compiles(_Unindexed)
def _plain(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.column, **options)


@compiles(_Unindexed, "sqlite")
def _signed(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    # https://sqlite.org/optoverview.html: a unary + keeps a term from being used by an index.
    return f"+{compiler.process(element.column, **options)}"


def unindexed(column: SQLColumnExpression[Any]) -> ColumnElement[Any]:
    """Give a column that SQLite reads from the row, never by an index."""
    return _Unindexed(column)


def without_indexes(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Give the same condition, for whose columns SQLite uses no index."""

    def replace(element: Any, **_options: Any) -> Any:
        return _Unindexed(element) if isinstance(element, Column) else None

    return visitors.replacement_traverse(condition, {}, replace)
