"""The values of one campaign for its template's variables."""

import datetime as dt
from collections.abc import Callable, Mapping
from gettext import gettext as _

from templates.errors import InvalidValue, MissingVariable, UnknownVariable
from templates.nearest import nearest
from templates.sources import Template
from templates.values import VariableType, read_value


def bind_variables(
    template: Template,
    given: Mapping[str, str],
    *,
    today: dt.date,
    find_epci: Callable[[str], str] | None = None,
) -> dict[str, object]:
    """Type and check the given values and fill in the defaults; an optional variable without either is "".

    `find_epci` gives the name under which mails know an intercommunality, and raises InvalidValue for an unknown one;
    without it any name passes.
    Raises UnknownVariable with the nearest names, MissingVariable with all that are missing, or InvalidValue.
    """
    for name in given:
        if name not in template.variables:
            raise UnknownVariable(
                _("template {template} has no variable {name!r}; {nearest}").format(
                    template=template.name, name=name, nearest=nearest(name, list(template.variables))
                )
            )
    written = {
        name: given.get(name, "").strip() or variable.default.strip() for name, variable in template.variables.items()
    }
    missing = [name for name, variable in template.variables.items() if variable.required and not written[name]]
    if missing:
        raise MissingVariable(
            _("template {template} needs {labels}; add {options}").format(
                template=template.name,
                labels=", ".join(f"{name} ({template.variables[name].label})" for name in missing),
                options=" ".join(f"--set {name}=…" for name in missing),
            )
        )
    bound: dict[str, object] = {}
    for name, variable in template.variables.items():
        try:
            value = written[name]
            if value and variable.type is VariableType.EPCI and find_epci:
                value = find_epci(value)
            bound[name] = read_value(variable.type, value, today=today, choices=variable.choices) if value else ""
        except InvalidValue as error:
            raise InvalidValue(_("{name}: {error}").format(name=name, error=error)) from error
    return bound


def example_variables(template: Template) -> dict[str, str]:
    """Give every variable's example, as an officer would write it, for a preview."""
    return {name: variable.example for name, variable in template.variables.items() if variable.example}
