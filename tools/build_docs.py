"""Writes docs/commands.md from the commands themselves; with --check, tells whether it is what it should be."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "commands.md"
HEAD = """# The commands

Written by `make docs` from `--help`; do not edit.
"""


def _help(words: list[str]) -> str:
    env = {**os.environ, "RELAIS_LANGUAGE": "en", "COLUMNS": "100", "TERMINAL_WIDTH": "100", "LC_ALL": "C.UTF-8"}
    command = [str(Path(sys.executable).with_name("relais")), *words, "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=env, cwd=ROOT / "docs")
    return run.stdout.strip()


def _groups(text: str) -> list[str]:
    listed = text.partition("\nCommands:\n")[2]
    return [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2:3].strip()]


def _write(words: list[str], lines: list[str]) -> None:
    text = _help(words)
    lines += ["", f"{'#' * (len(words) + 1)} relais {' '.join(words)}".rstrip(), "", "```text", text, "```"]
    for name in _groups(text):
        _write([*words, name], lines)


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 when the page is out of date")
    lines = [HEAD.strip()]
    _write([], lines)
    page = "\n".join(lines) + "\n"
    if not parser.parse_args().check:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    print(f"{PAGE.relative_to(ROOT)} is out of date: run `make docs`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
