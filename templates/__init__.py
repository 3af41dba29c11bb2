"""What is written: templates, their compilation and each recipient's message; no database, no network."""

from templates.brand import DATA_SOURCE, Brand
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
from templates.palette import ENOUGH, WHITE, contrast
from templates.previews import preview_recipient
from templates.renderer import Rendered, Renderer, bare_context
from templates.sources import LIBRARY, Purpose, Template, Variable, find_templates, load_template
from templates.strictness import StrictRenderer
from templates.values import VariableType, read_value
from templates.variables import bind_variables, example_variables

__all__ = [
    "DATA_SOURCE",
    "ENOUGH",
    "LIBRARY",
    "RENDERING_ERRORS",
    "WHITE",
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
    "bare_context",
    "bind_variables",
    "compile_template",
    "contrast",
    "example_variables",
    "find_templates",
    "load_template",
    "make_environment",
    "parse_filled",
    "preview_recipient",
    "read_value",
]
