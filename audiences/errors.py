"""What can go wrong with companies, contacts and audiences: one root, each leaf also the builtin that it is.

AudienceError
├── DatabaseUnavailable (RuntimeError)    the store cannot be opened, or is held by another program
├── UnreadableSheet (ValueError)          a file that cannot be read as a table
├── UnwritableFile (OSError)              an export that exists, or whose folder or kind does not do
├── MissingColumn (LookupError)           a sheet without a column that its kind needs
├── AmbiguousColumn (LookupError)         a column that may be several fields, or only looks like one
├── UnknownColumn (LookupError)           a --map that names no column of the sheet, or no field
├── UnknownImport (LookupError)           an import, or a layout, that is not there or was taken back
├── RejectedRows (ValueError)             rows that cannot be imported; carries them all
├── InvalidAddress (ValueError)           not a mailbox that can be written to
├── InvalidNaf (ValueError)               not a NAF code
├── InvalidSectorFile (ValueError)        a line of the sector table that cannot be read
├── QueryError                            a query that cannot be used; knows the place of the fault in it
│   ├── InvalidQuery (ValueError)         it does not parse, or uses a field wrongly
│   ├── UnknownField (LookupError)        it names a field that does not exist
│   └── UnknownValue (LookupError)        it names a value that the store and the reference do not know
├── UnknownEpci (LookupError)
├── UnknownSector (LookupError)
├── UnknownAudience (LookupError)
├── UnknownCommune (LookupError)
├── UnknownCompany (LookupError)
├── NotSuppressed (LookupError)           an address that is on no list, and is to be lifted from it
├── ProtectedSuppression (ValueError)     a complaint or an erasure, which is not lifted like another reason
├── AudienceExists (ValueError)
└── AudienceInUse (ValueError)            a saved audience that something else names
"""

from gettext import gettext as _
from typing import Self


class AudienceError(Exception):
    """Root of what the audiences room raises; its text is one line: the cause, then the remedy."""


class DatabaseUnavailable(AudienceError, RuntimeError):
    """The store cannot be opened, or another program holds it."""


class UnreadableSheet(AudienceError, ValueError):
    """A file cannot be read as a table."""


class UnwritableFile(AudienceError, OSError):
    """A file that an export cannot become."""


class MissingColumn(AudienceError, LookupError):
    """A sheet lacks a column that its kind needs."""


class AmbiguousColumn(AudienceError, LookupError):
    """A column may be several fields, or only looks like one that is needed: somebody has to say."""


class UnknownColumn(AudienceError, LookupError):
    """A mapping names no column of the sheet, or no field of its kind."""


class UnknownImport(AudienceError, LookupError):
    """No import, or no layout, has this number, or the import was taken back."""


class InvalidAddress(AudienceError, ValueError):
    """A text is not a mailbox that can be written to."""


class InvalidNaf(AudienceError, ValueError):
    """A text is not a NAF code."""


class InvalidSectorFile(AudienceError, ValueError):
    """A line of the sector table cannot be read."""


class QueryError(AudienceError):
    """A query cannot be used; `cause` says why and what to do, `start` and `end` where in `query` (from 0).

    `audience` is the saved audience whose query it is, None for one that was typed.
    """

    def __init__(
        self, cause: str, span: tuple[int, int] | None = None, query: str = "", audience: str | None = None
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.span = span
        self.query = query
        self.audience = audience

    @property
    def column(self) -> int:
        """The place of the fault as a person counts, from 1."""
        return (self.span[0] if self.span else 0) + 1

    def within(self, query: str, audience: str | None = None) -> Self:
        """Give the same error as one of this query; what is known already stays."""
        if self.query:
            return self
        return type(self)(self.cause, self.span or (0, len(query)), query, audience)

    def __str__(self) -> str:
        place = _("(character {at} of the query)")
        if self.audience:
            place = _("(character {at} of the query of the audience {audience})")
        return f"{self.cause} {place.format(at=self.column, audience=self.audience)}"

    def excerpt(self, width: int = 76) -> str:
        """Give two lines: the line of the query that has the fault, at most so wide, and ^^^ under the fault."""
        start, end = self.span or (0, 0)
        first = self.query.rfind("\n", 0, start) + 1
        last = self.query.find("\n", start)
        line = self.query[first : last if last >= 0 else None].rstrip()
        start -= first
        end = max(start + 1, min(end - first, max(len(line), start + 1)))
        if len(line) > width:
            left = max(0, min(start - width // 4, len(line) - width))
            line = ("…" if left else "") + line[left + bool(left) :]
            start, end = start - left, end - left
            line = line if len(line) <= width else line[: width - 1] + "…"
            end = max(start + 1, min(end, width))
        shown = "".join(char if char.isprintable() else " " for char in line)
        return f"{shown}\n{' ' * start}{'^' * (end - start)}"


class InvalidQuery(QueryError, ValueError):
    """A query does not parse, or uses a field in a way that it does not offer."""


class UnknownField(QueryError, LookupError):
    """A query names a field that does not exist."""


class UnknownValue(QueryError, LookupError):
    """A query names a value that neither the store nor the reference knows."""


class UnknownEpci(AudienceError, LookupError):
    """No EPCI has this name or SIREN."""


class UnknownSector(AudienceError, LookupError):
    """No sector of the table has this name."""


class UnknownAudience(AudienceError, LookupError):
    """No audience is saved under this name."""


class AudienceExists(AudienceError, ValueError):
    """Another audience is saved under this name."""


class UnknownCommune(AudienceError, LookupError):
    """No commune, or several, have this code or name."""


class UnknownCompany(AudienceError, LookupError):
    """No company, or several, have this SIRET or name."""


class NotSuppressed(AudienceError, LookupError):
    """An address that is to be lifted from the suppression list does not stand on it."""


class ProtectedSuppression(AudienceError, ValueError):
    """A complaint or an erasure is not lifted unless that is asked for expressly."""


class AudienceInUse(AudienceError, ValueError):
    """A saved audience cannot go while something else names it."""
