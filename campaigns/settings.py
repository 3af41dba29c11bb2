"""The settings of one installation: relais.toml and the environment, typed; the only reader of both."""

from dataclasses import asdict
from datetime import date
from functools import cached_property
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from audiences.database import BUSY_TIMEOUT
from audiences.sectors import Sectors
from audiences.territory import Territory
from audiences.values import Terms
from campaigns.chamber import (
    ChamberSection,
    Mailbox,
    OptionalMailbox,
    OptionalPath,
    OptionalText,
    Section,
    empty_is_none,
)
from campaigns.errors import InvalidSettings
from sends.limits import DomainLimit, RateLimits
from sends.message import Identity
from sends.presets import HINTS, Hints, Preset
from sends.signing import Signer, load_key
from sends.transports import Auth, RelaySettings, Security, Timeouts, TokenCommand, TokenFile, TokenSource
from templates import Brand

SETTINGS_FILE = Path("relais.toml")

Rate = Annotated[float, Field(ge=0.01, allow_inf_nan=False)]  # messages a minute; 0.01 is one in 100 minutes
OptionalRate = Annotated[Rate | None, BeforeValidator(empty_is_none)]
OptionalCount = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(empty_is_none)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
TimeoutName = Literal["connect", "banner", "mail", "rcpt", "data", "block", "dot", "other", "quit"]
OptionalSeconds = Annotated[Seconds | None, BeforeValidator(empty_is_none)]
OptionalDate = Annotated[date | None, BeforeValidator(empty_is_none)]
DomainName = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]


class DatabaseSection(Section):
    """Where the store is."""

    url: str = "sqlite:///relais.db"
    busy_timeout: float = Field(BUSY_TIMEOUT, ge=0.1, le=600)


class SenderSection(Section):
    """The addresses that recipients see and answer to."""

    name: str
    address: Mailbox
    reply_to: OptionalMailbox = None
    unsubscribe: Mailbox


class DomainSection(Section):
    """What one provider of recipients takes; its domains count together."""

    names: tuple[DomainName, ...] = Field(min_length=1)
    per_minute: OptionalRate = None
    per_day: OptionalCount = None
    connections: OptionalCount = None


def _hints(preset: object) -> Hints | None:
    return HINTS[Preset(preset)] if isinstance(preset, str) and preset in set(Preset) else None


class SmtpSection(Section):
    """The relay; what is not set comes from the preset."""

    preset: Preset | None = None
    host: str = ""
    port: int = Field(587, ge=1, le=65535)
    security: Security = Security.STARTTLS
    verify: bool = True
    ca_file: OptionalPath = None
    username: OptionalText = None
    password: OptionalText = Field(None, repr=False)
    password_file: OptionalPath = None
    token_command: tuple[str, ...] = ()
    token_file: OptionalPath = None
    auth: Auth = Auth.AUTO
    helo_name: OptionalText = None
    pipelining: bool = True
    connections: int = Field(2, ge=1, le=100)
    max_messages_per_connection: OptionalCount = None
    max_connection_age: OptionalSeconds = None
    allow_plaintext_login: bool = False
    timeouts: dict[TimeoutName, Seconds] = Field(default_factory=dict)
    per_minute: OptionalRate = None
    per_day: OptionalCount = None
    warm_up_since: OptionalDate = None
    domains: tuple[DomainSection, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _apply_preset(cls, given: Any) -> Any:
        """Put the preset's values under the given ones."""
        hints = _hints(given.get("preset")) if isinstance(given, dict) else None
        if hints is None:
            return given
        values = {name: value for name, value in asdict(hints).items() if name != "domains"}
        return {**values, **given, "host": given.get("host") or hints.host}

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        sources = [name for name in ("password", "password_file", "token_command", "token_file") if getattr(self, name)]
        tokens = [name for name in sources if name.startswith("token")]
        if tokens and len(sources) > 1:
            raise ValueError(_("{names} cannot stand together; leave one").format(names=_(" and ").join(sources)))
        if tokens and self.auth not in (Auth.AUTO, Auth.XOAUTH2):
            raise ValueError(_("{name} goes with auth = xoauth2").format(name=tokens[0]))
        return self

    @model_validator(mode="after")
    def _check_domains(self) -> Self:
        names = [name for group in self.domains for name in group.names]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(_("{domain} stands in two groups of domains; leave it in one").format(domain=name))
        return self

    def tokens(self) -> TokenSource | None:
        """Give where the access tokens come from, if they stand for a password."""
        if self.token_command:
            return TokenCommand(self.token_command)
        return TokenFile(self.token_file) if self.token_file else None


class DkimSection(Section):
    """The signature under every mail, where the relay does not sign."""

    domain: str = Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)
    selector: str = Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*$", max_length=63)
    private_key_file: Path
    sign_message_id: bool = True


class RequestsSection(Section):
    """The words of the follow-up sheet."""

    natures: tuple[str, ...]
    channels: tuple[str, ...]


class PressureSection(Section):
    """How many campaigns one mailbox or one company gets in so many days; no limit without a number."""

    max_campaigns: OptionalCount = None
    days: int = Field(7, ge=1, le=366)


class FilesSection(Section):
    """The officer's own files."""

    templates: Path = Path("templates")
    sectors: OptionalPath = None


class Settings(BaseSettings):
    """Everything that an installation can set; methods give each room the part that it needs."""

    model_config = SettingsConfigDict(
        env_prefix="RELAIS_", env_nested_delimiter="__", toml_file=SETTINGS_FILE, extra="forbid", frozen=True
    )

    timezone: str = "Europe/Paris"
    language: str | None = None
    redirect_to: OptionalMailbox = None
    clock: AwareDatetime | None = None
    database: DatabaseSection = DatabaseSection()
    chamber: ChamberSection
    sender: SenderSection
    smtp: SmtpSection = SmtpSection()
    dkim: DkimSection | None = None
    territory: dict[str, str]
    requests: RequestsSection
    pressure: PressureSection = PressureSection()
    files: FilesSection = FilesSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over relais.toml."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @field_validator("timezone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(_("no such time zone; write it like Europe/Paris")) from None
        return name

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone in which the officer reads and writes times."""
        return ZoneInfo(self.timezone)

    @cached_property
    def places(self) -> Territory:
        """The chamber's territory."""
        return Territory(self.territory)

    @cached_property
    def sectors(self) -> Sectors:
        """The sector table."""
        return Sectors.load(self.files.sectors)

    @cached_property
    def natures(self) -> Terms:
        """The natures that a request may have."""
        return Terms(self.requests.natures, "[requests] natures")

    @cached_property
    def channels(self) -> Terms:
        """The channels that a request may come by."""
        return Terms(self.requests.channels, "[requests] channels")

    @cached_property
    def brand(self) -> Brand:
        """Who writes, for the templates."""
        return self.chamber.brand()

    @property
    def outside_label(self) -> str:
        """What reports call the companies of other territories."""
        return f"Hors territoire {self.chamber.territory_name}".strip()

    @property
    def template_folders(self) -> list[Path]:
        """Where the officer's own templates are, if there are any."""
        return [self.files.templates] if self.files.templates.is_dir() else []

    def identity(self, list_label: str, list_name: str) -> Identity:
        """Give the addresses of the headers, for one audience."""
        return Identity(
            from_name=self.sender.name,
            from_address=self.sender.address,
            reply_to=self.sender.reply_to,
            unsubscribe_address=self.sender.unsubscribe,
            list_name=list_name,
            list_label=list_label,
        )

    def relay(self) -> RelaySettings:
        """Give the relay; InvalidSettings when none is set or its password file cannot be read."""
        smtp = self.smtp
        if not smtp.host:
            raise InvalidSettings(
                _("No relay is set. Write the SMTP server of your provider as host under [smtp] in {file}.").format(
                    file=SETTINGS_FILE
                )
            )
        tokens = smtp.tokens()
        password = smtp.password
        if password is None and smtp.password_file is not None:
            try:
                password = smtp.password_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise InvalidSettings(
                    _("The password file {file} cannot be read ({cause}). Correct password_file under [smtp].").format(
                        file=smtp.password_file, cause=error.strerror
                    )
                ) from error
        if tokens and not smtp.username:
            raise InvalidSettings(
                _("The relay has a token but no username. Write the account's address as username under [smtp].")
            )
        if smtp.username and not password and not tokens:
            raise InvalidSettings(
                _("The relay has a username but no password. Set RELAIS_SMTP__PASSWORD, or password_file under [smtp].")
            )
        return RelaySettings(
            host=smtp.host,
            port=smtp.port,
            security=smtp.security,
            verify=smtp.verify,
            ca_file=smtp.ca_file,
            username=smtp.username,
            password=password,
            tokens=tokens,
            auth=Auth.XOAUTH2 if tokens else smtp.auth,
            allow_plaintext_login=smtp.allow_plaintext_login,
            helo_name=smtp.helo_name,
            pipelining=smtp.pipelining,
            max_messages_per_connection=smtp.max_messages_per_connection,
            max_connection_age=smtp.max_connection_age,
            timeouts=Timeouts(**smtp.timeouts),
        )

    def signer(self) -> Signer | None:
        """Give what signs the mails, or None without [dkim]; InvalidKey when its key is of no use."""
        if self.dkim is None:
            return None
        return Signer(
            self.dkim.domain,
            self.dkim.selector,
            load_key(self.dkim.private_key_file),
            signs_message_id=self.dkim.sign_message_id,
        )

    def limits(self) -> RateLimits:
        """Give what the relay takes, and what the recipients' providers do.

        A group of domains that is set replaces those of the preset that share a domain with it.
        """
        smtp = self.smtp
        hints = _hints(smtp.preset)
        named = {name for group in smtp.domains for name in group.names}
        kept = [group for group in hints.domains if named.isdisjoint(group.names)] if hints else []
        return RateLimits(
            per_minute=smtp.per_minute,
            per_day=smtp.per_day,
            warm_up_since=smtp.warm_up_since,
            domains=(*(DomainLimit(**group.model_dump()) for group in smtp.domains), *kept),
        )


def load_settings() -> Settings:
    """Read relais.toml of this folder and the environment; InvalidSettings names each wrong value and its place."""
    if not SETTINGS_FILE.is_file():
        raise InvalidSettings(
            _(
                "There is no {file} in this folder. Run `relais init` here, or go to the folder where you ran it."
            ).format(file=SETTINGS_FILE)
        )
    try:
        return Settings()  # pydantic-settings fills every field from the sources
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        )
        raise InvalidSettings(
            _("{file} cannot be used: {faults}. Correct it and try again.").format(file=SETTINGS_FILE, faults=faults)
        ) from None
    except ValueError as error:  # not TOML at all
        raise InvalidSettings(
            _("{file} is not valid TOML ({cause}). Correct that line.").format(file=SETTINGS_FILE, cause=error)
        ) from None
