"""The nearest known names, for the remedy in an error message."""

from collections.abc import Sequence
from gettext import gettext as _

from rapidfuzz import fuzz, process, utils


def nearest(name: str, known: Sequence[str]) -> str:
    """Say which of the known names was probably meant, or list them all when none is near."""
    if not known:
        return _("there is none at all")
    matches = process.extract(
        name, known, scorer=fuzz.WRatio, processor=utils.default_process, score_cutoff=60, limit=3
    )
    if matches:
        return _("did you mean {names}?").format(names=", ".join(match for match, *_rest in matches))
    return _("known: {names}").format(names=", ".join(known))
