"""How large and heavy the text of an element is."""

import re
from typing import Any

from templates.lint.styles import Styles

_PX = {"px": 1.0, "pt": 4 / 3, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "pc": 16.0}
_KEYWORDS = {"xx-small": 9, "x-small": 10, "small": 13, "medium": 16, "large": 18, "x-large": 24, "xx-large": 32}
_OF_TAGS = {"h1": 32.0, "h2": 24.0, "h3": 18.72, "h4": 16.0, "h5": 13.28, "h6": 10.72}
_BOLD_TAGS = frozenset({"b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"})
_LENGTH = re.compile(r"([\d.]+)\s*([a-z%]*)")


def font_size(styles: Styles, element: Any) -> float:
    """Give the size of an element's text in CSS pixels; 16 where nobody says one."""
    factor = 1.0
    for each in (element, *element.iterancestors()):
        said = styles.value(each, "font-size")
        if said is None and (shorthand := styles.value(each, "font")):
            said = next((word.partition("/")[0] for word in shorthand.split() if word[0].isdigit()), None)
        if said is None:
            if each.tag in _OF_TAGS:
                return factor * _OF_TAGS[each.tag]
            continue
        if said in _KEYWORDS:
            return factor * _KEYWORDS[said]
        match = _LENGTH.fullmatch(said)
        if match is None:
            continue
        number, unit = float(match[1]), match[2]
        if unit in _PX:
            return factor * number * _PX[unit]
        if unit == "rem":
            return factor * number * 16
        factor *= number / 100 if unit == "%" else number if unit == "em" else 1
    return factor * 16


def is_bold(styles: Styles, element: Any) -> bool:
    """Tell bold text, from 700 on."""
    for each in (element, *element.iterancestors()):
        said = styles.value(each, "font-weight")
        if said is not None:
            return said in {"bold", "bolder"} or (said.isdigit() and int(said) >= 700)
        if each.tag in _BOLD_TAGS:
            return True
    return False
