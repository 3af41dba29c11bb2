"""Each rule of the lint finds its bad example, at its line, and leaves a good one alone."""

from pathlib import Path
from typing import Any

import pytest

from templates.lint import RULES
from tests.unit.lint_pages import FIRST, by_rule, lint

P = "<p>Une ligne sans défaut.</p>\n"
IMG = '<img src="https://www.example.org/a.jpg" alt="La halle" width="200">'
LINK = '<a href="https://www.example.org/aides" style="color:#143a66">{}</a>'

BODIES = [
    # rule, what is wrong (on the second line), what is right
    ("jinja-left", "<p>Bonjour {{ '{{' }} prenom }},</p>", "<p>Bonjour { prenom },</p>"),
    ("placeholder-left", "<p>Réunion à [[lieu]].</p>", "<p>Réunion à [1] Arras.</p>"),
    ("placeholder-left", "<p>Appelez le XXX.</p>", "<p>La taille XXL.</p>"),
    ("placeholder-left", "<p>TODO : la date</p>", "<p>Todo-list du commerçant</p>"),
    ("placeholder-left", "<p>Lorem ipsum dolor sit amet.</p>", "<p>Du lorem.</p>"),
    ("placeholder-left", "<p>Montant : « à compléter »</p>", "<p>Un dossier à compléter en ligne.</p>"),
    ("placeholder-left", "<p>Cher *|FNAME|*,</p>", "<p>Cher * client *,</p>"),
    ("placeholder-left", "<p>Bonjour [Nom du gérant]</p>", "<p>L’article [sic] paru hier.</p>"),
    ("link-http", '<a href="http://www.example.org/">Le site de la mairie</a>', LINK.format("Le site de la mairie")),
    ("link-broken", '<a href="">Le site de la mairie</a>', LINK.format("Le site")),
    ("link-broken", '<a href="#">Le site de la mairie</a>', '<a href="#bas">Plus bas</a><p id="bas">Bas</p>'),
    ("link-broken", '<a href="#rien">Plus bas</a>', '<a name="la"></a><a href="#la">Plus bas</a>'),
    ("link-broken", '<a href="aides/fonds.html">Le fonds</a>', '<a href="tel:+33321000000">Appeler</a>'),
    ("link-broken", '<a href="https://exemple">Le fonds</a>', LINK.format("Le fonds")),
    ("link-broken", '<a href="mailto:conseiller">Le conseiller</a>', '<a href="mailto:a@example.org">Le conseiller</a>'),
    ("link-scheme", '<a href="javascript:ouvrir()">Le site</a>', LINK.format("Le site")),
    ("link-scheme", '<a href="file:///C:/aides.pdf">Le règlement</a>', LINK.format("Le règlement")),
    ("link-shortened", '<a href="https://bit.ly/3abc">Le règlement</a>', '<a href="https://habit.ly/3">Le règlement</a>'),
    ("link-text-vague", LINK.format("Cliquez ici !"), LINK.format("Cliquez pour réserver un stand")),
    ("link-text-vague", LINK.format("En savoir plus"), LINK.format("En savoir plus sur le fonds")),
    ("link-text-mismatch", LINK.format("www.impots.gouv.fr"), LINK.format("example.org/autre")),
    ("link-text-mismatch", '<a href="https://x.culture.gouv.fr/">finances.gouv.fr</a>', '<a href="https://a.insee.fr/">insee.fr</a>'),
    ("link-text-mismatch", '<a href="mailto:b@example.org">a@example.org</a>', '<a href="mailto:A@example.org">a@example.org</a>'),
    ("link-odd-host", '<a href="https://192.0.2.7/aides">Les aides</a>', LINK.format("Les aides")),
    ("link-odd-host", '<a href="https://www.example.org:8443/">Les aides</a>', LINK.format("Les aides")),
    ("link-personal-data", '<a href="https://www.example.org/?m={{ contact.address }}">Les aides</a>', LINK.format("a")),
    ("link-personal-data", '<a href="https://www.example.org/?n={{ contact.family_name }}">Les aides</a>', LINK.format("a")),
    ("link-personal-data", '<a href="https://www.example.org/?siret={{ company.siret }}">Les aides</a>', LINK.format("a")),
    ("image-alt-missing", IMG.replace(' alt="La halle"', ""), IMG.replace("La halle", "")),
    ("image-alt-missing", f'<a href="https://example.org/">{IMG.replace("La halle", "")}</a>', f'<a href="https://example.org/">{IMG}</a>'),
    ("image-alt-filename", IMG.replace("La halle", "halle_2.png"), IMG),
    ("image-width-missing", IMG.replace(' width="200"', ""), IMG),
    ("image-source", IMG.replace("https://www.example.org/", "file:///C:/"), IMG.replace("https://www.example.org/a.jpg", "cid:a@b")),
    ("image-source", IMG.replace("https://www.example.org/a.jpg", "data:image/png;base64,AAAA"), IMG),
    ("image-http", IMG.replace("https", "http"), IMG),
    ("tracking-pixel", IMG.replace("200", "1").replace("width", 'height="1" width'), IMG),
    ("active-content", "<script>suivre()</script>", "<p>script</p>"),
    ("active-content", '<iframe src="https://www.example.org/"></iframe>', P),
    ("active-content", '<p onclick="suivre()">Ouvrir</p>', "<p>Ouvrir</p>"),
    ("form", '<form action="https://www.example.org/"><p>Votre avis</p></form>', P),
    ("form", '<input type="text" name="avis">', P),
    ("low-contrast", '<p style="color:#999999">Peu lisible</p>', '<p style="color:#707070">Lisible</p>'),
    ("low-contrast", '<p style="background-color:hsl(210, 60%, 50%);color:white">Peu</p>',
      '<p style="background:rgb(20 58 102);color:#fff">Lisible</p>'),
    ("low-contrast", '<p style="color:rgba(0,0,0,.3)">Peu lisible</p>', '<p style="color:rgba(0,0,0,.8)">Lisible</p>'),
    ("low-contrast", '<p style="color:#fefefe">Invisible</p>', '<p style="font-size:24px;color:#8a8a8a">Grand</p>'),
    ("low-contrast", '<p><font color="yellow">Peu lisible</font></p>', '<p style="font-size:19px;color:#8a8a8a"><b>Gras</b></p>'),
    ("low-contrast", '<table role="presentation" bgcolor="#143a66"><tr><td>Sombre</td></tr></table>',
      '<table role="presentation" bgcolor="#143a66"><tr><td style="color:#fff">Clair</td></tr></table>'),
    ("table-role-missing", "<table><tr><td>Une cellule</td></tr></table>", "<table><tr><th>Jour</th><td>lundi</td></tr></table>"),
    ("heading-order", "<h3>Un titre</h3>", "<h2>Un titre</h2>"),
    ("heading-order", "<h2></h2>", "<h2>Un titre</h2>"),
    ("font-small", '<p style="font-size:9pt">Petit</p>', '<p style="font-size:.9em">14,4 px</p>'),
    ("font-small", '<p><small style="font-size:80%">Petit</small></p>', "<p>Normal</p>"),
    ("link-without-text", '<a href="https://www.example.org/"> </a>', LINK.format("Le site")),
    ("link-text-repeated", f'{LINK.format("Le site")} <a href="https://b.example.org/">Le site</a>', f'{LINK.format("Le site")} {LINK.format("Le site")}'),
    ("unsupported-breaking", '<div style="display:flex"><p>A</p></div>', '<div style="display:block"><p>A</p></div>'),
    ("unsupported-breaking", '<p style="position:absolute">A</p>', '<p style="text-align:center">A</p>'),
    ("unsupported-breaking", '<p style="width:calc(100% - 20px)">A</p>', '<p style="width:100%">A</p>'),
    ("unsupported-breaking", '<video src="https://www.example.org/v.mp4">Une vidéo</video>', IMG),
    ("unsupported-breaking", IMG.replace(".jpg", ".svg"), IMG.replace(".jpg", ".gif")),
    ("unsupported-degrading", '<p style="border-radius:4px">A</p>', '<p style="border:1px solid #222222">A</p>'),
    ("colour-half-set", '<p style="background-color:#ffffee"><a href="https://example.org/">Le site</a></p>', f'<p>{LINK.format("Le site")}</p>'),
    ("pure-black-white", '<p style="color:#000">A</p>', '<p style="color:#111">A</p>'),
    ("pure-black-white", '<table role="presentation" bgcolor="white"><tr><td>A</td></tr></table>',
      '<table role="presentation" bgcolor="#fdfdfd"><tr><td>A</td></tr></table>'),
    ("hour-impossible", "<p>Rendez-vous à 25 h, salle des fêtes.</p>", "<p>Réponse sous 48h, de 9h à 17h30, 24h/24.</p>"),
    ("hour-impossible", "<p>Rendez-vous à 9h75.</p>", "<p>Une semaine de 39h à 35h et 120 h de formation.</p>"),
    ("hour-impossible", "<p>Rendez-vous à 24:30.</p>", "<p>Rendez-vous à 23:30, au 16:9.</p>"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "bad", "good"), BODIES, ids=[f"{rule}-{at}" for at, (rule, *_rest) in enumerate(BODIES)]
)
def test_body(tmp_path: Path, rule: str, bad: str, good: str):
    found = by_rule(lint(tmp_path / "bad", P + bad), rule)
    assert found, f"{rule} does not find {bad}"
    places = [place for finding in found for place in finding.places]
    assert {(place.file, place.line) for place in places} == {("body.html", FIRST + 1)}
    assert all(place.column for place in places)
    assert not by_rule(lint(tmp_path / "good", P + good), rule)


SUBJECTS = [
    (
        "subject-long",
        "Webinaire du jeudi 14 mai 2020 : le référencement local de votre commerce",
        "Le référencement local",
    ),
    ("subject-capitals", "DES AIDES POUR VOTRE COMMERCE", "CCI ARTOIS : le fonds"),
    ("subject-exclamation", "Des aides !! Demandez-les !", "Des aides : demandez-les !"),
    ("subject-spam-words", "Dernière chance, offre exclusive", "Un webinaire gratuit sur les soldeurs"),
    ("subject-emoji", "🎉🎉🎉 Le fonds ouvre", "🎉 Le fonds ouvre ✓"),
    ("subject-false-reply", "Re: votre dossier", "Reprise : votre dossier"),
    ("placeholder-left", "Fonds XXX ouvert", "Fonds ouvert"),
    ("date-wrong-weekday", "Rendez-vous le jeudi 24 avril 2020", "Rendez-vous le vendredi 24 avril 2020"),
    ("hour-impossible", "Rendez-vous à 26h", "Rendez-vous à 16h"),
]


@pytest.mark.parametrize(("rule", "bad", "good"), SUBJECTS, ids=[rule for rule, *_rest in SUBJECTS])
def test_subject(tmp_path: Path, rule: str, bad: str, good: str):
    [finding] = by_rule(lint(tmp_path / "bad", subject=bad), rule)
    assert [place.part for place in finding.places] == ["subject"]
    assert not by_rule(lint(tmp_path / "good", subject=good), rule)


def test_an_empty_subject(tmp_path: Path):
    assert by_rule(lint(tmp_path, subject='{{ "" }}'), "subject-empty")


HEADS: list[tuple[str, str, str]] = [
    # rule, what the frame has, what takes its place
    ("lang-missing", ' lang="fr"', ""),
    ("lang-missing", 'lang="fr"', 'lang="en"'),
    ("title-missing", "<title>Des nouvelles</title>", ""),
    ("title-missing", "Des nouvelles</title>", " </title>"),
    ("color-scheme-missing", '<meta name="supported-color-schemes" content="light dark">', ""),
    ("preheader-missing", "Ce que la chambre fait pour les commerces du centre.", "&nbsp;&#847;&zwnj;"),
    ("preheader-repeats-subject", "Ce que la chambre fait pour les commerces du centre.", "LES COMMERCES du centre !"),
    ("preheader-long", "Ce que la chambre fait", "Ce que la chambre fait, jour après jour, semaine après semaine et mois après mois,"),
    ("heading-order", "<h1>Les commerces du centre</h1>", "<h2>Les commerces du centre</h2>"),
    ("unsubscribe-missing", '<a style="color:#143a66" href="{{ links.unsubscribe }}">Ne plus recevoir ces messages</a>', ""),
    ("unsubscribe-missing", 'href="{{ links.unsubscribe }}"', 'href="#"'),
    ("sender-missing", "Chambre de commerce d’Exemple", "La chambre"),
    ("sender-missing", "1 rue du Port, 62000 Arras", "Arras"),
    ("reason-missing", "Ce message vous est adressé dans le cadre de sa mission.", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "there", "instead"), HEADS, ids=[f"{rule}-{at}" for at, (rule, *_rest) in enumerate(HEADS)]
)
def test_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str, there: str, instead: str):
    assert not by_rule(lint(tmp_path), rule)
    for name in ("HEAD", "FOOT"):
        text = getattr(__import__("tests.unit.lint_pages", fromlist=[name]), name)
        monkeypatch.setattr(f"tests.unit.lint_pages.{name}", text.replace(there, instead))
    assert by_rule(lint(tmp_path), rule)


def test_the_frame_has_no_fault(tmp_path: Path):
    assert lint(tmp_path, P).findings == ()


PURPOSES: list[tuple[str, str, dict[str, Any], bool]] = [
    ("service needs no way out", "unsubscribe-missing", {"purpose": "service"}, False),
    ("public information needs one", "unsubscribe-missing", {"purpose": "public_information"}, True),
    ("marketing needs one", "unsubscribe-missing", {"purpose": "marketing"}, True),
    ("marketing says that it is advertising", "advertising-unmarked", {"purpose": "marketing"}, True),
    ("the subject may say it", "advertising-unmarked", {"purpose": "marketing", "subject": "Publicité : un salon"}, False),
    ("public information is none", "advertising-unmarked", {"purpose": "public_information"}, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "options", "is_found"), [each[1:] for each in PURPOSES], ids=[each[0] for each in PURPOSES]
)
def test_purpose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str, options: dict[str, Any], is_found: bool):
    monkeypatch.setattr(
        "tests.unit.lint_pages.FOOT", "<p>CCI, 1 rue du Port, 62000 Arras</p></td></tr></table></body></html>"
    )
    assert bool(by_rule(lint(tmp_path, **options), rule)) is is_found


def test_every_rule_has_a_meaning_and_a_kebab_name():
    assert len(RULES) > 45
    for name, rule in RULES.items():
        assert name == rule.name == name.lower().replace("_", "-")
        assert rule.meaning.endswith(".")


def test_what_is_law_is_at_most_an_error_that_cannot_be_silenced():
    law = {name for name, rule in RULES.items() if rule.is_law}
    assert {"unsubscribe-missing", "sender-missing", "advertising-unmarked", "unsubscribe-clipped"} <= law
    assert all(RULES[name].level == "error" for name in law)
