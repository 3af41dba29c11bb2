"""The chamber as relais.toml describes it, and the kinds of value that the sections of that file share."""

import re
from datetime import date
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from audiences.addresses import parse_address
from audiences.errors import InvalidAddress
from templates import DATA_SOURCE, ENOUGH, WHITE, Brand, InvalidValue, VariableType, contrast, read_value


def _check_address(text: str) -> str:
    try:
        return parse_address(text).text
    except InvalidAddress as error:
        raise ValueError(str(error)) from None


def _check_colour(text: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError(_("{text!r} is not a colour; write it like #143a66").format(text=text))
    return text.lower()


def _check_link(text: str) -> str:
    try:
        return str(read_value(VariableType.LINK, text, today=date.min))
    except InvalidValue as error:
        raise ValueError(str(error)) from None


def empty_is_none(value: object) -> object:
    """Read an empty text of relais.toml as nothing."""
    return None if value == "" else value


Mailbox = Annotated[str, AfterValidator(_check_address)]
OptionalMailbox = Annotated[Mailbox | None, BeforeValidator(empty_is_none)]
OptionalText = Annotated[str | None, BeforeValidator(empty_is_none)]
OptionalPath = Annotated[Path | None, BeforeValidator(empty_is_none)]
Colour = Annotated[str, AfterValidator(_check_colour)]
WebLink = Annotated[str, AfterValidator(_check_link)]
OptionalLink = Annotated[WebLink | None, BeforeValidator(empty_is_none)]


class Section(BaseModel):
    """A table of relais.toml: no unknown key, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ContactSection(Section):
    """A service of the chamber's that the footer of every mail names."""

    label: str = Field(min_length=1)
    phone: str = ""
    email: OptionalMailbox = None


class ChamberSection(Section):
    """Who writes, as the mails show it."""

    name: str
    short_name: str
    address: tuple[str, ...] = Field(min_length=1)
    website: WebLink
    email: Mailbox
    phone: str = ""
    logo_url: OptionalLink = None
    logo_width: int = Field(180, ge=16, le=520)
    logo_alt: str = ""
    primary_colour: Colour = "#143a66"
    accent_colour: Colour = "#c8102e"
    text_colour: Colour = "#2c3541"
    background_colour: Colour = "#edf0f4"
    contacts: tuple[ContactSection, ...] = ()
    social: dict[str, WebLink] = {}
    data_source: str = DATA_SOURCE
    privacy_email: OptionalMailbox = None
    privacy_url: OptionalLink = None
    legal: str = ""
    territory_name: str = ""

    @model_validator(mode="after")
    def _check_contrast(self) -> Self:
        """Refuse a text that cannot be read; what stands on primary_colour is chosen so that it can."""
        for ground, name in ((WHITE, _("white")), (self.background_colour, "background_colour")):
            ratio = contrast(self.text_colour, ground)
            if ratio < ENOUGH:
                raise ValueError(
                    _(
                        "text_colour {colour} cannot be read on {ground} (contrast {ratio}, {enough} is needed): darken it, or lighten background_colour"
                    ).format(colour=self.text_colour, ground=name, ratio=f"{ratio:.1f}", enough=ENOUGH)
                )
        return self

    def brand(self) -> Brand:
        """Give what the templates show of it."""
        contacts = [{"label": each.label, "phone": each.phone, "email": each.email or ""} for each in self.contacts]
        return Brand(
            **self.model_dump(exclude={"territory_name", "contacts", "privacy_email", "privacy_url"}),
            contacts=tuple(contacts),
            privacy_email=self.privacy_email or "",
            privacy_url=self.privacy_url or "",
        )
