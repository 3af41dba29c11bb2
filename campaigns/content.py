"""What a campaign says, compiled and bound: frozen when it is scheduled or launched, read back by the sender."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from campaigns.models import Campaign
from campaigns.settings import Settings
from sends.mailing import Mailing
from sends.message import MessageBuilder
from templates import (
    CompiledTemplate,
    Purpose,
    Rendered,
    Renderer,
    Template,
    bind_variables,
    compile_template,
    example_variables,
    load_template,
    preview_recipient,
)

_READERS: Mapping[str, Callable[[str], object]] = {
    "date": dt.date.fromisoformat,
    "datetime": dt.datetime.fromisoformat,
    "time": dt.time.fromisoformat,
}


def freeze(campaign: Campaign, settings: Settings, *, now: dt.datetime) -> dict[str, Any]:
    """Compile the campaign's template and bind its variables as they are now; what comes back is plain JSON.

    Raises the templates' errors: a template that cannot be compiled, a variable that is missing or wrong.
    """
    template = load_template(campaign.template, settings.template_folders)
    today = now.astimezone(settings.zone).date()
    variables = bind_variables(template, campaign.variables, today=today)
    compiled = compile_template(with_subject(template, campaign.subject))
    return {"compiled": compiled.to_dict(), "variables": {name: _pack(value) for name, value in variables.items()}}


def with_subject(template: Template, subject: str | None) -> Template:
    """Give the template with the officer's own subject line, which may use its variables."""
    return replace(template, subject=subject) if subject else template


def open_mailing(
    campaign: Campaign, settings: Settings, *, secret: bytes, content: dict[str, Any] | None = None
) -> Mailing:
    """Make what the sender needs of a campaign out of its frozen content (or of `content`, for a trial)."""
    frozen = content or campaign.content
    if frozen is None:
        raise ValueError(f"campaign {campaign.slug} has no content yet")
    builder = MessageBuilder(
        CompiledTemplate.from_dict(frozen["compiled"]),
        settings.brand,
        {name: _unpack(value) for name, value in frozen["variables"].items()},
        settings.identity(campaign.audience.slug, campaign.audience.description or campaign.audience.slug),
        campaign_name=campaign.name,
        secret=secret,
    )
    return Mailing(
        campaign_id=campaign.id,
        is_marketing=campaign.purpose == Purpose.MARKETING,
        builder=builder,
        envelope_sender=settings.sender.address,
        epci_label=settings.places.label,
        redirect_to=campaign.redirect_to or settings.redirect_to,
    )


def render_preview(template: Template, given: Mapping[str, str], settings: Settings, *, today: dt.date) -> Rendered:
    """Render a template for an invented recipient; variables that are not given take their examples."""
    variables = bind_variables(template, {**example_variables(template), **given}, today=today)
    return Renderer(compile_template(template), settings.brand, variables).render(preview_recipient())


def _pack(value: object) -> object:
    if isinstance(value, dt.datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if isinstance(value, dt.time):
        return {"time": value.isoformat()}
    return value


def _unpack(value: object) -> object:
    if isinstance(value, dict):
        [(kind, text)] = value.items()
        return _READERS[kind](text)
    return value
