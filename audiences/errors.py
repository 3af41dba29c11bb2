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
├── InvalidQuery (ValueError)             a query that does not parse, or uses a field wrongly
├── UnknownField (LookupError)            a query names a field that does not exist
├── UnknownValue (LookupError)            a query names a value that the store and the reference do not know
├── UnknownEpci (LookupError)
├── UnknownSector (LookupError)
├── UnknownAudience (LookupError)
├── UnknownCommune (LookupError)
├── UnknownCompany (LookupError)
├── NotSuppressed (LookupError)           an address that is on no list, and is to be lifted from it
├── ProtectedSuppression (ValueError)     a complaint or an erasure, which is not lifted like another reason
└── AudienceExists (ValueError)
"""


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


class InvalidQuery(AudienceError, ValueError):
    """A query does not parse, or uses a field in a way that it does not offer."""


class UnknownField(AudienceError, LookupError):
    """A query names a field that does not exist."""


class UnknownValue(AudienceError, LookupError):
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
