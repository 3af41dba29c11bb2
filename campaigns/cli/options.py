"""Options that several commands share."""

from collections.abc import Sequence
from gettext import gettext as _
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help=_("Print JSON, for another program."))]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=_("Do not ask."))]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help=_("A variable of the template; may be repeated.")),
]
RedirectTo = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help=_("Send every message to this mailbox instead: a rehearsal.")),
]


def parse_sets(sets: Sequence[str] | None) -> dict[str, str]:
    """Turn NAME=VALUE words into a mapping; InvalidSet for one without an equals sign."""
    from campaigns.errors import InvalidSet

    values = {}
    for word in sets or ():
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise InvalidSet(_("“{word}” does not set a variable. Write --set name=value.").format(word=word))
        values[name.strip()] = value
    return values
