"""The subject and the preview text: all that a recipient sees before opening, on a phone some 45 characters."""

import re
import unicodedata
from collections.abc import Iterator

from templates.lint.findings import Finding, Level, Part, Place, Rule
from templates.lint.links import fold
from templates.lint.page import Page

EMPTY = Rule("subject-empty", Level.ERROR, "Le message n’a pas d’objet.")
LONG = Rule(
    "subject-long",
    Level.WARNING,
    "L’objet dépasse 45 caractères (suggestion) ou 60 (avertissement)\u202f: un téléphone coupe la fin.",
)
CAPITALS = Rule(
    "subject-capitals",
    Level.WARNING,
    "L’objet est tout en capitales\u202f: cela se lit comme un cri, et comme un pourriel.",
)
EXCLAMATION = Rule("subject-exclamation", Level.WARNING, "L’objet a plusieurs points d’exclamation.")
SPAM = Rule("subject-spam-words", Level.WARNING, "L’objet contient des mots typiques des pourriels.")
EMOJI = Rule("subject-emoji", Level.WARNING, "L’objet a plus de deux émojis.")
REPLY = Rule(
    "subject-false-reply",
    Level.ERROR,
    "L’objet se fait passer pour une réponse ou un transfert (Re:, Tr:).",
    is_law=True,
)
PREHEADER = Rule(
    "preheader-missing",
    Level.WARNING,
    "Pas de texte d’aperçu\u202f: la liste des messages montre les premiers mots venus.",
)
PREHEADER_SAME = Rule("preheader-repeats-subject", Level.WARNING, "Le texte d’aperçu répète l’objet.")
PREHEADER_LONG = Rule(
    "preheader-long", Level.HINT, "Le texte d’aperçu dépasse 110 caractères\u202f: la fin ne se voit nulle part."
)
RULES = (EMPTY, LONG, CAPITALS, EXCLAMATION, SPAM, EMOJI, REPLY, PREHEADER, PREHEADER_SAME, PREHEADER_LONG)

PHONE, LONGEST = 45, 60
"""Characters of a subject that a phone held upright shows, and that most screens show."""

LONGEST_PREHEADER = 110

SPAM_WORDS = {
    "100 gratuit": "promesse de gratuité",
    "gratuit et sans engagement": "promesse de gratuité",
    "sans engagement": "formule de démarchage",
    "satisfait ou rembourse": "formule de démarchage",
    "argent facile": "promesse de gain",
    "gagnez": "promesse de gain",
    "vous avez gagne": "promesse de gain",
    "felicitations": "promesse de gain",
    "cadeau": "promesse de gain",
    "credit": "démarchage financier",
    "rachat de credit": "démarchage financier",
    "meilleur prix": "démarchage commercial",
    "prix casse": "démarchage commercial",
    "promo": "démarchage commercial",
    "soldes": "démarchage commercial",
    "offre exclusive": "démarchage commercial",
    "offre speciale": "démarchage commercial",
    "offre limitee": "fausse urgence",
    "derniere chance": "fausse urgence",
    "agissez": "fausse urgence",
    "agissez maintenant": "fausse urgence",
    "ne ratez pas": "fausse urgence",
    "urgent": "fausse urgence",
    "votre compte": "hameçonnage",
    "compte suspendu": "hameçonnage",
    "verifiez vos informations": "hameçonnage",
    "cliquez ici": "hameçonnage",
    "incroyable": "exagération",
    "miracle": "exagération",
    "garanti": "exagération",
}
"""Words that make a French subject look like spam to a reader, with what they smell of.

Our own list, short on purpose: filters of today weigh the sender's history more than words, so it holds only what a
public body has no reason to write. « Gratuit » alone is not in it: a chamber's webinar is free, and may say so.
"""

_REPLY = re.compile(r"(?:re|tr|fw|fwd|rép|ref)\s*:", re.IGNORECASE)


def check(page: Page) -> Iterator[Finding]:
    """Look at the subject, then at the preview text."""
    yield from _check_subject(page.subject.strip())
    yield from _check_preheader(page)


def _check_subject(subject: str) -> Iterator[Finding]:
    place = Place(Part.SUBJECT)
    if not subject:
        yield EMPTY.found("L’objet est vide.", "Écrivez en quelques mots ce que le message apporte.", place)
        return
    if len(subject) > PHONE:
        yield LONG.found(
            f"L’objet a {len(subject)} caractères\u202f; un téléphone en montre environ {PHONE}\u202f: "
            f"«\u202f{subject[:PHONE]}…\u202f».",
            f"Mettez l’essentiel dans les {PHONE} premiers, et restez sous {LONGEST}.",
            place,
            level=Level.WARNING if len(subject) > LONGEST else Level.HINT,
        )
    letters = [each for each in subject if each.isalpha()]
    words = re.findall(r"[^\W\d_]{4,}", subject)
    if len(letters) >= 8 and len(words) >= 2 and all(each.isupper() for each in letters):
        yield CAPITALS.found("L’objet est tout en capitales.", "Gardez les capitales pour les sigles.", place)
    if subject.count("!") > 1:
        yield EXCLAMATION.found(
            f"L’objet a {subject.count('!')} points d’exclamation.", "Gardez-en un au plus, mieux aucun.", place
        )
    folded = f" {fold(subject)} "
    found = [word for word in SPAM_WORDS if f" {word} " in folded]
    found = [word for word in found if not any(word != other and word in other for other in found)]
    if found:
        named = ", ".join(f"«\u202f{word}\u202f» ({SPAM_WORDS[word]})" for word in found)
        yield SPAM.found(f"L’objet contient {named}.", "Dites le fait lui-même, sans l’annoncer.", place)
    emoji = sum(1 for each in subject if is_emoji(each))
    if emoji > 2:
        yield EMOJI.found(f"L’objet a {emoji} émojis.", "Gardez-en un, s’il dit quelque chose.", place)
    if match := _REPLY.match(subject):
        yield REPLY.found(
            f"L’objet commence par «\u202f{match[0]}\u202f» alors que ce n’est pas une réponse.",
            "Retirez ces lettres.",
            place,
        )


def is_emoji(character: str) -> bool:
    """Tell a pictogram: a symbol of the blocks that hold them (Unicode, category So, beyond the letters' planes)."""
    return unicodedata.category(character) == "So" and (ord(character) >= 0x1F000 or 0x2600 <= ord(character) <= 0x27BF)


def _check_preheader(page: Page) -> Iterator[Finding]:
    place = Place(Part.HTML)
    text = page.preheader
    if not text:
        yield PREHEADER.found(
            "Le message n’a pas de texte d’aperçu.",
            "Écrivez une phrase dans le bloc preheader (en Markdown, une ligne preheader: dans l’en-tête du fichier)"
            "\u202f: elle complète l’objet dans la liste des messages.",
            place,
        )
    elif fold(text) == fold(page.subject):
        yield PREHEADER_SAME.found(
            "Le texte d’aperçu est le même que l’objet.", "Dites-y ce que l’objet ne dit pas.", place
        )
    elif len(text) > LONGEST_PREHEADER:
        yield PREHEADER_LONG.found(
            f"Le texte d’aperçu a {len(text)} caractères.", f"Restez sous {LONGEST_PREHEADER}.", place
        )
