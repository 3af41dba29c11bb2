"""Invents what the demo must not borrow: people, company names, addresses that reach nobody, and SIRETs of a range not in use."""

import re
import unicodedata
from random import Random
from typing import NamedTuple

SIREN_RANGE = "9999"
"""First digits of every invented SIREN: INSEE has not come near them, so that no real company is meant."""

OPEN_DOMAINS = ("example.org", "example.com")
"""Where the webmail users of the demo live (RFC 2606)."""


class Person(NamedTuple):
    """A person at work, or with a project."""

    civility: str
    given_name: str
    family_name: str


class Inventor:
    """Invents without repeating: every name of a company, every address and every SIRET comes once."""

    def __init__(self, rng: Random) -> None:
        from faker import Faker

        self._rng = rng
        self._faker = Faker("fr_FR", use_weighting=False)
        self._faker.seed_instance(rng.getrandbits(32))
        self._names: set[str] = set()
        self._addresses: set[str] = set()
        self._sirens = 0

    def person(self) -> Person:
        """Invent a person."""
        if self._rng.random() < 0.42:
            return Person("Mme", self._faker.first_name_female(), self._faker.last_name())
        return Person("M.", self._faker.first_name_male(), self._faker.last_name())

    def company_name(self, trade: str, owner: str, town: str) -> str:
        """Invent the name of a company from its trade, its owner's family name and its town."""
        name = self._rng.choice(
            (f"{trade} {owner}", f"{trade} {owner}", f"SARL {owner} {trade}", f"{trade} de {town}", f"{owner} {trade}")
        )
        for further in ("", f" {owner}", " et fils", f" {town}", f" {self._faker.last_name()}"):
            if slug(name + further) not in self._names:
                break
        name += further
        while slug(name) in self._names:
            name += f" {self._faker.first_name()}"
        self._names.add(slug(name))
        return name

    def address(self, person: Person, company: str | None) -> str:
        """Invent an address: a company's mailbox, a person's at the company's domain, or a webmail user's."""
        own = f"{slug(person.given_name)}.{slug(person.family_name)}"
        if company is None or self._rng.random() < 0.3:
            return self._once(own, self._rng.choice(OPEN_DOMAINS))
        local = self._rng.choice(("contact", "contact", "info", "accueil", "direction", own, own, own))
        return self._once(local, f"{slug(company)}.test")

    def mistyped(self, address: str) -> str:
        """Mistype an address so that it is none any more."""
        local, _, domain = address.partition("@")
        return self._rng.choice(
            (f"{local}@@{domain}", f"{local}{domain}", f"{local}@{domain.replace('.', '..', 1)}", f"{local} @ {domain}")
        )

    def siret(self) -> str:
        """Invent a SIRET with valid check digits (INSEE: Luhn, over the SIREN and over the whole)."""
        from stdnum.luhn import calc_check_digit

        self._sirens += 1
        body = f"{SIREN_RANGE}{self._sirens:04d}"
        establishment = f"{body}{calc_check_digit(body)}{self._rng.randrange(1, 5):04d}"
        return f"{establishment}{calc_check_digit(establishment)}"

    def _once(self, local: str, domain: str) -> str:
        address, further = f"{local}@{domain}", 2
        while address in self._addresses:
            address, further = f"{local}{further}@{domain}", further + 1
        self._addresses.add(address)
        return address


def slug(text: str) -> str:
    """Write a text in lower case ASCII letters, digits and hyphens, short enough for a domain label (RFC 1035 2.3.4)."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")


def spell_commune(name: str, rng: Random, *, is_main: bool) -> str:
    """Spell a commune as a chamber's sheet does: mostly officially, at times in capitals, with ST or CEDEX."""
    luck = rng.random()
    capitals = unicodedata.normalize("NFKD", name.upper().replace("Œ", "OE")).encode("ascii", "ignore").decode()
    if name.startswith("Saint") and luck < 0.4:
        return re.sub(r"^SAINT(E?)-", r"ST\1-", capitals).replace("-", " ")
    if luck < 0.1:
        return capitals.replace("-", " ")
    if is_main and luck < 0.16:
        return f"{capitals.replace('-', ' ')} CEDEX"
    return name
