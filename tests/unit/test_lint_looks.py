"""Size, images, dark screens, clients without a feature, the text part, and what a template costs."""

from pathlib import Path

import pytest

from templates import load_template
from templates.lint import Level, run
from templates.lint.colours import Colour, contrast, parse_attribute, parse_colour
from templates.lint.reference import CLIENTS, features
from templates.sources import LIBRARY
from tests.unit.lint_pages import FIRST, by_rule, lint, open_page

FILL = "<p>Une phrase assez longue pour remplir un message, encore et encore, é.</p>\n"
EACH = len(FILL) + 5 + 3  # é takes six octets; a soft break every 75


@pytest.mark.parametrize(
    ("size", "level"),
    [(80, None), (95, Level.WARNING), (110, Level.ERROR)],
)
def test_the_size_as_it_travels(tmp_path: Path, size: int, level: Level | None):
    found = by_rule(lint(tmp_path, FILL * (size * 1024 // EACH)), "html-size")
    assert [finding.level for finding in found] == ([level] if level else [])


def test_the_way_out_stands_before_the_clip(tmp_path: Path):
    long = FILL * 1600
    assert by_rule(lint(tmp_path, long), "unsubscribe-clipped")
    early = '<p><a href="{{ links.unsubscribe }}">Ne plus recevoir</a></p>\n' + long
    assert not by_rule(lint(tmp_path, early), "unsubscribe-clipped")


def test_the_weight_of_the_folders_images(tmp_path: Path):
    image = '<img src="https://www.example.org/m/{}.jpg" alt="La halle" width="200">'
    sizes = {"a.jpg": 300 * 1024, "b.jpg": 150 * 1024}
    [found] = by_rule(lint(tmp_path, image.format("a") + image.format("b"), image_sizes=sizes), "image-weight")
    assert "a.jpg pèse 300 Ko" in found.cause
    sizes = {f"{name}.jpg": 190 * 1024 for name in "abcde"}
    [found] = by_rule(lint(tmp_path, "".join(map(image.format, "abcde")), image_sizes=sizes), "image-weight")
    assert "950 Ko" in found.cause
    assert not by_rule(lint(tmp_path, image.format("a"), image_sizes={"a.jpg": 1024}), "image-weight")


def test_a_picture_inside_the_message_is_called_by_its_file(tmp_path: Path):
    image = '<img src="cid:0123@relais" alt="La halle" width="200">'
    found = lint(tmp_path, image, image_sizes={"0123@relais": 300 * 1024}, image_names={"0123@relais": "halle.jpg"})
    [finding] = by_rule(found, "image-weight")
    assert "halle.jpg pèse 300 Ko" in str(finding)


def test_a_mail_that_is_one_image(tmp_path: Path):
    page = '<html lang="fr"><body><img src="https://www.example.org/a.jpg" alt="Tout" width="600"></body></html>'
    assert by_rule(lint(tmp_path, page, whole=True), "image-only")
    assert not by_rule(lint(tmp_path, '<img src="https://www.example.org/a.jpg" alt="A" width="9">'), "image-only")


@pytest.mark.parametrize(
    ("written", "colour"),
    [
        ("#fff", (1, 1, 1, 1)),
        ("#0000", (0, 0, 0, 0)),
        ("WHITE", (1, 1, 1, 1)),
        ("rgba(255, 0, 0, .5)", (1, 0, 0, 0.5)),
        ("rgb(255 0 0 / 50%)", (1, 0, 0, 0.5)),
        ("hsl(120, 100%, 50%)", (0, 1, 0, 1)),
        ("rebeccapurple", (0.4, 0.2, 0.6, 1)),
        ("transparent", (0, 0, 0, 0)),
        ("currentcolor", None),
        ("inherit", None),
        ("lab(50% 0 0)", None),
        ("pas une couleur", None),
    ],
)
def test_colours(written: str, colour: tuple[float, ...] | None):
    found = parse_colour(written)
    assert (found and tuple(found)) == (pytest.approx(colour) if colour else None)


def test_contrast_is_that_of_wcag():
    white = Colour(1, 1, 1)
    assert contrast(white, Colour(0, 0, 0)) == pytest.approx(21)
    assert contrast(white, white) == 1
    grey = parse_attribute("777777")
    assert grey is not None
    assert contrast(white, grey) == pytest.approx(4.478, abs=0.001)  # the well-known grey that just fails


DARK = """<style>
.t {{ color: #222222; }}
@media (prefers-color-scheme: dark) {{ td {{ background-color: #1c222b !important; }} {more} }}
</style>"""


def test_the_dark_block_is_checked_on_its_own(tmp_path: Path):
    bad = lint(tmp_path, '<p class="t">Texte</p>', style=DARK.format(more=""))
    found = by_rule(bad, "low-contrast-dark")
    assert any("#222222 sur fond #1c222b" in finding.cause for finding in found)
    assert not by_rule(bad, "low-contrast")
    good = DARK.format(more="p, h1, td { color: #d6dce4 !important; } a { color: #9cc7ff !important; }")
    assert not by_rule(lint(tmp_path, '<p class="t">Texte</p>', style=good), "low-contrast-dark")


def test_text_on_an_image_is_left_alone(tmp_path: Path):
    style = "background-image:url(https://www.example.org/f.jpg);color:#eeeeee"
    assert not by_rule(lint(tmp_path, f'<p style="{style}">Sur une photo</p>'), "low-contrast")


def test_a_forced_rule_of_the_style_sheet_counts(tmp_path: Path):
    style = "<style>.t { color: #bbbbbb !important; }</style>"
    assert by_rule(lint(tmp_path, '<p class="t" style="color:#222222">Texte</p>', style=style), "low-contrast")


def test_hidden_text_is_left_alone(tmp_path: Path):
    body = '<div style="display:none"><p style="color:#fefefe;font-size:4px">Caché</p></div>'
    report = lint(tmp_path, body)
    assert not by_rule(report, "low-contrast")
    assert not by_rule(report, "font-small")


@pytest.mark.parametrize(("file", "is_found"), [("logo.png", True), ("photo.jpg", False)])
def test_a_logo_that_may_be_transparent(tmp_path: Path, file: str, is_found: bool):
    page = f'<html lang="fr"><body bgcolor="#ffffff"><p>CCI</p><img src="https://example.org/{file}" alt="C" width="9">'
    assert bool(by_rule(lint(tmp_path, page, whole=True), "logo-without-background")) is is_found
    inside = f'<img src="https://example.org/{file}" alt="C" width="9">'  # in a cell that has a background
    assert not by_rule(lint(tmp_path, inside), "logo-without-background")


def test_one_finding_a_feature_with_its_clients_and_places(tmp_path: Path):
    body = '<p style="float:left">A</p>\n<p style="float:right">B</p>'
    [found] = by_rule(lint(tmp_path, body), "unsupported-breaking")
    assert "float" in found.cause
    assert "Outlook (Windows)" in found.cause
    assert "Gmail" not in found.cause
    assert [place.line for place in found.places] == [FIRST, FIRST + 1]


def test_what_stands_in_a_media_query_only_degrades(tmp_path: Path):
    style = "<style>@media (max-width: 600px) { .t { display: flex !important } }</style>"
    report = lint(tmp_path, '<p class="t">A</p>', style=style)
    assert not by_rule(report, "unsupported-breaking")
    degrading = " ".join(finding.cause for finding in by_rule(report, "unsupported-degrading"))
    assert "@media" in degrading


def test_what_outlook_never_sees_does_not_break_it(tmp_path: Path):
    body = '<!--[if !mso]><!--><p style="{}">A</p><!--<![endif]-->'
    assert not by_rule(lint(tmp_path, body.format("float:left")), "unsupported-breaking")
    [found] = by_rule(lint(tmp_path, body.format("position:absolute")), "unsupported-breaking")
    assert "Gmail (web)" in found.cause
    assert "Outlook (Windows)" not in found.cause


def test_links_that_only_outlook_opens_are_checked(tmp_path: Path):
    body = '<!--[if mso]><v:roundrect href="aides.html"></v:roundrect><![endif]-->'
    assert by_rule(lint(tmp_path, body), "link-broken")
    assert not by_rule(lint(tmp_path, body.replace("aides", "https://example.org/aides")), "link-broken")


def test_the_reference_knows_every_client():
    assert len(features()) > 250
    known = features()["value:display=flex"]
    assert set(known.support) == set(CLIENTS)
    assert "outlook-windows" in known.lacking()
    assert "apple-mail-ios" not in known.lacking()
    letters = {letter for feature in features().values() for letter in feature.support.values()}
    assert letters == {"y", "a", "n", "u"}


def test_the_text_part_says_the_same(tmp_path: Path):
    assert not by_rule(lint(tmp_path, '<p><a href="https://www.example.org/a">Le plan</a></p>'), "text-links-missing")
    text = "Bonjour,\n\nVoyez notre site.\n\n{{ links.unsubscribe }}\n"
    report = lint(tmp_path, '<p><a href="https://www.example.org/a">Le plan</a></p>', text=text)
    assert by_rule(report, "text-differs")
    [links] = by_rule(report, "text-links-missing")
    assert "https://www.example.org/a" in links.cause
    assert by_rule(lint(tmp_path, text="{% if false %}rien{% endif %}"), "text-empty")


def test_the_text_part_has_a_way_out_too(tmp_path: Path):
    found = by_rule(lint(tmp_path, text="Bonjour de la chambre."), "unsubscribe-missing")
    assert [(finding.level, finding.places[0].part) for finding in found] == [("warning", "text")]


def test_a_fault_of_the_text_part_is_found_there(tmp_path: Path):
    [found] = by_rule(lint(tmp_path, text="Réunion le jeudi\n24 avril 2020."), "date-wrong-weekday")
    assert [place.part for place in found.places] == ["text"]


def test_the_cost_of_inlining_per_recipient(tmp_path: Path):
    style = "<style>.Arras { color: #222222; }</style>"
    [found] = by_rule(lint(tmp_path, '<p class="{{ company.commune }}">A</p>', style=style), "inlined-per-recipient")
    assert f"line {FIRST}" in found.cause
    assert "10\u202f000 messages" in found.cause
    assert not by_rule(lint(tmp_path, '<p class="Arras">A</p>', style=style), "inlined-per-recipient")


@pytest.mark.parametrize("name", sorted(each.name for each in LIBRARY.iterdir() if (each / "template.toml").is_file()))
def test_the_shipped_templates_have_no_error(name: str):
    report = run([open_page(LIBRARY, name=name)], load_template(name))
    assert [finding for finding in report.findings if finding.level is Level.ERROR] == []
