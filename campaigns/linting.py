"""Lints a template with its examples, or a campaign as its first recipient would get it."""

import datetime as dt
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from campaigns import planning
from campaigns.content import compiled_of, variables_of, with_subject
from campaigns.models import Campaign
from campaigns.settings import Settings
from sends import quotedprintable
from sends.recipients import load_recipients
from sends.unsubscribe import mailto_link, make_token
from templates import (
    Purpose,
    RenderingFailed,
    Template,
    TemplateError,
    bind_variables,
    compile_template,
    example_variables,
    load_template,
    preview_recipient,
)
from templates.lint import Page, Places, Report, make_page, run

_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp"})
_NOBODY = 0  # a delivery that never was, for a link of the length that all have


def lint_template(template: Template, given: Mapping[str, str], settings: Settings, *, today: dt.date) -> Report:
    """Lint a template for an invented recipient; variables that are not given take their examples.

    Raises the templates' errors: one that cannot be compiled or rendered, a variable that is wrong.
    """
    examples = {name: value for name, value in example_variables(template).items() if not given.get(name, "").strip()}
    page = make_page(
        compile_template(template),
        settings.brand,
        bind_variables(template, {**given, **examples}, today=today),
        preview_recipient(),
        purpose=template.purpose,
        today=today,
        encode=_encode,
        places=Places(template),
        examples=frozenset(examples),
        image_sizes=_image_sizes(template.folder),
    )
    return run(page, template)


def lint_campaign(
    session: Session,
    campaign: Campaign,
    settings: Settings,
    content: Mapping[str, Any],
    *,
    secret: bytes,
    now: dt.datetime,
) -> Report:
    """Lint what a campaign says, with the data of its first recipient as of now; `content` is what would be frozen.

    Places lead to the template's files as long as they are those that the content was compiled from.
    """
    compiled = compiled_of(content)
    purpose = Purpose(campaign.purpose)
    query = campaign.query or campaign.audience.query
    found = list(islice(planning.recipients_of(session, query, settings, purpose=purpose), 1))
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
    variables = variables_of(content)

    def page_of(recipient: Mapping[str, Any]) -> Page:
        return make_page(
            compiled,
            settings.brand,
            variables,
            {**recipient, **shared},
            purpose=purpose,
            today=now.astimezone(settings.zone).date(),
            encode=_encode,
            places=Places(template if is_same else None),
            image_sizes={} if template is None else _image_sizes(template.folder),
        )

    try:
        page = page_of(next(iter(known.values()), preview_recipient()))
    except RenderingFailed:  # a fault of that contact's, which the preflight names
        page = page_of(preview_recipient())
    return run(page, template)


def _encode(html: str) -> str:
    return quotedprintable.finish(quotedprintable.encode(html))


def _image_sizes(folder: Path) -> dict[str, int]:
    files: Iterable[Path] = folder.iterdir() if folder.is_dir() else ()
    return {file.name: file.stat().st_size for file in files if file.suffix.lower() in _IMAGES}
