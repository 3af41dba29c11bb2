"""The lint: what a recipient, a mail client or the law would find wrong with a message, before it leaves."""

from templates.lint.findings import Finding, Level, Part, Place, Rule
from templates.lint.page import Page, make_page, make_pages
from templates.lint.places import Places
from templates.lint.rules import RULES, Report, run

__all__ = [
    "RULES",
    "Finding",
    "Level",
    "Page",
    "Part",
    "Place",
    "Places",
    "Report",
    "Rule",
    "make_page",
    "make_pages",
    "run",
]
