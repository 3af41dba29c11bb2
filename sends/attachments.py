"""Files that go with every message of a campaign: checked, and encoded once."""

import base64
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from gettext import gettext as _
from pathlib import PurePosixPath
from urllib.parse import quote

from sends import headers
from sends.errors import InvalidAttachment
from templates import Image

LIMIT = 5_000_000
"""Octets that all attachments may take in a message: each recipient's relay and mailbox gets them once more."""

EXECUTABLE = frozenset(
    "ade adp apk app appx bat cab chm cmd com cpl dll dmg exe hta img inf ins iso isp jar jnlp js jse lib lnk mde mjs"
    " msc msi msix msp mst nsh pif ps1 reg scr sct sh sys url vb vbe vbs vhd vxd wsc wsf wsh xll".split()
)
"""Endings of what runs when it is opened; Gmail, Microsoft 365 and most relays refuse a message with such a file."""

_MEDIA_TYPE = re.compile(r"(?!multipart/|message/)[a-z]+/[a-z0-9][a-z0-9.+-]*")
_PARAMETER = re.compile(r"[a-z]+=[A-Za-z0-9-]+")
_CONTENT_ID = re.compile(r"(?:[A-Za-z0-9._-]+@[A-Za-z0-9.-]+)?")
_LINE = 57  # octets that base64 writes in 76 characters (RFC 2045 6.8)
_NAME = 50  # characters that fit a line beside Content-Type's name
_PLAIN_NAME = re.compile(rf"[\w !#$%&'()+,.;=@^~-]{{1,{_NAME}}}", re.ASCII)
_SECTION = 60  # with its number and name, it fits a line of 78


@dataclass(frozen=True)
class Attachment:
    """A file as recipients get it; `content_type` like application/pdf, `parameters` like method=PUBLISH after it.

    With a `content_id` it is a picture that the HTML shows (RFC 2392), and no file beside the message.
    Raises HeaderInjection or InvalidAttachment for a name that is empty, no plain file name, or that of a program.
    """

    filename: str
    content_type: str
    content: bytes = field(repr=False)
    parameters: tuple[str, ...] = ()
    content_id: str = ""

    def __post_init__(self) -> None:
        headers.refuse_controls(_("the name of an attachment"), self.filename)
        if not self.filename.strip(" .") or re.search(r"[/\\]", self.filename):
            raise InvalidAttachment(
                _("“{name}” is no name for an attachment; name the file without a folder").format(name=self.filename)
            )
        ending = self.filename.rstrip(" .").rpartition(".")[2].casefold()  # Windows passes over dots at the end
        if ending in EXECUTABLE:
            raise InvalidAttachment(
                _(
                    "{name} could run on the recipient's computer, so relays refuse it; attach a PDF, or link to it"
                ).format(name=self.filename)
            )
        if not _MEDIA_TYPE.fullmatch(self.content_type):
            raise InvalidAttachment(
                _("{kind!r} is no type for the attachment {name}; write it like application/pdf").format(
                    kind=self.content_type, name=self.filename
                )
            )
        if not all(map(_PARAMETER.fullmatch, self.parameters)) or not _CONTENT_ID.fullmatch(self.content_id):
            raise InvalidAttachment(_("{name} cannot be described in a message").format(name=self.filename))

    @property
    def encoded_size(self) -> int:
        """Octets of the content in a message."""
        lines = -(-len(self.content) // _LINE)
        return 4 * -(-len(self.content) // 3) + 2 * lines


def inline_image(image: Image) -> Attachment:
    """Make a part of a template's picture."""
    return Attachment(image.filename, image.content_type, base64.b64decode(image.content), content_id=image.content_id)


def check_size(attachments: Sequence[Attachment]) -> None:
    """Raise InvalidAttachment, naming each size, where the attachments of a message together pass LIMIT."""
    total = sum(each.encoded_size for each in attachments)
    if total > LIMIT:
        raise InvalidAttachment(
            _(
                "The attachments take {total} in each message ({files}); the limit is {limit}: put them on a website"
            ).format(
                total=_megabytes(total),
                limit=_megabytes(LIMIT),
                files=", ".join(f"{each.filename}: {_megabytes(each.encoded_size)}" for each in attachments),
            )
        )


def write_part(attachment: Attachment) -> str:
    """Write a file as a MIME part: base64 in lines of 76 characters ended by CR LF, without one after the last.

    The name stands in Content-Disposition (RFC 2183), encoded by RFC 2231 where it is not plain ASCII, and as
    plain ASCII in Content-Type for the programs that know neither.
    """
    kind = "; ".join((attachment.content_type, *attachment.parameters))
    if attachment.content_id:
        disposition = f"inline;\r\n {_file_name(attachment.filename)}\r\nContent-ID: <{attachment.content_id}>"
    else:
        disposition = f"attachment;\r\n {_file_name(attachment.filename)}"
    encoded = base64.encodebytes(attachment.content).decode().rstrip("\n").replace("\n", "\r\n")
    return (
        f'Content-Type: {kind};\r\n name="{_plain_name(attachment.filename)}"\r\n'
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: {disposition}\r\n\r\n{encoded}"
    )


def _file_name(name: str) -> str:
    """Write the parameter filename: quoted, or in numbered sections that each end with a whole character."""
    if _PLAIN_NAME.fullmatch(name):
        return f'filename="{name}"'
    sections = ["utf-8''"]
    for character in name:
        octets = quote(character, safe="")
        if len(sections[-1]) + len(octets) > _SECTION:
            sections.append("")
        sections[-1] += octets
    if len(sections) == 1:
        return f"filename*={sections[0]}"
    return ";\r\n ".join(f"filename*{number}*={section}" for number, section in enumerate(sections))


def _plain_name(name: str) -> str:
    """Give the name in plain ASCII, cut so that its ending stays."""
    if _PLAIN_NAME.fullmatch(name):
        return name
    letters = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    plain = PurePosixPath(re.sub(r"[^\w .-]", "_", letters, flags=re.ASCII).strip(" .") or "_")
    return f"{plain.stem[: _NAME - 10]}{plain.suffix[:10]}"


def _megabytes(octets: int) -> str:
    return _("{size:.1f} MB").format(size=octets / 1_000_000)
