"""Lints a template with its examples, or a campaign as a few of its recipients would get it."""

import datetime as dt
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from campaigns import planning
from campaigns.content import bind_for_preview, compiled_of, variables_of, with_subject
from campaigns.models import Campaign
from campaigns.settings import Settings
from campaigns.targets import Target
from sends import quotedprintable
from sends.recipients import Recipient, load_recipients
from sends.unsubscribe import mailto_link, make_token
from templates import (
    CompiledTemplate,
    Purpose,
    Template,
    TemplateError,
    compile_template,
    example_variables,
    load_template,
    preview_recipient,
)
from templates.lint import Page, Places, Report, make_page, make_pages, run

_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp"})
_LOOKED_AT = 500  # recipients among whom different ones are looked for
_SAMPLE = 4  # messages that are linted
_NOBODY = 0  # a delivery that never was, for a link of the length that all have


def lint_template(template: Template, given: Mapping[str, str], settings: Settings, *, today: dt.date) -> Report:
    """Lint a template for an invented recipient; variables that are not given take their examples.

    Raises the templates' errors: one that cannot be compiled or rendered, a variable that is wrong.
    """
    given = {name: value for name, value in given.items() if value.strip()}
    compiled = compile_template(template)
    page = make_page(
        compiled,
        settings.brand,
        bind_for_preview(template, given, settings, today=today),
        preview_recipient(),
        purpose=template.purpose,
        today=today,
        encode=_encode,
        places=Places(template),
        examples=frozenset(example_variables(template).keys() - given.keys()),
        image_sizes=_image_sizes(template.folder, compiled),
        image_names={image.content_id: image.filename for image in compiled.images},
    )
    return run([page], template)


def lint_campaign(
    session: Session,
    campaign: Campaign,
    settings: Settings,
    content: Mapping[str, Any],
    *,
    secret: bytes,
    now: dt.datetime,
) -> Report:
    """Lint what a campaign says to a few of its recipients as of now; `content` is what would be frozen.

    Dates are compared with the day on which it leaves, or left. Places lead to the template's files as long as they are
    those that the content was compiled from.
    """
    compiled = compiled_of(content)
    purpose = Purpose(campaign.purpose)
    found = list(islice(planning.recipients_of(session, Target.of(campaign), settings, now=now), _LOOKED_AT))
    known = load_recipients(session, [contact_id for contact_id, _address in found], settings.places.label)
    unsubscribe = mailto_link(settings.sender.unsubscribe, make_token(secret, _NOBODY))
    shared = {"links": {"unsubscribe": unsubscribe}, "campaign": {"name": campaign.name}}
    template = None
    with suppress(TemplateError):  # taken away or spoilt since it was frozen
        template = load_template(campaign.template, settings.template_folders)
    is_same = False
    if template is not None:
        with suppress(TemplateError):
            is_same = compile_template(with_subject(template, campaign.subject)).version == compiled.version

    leaves = max(campaign.scheduled_at or now, now)

    def pages_of(recipients: Iterable[Recipient]) -> list[Page]:
        return list(
            make_pages(
                compiled,
                settings.brand,
                variables_of(content),
                [{**recipient, **shared} for recipient in recipients],
                purpose=purpose,
                today=(campaign.launched_at or leaves).astimezone(settings.zone).date(),
                encode=_encode,
                places=Places(template if is_same else None),
                image_sizes={} if template is None else _image_sizes(template.folder, compiled),
                image_names={image.content_id: image.filename for image in compiled.images},
            )
        )

    # The preflight names the contacts whose message cannot be rendered.
    return run(pages_of(_differing(known.values())) or pages_of([preview_recipient()]), template)


def _differing(recipients: Iterable[Recipient]) -> list[Recipient]:
    """Choose recipients of whom different things are known, as a template's conditions look at that."""
    chosen: dict[tuple[bool, ...], Recipient] = {}
    for recipient in recipients:
        known = tuple(bool(value) for group in recipient.values() for value in group.values())
        if len(chosen) < _SAMPLE:
            chosen.setdefault(known, recipient)
    return list(chosen.values())


def _encode(html: str) -> str:
    return quotedprintable.finish(quotedprintable.encode(html)).decode()


def _image_sizes(folder: Path, compiled: CompiledTemplate) -> dict[str, int]:
    files: Iterable[Path] = folder.iterdir() if folder.is_dir() else ()
    inside = {image.content_id: len(image.content) * 3 // 4 for image in compiled.images}
    return inside | {file.name: file.stat().st_size for file in files if file.suffix.lower() in _IMAGES}
