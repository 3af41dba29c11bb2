"""The invented chamber of the demo: companies, contacts, project holders and requests that make the published figures true."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from campaigns.demo.facts import UNPLACED, Facts
from campaigns.demo.households import Activity, Ask, Household, Standing
from campaigns.demo.landscape import Place, Trade, read_places, read_trades
from campaigns.demo.people import Inventor, Person, slug, spell_commune
from campaigns.demo.plan import plan_month

SEED = 20200317
"""Every run invents the same chamber."""

BANDS = {"01": 46, "02": 24, "03": 13, "11": 9, "12": 5, "21": 2, "22": 1}
"""Headcount bands (INSEE codes) of companies with employees, weighted."""

NO_EMPLOYEES = {"NN": 55, "00": 35, "": 10}
"""Headcount bands of the others; a few are not known."""

ROLES = ("Gérant Gérante", "Gérant Gérante", "Président Présidente", "Directeur Directrice", "Associé Associée", "")
"""Functions of a man and of a woman; some are not noted."""

ROLE_MAILBOXES = frozenset({"contact", "info", "accueil", "direction"})
SOURCES = ("Fichier consulaire", "Fichier consulaire", "CFE", "Formalités", "Salon", "Conseiller")
BASES = ("mission de service public",) * 7 + ("intérêt légitime",) * 2 + ("consentement",)
ANSWERS = (
    "Renseigné par téléphone",
    "Renseigné par mail",
    "Documents envoyés",
    "Orienté vers la DIRECCTE",
    "À rappeler",
)
TAGS = ("club-export", "artisan", "ressortissant", "ambassadeur", "apprentissage")


@dataclass(frozen=True)
class Company:
    """An establishment; `commune` is as the chamber spells it, `epci` as its statistics do.

    NAF code and headcount band stand in the contact sheet only: both are empty where the company is not `is_listed`.
    """

    name: str
    siret: str
    naf: str
    band: str
    postcode: str
    commune: str
    commune_code: str
    epci: str
    is_listed: bool


@dataclass(frozen=True)
class Contact:
    """A row of the contact sheet; a company without known address has one with an empty `address`."""

    company: Company
    address: str
    person: Person | None
    role: str
    kind: str
    legal_basis: str
    source: str
    tags: str
    is_opposed: bool


@dataclass(frozen=True)
class ProjectHolder:
    """A person with a project, not a company yet."""

    person: Person
    address: str


@dataclass(frozen=True)
class Request:
    """What a company asked; `address` is empty where the adviser did not note it."""

    number: str
    received_on: date
    channel: str
    nature: str
    topic: str
    company: Company
    address: str
    adviser: str
    answer: str


@dataclass(frozen=True)
class Dataset:
    """The whole invented chamber.

    `dead_mailboxes`, in lower case, are those that the relay refuses; `exports` the days on which the chamber exported its
    requests.
    """

    companies: tuple[Company, ...]
    contacts: tuple[Contact, ...]
    project_holders: tuple[ProjectHolder, ...]
    requests: tuple[Request, ...]
    dead_mailboxes: frozenset[str]
    exports: tuple[date, ...]


def build_dataset(facts: Facts) -> Dataset:
    """Invent the chamber whose statistics and audiences are those of `facts`; the same at every call."""
    rng = Random(SEED)
    builder = _Builder(facts, rng)
    for household in plan_month(facts, rng):
        builder.settle(household)
    return builder.finish()


class _Builder:
    """Gives every household of the plan names, places, addresses and rows."""

    def __init__(self, facts: Facts, rng: Random) -> None:
        self._facts = facts
        self._rng = rng
        self._inventor = Inventor(rng)
        self._places = read_places(facts)
        self._trades = read_trades()
        self._companies: list[Company] = []
        self._contacts: list[Contact] = []
        self._requests: list[Request] = []
        self._dead: set[str] = set()
        self._opposed: list[tuple[Person, str]] = []

    def settle(self, household: Household) -> None:
        """Add the rows of one household."""
        owner = self._inventor.person()
        is_accountant = household.standing is Standing.ACCOUNTANT
        names = [self._inventor.person() if is_accountant else owner for _ in range(household.companies)]
        companies = [self._company(household, name.family_name) for name in names]
        self._companies += companies
        host = f"Cabinet {owner.family_name}" if is_accountant else companies[0].name
        address = "" if household.standing is Standing.NO_ADDRESS else self._inventor.address(owner, host)
        written = self._inventor.mistyped(address) if household.standing is Standing.INVALID else address
        second = ""
        if household.standing in {Standing.DEAD, Standing.LATE_DEAD}:
            self._dead.add(address.lower())
        if household.standing is Standing.OPPOSED_TWIN:
            self._opposed.append((owner, address))
        if household.standing is Standing.TWO_CONTACTS:
            second = self._second_contact(household, companies[0])
        if household.activity is not None:
            for at, company in enumerate(companies):
                is_opposed = household.standing in {Standing.OPPOSED, Standing.OPPOSED_TWIN} and at == 0
                self._list(company, owner, _vary_case(written, at), is_opposed=is_opposed)
        # A mistyped address stands in the contact sheet only: the adviser who noted it again would have mended it.
        noted = "" if household.standing is Standing.INVALID else address
        for at, (which, ask) in enumerate(household.asks):
            self._request(companies[which], ask, second if second and at == 0 else self._note(noted, household, at))

    def finish(self) -> Dataset:
        """Number the requests in order of their days, give each a channel, and add the project holders."""
        channels = [channel for channel, count in self._facts.by_channel.items() for _ in range(count)]
        self._rng.shuffle(channels)
        self._rng.shuffle(self._requests)
        self._requests.sort(key=lambda request: request.received_on)
        requests = [
            replace(request, number=f"2020-{number:04d}", channel=channel)
            for number, (request, channel) in enumerate(zip(self._requests, channels, strict=True), start=1)
        ]
        self._contacts.sort(key=lambda contact: slug(contact.company.name))
        return Dataset(
            tuple(self._companies),
            tuple(self._contacts),
            tuple(self._project_holders()),
            tuple(requests),
            frozenset(self._dead),
            self._facts.exports,
        )

    def _company(self, household: Household, family_name: str) -> Company:
        trade = self._trade(household.activity)
        place = self._place(household.epci)
        town = place.name if place else "Artois"
        commune = spell_commune(place.name, self._rng, is_main=place.is_main) if place else ""
        bands = BANDS if household.activity in {Activity.TARGETED, Activity.EMPLOYER} else NO_EMPLOYEES
        if household.activity is Activity.ELSEWHERE:
            bands = BANDS | NO_EMPLOYEES
        is_listed = household.activity is not None
        return Company(
            name=self._inventor.company_name(self._rng.choice(trade.words), family_name, town),
            siret=self._inventor.siret() if is_listed or self._rng.random() < 0.7 else "",
            naf=trade.naf if is_listed else "",
            band=_draw(self._rng, bands) if is_listed else "",
            postcode=place.postcode if place else "",
            commune=commune,
            commune_code=place.code if place else "",
            epci=household.epci,
            is_listed=is_listed,
        )

    def _trade(self, activity: Activity | None) -> Trade:
        targeted, others = self._trades
        if activity is Activity.TARGETED:
            trades = targeted
        elif activity is Activity.EMPLOYER:
            trades = others
        else:
            trades = targeted + others
        return self._rng.choices(trades, weights=[trade.weight for trade in trades])[0]

    def _place(self, epci: str) -> Place | None:
        if epci == UNPLACED:
            return None
        places = self._places[epci]
        # Half of the companies stand in the main towns, the others anywhere.
        main = [place for place in places if place.is_main]
        return self._rng.choice(main if self._rng.random() < 0.5 else places)

    def _list(self, company: Company, person: Person, address: str, *, is_opposed: bool) -> None:
        is_role = address.partition("@")[0].rstrip("0123456789").lower() in ROLE_MAILBOXES
        roles = self._rng.choice(ROLES).split() or [""]
        self._contacts.append(
            Contact(
                company,
                address,
                None if is_role or not address else person,
                "" if is_role or not address else roles[-1 if person.civility == "Mme" else 0],
                "générique" if is_role else "professionnel",
                self._rng.choice(BASES) if address else "",
                self._rng.choice(SOURCES),
                self._rng.choice(TAGS) if self._rng.random() < 0.08 else "",
                is_opposed,
            )
        )

    def _second_contact(self, household: Household, company: Company) -> str:
        """Add a colleague's row, or give the address that only the company's first request makes known.

        The latter never to companies of the mask mailings: who sends these as marketing needs a legal basis, which a
        request sheet does not tell.
        """
        colleague = self._inventor.person()
        address = self._inventor.address(colleague, company.name)
        is_early = bool(household.asks) and household.asks[0][1].on <= self._facts.exports[0]
        if is_early and household.activity in {Activity.ALONE, Activity.ELSEWHERE}:
            return address
        self._list(company, colleague, address, is_opposed=False)
        return ""

    def _note(self, address: str, household: Household, at: int) -> str:
        """Give the address that a request row carries: that of an unlisted company always, at its first request."""
        if household.activity is None and at < household.companies:
            return address
        return _vary_case(address, self._rng.randrange(4)) if self._rng.random() < 0.6 else ""

    def _request(self, company: Company, ask: Ask, address: str) -> None:
        adviser, answer = self._rng.choice(self._facts.advisers), self._rng.choice(ANSWERS)
        self._requests.append(Request("", ask.on, "", ask.nature, ask.topic, company, address, adviser, answer))

    def _project_holders(self) -> list[ProjectHolder]:
        holders = [
            ProjectHolder(*self._opposed[0])
        ]  # opposed as a contact of two companies: that counts for the mailbox
        while len(holders) < self._facts.project_holders:
            person = self._inventor.person()
            holders.append(ProjectHolder(person, self._inventor.address(person, None)))
        self._dead.update(holder.address for holder in holders[1:3])
        self._rng.shuffle(holders)
        return holders


def _draw(rng: Random, weights: Mapping[str, int]) -> str:
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def _vary_case(address: str, at: int) -> str:
    """Write the same mailbox in another way, as the second sheet that names it does."""
    return address.capitalize() if at == 1 else address
