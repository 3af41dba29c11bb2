"""What people need who hear a mail, enlarge it or read it on a phone (RGAA, WCAG 2.2)."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from templates.lint.findings import Finding, Level, Part, Place, Rule
from templates.lint.fonts import font_size
from templates.lint.links import fold
from templates.lint.page import Page
from templates.lint.passages import text_of

LANG = Rule(
    "lang-missing",
    Level.WARNING,
    "La balise <html> ne dit pas la langue (RGAA 8.3)\u202f: la synthèse vocale lit en anglais.",
)
TITLE = Rule("title-missing", Level.WARNING, "Le document n’a pas de titre (RGAA 8.5).")
TABLE = Rule(
    "table-role-missing",
    Level.WARNING,
    'Un tableau de mise en page n’a pas role="presentation" (RGAA 5.3)\u202f: il est lu comme des données.',
)
HEADINGS = Rule("heading-order", Level.WARNING, "Les titres sautent un niveau, ou aucun n’est un h1 (RGAA 9.1).")
SMALL = Rule("font-small", Level.WARNING, "Un texte fait moins de 13 points (avertissement) ou de 14 (suggestion).")
SAME_TEXT = Rule("link-text-repeated", Level.HINT, "Des liens différents ont le même texte (RGAA 6.1).")
NO_TEXT = Rule("link-without-text", Level.ERROR, "Un lien n’a ni texte ni image décrite (RGAA 6.2).")
RULES = (LANG, TITLE, TABLE, HEADINGS, SMALL, SAME_TEXT, NO_TEXT)

SMALLEST, SMALL_PX = 13.0, 14.0


def check(page: Page) -> Iterator[Finding]:
    """Look at the document, its tables, headings, links and sizes."""
    root = page.tree if page.tree.tag == "html" else page.tree.getroottree().getroot()
    lang = (root.get("lang") or "").lower()
    if not lang:
        yield LANG.found("La langue du message n’est pas dite.", 'Écrivez <html lang="fr">.', page.at(root))
    elif not lang.startswith("fr"):
        yield LANG.found(
            f"La langue déclarée est «\u202f{lang}\u202f».",
            'Écrivez <html lang="fr">, si le texte est français.',
            page.at(root),
        )
    title = page.tree.find(".//title")
    if title is None or not (title.text or "").strip():
        yield TITLE.found("Le document n’a pas de titre.", "Remplissez <title> dans l’en-tête.", Place(Part.HTML))
    yield from _check_tables(page)
    yield from _check_headings(page)
    yield from _check_links(page)
    yield from _check_sizes(page)


def _check_tables(page: Page) -> Iterator[Finding]:
    for table in page.elements:
        if table.tag != "table" or not page.styles.is_shown(table):
            continue
        is_data = any(
            each.tag in {"th", "caption"} and _table_of(each) is table for each in table.iter("th", "caption")
        )
        if not table.get("role") and not is_data:
            yield TABLE.found(
                "Tableau de mise en page sans rôle.",
                'Ajoutez role="presentation"\u202f; s’il s’agit de données, marquez ses titres par <th>.',
                page.at(table),
            )


def _table_of(cell: Any) -> Any:
    return next(cell.iterancestors("table"), None)


def _check_headings(page: Page) -> Iterator[Finding]:
    last = 0
    for heading in page.elements:
        if heading.tag not in {"h1", "h2", "h3", "h4", "h5", "h6"} or not page.styles.is_shown(heading):
            continue
        level = int(heading.tag[1])
        if not text_of(heading):
            yield HEADINGS.found(
                f"Le titre <{heading.tag}> est vide.", "Remplissez-le, ou retirez-le.", page.at(heading)
            )
            continue
        if level > last + 1:
            where = f"vient après un <h{last}>" if last else "est le premier titre"
            yield HEADINGS.found(
                f"Un <{heading.tag}> {where}.",
                f"Prenez <h{last + 1}>, ou ajoutez le niveau qui manque.",
                page.at(heading),
            )
        last = level


def _check_links(page: Page) -> Iterator[Finding]:
    targets: dict[str, dict[str, Any]] = defaultdict(dict)
    for link in page.links:
        if not page.styles.is_shown(link):
            continue
        text = text_of(link) or " ".join(filter(None, (link.get("aria-label"), link.get("title"), link.get("alt"))))
        if not text and link.tag == "a":
            yield NO_TEXT.found("Lien sans texte.", "Écrivez où il mène.", page.at(link))
        elif text:
            targets[fold(text)].setdefault(link.get("href").strip(), link)
    for text, links in targets.items():
        if text and len(links) > 1:
            yield SAME_TEXT.found(
                f"{len(links)} liens différents ont le même texte, «\u202f{text}\u202f».",
                "Dites dans chacun ce qui le distingue.",
                *(page.at(link) for link in links.values()),
            )


def _check_sizes(page: Page) -> Iterator[Finding]:
    for element in page.texts:
        size = font_size(page.styles, element)
        if size < SMALL_PX:
            yield SMALL.found(
                f"Texte de {f'{size:.1f}'.removesuffix('.0').replace('.', ',')} px.",
                "Prenez au moins 14 px, 16 px pour le texte courant.",
                page.at(element),
                level=Level.WARNING if size < SMALLEST else Level.HINT,
            )
