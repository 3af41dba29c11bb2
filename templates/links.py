"""Values that become part of a link: only schemes that a mail may open, and nothing that ends the link early."""

import re
from gettext import gettext as _
from urllib.parse import quote

from templates.errors import InvalidValue

_SCHEMES = re.compile(r"(?:https?|mailto|tel|sms|cid):", re.IGNORECASE)
_UNLINKED = re.compile(
    r"(?![\w+.-]*:)[\w.~/-]*(?:[?#].*)?", re.DOTALL
)  # empty, an anchor, a path: opens nothing by itself
_LEGAL = "!#$%&'()*+,-./:;=?@[]_~"  # RFC 3986 2.2 and 2.3, and % of what is encoded already
_ILLEGAL = re.compile(r"[^A-Za-z0-9!#$%&'()*+,\-./:;=?@\[\]_~]|%(?![0-9A-Fa-f]{2})")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def link(value: object) -> str:
    """Write a value that a link begins with. Raises InvalidValue for javascript:, data: and whatever else opens code."""
    text = str(value).strip()
    if not (_SCHEMES.match(text) or _UNLINKED.fullmatch(text)):
        raise InvalidValue(_("{value!r} is not a link that a mail may hold; write https://…").format(value=text))
    return link_part(text)


def link_part(value: object) -> str:
    """Write a value inside a link, before its ?; what a link may not hold is percent-encoded (RFC 3986 2.1)."""
    text = str(value)
    return quote(_BARE_PERCENT.sub("%25", text), safe=_LEGAL) if _ILLEGAL.search(text) else text
