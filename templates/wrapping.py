"""Lines of Jinja source broken where the rendered text will be about as wide as a line may be."""

import re

GLUE = "\ue002"
"""Stands for a space where no line may break: inside a Jinja tag."""

_EXPRESSION_WIDTH = 22  # what a value is taken to measure: a company's name, a date in full
_TOKEN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}| +|[^ {]+|\{")
_KEYWORD = re.compile(rf"\{{%[+-]?[ {GLUE}]*(\w+)")


def wrap(line: str, indent: str, width: int) -> str:
    """Break one line at its spaces; a value that is all of a line is broken when it is rendered, by a filter.

    The branches of an if stand in each other's place, so each begins at the column where the if stands.
    """
    tokens = _TOKEN.findall(line)
    shown = [number for number, token in enumerate(tokens) if not token.isspace() and not token.startswith("{%")]
    if len(shown) == 1 and tokens[shown[0]].startswith("{{") and not indent:
        inside = tokens[shown[0]][2:-2].strip(GLUE)
        tokens[shown[0]] = f"{{{{{GLUE}({inside}){GLUE}|{GLUE}wrapped{GLUE}}}}}"
        return "".join(tokens)
    written = [indent]
    column = len(indent)
    branches: list[tuple[int, int]] = []  # of each open if: the column it begins at, the furthest that a branch came
    for number, token in enumerate(tokens):
        if match := _KEYWORD.match(token):
            if match[1] in {"if", "for"}:
                branches.append((column, column))
            elif match[1] in {"elif", "else"} and branches:
                begin, furthest = branches.pop()
                branches.append((begin, max(furthest, column)))
                column = begin
            elif match[1] in {"endif", "endfor"} and branches:
                column = max(column, branches.pop()[1])
            written.append(token)
        elif not token.isspace():
            written.append(token)
            column += _width(token)
        elif column + 1 + _next_width(tokens[number + 1 :]) > width:
            written.append("\n" + " " * len(indent))
            column = len(indent)
        else:
            written.append(" ")
            column += 1
    return "".join(written)


def _width(token: str) -> int:
    if token.startswith("{%"):
        return 0
    return _EXPRESSION_WIDTH if token.startswith("{{") else len(token)


def _next_width(tokens: list[str]) -> int:
    """Measure what comes up to the next space or branch."""
    width = 0
    for token in tokens:
        match = _KEYWORD.match(token)
        if token.isspace() or (match and match[1] in {"elif", "else"}):
            break
        width += _width(token)
    return width
