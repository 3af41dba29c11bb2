"""What the officer looks at before anything leaves: templates of her own, their views, and the hardest messages."""

from html import unescape

from tests.acceptance.office import Office
from tests.acceptance.paperwork import CONTACT_HEADER, contact, write_csv
from tests.acceptance.test_checks import write_template

REFUSED = 2


def test_a_template_of_one_s_own_is_written_previewed_and_sent_from(office: Office) -> None:
    said = office("templates", "new", "ma-lettre", "--from", "fonds", "--markdown").stdout
    assert "templates/ma-lettre.md" in said
    source = (office.folder / "templates" / "ma-lettre.md").read_text(encoding="utf-8")
    assert source.startswith("---\ntitle: Fonds de soutien\n")
    before = office.state()
    assert "is there already" in office("templates", "new", "ma-lettre", "--from", "information", code=REFUSED).stderr
    assert office.state() == before
    office("templates", "new", "fonds", "--from", "fonds")
    assert (office.folder / "templates" / "fonds" / "body.html").is_file()
    for name in ("ma-lettre", "fonds"):
        shown = office("templates", "preview", name, "--set", "epci=CALL").stdout
        assert "Preheader:" in shown
        page = (office.folder / f"{name}.html").read_text(encoding="utf-8")
        assert page.count("srcdoc=") == 3
        assert "CALL" in page
    sets = ("--set", "epci=CUA", "--set", "montant=1 M€")
    office("campaigns", "create", "lettre", "--audience", "tous", "--template", "ma-lettre", *sets)
    assert office.json("campaigns", "check", "lettre")["faulty"] == 0


def test_the_dark_view_takes_the_dark_rules_and_the_others_never_do(office: Office) -> None:
    office("templates", "preview", "fonds", env={"BROWSER": "/bin/false %s"})
    frames = (office.folder / "fonds.html").read_text(encoding="utf-8").split("srcdoc=")[1:]
    desktop, phone, dark = (unescape(frame) for frame in frames)
    assert "@media (min-width: 0px)" in dark
    assert "@media (max-width: 0px)" in desktop
    assert "@media (max-width: 0px)" in phone
    office("templates", "preview", "fonds", "--plain")
    plain = (office.folder / "fonds.html").read_text(encoding="utf-8")
    assert plain.startswith("<!doctype html>\n<html lang")
    assert "prefers-color-scheme: dark" in plain


def test_the_hardest_messages_are_picked_and_say_why(office: Office) -> None:
    rows = [
        contact(11, "long@example.org"),
        contact(12, "accents@example.org", town="Saint-Laurent-Blangy", postcode="62223"),
        contact(13, "élodie@exämple.test"),
        contact(14, "rien@example.org"),
    ]
    names = ["Société anonyme des établissements Untel et compagnie", "L'Œuvre d'Été", "Maison 13", "Maison 14"]
    rows = [(row[0], name, *row[2:]) for row, name in zip(rows, names, strict=True)]
    rows[3] = (*rows[3][:6], "", "", *rows[3][8:])
    write_csv(office.folder / "plus.csv", CONTACT_HEADER, rows)
    office("audiences", "import", "plus.csv")
    write_template(
        office.folder, "<p>{% if contact.family_name %}Nom{% else %}Sans nom{% endif %} {{ company.name }}</p>"
    )
    office("campaigns", "create", "dur", "--audience", "tous", "--template", "essai")
    said = office("campaigns", "preview", "dur", "--hard-cases").stdout
    page = (office.folder / "dur.html").read_text(encoding="utf-8")
    for title, reason in [
        (names[0], "the longest company name"),
        (names[1], "the most accents"),
        (names[1], "the longest name of a commune"),
        ("élodie@", "not plain ASCII"),
        ("rien@example.org", "no name of a person"),
        ("rien@example.org", "{% if contact.family_name %} does not hold"),
    ]:
        block = next(each for each in f"\n{said}".replace("\n  –", "  –").split("\n") if title in each)
        assert reason in block
    assert "{% if contact.family_name %} holds" in said
    assert "L&#x27;Œuvre d&#x27;Été" in page
    assert "Sans nom" in page
    assert office.campaign("dur")["status"] == "draft"


def test_one_contact_s_message(office: Office) -> None:
    said = office("campaigns", "preview", "info", "--for", "non.merci@example.org").stdout
    assert "not a recipient" in said
    assert "asked for" in said
    page = office.folder / "un.html"
    page.touch(0o644)
    first = office("campaigns", "preview", "info", "--out", "un.html").stdout
    assert page.stat().st_mode & 0o777 == 0o600  # it shows a person
    assert "the first recipient" in first
    assert "Nobody has the address" in office("campaigns", "preview", "info", "--for", "x@y.test", code=REFUSED).stderr


def test_dates_pass_over_the_ascension(office: Office) -> None:
    words = ("campaigns", "dates", "--weekday", "jeudi", "--from", "2020-05-01", "--count", "3")
    found = office.json(*words)
    assert [each["day"] for each in found] == ["2020-05-07", "2020-05-14", "2020-05-21", "2020-05-28"]
    assert [each["holiday"] for each in found if each["is_left_out"]] == ["Ascension"]
    moved = office.json(*words, "--move")
    assert [each["day"] for each in moved] == ["2020-05-07", "2020-05-14", "2020-05-20"]
    assert "weekday" in office("campaigns", "dates", "--weekday", "jeudy", code=REFUSED).stderr
