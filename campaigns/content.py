"""What a campaign says, compiled and bound: frozen when it is scheduled or launched, read back by the sender."""

import base64
import datetime as dt
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from gettext import gettext as _
from pathlib import Path
from typing import Any

from audiences.errors import UnknownEpci
from campaigns.errors import UnreadableFile
from campaigns.invitations import as_attachment, freeze_invitation
from campaigns.models import Campaign
from campaigns.settings import Settings
from sends.attachments import Attachment, check_size, inline_image
from sends.mailing import Mailing
from sends.message import MessageBuilder
from sends.retries import GIVE_UP_AFTER
from templates import (
    CompiledTemplate,
    InvalidValue,
    Purpose,
    Rendered,
    Renderer,
    Template,
    VariableType,
    bind_variables,
    compile_template,
    example_variables,
    load_template,
    preview_recipient,
)
from templates.images import show_inside
from templates.typography import typography

_READERS: Mapping[str, Callable[[str], object]] = {
    "date": dt.date.fromisoformat,
    "datetime": dt.datetime.fromisoformat,
    "time": dt.time.fromisoformat,
}


def freeze(campaign: Campaign, settings: Settings, *, now: dt.datetime) -> dict[str, Any]:
    """Compile the campaign's template, bind its variables and read its attachments as they are now, as plain JSON.

    Raises the templates' errors: a template that cannot be compiled, a variable that is missing or wrong;
    UnreadableFile or InvalidAttachment for an attachment.
    """
    template = load_template(campaign.template, settings.template_folders)
    today = now.astimezone(settings.zone).date()
    variables = bind_variables(template, campaign.variables, today=today, find_epci=_epci_finder(settings))
    compiled = compile_template(with_subject(template, campaign.subject))
    return {
        "compiled": compiled.to_dict(),
        "variables": {name: _pack(value) for name, value in variables.items()},
        "attachments": _pack_attachments([*map(str, template.attachments), *campaign.attachments], compiled),
        "invitation": freeze_invitation(campaign, template, variables, settings, now=now),
    }


def content_of(campaign: Campaign, settings: Settings, *, now: dt.datetime) -> dict[str, Any]:
    """Give what the campaign says: as it was frozen when it was scheduled or launched, a draft's as it is now."""
    return campaign.content or freeze(campaign, settings, now=now)


def compiled_of(content: Mapping[str, Any]) -> CompiledTemplate:
    """Give the template of a frozen content."""
    return CompiledTemplate.from_dict(content["compiled"])


def variables_of(content: Mapping[str, Any]) -> dict[str, object]:
    """Give the bound variables of a frozen content."""
    return {name: _unpack(value) for name, value in content["variables"].items()}


def attachments_of(content: Mapping[str, Any]) -> list[Attachment]:
    """Give the files of a frozen content, its invitation among them."""
    files = [_unpack_attachment(each) for each in content["attachments"]]
    invitation = content.get("invitation")
    return [*files, as_attachment(invitation)] if invitation else files


def with_subject(template: Template, subject: str | None) -> Template:
    """Give the template with the officer's own subject line, which may use its variables, in French typography."""
    return replace(template, subject=typography(subject)) if subject else template


def open_mailing(
    campaign: Campaign, settings: Settings, *, secret: bytes, content: dict[str, Any] | None = None
) -> Mailing:
    """Make what the sender needs of a campaign out of its frozen content (or of `content`, for a trial)."""
    frozen = content or campaign.content
    if frozen is None:
        raise ValueError(f"campaign {campaign.slug} has no content yet")
    builder = MessageBuilder(
        compiled_of(frozen),
        settings.brand,
        variables_of(frozen),
        settings.identity(campaign.audience.slug, campaign.audience.description or campaign.audience.slug),
        campaign_name=campaign.name,
        secret=secret,
        attachments=attachments_of(frozen),
    )
    return Mailing(
        campaign_id=campaign.id,
        slug=campaign.slug,
        is_marketing=campaign.purpose == Purpose.MARKETING,
        builder=builder,
        envelope_sender=settings.sender.address,
        epci_label=settings.places.label,
        redirect_to=campaign.redirect_to or settings.redirect_to,
        give_up_after=dt.timedelta(hours=campaign.give_up_hours) if campaign.give_up_hours else GIVE_UP_AFTER,
        signer=settings.signer(),
    )


def render_preview(template: Template, given: Mapping[str, str], settings: Settings, *, today: dt.date) -> Rendered:
    """Render a template for an invented recipient; variables that are not given take their examples.

    Pictures stand in the page itself, as a browser shows them.
    """
    variables = bind_for_preview(template, given, settings, today=today)
    compiled = compile_template(template)
    rendered = Renderer(compiled, settings.brand, variables).render(preview_recipient())
    return replace(rendered, html=show_inside(rendered.html, compiled.images))


def bind_for_preview(
    template: Template, given: Mapping[str, str], settings: Settings, *, today: dt.date
) -> dict[str, object]:
    """Bind variables of which those that are not given take their examples, an EPCI the first of the territory."""
    examples = example_variables(template)
    for name, variable in template.variables.items():
        if variable.type is VariableType.EPCI and settings.territory:  # the example may be another chamber's
            examples[name] = next(iter(settings.territory))
    return bind_variables(template, {**examples, **given}, today=today, find_epci=_epci_finder(settings))


def _epci_finder(settings: Settings) -> Callable[[str], str]:
    """Give what finds the short name of an EPCI of the territory, and refuses any other with InvalidValue."""
    places = settings.places

    def find(written: str) -> str:
        with suppress(UnknownEpci):
            siren = places.find_epci(written).siren
            if places.contains(siren):
                return places.label(siren)
        raise InvalidValue(
            _("{written!r} is no EPCI of your territory; write one of {names}, or add it to [territory]").format(
                written=written, names=", ".join(places.label(each.siren) for each in places.epcis)
            )
        )

    return find


def _pack_attachments(paths: Sequence[str], compiled: CompiledTemplate) -> list[dict[str, str]]:
    attachments = [_read(Path(path)) for path in paths]
    check_size([*map(inline_image, compiled.images), *attachments])
    return [
        {
            "filename": each.filename,
            "content_type": each.content_type,
            "content": base64.b64encode(each.content).decode(),
        }
        for each in attachments
    ]


def _read(path: Path) -> Attachment:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableFile(
            _("The attachment {file} cannot be read ({cause}). Put it there, or create the campaign anew.").format(
                file=path, cause=error.strerror
            )
        ) from error
    kind, encoding = mimetypes.guess_type(path.name)
    if kind is None or encoding or kind.startswith(("message/", "multipart/")):  # a mail may not be encoded
        kind = "application/octet-stream"
    return Attachment(path.name, kind, content)


def _unpack_attachment(frozen: Mapping[str, str]) -> Attachment:
    return Attachment(frozen["filename"], frozen["content_type"], base64.b64decode(frozen["content"]))


def _pack(value: object) -> object:
    if isinstance(value, dt.datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if isinstance(value, dt.time):
        return {"time": value.isoformat()}
    if isinstance(value, tuple):
        return [_pack(item) for item in value]
    if isinstance(value, dict):
        return {"record": {name: _pack(part) for name, part in value.items()}}
    return value


def _unpack(value: object) -> object:
    if isinstance(value, list):
        return tuple(_unpack(item) for item in value)
    if isinstance(value, dict):
        [(kind, packed)] = value.items()
        if kind == "record":
            return {name: _unpack(part) for name, part in packed.items()}
        return _READERS[kind](packed)
    return value
