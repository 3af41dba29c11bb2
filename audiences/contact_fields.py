"""The fields that speak of a contact: its tags, the kind of its address, the domain of its mailbox."""

import re
from collections import defaultdict
from collections.abc import Iterable
from gettext import gettext as _

from sqlalchemy import ColumnElement, func, or_, select, union

from audiences.errors import UnknownValue
from audiences.fields import (
    Field,
    Meaning,
    Phrase,
    Store,
    Subject,
    Tally,
    guillemets,
    match_words,
    only_values,
    spelling,
)
from audiences.models import Contact, ContactKind, Tag
from audiences.tallies import contact_tallies, ordered
from audiences.text import did_you_mean, fold, quote
from audiences.tree import Range, Text
from audiences.values import KINDS

_IS_TAGGED = Phrase("qui portent {}", "qui ne portent {pas}{}")
_HAS_TAG = Phrase("qui portent une étiquette", "qui ne portent aucune étiquette")
_IS_KIND = Phrase("dont l’adresse est {}", "dont l’adresse n’est {pas}{}")
_IS_AT = Phrase("dont l’adresse est chez {}", "dont l’adresse n’est {pas}chez {}")
_HAS_ADDRESS = Phrase("dont l’adresse est utilisable", "dont l’adresse n’est pas utilisable")
_KIND_WORDS = {
    ContactKind.PROFESSIONAL: "professionnelle (une personne au travail)",
    ContactKind.ROLE: "générique (contact@…)",
    ContactKind.INDIVIDUAL: "celle d’un particulier",
}


def _tag(store: Store, value: Text | Range) -> Meaning:
    text = only_values(value, "tag")
    if text.is_anything:
        found: list[str] = []
        wanted: ColumnElement[bool] = Tag.word.is_not(None)
    else:
        found = match_words(text, store.vocabulary(Tag.word), "tag")
        wanted = Tag.word.in_(found)
    of_company = select(Tag.company_id).where(wanted, Tag.company_id.is_not(None))
    of_contact = select(Tag.contact_id).where(wanted, Tag.contact_id.is_not(None))
    condition = or_(Contact.company_id.in_(of_company), Contact.id.in_(of_contact))
    if text.is_anything:
        return Meaning(condition, _HAS_TAG)
    return Meaning(condition, _IS_TAGGED, f"l’étiquette {guillemets(spelling(text, found))}")


def _tags(store: Store) -> list[Tally]:
    """Count by tag: the companies that have it, and the contacts that a query for it matches."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for word in store.vocabulary(Tag.word):
        spellings[fold(word)].append(word)
    by_company = select(Tag.word, Contact.id, Contact.company_id).join(Contact, Contact.company_id == Tag.company_id)
    by_contact = select(Tag.word, Contact.id, Contact.company_id).join(Contact, Contact.id == Tag.contact_id)
    tagged = union(by_company, by_contact).subquery()
    counted = select(func.count(tagged.c.company_id.distinct()), func.count(tagged.c.id.distinct()))
    rows = store.session.execute(counted.add_columns(tagged.c.word).group_by(tagged.c.word))
    counts = {word: (companies, contacts) for companies, contacts, word in rows}
    for words in spellings.values():
        if len(words) > 1:  # two spellings of one tag, which a query takes for one
            words.sort(key=lambda word: -counts.get(word, (0, 0))[1])
            companies, contacts = store.session.execute(counted.where(tagged.c.word.in_(words))).one()
            counts[words[0]] = (companies, contacts)
    return ordered(Tally(quote(words[0]), "", *counts.get(words[0], (0, 0))) for words in spellings.values())


def _kind(_store: Store, value: Text | Range) -> Meaning:
    text = only_values(value, "kind")
    if text.is_anything:
        return Meaning(Contact.kind.is_not(None), Phrase("dont l’adresse a un type", "dont l’adresse n’a pas de type"))
    kind = KINDS.get(fold(text.text))
    if kind is None:
        known = ["professionnel", "générique", "particulier"]
        cause = _("Unknown kind of contact “{value}”. {hint}")
        raise UnknownValue(cause.format(value=text.text, hint=did_you_mean(text.text, known)), text.span)
    return Meaning(Contact.kind == kind, _IS_KIND, _KIND_WORDS[kind])


def _kinds(store: Store) -> list[Tally]:
    labels = {
        ContactKind.PROFESSIONAL: _("a person at work"),
        ContactKind.ROLE: _("a mailbox like contact@"),
        ContactKind.INDIVIDUAL: _("a private person"),
    }
    return contact_tallies(
        store, Contact.kind, select(Contact.id), lambda kind: (str(ContactKind(kind)), labels[ContactKind(kind)])
    )


def _domain(store: Store, value: Text | Range) -> Meaning:
    """Hold for addresses of this domain alone; `*.example.org` for those of the domains below it."""
    text = only_values(value, "domain")
    if text.is_anything:
        return Meaning(Contact.address_key.is_not(None), _HAS_ADDRESS)
    domain = _ascii(text)
    condition = Contact.address_key.like("%@" + domain.replace("*", "%").replace("?", "_"))
    if not text.is_pattern and store.session.scalar(select(Contact.id).where(condition).limit(1)) is None:
        known = [tally.value for tally in _domains(store)]
        cause = _("Nobody has an address at “{value}”. {hint}")
        raise UnknownValue(cause.format(value=text.text, hint=did_you_mean(domain, known)), text.span)
    return Meaning(condition, _IS_AT, guillemets(text.text.lstrip("@")))


def _ascii(text: Text) -> str:
    """Give a domain as the keys of mailboxes have it: in lower case, a name with accents as its A-label (RFC 5891)."""
    import idna

    domain = text.text.strip().lstrip("@").lower()
    try:
        if not domain.isascii() and not text.is_pattern:
            domain = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        pass
    # An underscore is a wildcard of LIKE, and no sign of a mail domain.
    if not re.fullmatch(r"[a-z0-9.*?-]*", domain if text.is_pattern else domain.replace("*", "_")) or not domain:
        cause = _("“{value}” is not a mail domain. Write it like orange.fr, or *.gouv.fr for all below.")
        raise UnknownValue(cause.format(value=text.text), text.span)
    return domain


def _domains(store: Store) -> Iterable[Tally]:
    is_sqlite = store.session.get_bind().dialect.name == "sqlite"
    at = func.instr(Contact.address_key, "@") if is_sqlite else func.strpos(Contact.address_key, "@")
    usable = select(Contact.id).where(Contact.address_key.is_not(None))
    return contact_tallies(
        store, func.substr(Contact.address_key, at + 1), usable, lambda domain: (domain, "") if domain else None
    )


CONTACT_FIELDS = (
    Field(
        "tag",
        ("etiquette",),
        _("a word that you put on companies"),
        "tag:porteur-de-projet",
        _tag,
        Subject.CONTACT,
        _tags,
    ),
    Field(
        "kind",
        ("type", "genre"),
        _("professionnel, générique or particulier"),
        "kind:professionnel",
        _kind,
        Subject.CONTACT,
        _kinds,
    ),
    Field(
        "domain",
        ("domaine",),
        _("domain of the mail address; *.gouv.fr for all below"),
        "domain:orange.fr",
        _domain,
        Subject.CONTACT,
        _domains,
    ),
)
