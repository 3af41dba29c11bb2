"""Lines of Jinja source broken where the rendered text will be about as wide as a line may be."""

import re

GLUE = "\ue002"
"""Stands for a space where no line may break: inside a Jinja tag."""

_EDGE = f"{GLUE}-+"  # of what stands between {{ and }}
_BRACE = "\ue004"  # of the author's, which becomes an expression later
_WIDTH = 76  # that of the filter, unless it is told another
_OF_RECIPIENT = re.compile(r"\b(?:contact|company|links|campaign|civility)\b")
_EXPRESSION_WIDTH = 22  # what a value is taken to measure: a company's name, a date in full
_TOKEN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}| +|[^ {]+|\{")
_KEYWORD = re.compile(rf"\{{%[+-]?[ {GLUE}]*(\w+)")


def wrap_rendered(line: str, indent: str, width: int) -> str | None:
    """Let a filter break a line once its values are known, where that takes no time for each recipient; else None.

    That is a line whose values are the same for all recipients, or one that is nothing but a value.
    """
    tokens = _TOKEN.findall(line)
    shown = [number for number, token in enumerate(tokens) if not token.isspace() and not token.startswith("{%")]
    arguments = f"({width},{GLUE}{len(indent)})" if indent or width != _WIDTH else ""
    end = f"{GLUE}|{GLUE}wrapped{arguments}{GLUE}}}}}"
    if len(shown) == 1 and tokens[shown[0]].startswith("{{"):
        tokens[shown[0]] = f"{{{{{GLUE}({tokens[shown[0]][2:-2].strip(_EDGE)}){end}"
        return indent + "".join(tokens)
    return f"{indent}{{{{{GLUE}({_joined(tokens)}){end}" if _is_same_for_all(tokens) else None


def wrap(line: str, indent: str, width: int) -> str:
    """Break one line at its spaces, as if every value were about as long.

    The branches of an if stand in each other's place, so each begins at the column where the if stands.
    """
    tokens = _TOKEN.findall(line)
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


def _is_same_for_all(tokens: list[str]) -> bool:
    """Tell a line with values, and none of the recipient's, for whom breaking it would take time each."""
    values = [token for token in tokens if token.startswith("{{")]
    return bool(values) and not any(
        token.startswith("{%") or _BRACE in token or (token.startswith("{{") and _OF_RECIPIENT.search(token))
        for token in tokens
    )


def _joined(tokens: list[str]) -> str:
    """Write a line as one expression: its texts and values put together."""
    parts: list[str] = []
    text = ""
    for token in [*tokens, ""]:
        if token and not token.startswith("{{"):
            text += token
            continue
        if text:
            parts.append('"' + text.replace("\\", "\\\\").replace('"', '\\"').replace(" ", GLUE) + '"')
            text = ""
        if token:
            parts.append(f"({token[2:-2].strip(_EDGE)})")
    return f"{GLUE}~{GLUE}".join(parts)


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
