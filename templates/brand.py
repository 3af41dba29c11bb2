"""Who writes: what the header, the footer and the colours of every mail are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from templates.palette import derive

DATA_SOURCE = "du Registre national des entreprises, du répertoire Sirene ou de vos échanges avec nos services"


@dataclass(frozen=True)
class Brand:
    """The chamber as its mails show it.

    `address` is a line each; `logo_url` is an https link or None, `logo_width` its width in CSS pixels, `logo_alt` the
    text in its place ("" for the name); colours are written as #rrggbb. `contacts` are further services (label, phone
    and email each, "" when there is none), `social` the chamber's pages by the network's name. `data_source` completes
    "Vos coordonnées proviennent …" (RGPD art. 14(2)(f)); `privacy_email` is who answers about personal data ("" for
    `email`) and `privacy_url` the page about it. `legal` is one line at the end.
    """

    name: str
    short_name: str
    address: tuple[str, ...]
    website: str
    email: str
    phone: str
    logo_url: str | None
    primary_colour: str
    accent_colour: str
    text_colour: str = "#2c3541"
    background_colour: str = "#edf0f4"
    logo_width: int = 180
    logo_alt: str = ""
    contacts: tuple[Mapping[str, str], ...] = ()
    social: Mapping[str, str] = field(default_factory=dict)
    data_source: str = DATA_SOURCE
    privacy_email: str = ""
    privacy_url: str = ""
    legal: str = ""

    def names(self) -> dict[str, object]:
        """Give what templates find as `brand`: the fields, and the colours that follow from the chamber's own."""
        stated = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            **stated,
            "contacts": tuple(dict(contact) for contact in self.contacts),
            "social": dict(self.social),
            **derive(self.primary_colour, self.text_colour, self.background_colour),
        }


BRAND_NAMES = tuple(Brand("", "", (), "", "", "", None, "#000000", "#000000").names())
"""The fields of `brand` in a template."""
