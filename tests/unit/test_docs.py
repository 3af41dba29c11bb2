"""The pages of docs/ that are written by hand name what exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STANDARDS = (ROOT / "docs" / "standards.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:unit|integration|acceptance)/\w+\.py)::(\w+)`", STANDARDS)))
ROWS = [f"S{number}" for number in range(1, 26)] + ["K1", "K2", "K3", "K4", "K5", "K9"]


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file: str, name: str) -> None:
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert re.search(rf"^\s*(?:def|class) {name}\b", text, re.MULTILINE)


@pytest.mark.parametrize("row", ROWS)
def test_each_row_of_the_checklist_has_a_test(row: str) -> None:
    [line] = [line for line in STANDARDS.splitlines() if line.startswith(f"| {row} |")]
    assert "::" in line
