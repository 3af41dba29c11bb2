"""Options that several commands share."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from gettext import gettext as _
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from campaigns.models import Campaign, Per

Slug = Annotated[str, typer.Argument(metavar="NAME", help=_("The campaign's short name, like info-fonds-cua."))]
Json = Annotated[bool, typer.Option("--json", help=_("Print JSON, for another program."))]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=_("Do not ask."))]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help=_("A variable of the template; may be repeated. NAME=@FILE reads it from a file."),
    ),
]
RedirectTo = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help=_("Send every message to this mailbox instead: a rehearsal.")),
]

Word = TypeVar("Word", bound=StrEnum)


@contextmanager
def changing(slug: str) -> "Iterator[tuple[Session, Campaign, datetime]]":
    """Open a campaign to change it: the session that commits at the end, the campaign, and the time."""
    from audiences.database import writing
    from campaigns.cli.context import open_context
    from campaigns.lifecycle import get_campaign

    context = open_context()
    with writing(context.engine) as session:
        yield session, get_campaign(session, slug), context.now()


def parse_per(text: str) -> "Per":
    """Read what gets one mail; a usage error names the two."""
    from campaigns.models import Per

    return parse_word(Per, text, "--per")


def parse_word(kind: type[Word], text: str, option: str) -> Word:
    """Read a word of a closed list, as `hard_bounce` or `hard-bounce`; a usage error names them all."""
    known = {each.replace("-", "_"): each for each in kind}
    try:
        return known[text.strip().lower().replace("-", "_")]
    except KeyError:
        raise typer.BadParameter(
            _("“{text}” is not one of {words}.").format(text=text, words=", ".join(kind)), param_hint=option
        ) from None


def parse_sets(sets: Sequence[str] | None) -> dict[str, str]:
    """Turn NAME=VALUE words into a mapping; what stands behind an @ is the file that holds the value, @@ is an @.

    Raises InvalidSet for a word without an equals sign, UnreadableFile for a file that cannot be read.
    """
    from campaigns.errors import InvalidSet

    values = {}
    for word in sets or ():
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise InvalidSet(_("“{word}” does not set a variable. Write --set name=value.").format(word=word))
        values[name.strip()] = _read(value[1:]) if re.match("@[^@]", value) else value.removeprefix("@")
    return values


def _read(name: str) -> str:
    from campaigns.errors import UnreadableFile

    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or _("it is not UTF-8 text")
        raise UnreadableFile(
            _(
                "The file {file} cannot be read ({cause}). Correct its name, or write @@ for a value that begins with @."
            ).format(file=name, cause=cause)
        ) from error
