"""Templates as they lie on disk: a folder each, described by its template.toml."""

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from gettext import gettext as _
from pathlib import Path
from typing import Any

from templates.errors import InvalidTemplate, InvalidValue, UnknownTemplate
from templates.nearest import nearest
from templates.silences import NOTHING, Silence, read_silence
from templates.values import VariableType, read_value

LIBRARY = Path(__file__).parent / "library"
"""The shipped templates, searched after every folder of the officer's."""

BASE_FOLDER = "_base"
"""The part of the library that every template may include or extend, as `_base/…`."""

RESERVED = {
    "contact": ("civility", "given_name", "family_name", "address", "role"),
    "company": ("name", "siret", "commune", "epci", "naf"),
    "links": ("unsubscribe",),
    "campaign": ("name",),
    "brand": (
        "name",
        "short_name",
        "address",
        "website",
        "email",
        "phone",
        "logo_url",
        "primary_colour",
        "accent_colour",
    ),
}
"""The names that a template finds beside its own variables, with their fields."""

_KEYS = {"title", "description", "purpose", "subject", "variables", "lint"}
_VARIABLE_KEYS = {"type", "label", "required", "default", "example"}
_ANY_DAY = dt.date(2000, 1, 1)


class Purpose(StrEnum):
    """Why a mail is sent, which decides who may receive it and what its footer says."""

    PUBLIC_INFORMATION = "public_information"  # a public body informs; no consent needed
    SERVICE = "service"  # the answer to a request, or part of a service in progress
    MARKETING = "marketing"  # prospecting; needs a basis per contact


@dataclass(frozen=True)
class Variable:
    """One value that the officer gives to a template; `default` and `example` are written as she would."""

    name: str
    type: VariableType
    label: str
    required: bool
    default: str
    example: str


@dataclass(frozen=True)
class Template:
    """One template folder; `subject`, `html` and `text` are the author's Jinja sources."""

    name: str
    title: str
    description: str
    purpose: Purpose
    variables: Mapping[str, Variable]
    folder: Path
    subject: str
    html: str
    text: str | None
    silence: Silence = NOTHING


def find_templates(folders: Sequence[Path] = ()) -> dict[str, Template]:
    """Read every template, in order of name; of two with the same name the one in the earlier folder wins.

    Raises InvalidTemplate for the first one that cannot be read.
    """
    found: dict[str, Path] = {}
    for folder in _template_folders(folders):
        found.setdefault(folder.name, folder)
    return {name: _read_template(found[name]) for name in sorted(found)}


def load_template(name: str, folders: Sequence[Path] = ()) -> Template:
    """Read the template of this name.

    Raises UnknownTemplate with the nearest names, or InvalidTemplate with file and line.
    """
    names = []
    for folder in _template_folders(folders):
        if folder.name == name:
            return _read_template(folder)
        names.append(folder.name)
    raise UnknownTemplate(_("there is no template {name!r}; {nearest}").format(name=name, nearest=nearest(name, names)))


def _template_folders(folders: Sequence[Path]) -> Iterator[Path]:
    for root in (*folders, LIBRARY):
        if root.is_dir():
            for folder in sorted(root.iterdir()):
                if not folder.name.startswith(("_", ".")) and (folder / "template.toml").is_file():
                    yield folder


def _read_template(folder: Path) -> Template:
    file = folder / "template.toml"
    try:
        settings = tomllib.loads(read_source(file))
    except tomllib.TOMLDecodeError as error:
        raise InvalidTemplate(_("not valid TOML: {error}").format(error=error), file=file) from error
    _refuse_unknown(settings, _KEYS, file)
    texts = {key: _text(settings, key, file) for key in ("title", "description", "purpose")}
    if texts["purpose"] not in set(Purpose):
        raise InvalidTemplate(
            _("purpose {purpose!r} is unknown; write one of {purposes}").format(
                purpose=texts["purpose"], purposes=", ".join(Purpose)
            ),
            file=file,
        )
    variables = settings.get("variables", {})
    if not isinstance(variables, dict) or not all(isinstance(table, dict) for table in variables.values()):
        raise InvalidTemplate(_("write each variable as a table [variables.NAME]"), file=file)
    subject_file = folder / "subject.txt"
    text_file = folder / "body.txt"
    subject = read_source(subject_file).strip() if subject_file.is_file() else _text(settings, "subject", file)
    if not subject:
        raise InvalidTemplate(_("is empty; write the subject into it, or take the file away"), file=subject_file)
    return Template(
        name=folder.name,
        title=texts["title"],
        description=texts["description"],
        purpose=Purpose(texts["purpose"]),
        variables={name: _read_variable(name, table, file) for name, table in variables.items()},
        folder=folder,
        subject=subject,
        html=read_source(folder / "body.html"),
        text=read_source(text_file) if text_file.is_file() else None,
        silence=read_silence(settings.get("lint", {}), file),
    )


def _read_variable(name: str, table: dict[str, Any], file: Path) -> Variable:
    _refuse_unknown(table, _VARIABLE_KEYS, file)
    if not name.isidentifier() or name in RESERVED or name == "purpose":
        raise InvalidTemplate(
            _("a variable cannot be called {name!r}; choose another name of letters and _").format(name=name),
            file=file,
        )
    kind = _text(table, "type", file)
    if kind not in set(VariableType):
        raise InvalidTemplate(
            _("variable {name}: type {kind!r} is unknown; write one of {kinds}").format(
                name=name, kind=kind, kinds=", ".join(VariableType)
            ),
            file=file,
        )
    required = table.get("required", False)
    if not isinstance(required, bool):
        raise InvalidTemplate(_("variable {name}: required is true or false").format(name=name), file=file)
    variable = Variable(
        name=name,
        type=VariableType(kind),
        label=_text(table, "label", file),
        required=required,
        default=str(table.get("default", "")),
        example=str(table.get("example", table.get("default", ""))),
    )
    if required and not variable.example:
        raise InvalidTemplate(
            _("variable {name} is required; give it an example for the previews").format(name=name), file=file
        )
    for written in filter(None, (variable.default, variable.example)):
        try:
            read_value(variable.type, written, today=_ANY_DAY)
        except InvalidValue as error:
            raise InvalidTemplate(_("variable {name}: {error}").format(name=name, error=error), file=file) from error
    return variable


def read_source(file: Path) -> str:
    """Read a template's file; InvalidTemplate when it is missing, is not UTF-8 or leads out of the templates' folder."""
    try:
        if file.is_symlink() and not file.resolve().is_relative_to(file.parent.resolve()):
            raise InvalidTemplate(_("is a link to a file outside of the folder; copy the file into it"), file=file)
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidTemplate(
            _("cannot be read ({reason}); every template needs it").format(reason=error.strerror), file=file
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidTemplate(_("is not UTF-8; save it as UTF-8"), file=file) from error


def _refuse_unknown(table: Mapping[str, object], known: set[str], file: Path) -> None:
    for key in table:
        if key not in known:
            raise InvalidTemplate(
                _("key {key!r} is unknown; {nearest}").format(key=key, nearest=nearest(key, sorted(known))), file=file
            )


def _text(table: Mapping[str, object], key: str, file: Path) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InvalidTemplate(_('{key} is missing; write {key} = "…"').format(key=key), file=file)
    return value
