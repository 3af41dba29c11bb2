"""A command that the documentation or a sentence of the interface names is one that there is."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from babel.messages.pofile import read_po

from campaigns.cli.app import app

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "campaigns" / "locale" / "fr" / "LC_MESSAGES" / "relais.po"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_NAMED = re.compile(r"(?<![\w/.-])relais(?: [a-z][a-z-]*)+[^`\n]*")
_IN_SHORT = re.compile(r"`((?:audiences|templates|campaigns|sends|suppressions) [a-z][^`\n]*)`")


def _root() -> Any:
    return typer.main.get_command(app)


def find_named(text: str) -> set[str]:
    """Give the command lines that a text names, each up to its backtick or the end of its line."""
    joined = re.sub(r" *\\\n\s*", " ", text)
    whole = {match[0].strip() for match in _NAMED.finditer(joined) if "[OPTIONS]" not in match[0]}
    return whole | {f"relais {match[1]}" for match in _IN_SHORT.finditer(joined)}


def fault_of(line: str) -> str | None:
    """Say what a command line names that there is not: a command, or an option of it."""
    words = re.sub(r"'[^']*'|\"[^\"]*\"", "VALUE", line).split()[1:]
    command = _root()
    while words and hasattr(command, "commands"):
        name = words.pop(0).rstrip(".,;:)")
        if name not in command.commands:
            return f"no command {name}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    for word in words:
        if word in ("|", "&&"):
            break
        option = word.rstrip(".,;:)").partition("=")[0]
        if option.startswith("--") and option not in known:
            return f"no option {option}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_exist(page: Path) -> None:
    named = find_named(page.read_text(encoding="utf-8"))
    assert {line: fault for line in named if (fault := fault_of(line))} == {}


def test_the_commands_of_the_interface_exist() -> None:
    with CATALOGUE.open("rb") as file:
        ids = [message.id for message in read_po(file)]
    texts = [text for each in ids for text in (each if isinstance(each, tuple) else (each,))]
    named = {line for text in texts for line in find_named(text)}
    assert len(named) > 20
    assert {line: fault for line in named if (fault := fault_of(line))} == {}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("relais campaigns send info --yes", None),
        ('relais suppressions add a@example.org --evidence "a call"', None),
        ("relais campaigns launch info", "no command launch"),
        ("relais audience list", "no command audience"),
        ("relais sends work --twice", "no option --twice"),
    ],
)
def test_a_fault_is_found(line: str, fault: str | None) -> None:
    assert fault_of(line) == fault
