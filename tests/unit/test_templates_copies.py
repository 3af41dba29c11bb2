"""New templates of the officer's own: what they are made of can be read, and says what its source said."""

from pathlib import Path

import pytest

from templates import find_templates
from templates.copies import copy_template
from templates.sources import load_template

SHIPPED = sorted(find_templates())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_template_can_begin_one_in_markdown(name: str, tmp_path: Path) -> None:
    source = load_template(name)

    file = copy_template(source, "ma-lettre", tmp_path, as_markdown=True)

    made = load_template("ma-lettre", [tmp_path])
    assert file == made.file == tmp_path / "ma-lettre.md"
    assert made.variables == source.variables
    assert "{% block preheader %}" in made.html


def test_what_cannot_be_read_is_not_left_behind(tmp_path: Path) -> None:
    source = load_template("fonds")
    broken = type(source)(**{**vars(source), "subject": ""})

    with pytest.raises(ValueError, match="subject"):
        copy_template(broken, "ma-lettre", tmp_path, as_markdown=True)

    assert list(tmp_path.iterdir()) == []
