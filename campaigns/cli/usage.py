"""Says in the officer's language what the parser of the command line objects to."""

import re
from collections.abc import Iterator
from gettext import gettext as _


def usage_sentence(message: str) -> str:
    """Give a sentence of typer's, whose own are English only, in the language of the interface; without a full stop.

    A sentence that is not known stays as it is.
    """
    text = message.rstrip(".")
    for pattern, sentence in _sentences():
        found = re.fullmatch(pattern, text, re.DOTALL)
        if found is not None:
            return sentence.format(**found.groupdict())
    return text


def _sentences() -> Iterator[tuple[str, str]]:
    """Give what typer 0.29 writes (typer/_click), and what is said instead."""
    place = r"Invalid value for '?(?P<place>[^:]+?)'?: "
    yield place + r"Input should be a valid integer.*", _("{place} takes a whole number")
    yield place + r"Input should be a valid number.*", _("{place} takes a number")
    yield place + r"Input should be less than or equal to (?P<most>\S+)", _("{place} takes {most} at most")
    yield place + r"Input should be greater than or equal to (?P<least>\S+)", _("{place} takes {least} at least")
    yield place + "(?P<message>.+)", _("Invalid value for {place}: {message}")
    yield "Invalid value: (?P<message>.+)", "{message}"
    yield "Missing option '?(?P<place>.+?)'?", _("The option {place} is missing")
    yield "Missing argument '?(?P<place>.+?)'?", _("The value {place} is missing")
    yield (
        r"No such option: (?P<option>.+?) \(Possible options: (?P<near>.+)\)",
        _("There is no option {option}; similar ones: {near}"),
    )
    yield r"No such option: (?P<option>.+)", _("There is no option {option}")
    yield (
        r"No such command '(?P<name>.+?)'\. Did you mean (?P<near>.+)\?",
        _("There is no command “{name}”; similar ones: {near}"),
    )
    yield r"No such command '(?P<name>.+?)'", _("There is no command “{name}”")
    yield (
        r"Got unexpected extra argument\(s\) \((?P<rest>.+)\)",
        _("“{rest}” is too much: put a value of several words in quotation marks"),
    )
    yield r"Option '(?P<option>.+?)' requires an argument", _("The option {option} needs a value")
    yield r"Option '(?P<option>.+?)' does not take a value", _("The option {option} takes no value")
