"""One campaign's messages: fixed headers and MIME frame made once, then a message's bytes for each recipient."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from gettext import gettext as _
from typing import NamedTuple
from urllib.parse import quote

from sends import headers
from sends.attachments import Attachment, check_size, inline_image, write_part
from sends.bodies import Body
from sends.errors import InvalidMessage
from sends.transports.content import is_canonical
from sends.unsubscribe import keyed_digest, mailto_link, make_token
from templates import RENDERING_ERRORS, Brand, CompiledTemplate, Renderer

_HEAD = re.compile(r"(?:(?!\.)[^\r\n]{1,900}\r\n)+")


@dataclass(frozen=True)
class Identity:
    """Who a campaign comes from, and which list it belongs to.

    `unsubscribe_address` is a mailbox that is read; plus addresses need not work there. `list_label` (letters, digits,
    hyphens) stays the same for an audience; with the domain of `from_address` it makes the List-Id. `help_url` is a
    page that says why one gets these mails.
    """

    from_name: str
    from_address: str
    reply_to: str | None
    unsubscribe_address: str
    list_name: str
    list_label: str
    help_url: str | None = None


class Addressee(NamedTuple):
    """Whom one delivery's message goes to: `name` and `address` stand in To.

    `recipient` has the keys contact and company, mappings of plain strings ("" when unknown).
    """

    recipient: Mapping[str, object]
    delivery_id: int
    address: str
    name: str = ""


class BuiltMessage(NamedTuple):
    """A message ready for the transport: CR LF line ends, not dot-stuffed, ASCII unless `needs_smtputf8`.

    Its `pieces` follow each other; those that are equal for all recipients are the same objects in all messages.
    `is_canonical` says that each part of it was looked at: short lines ended by CR LF, none of which begins with a dot.
    """

    pieces: tuple[bytes, ...]
    message_id: str
    needs_smtputf8: bool
    is_canonical: bool = False

    @property
    def content(self) -> bytes:
        """The whole message."""
        return b"".join(self.pieces)


class MessageBuilder:
    """Builds the messages of one campaign.

    Everything equal for all recipients is made once; an EmailMessage for each takes some 20 times as long.
    """

    def __init__(
        self,
        compiled: CompiledTemplate,
        brand: Brand,
        variables: Mapping[str, object],
        identity: Identity,
        *,
        campaign_name: str,
        secret: bytes,
        attachments: Sequence[Attachment] = (),
    ) -> None:
        """Compile the template and write the fixed headers and the attachments; `variables` are bound ones.

        Raises HeaderInjection, InvalidMessage for an address, label or link that cannot stand in a header, or
        InvalidAttachment where the attachments take too much.
        """
        self._secret = secret
        self._campaign = {"name": campaign_name}
        self._unsubscribe_address = headers.ascii_domain(identity.unsubscribe_address)
        self._domain = headers.ascii_domain(identity.from_address).rpartition("@")[2]
        self._renderer = Renderer(compiled, brand, variables)
        self._text = Body(compiled.text, self._renderer.constants, autoescape=False)
        self._html = Body(compiled.html, self._renderer.constants, autoescape=True)
        self._sender = _sender_headers(identity, self._domain).encode()
        self._is_ascii = self._sender.isascii()
        # Neither quoted-printable nor base64 writes "=_", so no boundary stands in a part (RFC 2045 6.7, note).
        digest = hashlib.sha256(f"{campaign_name}:{compiled.version}".encode()).hexdigest()
        boundaries = (f"=_{digest[48:]}", f"=_{digest[:24]}", f"=_{digest[24:48]}")
        images = [inline_image(image) for image in compiled.images]
        frame = [piece.encode() for piece in _frame(boundaries, images, attachments)]
        self._before_text, self._before_html, self._end = frame
        is_direct = self._text.is_direct and self._html.is_direct
        self._is_direct = is_direct and is_canonical(b"\r\n".join((self._sender, *frame)))

    def build(
        self,
        recipient: Mapping[str, object],
        *,
        delivery_id: int,
        to_address: str,
        to_name: str = "",
        now: datetime,
    ) -> BuiltMessage:
        """Write one delivery's message; as `build_all`, for `recipient` with the name and address that stand in To."""
        [built] = self.build_all([Addressee(recipient, delivery_id, to_address, to_name)], now=now)
        return built

    def build_all(self, addressees: Sequence[Addressee], *, now: datetime) -> list[BuiltMessage]:
        """Write the messages of some deliveries, each with its own unsubscribe link in header, HTML and text alike.

        Step by step for all of them, which takes two thirds of the time of one message after the other: a processor
        keeps the code of a step at hand, not that of all. `now` has a zone. Raises RenderingFailed (of templates)
        naming what one of them misses, HeaderInjection, or InvalidMessage.
        """
        if now.tzinfo is None:
            raise ValueError(_("The time of sending has no zone; pass an aware datetime."))
        tokens = [make_token(self._secret, each.delivery_id) for each in addressees]
        links = [mailto_link(self._unsubscribe_address, token) for token in tokens]
        subjects, texts, htmls = self._render(
            [
                self._renderer.names(each.recipient, links={"unsubscribe": link}, campaign=self._campaign)
                for each, link in zip(addressees, links, strict=True)
            ]
        )
        identifiers = [message_id(self._secret, each.delivery_id, self._domain) for each in addressees]
        date = _date_field(now.replace(microsecond=0))
        fields = zip(
            [headers.address_field("To", each.name, each.address) for each in addressees],
            [headers.text_field("Subject", subject) for subject in subjects],
            [headers.plain_field("Message-ID", identifier) for identifier in identifiers],
            [headers.uri_field("List-Unsubscribe", link) for link in links],
            strict=True,
        )
        owns = [f"{to}{subject}{date}{identifier}{unsubscribe}" for to, subject, identifier, unsubscribe in fields]
        return [
            BuiltMessage(
                (self._sender, own.encode(), self._before_text, *text, self._before_html, *html, self._end),
                identifier,
                not (self._is_ascii and own.isascii()),
                # All but the local part of an address is encoded, whatever it holds; the frame and the parts were looked at.
                self._is_direct and _HEAD.fullmatch(own) is not None,
            )
            for own, identifier, text, html in zip(owns, identifiers, texts, htmls, strict=True)
        ]

    def _render(self, names: Sequence[dict[str, object]]) -> tuple[list[str], list[list[bytes]], list[list[bytes]]]:
        try:
            return (
                [self._renderer.subject(each) for each in names],
                [self._text.write(each) for each in names],
                [self._html.write(each) for each in names],
            )
        except RENDERING_ERRORS as error:
            for each in names:
                self._renderer.render(each)  # raises RenderingFailed, which names what is missing
            raise InvalidMessage(
                _("A value cannot be encoded ({error}); correct the contact").format(error=error)
            ) from error


ROOT_TYPE = ' type="text/html";'
"""What a multipart/related says of its first part (RFC 2387 3.1)."""


def _frame(
    boundaries: tuple[str, str, str], images: Sequence[Attachment], attachments: Sequence[Attachment]
) -> tuple[str, str, str]:
    """Give what stands before the text part, before the HTML part, and behind it; the boundaries from the inside out."""
    check_size([*images, *attachments])
    related, alternative, mixed = boundaries
    text_head, html_head = (
        f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        for kind in ("plain", "html")
    )
    before_text, end = _multipart("alternative", alternative) + text_head, f"\r\n--{alternative}--\r\n"
    if images:
        html_head = _multipart("related", related, ROOT_TYPE) + html_head
        pictures = "".join(f"\r\n--{related}\r\n{write_part(image)}" for image in images)
        end = f"{pictures}\r\n--{related}--\r\n{end}"
    if attachments:
        before_text = _multipart("mixed", mixed) + before_text
        parts = [f"\r\n--{mixed}\r\n{write_part(each)}" for each in attachments]
        end = "".join((end, *parts, f"\r\n--{mixed}--\r\n"))
    return f"MIME-Version: 1.0\r\n{before_text}", f"\r\n--{alternative}\r\n{html_head}", end


def _multipart(kind: str, boundary: str, more: str = "") -> str:
    """Write how a multipart entity begins, up to the head of its first part (RFC 2046 5.1)."""
    return f'Content-Type: multipart/{kind};{more} boundary="{boundary}"\r\n\r\n--{boundary}\r\n'


@lru_cache(4)
def _date_field(now: datetime) -> str:
    """Write the Date of a message; those of one second share it."""
    return headers.plain_field("Date", format_datetime(now))


def message_id(secret: bytes, delivery_id: int, domain: str) -> str:
    """Give the Message-ID of a delivery: always the same, so that a repeat is recognised (RFC 5322 3.6.4).

    It cannot be guessed from the delivery's id, so that a forged report about a message is told from a real one.
    """
    mac = keyed_digest(secret, "message-id", str(delivery_id))
    return f"<{delivery_id}.{mac[:20]}@{domain}>"


def _sender_headers(identity: Identity, domain: str) -> str:
    owner = identity.reply_to or identity.from_address
    fields = [headers.address_field("From", identity.from_name, identity.from_address)]
    if identity.reply_to:
        fields.append(headers.address_field("Reply-To", "", identity.reply_to))
    fields += [
        headers.plain_field("Auto-Submitted", "auto-generated"),  # RFC 3834 5
        # Neither is standard: the first keeps older responders silent that know no Auto-Submitted, the other Exchange.
        headers.plain_field("Precedence", "bulk"),
        headers.plain_field("X-Auto-Response-Suppress", "OOF, AutoReply"),
        headers.list_id_field(identity.list_name, f"{identity.list_label}.{domain}"),
        headers.uri_field("List-Owner", f"mailto:{quote(headers.ascii_domain(owner), safe='@+')}"),
        headers.plain_field("List-Post", "NO"),  # an announcement list (RFC 2369 3.4)
    ]
    if identity.help_url:
        fields.append(headers.uri_field("List-Help", identity.help_url))
    return "".join(fields)
