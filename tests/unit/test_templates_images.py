"""Pictures of a template's folder: they travel inside the message, and only they."""

import base64
from pathlib import Path

import pytest

from templates import CompiledTemplate, InvalidTemplate, Purpose, Template, compile_template
from templates.images import show_inside

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A template's folder with a picture, a text, and a link out of it."""
    folder = tmp_path / "essai"
    folder.mkdir()
    (folder / "le logo.png").write_bytes(PNG)
    (folder / "notes.txt").write_text("rien", encoding="utf-8")
    (tmp_path / "secret.png").write_bytes(PNG)
    (folder / "lien.png").symlink_to(tmp_path / "secret.png")
    return folder


def compiled(folder: Path, body: str) -> CompiledTemplate:
    return compile_template(Template("essai", "T", "D", Purpose.SERVICE, {}, folder, "Bonjour", body, None))


def test_a_picture_is_named_by_what_it_shows(folder: Path) -> None:
    template = compiled(
        folder,
        "<p><img alt='{{ contact.role }}' src=\"le%20logo.png\"><IMG SRC='le logo.png' alt=''></p>"
        "<!--[if mso]><img src='le logo.png'><![endif]-->",
    )
    [image] = template.images
    assert (image.filename, image.content_type) == ("le logo.png", "image/png")
    assert base64.b64decode(image.content) == PNG
    assert template.html.count(f"cid:{image.content_id}") == 3
    assert "logo" not in template.html
    assert CompiledTemplate.from_dict(template.to_dict()) == template
    assert "data:image/png;base64," in show_inside(template.html, template.images)
    (folder / "le logo.png").write_bytes(PNG + b"x")
    assert compiled(folder, "<img src='le logo.png' alt=''>").images[0].content_id != image.content_id


def test_other_links_stay_as_they_are(folder: Path) -> None:
    body = (
        "<img src='https://example.org/a.png' alt=''><img src='{{ brand.logo_url }}' alt=''><img src='cid:x@y' alt=''>"
    )
    template = compiled(folder, body)
    assert template.images == ()
    assert "https://example.org/a.png" in template.html


@pytest.mark.parametrize(
    "name", ["rien.png", "../secret.png", "lien.png", "/etc/hostname", "notes.txt", "..%2Fsecret.png"]
)
def test_only_pictures_of_the_folder_are_taken(name: str, folder: Path) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        compiled(folder, f"<p>a</p>\n{{{{ contact.role }}}}\n<p><img src='{name}' alt=''></p>")
    assert refused.value.line == 3
