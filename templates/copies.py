"""New templates of the officer's own, made of one that there is."""

import re
import shutil
from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path
from typing import Any

from templates.errors import InvalidTemplate, TemplateError, TemplateExists
from templates.sources import Template, Variable, load_template
from templates.values import VariableType

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_PREHEADER = re.compile(r"\{% block preheader %\}(.+?)\{% endblock %\}")
_WRITTEN = {
    VariableType.AMOUNT: "{{{{ {name} | amount }}}}",
    VariableType.DATE: "{{{{ {name} | date }}}}",
    VariableType.TIME: "{{{{ {name} | time }}}}",
    VariableType.DATETIME: "{{{{ {name} | date }}}} à {{{{ {name} | time }}}}",
}


def copy_template(source: Template, name: str, folder: Path, *, as_markdown: bool = False) -> Path:
    """Copy a template into a folder of templates under a new name; give the folder or file that is there now.

    What it takes from the shipped base it still takes from there. `as_markdown` writes one Markdown file with the same
    settings and a body to begin with. Raises TemplateExists, or InvalidTemplate for a name that cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise InvalidTemplate(_("cannot be the name of a template; use a-z, 0-9 and hyphens"), file=name)
    for place in (folder / name, folder / f"{name}.md"):
        if place.exists():
            raise TemplateExists(
                _("{place} is there already; choose another name, or change that template").format(place=place)
            )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.md"
    if as_markdown:
        target.write_text(_as_markdown(source), encoding="utf-8")
    elif source.file is not None and not source.folder.is_dir():
        shutil.copyfile(source.file, target)
    else:
        target = folder / name
        shutil.copytree(source.folder, target, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    try:
        load_template(name, [folder])
    except TemplateError:  # half a template would stop every command that lists them
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        raise
    return target


def _as_markdown(source: Template) -> str:
    import yaml

    settings: dict[str, Any] = {
        "title": source.title,
        "description": source.description,
        "purpose": str(source.purpose),
        "subject": source.subject,
        "variables": {name: _settings_of(variable) for name, variable in source.variables.items()},
    }
    if source.invite:
        settings["invite"] = dict(source.invite)
    if preheader := _PREHEADER.search(source.html):
        settings["preheader"] = preheader[1]
    front = yaml.safe_dump(settings, allow_unicode=True, sort_keys=False, width=1000)
    return f"---\n{front}---\n\n" + "\n".join(_body(source)) + "\n"


def _settings_of(variable: Variable) -> dict[str, Any]:
    given: dict[str, Any] = {"type": str(variable.type), "label": variable.label}
    if variable.required:
        given["required"] = True
    if variable.choices:
        given["choices"] = list(variable.choices)
    for key in ("default", "example"):
        if text := getattr(variable, key):
            given[key] = text
    return given


def _body(source: Template) -> Iterator[str]:
    """Write a body that shows each variable, in French, as the mails are."""
    yield "{# preheader: et label:, en tête de ce fichier, donnent la suite de l’objet et le mot au-dessus du titre. #}"
    yield ""
    yield f"# {source.title}"
    yield ""
    yield "Écrivez ici votre message. Une ligne vide sépare deux paragraphes, **deux étoiles** mettent en gras."
    yield ""
    links = [each for each in source.variables.values() if each.type is VariableType.LINK]
    facts = [each for each in source.variables.values() if each.type is not VariableType.LINK]
    if facts:
        yield "| | |"
        yield "|---|---|"
    for each in facts:
        row = f"| {each.label} | {_WRITTEN.get(each.type, '{{{{ {name} }}}}').format(name=each.name)} |"
        yield from (row,) if each.required or each.default else (f"{{% if {each.name} %}}", row, "{% endif %}")
    for each in links:
        button = f'[Ouvrir la page]({{{{ {each.name} }}}} "bouton")'
        yield ""
        yield from (button,) if each.required else (f"{{% if {each.name} %}}", button, "{% endif %}")
