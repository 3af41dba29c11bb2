"""Templates as they lie on disk: a folder each, described by its template.toml."""

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from gettext import gettext as _
from pathlib import Path
from types import MappingProxyType
from typing import Any

from templates.brand import BRAND_NAMES
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
    "brand": BRAND_NAMES,
}
"""The names that a template finds beside its own variables, with their fields."""

_KEYS = {"title", "description", "purpose", "subject", "variables", "attachments", "invite", "lint"}
_BLOCKS = ("preheader", "label", "heading")  # of the layout, that a front matter fills
INVITE_TYPES: Mapping[str, frozenset[VariableType]] = MappingProxyType(
    {
        "start": frozenset({VariableType.DATE, VariableType.DATETIME}),
        "time": frozenset({VariableType.TIME}),
        "end": frozenset({VariableType.TIME, VariableType.DATETIME}),
        "duration": frozenset({VariableType.INTEGER}),  # minutes
        "title": frozenset({VariableType.TEXT}),
        "description": frozenset({VariableType.TEXT}),
        "place": frozenset({VariableType.TEXT}),
        "link": frozenset({VariableType.LINK}),
    }
)
"""What [invite] of a template may name, and the types that its variables may have."""

_VARIABLE_KEYS = {"type", "label", "required", "default", "example", "choices"}
_ANY_DAY = dt.date(2000, 1, 1)


class Purpose(StrEnum):
    """Why a mail is sent, which decides who may receive it and what its footer says."""

    PUBLIC_INFORMATION = "public_information"  # a public body informs; no consent needed
    SERVICE = "service"  # the answer to a request, or part of a service in progress
    MARKETING = "marketing"  # prospecting; needs a basis per contact


@dataclass(frozen=True)
class Variable:
    """One value that the officer gives to a template; `default` and `example` are written as she would.

    `choices` are what a variable of the type choice may hold.
    """

    name: str
    type: VariableType
    label: str
    required: bool
    default: str
    example: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """One template; `subject`, `html` and `text` are the author's Jinja sources.

    `file` is the Markdown file that `html` was made of, line by line. `attachments` are files of the folder that go with
    every message; `invite` names the variables that make up an invitation.
    """

    name: str
    title: str
    description: str
    purpose: Purpose
    variables: Mapping[str, Variable]
    folder: Path
    subject: str
    html: str
    text: str | None
    file: Path | None = None
    attachments: tuple[Path, ...] = ()
    invite: Mapping[str, str] = field(default_factory=dict)
    silence: Silence = NOTHING

    @property
    def body_file(self) -> Path:
        """Where the body stands, for messages about its lines."""
        return self.file or self.folder / "body.html"

    @property
    def subject_file(self) -> Path:
        """Where the subject stands."""
        for name in ("subject.txt", "template.toml"):
            if (self.folder / name).is_file():
                return self.folder / name
        return self.body_file


def find_templates(folders: Sequence[Path] = ()) -> dict[str, Template]:
    """Read every template, in order of name; of two with the same name the one in the earlier folder wins.

    Raises InvalidTemplate for the first one that cannot be read.
    """
    found: dict[str, Path] = {}
    for name, place in _places(folders):
        found.setdefault(name, place)
    return {name: _read_template(name, found[name]) for name in sorted(found)}


def load_template(name: str, folders: Sequence[Path] = ()) -> Template:
    """Read the template of this name.

    Raises UnknownTemplate with the nearest names, or InvalidTemplate with file and line.
    """
    names = []
    for known, place in _places(folders):
        if known == name:
            return _read_template(name, place)
        names.append(known)
    raise UnknownTemplate(_("there is no template {name!r}; {nearest}").format(name=name, nearest=nearest(name, names)))


def _places(folders: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Find the templates: folders, and files in Markdown that begin with their front matter."""
    for root in (*folders, LIBRARY):
        for place in sorted(root.iterdir()) if root.is_dir() else ():
            if place.name.startswith(("_", ".")):
                continue
            if any((place / file).is_file() for file in ("template.toml", "body.md")):
                yield place.name, place
            elif _is_markdown(place):
                yield place.stem, place


def _is_markdown(place: Path) -> bool:
    """Tell a template in one file from a note to read, which has no front matter."""
    if place.suffix != ".md" or not place.is_file():
        return False
    return place.read_bytes().removeprefix(b"\xef\xbb\xbf").startswith((b"---\n", b"---\r\n"))


def _read_template(name: str, place: Path) -> Template:
    """Read a template folder, or a template that is one Markdown file, which has no folder to take other files from."""
    folder = place if place.is_dir() else place.with_suffix("")
    markdown = place if place.is_file() else folder / "body.md"
    if place.is_dir() and _is_markdown(beside := place.with_name(f"{place.name}.md")):
        raise InvalidTemplate(_("stands beside {file}; keep one of the two").format(file=folder), file=beside)
    file = folder / "template.toml"
    settings: dict[str, Any] = _read_toml(file) if file.is_file() else {}
    html = None
    if markdown.is_file():
        if place.is_dir() and (folder / "body.html").is_file():
            raise InvalidTemplate(_("stands beside body.html; keep one of the two"), file=markdown)
        front, html = _read_markdown(markdown)
        if twice := sorted(settings.keys() & front.keys()):
            raise InvalidTemplate(
                _("{key} stands in template.toml too; keep one of the two").format(key=twice[0]), file=markdown
            )
        file = file if settings else markdown
        settings |= front
    _refuse_unknown(settings, _KEYS, file)
    if html:
        settings.setdefault("description", settings.get("title"))
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
    read = {each: _read_variable(each, table, file) for each, table in variables.items()}
    return Template(
        name=name,
        title=texts["title"],
        description=texts["description"],
        purpose=Purpose(texts["purpose"]),
        variables=read,
        folder=folder,
        subject=subject,
        html=html or read_source(folder / "body.html"),
        text=read_source(text_file) if text_file.is_file() else None,
        file=markdown if html else None,
        attachments=_read_attachments(settings, folder, file),
        invite=_read_invite(settings, read, file),
        silence=read_silence(settings.get("lint", {}), file),
    )


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_source(file))
    except tomllib.TOMLDecodeError as error:
        raise InvalidTemplate(_("not valid TOML: {error}").format(error=error), file=file) from error


def _read_markdown(file: Path) -> tuple[dict[str, Any], str]:
    """Give the settings of a Markdown file, as template.toml would have them, and its body as HTML."""
    from templates.markdown import read_document, to_html  # its libraries take longer to import than all the rest

    settings, body = read_document(read_source(file), file)
    for key, value in settings.items():
        if key not in {"variables", "attachments", "invite", "lint"} and not isinstance(value, str):
            raise InvalidTemplate(
                _("{key} is no text; put it into quotes, as a text that begins with a brace needs").format(key=key),
                file=file,
            )
    blocks = {name: settings.pop(name) for name in _BLOCKS if settings.get(name)}
    variables = settings.get("variables", {})
    if isinstance(variables, dict):
        for table in variables.values():
            if isinstance(table, dict):
                table.setdefault("type", VariableType.TEXT.value)
                table["required"] = _TRUTHS.get(table.get("required", "false"), table.get("required"))
    return settings, to_html(body, file, blocks)


_TRUTHS = {"true": True, "false": False}


def _read_attachments(settings: Mapping[str, Any], folder: Path, file: Path) -> tuple[Path, ...]:
    names = settings.get("attachments", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidTemplate(
            _('write attachments = ["plan.pdf"], names of files in the template\'s folder'), file=file
        )
    return tuple(own_file(folder, name, file) for name in names)


def own_file(folder: Path, name: str, file: Path, line: int | None = None) -> Path:
    """Find a file of a template's folder; InvalidTemplate, at `file`, for one that is not there or lies outside."""
    found = (folder / name).resolve()
    if not found.is_relative_to(folder.resolve()) or not found.is_file():
        raise InvalidTemplate(
            _("there is no file {name} in the folder {folder}; put it there").format(name=name, folder=folder),
            file=file,
            line=line,
        )
    return found


def _read_invite(settings: Mapping[str, Any], variables: Mapping[str, Variable], file: Path) -> dict[str, str]:
    """Read which variables make up the invitation."""
    table = settings.get("invite", {})
    if not isinstance(table, dict):
        raise InvalidTemplate(_("write the invitation as a table [invite]"), file=file)
    _refuse_unknown(table, set(INVITE_TYPES), file)
    for key, name in table.items():
        if name not in variables:
            raise InvalidTemplate(
                _("[invite] {key}: {name!r} is no variable; {nearest}").format(
                    key=key, name=name, nearest=nearest(str(name), list(variables))
                ),
                file=file,
            )
        if variables[name].type not in INVITE_TYPES[key]:
            raise InvalidTemplate(
                _("[invite] {key}: the variable {name} has to be of type {types}").format(
                    key=key, name=name, types=_(" or ").join(INVITE_TYPES[key])
                ),
                file=file,
            )
    if table:
        start = variables.get(table.get("start", ""))
        is_timed = start is not None and ("time" in table) == (start.type is VariableType.DATE)
        if not is_timed or "title" not in table or ("duration" in table) == ("end" in table):
            raise InvalidTemplate(
                _("[invite] needs start (a datetime, or a date with time), title, and duration or end"), file=file
            )
    return dict(table)


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
        default=_written(table.get("default", "")),
        example=_written(table.get("example", table.get("default", ""))),
        choices=_choices(name, kind, table, file),
    )
    if required and not variable.example:
        raise InvalidTemplate(
            _("variable {name} is required; give it an example for the previews").format(name=name), file=file
        )
    for written in filter(None, (variable.default, variable.example)):
        try:
            read_value(variable.type, written, today=_ANY_DAY, choices=variable.choices)
        except InvalidValue as error:
            raise InvalidTemplate(_("variable {name}: {error}").format(name=name, error=error), file=file) from error
    return variable


def _written(value: object) -> str:
    """Write a value of TOML as an officer would: a list with a line an item, true as oui."""
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if isinstance(value, bool):
        return "oui" if value else "non"
    return str(value)


def _choices(name: str, kind: str, table: dict[str, Any], file: Path) -> tuple[str, ...]:
    choices = table.get("choices", [])
    if not isinstance(choices, list) or not all(isinstance(choice, str) and choice.strip() for choice in choices):
        raise InvalidTemplate(_("variable {name}: choices is a list of texts").format(name=name), file=file)
    if bool(choices) != (kind == VariableType.CHOICE):
        raise InvalidTemplate(
            _('variable {name}: the type choice, and no other, needs choices = ["…", "…"]').format(name=name), file=file
        )
    return tuple(choices)


def read_source(file: Path) -> str:
    """Read a template's file; InvalidTemplate when it is missing, is not UTF-8 or leads out of the templates' folder."""
    try:
        if file.is_symlink() and not file.resolve().is_relative_to(file.parent.resolve()):
            raise InvalidTemplate(_("is a link to a file outside of the folder; copy the file into it"), file=file)
        return file.read_text(encoding="utf-8-sig")  # Notepad may write a byte order mark
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
