"""Links cut into parts, and into what a finding has room for."""

from urllib.parse import SplitResult, urlsplit


def split_link(link: str) -> SplitResult:
    """Cut a link into its parts; one that cannot be cut has none."""
    try:
        parts = urlsplit(link)
        _port = parts.port  # read here, as a bad one raises only when it is read
    except ValueError:
        return SplitResult("", "", "", "", "")
    return parts


def shorten(text: str, length: int = 70) -> str:
    """Cut a text, such as an address, to what a finding has room for."""
    return text if len(text) <= length else text[: length - 1] + "…"
