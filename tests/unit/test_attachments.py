import email
import re
from email import message_from_string, policy
from email.message import EmailMessage
from email.utils import collapse_rfc2231_value

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sends.attachments import EXECUTABLE, LIMIT, Attachment, check_size, write_part
from sends.errors import HeaderInjection, InvalidAttachment

NAMES = {
    "plain": ("plan.pdf", "plan.pdf"),
    "accents": ("résumé.pdf", "resume.pdf"),
    "no ASCII at all": ("日本.pdf", "__.pdf"),
    "quotes": ('le "plan".pdf', "le _plan_.pdf"),
    "a backslash would be refused, an apostrophe not": ("l'aide (1).pdf", "l'aide (1).pdf"),
    "no ending": ("résumé annuel", "resume annuel"),
    "long": ("é" * 90 + ".xlsx", "e" * 40 + ".xlsx"),
    "only a mark": ("\u0301", "_"),
}


def parse(part: str) -> EmailMessage:
    message = message_from_string(f"MIME-Version: 1.0\r\n{part}", policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


@pytest.mark.parametrize(("name", "plain"), NAMES.values(), ids=NAMES)
def test_the_name_arrives(name: str, plain: str) -> None:
    part = write_part(Attachment(name, "application/pdf", b"%PDF"))
    message = parse(part)
    assert message.get_filename() == name
    assert message.get_content_disposition() == "attachment"
    assert message["Content-Disposition"].defects == ()
    assert message["Content-Type"].params["name"] == plain
    assert message.get_content_type() == "application/pdf"
    old_way = email.message_from_string(part).get_filename()
    assert old_way is not None
    assert collapse_rfc2231_value(old_way) == name


@given(
    name=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="/\\"), max_size=200),
    content=st.binary(max_size=200),
)
@example(name="a.pdf", content=b"")
@example(name="a.pdf", content=bytes(57))
@example(name="a.pdf", content=bytes(58))
def test_any_name_and_content_arrive(name: str, content: bytes) -> None:
    try:
        attachment = Attachment(name, "application/octet-stream", content)
    except InvalidAttachment:
        assert not name.strip(" .") or name.rstrip(" .").rpartition(".")[2].casefold() in EXECUTABLE
        return
    part = write_part(attachment)
    assert part.isascii()
    head, _, body = part.partition("\r\n\r\n")
    assert all(len(line) <= 78 for line in head.split("\r\n"))
    assert all(re.fullmatch(r"[A-Za-z0-9+/=]{0,76}", line) for line in body.split("\r\n"))
    message = parse(part)
    assert message.get_filename() == name.strip()  # which get_filename does
    assert message.get_payload(decode=True) == content
    assert attachment.encoded_size == len(body) + (2 if body else 0)


@pytest.mark.parametrize("name", ["a\r\nBcc: x@example.org", "a\n.pdf", "a\0.pdf", "a\u2028.pdf"], ids=ascii)
def test_a_name_that_breaks_the_line_is_refused(name: str) -> None:
    with pytest.raises(HeaderInjection):
        Attachment(name, "application/pdf", b"")


@pytest.mark.parametrize("name", ["", " ", "..", "a/b.pdf", "..\\b.pdf"])
def test_what_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidAttachment, match="no name"):
        Attachment(name, "application/pdf", b"")


@pytest.mark.parametrize(
    "name", ["aide.exe", "Aide.PDF.Js", "aide.bat. ", "aide.cmd", "x.scr", "x.vbs", "x.lnk", "exe"]
)
def test_programs_are_refused(name: str) -> None:
    with pytest.raises(InvalidAttachment, match="could run"):
        Attachment(name, "application/pdf", b"")


@pytest.mark.parametrize("kind", ["pdf", "multipart/mixed", "message/rfc822", "a/b\r\nX: y", "text/csv; charset=utf-8"])
def test_an_odd_type_is_refused(kind: str) -> None:
    with pytest.raises(InvalidAttachment, match="is no type"):
        Attachment("a.pdf", kind, b"")


def test_too_much_is_refused_with_its_sizes() -> None:
    half = Attachment("a.pdf", "application/pdf", bytes((LIMIT // 2 - 78) * 57 // 78))
    check_size([half, half])
    with pytest.raises(InvalidAttachment, match=r"take 5\.3 MB .*a\.pdf: 2\.5 MB.*b\.txt: 0\.3 MB.*limit is 5\.0 MB"):
        check_size([half, half, Attachment("b.txt", "text/plain", bytes(200_000))])
