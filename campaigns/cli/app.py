"""The root of the commands, and what an error looks like to the officer."""

import os
import shutil
import sys
import traceback
from enum import IntEnum
from gettext import gettext as _
from pathlib import Path

import typer

from campaigns.cli import addressing, audiences, campaigns, explaining, output, sends, setup, suppressions, templates
from campaigns.cli.output import open_private
from campaigns.cli.usage import usage_sentence

ERROR_LOG = Path("relais-errors.log")


class ExitCode(IntEnum):
    """What the shell is told."""

    OK = 0
    BUG = 1  # something unexpected; details are in relais-errors.log
    REFUSED = 2  # bad input, or something outside is missing; nothing was done
    FOUND = output.FOUND  # a check found what has to be corrected
    INTERRUPTED = 130  # Ctrl-C


app = typer.Typer(
    name="relais",
    help=_(
        "Targeted email campaigns of a chamber of commerce: build audiences, write, send once, and see what happened."
    ),
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: rich would double the start-up time
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
setup.register(app)
audiences.app.add_typer(explaining.app)
audiences.app.add_typer(addressing.app)
app.add_typer(audiences.app, name="audiences")
app.add_typer(templates.app, name="templates")
app.add_typer(campaigns.app, name="campaigns")
app.add_typer(sends.app, name="sends")
app.add_typer(suppressions.app, name="suppressions")


def run() -> int:
    """Run the command of this process's arguments; give its exit code."""
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):  # typer exits when the reader of a pipe has seen enough: that is no fault
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception as error:  # noqa: BLE001 - the officer never sees a traceback
        return _explain(error)
    if code == ExitCode.INTERRUPTED:
        return _fail(_("Interrupted. What was sent is recorded; nothing is lost."), ExitCode.INTERRUPTED)
    return code if isinstance(code, int) else ExitCode.OK


def _explain(error: Exception) -> int:
    if isinstance(error, typer.TyperException):
        return _explain_usage(error)
    if _is_expected(error):
        return _fail(str(error), ExitCode.REFUSED, place=_excerpt(error))
    if isinstance(error, OSError) and error.filename is not None:
        cause = _("{file} cannot be read or written: {cause}. Check the name, the folder and its rights.")
        return _fail(cause.format(file=error.filename, cause=error.strerror), ExitCode.REFUSED)
    try:
        with open_private(ERROR_LOG, "a") as log:
            traceback.print_exception(error, file=log)
    except OSError:
        return _fail(_("Something unexpected happened: {error}.").format(error=error), ExitCode.BUG)
    return _fail(
        _("Something unexpected happened: {error}. The details are in {log}: please report it with that file.").format(
            error=f"{type(error).__name__}: {error}".splitlines()[0], log=ERROR_LOG
        ),
        ExitCode.BUG,
    )


def _explain_usage(error: typer.TyperException) -> int:
    """Say in one line what is wrong with the command line; a group without its command shows what there is."""
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if context is None:
        return _fail(usage_sentence(message), ExitCode.REFUSED)
    if message == context.get_help():
        sys.stderr.write(message + "\n")
        return ExitCode.REFUSED
    help_ = _("See `{command} --help`.").format(command=context.command_path)
    said = usage_sentence(message)
    end = "" if said.endswith(("?", "!")) else "."
    return _fail(f"{said}{end} {help_}", ExitCode.REFUSED)


def _is_expected(error: Exception) -> bool:
    from audiences.errors import AudienceError
    from campaigns.errors import CampaignError
    from sends.errors import SendError
    from templates import TemplateError

    return isinstance(error, AudienceError | TemplateError | SendError | CampaignError)


def _excerpt(error: Exception) -> str:
    """Give the line of a query that has a fault, and a mark under it."""
    from audiences.errors import QueryError

    if not isinstance(error, QueryError) or not error.query.strip():
        return ""
    width = shutil.get_terminal_size((100, 0)).columns
    return "".join(f"  {line}\n" for line in error.excerpt(max(20, width - 3)).splitlines())


def _fail(message: str, code: ExitCode, *, place: str = "") -> int:
    sys.stderr.write(_("Error: {message}").format(message=" ".join(message.splitlines())) + "\n" + place)
    return code
