"""Every command: its help, and what its --json gives another program."""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.office import Office

AT_ONCE = 3

KEYS = {
    "campaigns list": {
        "slug", "name", "status", "scheduled_at", "finished_at", "matched", "recipients", "sent", "delivered", "bounced",
        "failed", "deferred", "uncertain",
    },
    "campaigns show info": {"slug", "status", "query", "variables", "waterfall", "sent"},
    "audiences list": {"name", "query", "description"},
    "audiences show tous": {"name", "query", "description", "saved_at", "companies", "contacts", "left_out", "recipients"},
    "audiences explain tous": {"companies", "contacts", "left_out", "recipients"},
    "audiences count tous": {"companies", "contacts", "recipients"},
    "audiences fields": {"name", "aliases", "meaning", "example"},
    "audiences values nature": {"value", "companies", "requests"},
    "audiences sectors": {"name", "kind", "label", "naf"},
    "audiences stats": {"since", "until", "total", "by_channel", "by_epci", "by_nature", "by_topic", "by_day", "by_week"},
    "suppressions list": {"address", "reason", "scope", "evidence", "since", "lifted_at", "lifted_by", "lifted_why"},
    "suppressions check non.merci@example.org": {"address", "key", "stopped", "history"},
    "audiences import contacts.xlsx": {
        "file", "kind", "run", "rows", "created", "changed", "unchanged", "rejected", "opposed", "columns", "rejects_file",
    },
    "audiences import contacts.xlsx --dry-run": {"rows", "unchanged", "dry_run"},
    "audiences imports": {"number", "at", "file", "kind", "rows", "created", "rejected", "undone_at"},
    "audiences layouts": {"number", "kind", "file", "used_at", "columns"},
    "audiences undo 1 --dry-run": {"run", "deleted", "restored", "kept", "oppositions_kept", "dry_run"},
    "templates list": {"name", "title", "purpose", "description"},
    "templates show fonds": {"name", "title", "subject", "variables"},
}  # fmt: skip
"""What must stand in the object that a command prints, or in each of its list."""


@pytest.mark.parametrize("command", KEYS)
def test_json(office: Office, command: str) -> None:
    found = office.json(*command.split())
    records = found if isinstance(found, list) else [found]
    assert records
    assert all(KEYS[command] <= set(record) for record in records)


def helps(office: Office, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Give the help of a command and of all below it."""
    text = office(*words, "--help").stdout
    listed = text.partition("\nCommands:\n")[2]
    names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2:3].strip()]
    found = {words: text}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for below in pool.map(lambda name: helps(office, (*words, name)), names):
            found |= below
    return found


def test_the_help_of_every_command_fits_and_has_an_example(relais: Office) -> None:
    found = helps(relais)
    groups = {words for words, text in found.items() if "\nCommands:\n" in text}
    assert groups == {(), ("audiences",), ("templates",), ("campaigns",), ("sends",), ("suppressions",)}
    assert len(found) > 25
    for words, text in found.items():
        help_, _, example = text.partition("Examples:\n")
        assert max(map(len, help_.splitlines())) <= 80
        assert "..." not in help_.partition("\n")[2]  # the first line is the usage
        assert words in groups or f"relais {' '.join(words)}" in example


def test_tables_fit_a_screen_of_80_and_end_with_a_pipe(office: Office) -> None:
    for command in (
        "audiences list",
        "audiences fields",
        "audiences sectors",
        "audiences values naf",
        "templates show fonds",
        "campaigns list",
        "suppressions list",
        "suppressions check non.merci@example.org",
    ):
        lines = office(*command.split()).stdout.splitlines()
        assert max(map(len, lines)) <= 80, command
    del office.env["COLUMNS"]
    [line] = [line for line in office("audiences", "list").stdout.splitlines() if line.startswith("cua-aides")]
    assert 'epci:CUA AND nature:"Aides financières"' in line
    with office.start("audiences", "sectors") as writer:
        reader = subprocess.run(["head", "-1"], stdin=writer.stdout, capture_output=True, text=True, check=True)
    assert (writer.returncode, reader.stdout.split()) == (0, ["Name", "Kind", "Label"])
