"""What is written: templates, their compilation and each recipient's message; no database, no network."""

from templates.compiler import CompiledTemplate, compile_template
from templates.constants import parse_filled
from templates.environment import RENDERING_ERRORS, make_environment
from templates.errors import (
    InvalidTemplate,
    InvalidValue,
    MissingVariable,
    RenderingFailed,
    TemplateError,
    TemplateExists,
    UnknownTemplate,
    UnknownVariable,
)
from templates.images import Image
from templates.previews import preview_recipient
from templates.renderer import Brand, Rendered, Renderer
from templates.sources import LIBRARY, Purpose, Template, Variable, find_templates, load_template
from templates.strictness import StrictRenderer
from templates.values import VariableType
from templates.variables import bind_variables, example_variables

__all__ = [
    "LIBRARY",
    "RENDERING_ERRORS",
    "Brand",
    "CompiledTemplate",
    "Image",
    "InvalidTemplate",
    "InvalidValue",
    "MissingVariable",
    "Purpose",
    "Rendered",
    "Renderer",
    "RenderingFailed",
    "StrictRenderer",
    "Template",
    "TemplateError",
    "TemplateExists",
    "UnknownTemplate",
    "UnknownVariable",
    "Variable",
    "VariableType",
    "bind_variables",
    "compile_template",
    "example_variables",
    "find_templates",
    "load_template",
    "make_environment",
    "parse_filled",
    "preview_recipient",
]
