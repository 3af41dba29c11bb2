"""Chooses the language of the interface: RELAIS_LANGUAGE, then relais.toml, then the system's."""

import gettext
import os
from pathlib import Path

DOMAIN = "relais"
CATALOGUES = Path(__file__).parent.parent / "locale"


def install_language() -> None:
    """Let `gettext.gettext` speak the chosen language from now on; English where there is no catalogue."""
    chosen = os.environ.get("RELAIS_LANGUAGE") or _language_of_settings()
    if chosen:
        os.environ["LANGUAGE"] = chosen
        if os.environ.get("LC_ALL", os.environ.get("LANG", "C")) in {"C", "C.UTF-8", "POSIX", ""}:
            os.environ["LANG"] = chosen  # gettext ignores LANGUAGE in the C locale
    gettext.bindtextdomain(DOMAIN, str(CATALOGUES))
    gettext.textdomain(DOMAIN)


def _language_of_settings() -> str | None:
    settings = Path("relais.toml")
    if not settings.is_file():
        return None
    import tomllib

    try:
        with settings.open("rb") as file:
            language = tomllib.load(file).get("language")
    except (OSError, ValueError):
        return None  # a command that needs the settings says what is wrong with them
    return language if isinstance(language, str) else None
