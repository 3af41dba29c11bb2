"""Which words a column holds, read without a look at every row."""

from typing import Any

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session


def distinct_words(session: Session, column: InstrumentedAttribute[Any]) -> list[str]:
    """List the distinct values of an indexed text column, empty ones aside, in the order of the index.

    Each step asks the index for the first word after the last one: six natures in a million requests are seven steps,
    where SELECT DISTINCT reads the million (0.1 s on SQLite, and one for each field of the query).
    """
    first = cast(func.min(column), Text)
    words = select(first.label("word")).cte("words", recursive=True)
    following = select(first).where(column > words.c.word).scalar_subquery()
    words = words.union_all(select(following).where(words.c.word.is_not(None)))
    return [word for word in session.scalars(select(words.c.word)) if word]
