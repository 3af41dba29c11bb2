"""An invented chamber of any size as two CSV files: companies with their contacts, and what they asked; streamed."""

import csv
import datetime as dt
import random
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from audiences.reference import communes, naf_labels
from campaigns.settings import Settings

SEED = 20_200_317
COMPANIES = 0.6
"""Companies a contact."""

REQUESTS = 1.1
"""Requests a contact."""

FIRST_DAY = dt.date(2020, 1, 1)
DAYS = 366

BANDS = ("NN", "00", "01", "02", "03", "11", "12", "21", "22", "41")
BAND_WEIGHTS = (30, 8, 26, 12, 8, 7, 5, 2, 1, 1)
TOPICS = ("Fonds de solidarité", "PGE", "Activité partielle", "Report de charges", "Masques", "")
ADVISERS = tuple(f"Conseiller {number}" for number in range(1, 41))
GIVEN = ("Élodie", "Jean-Marc", "Noël", "Zoé", "André", "Inès", "Loïc", "Maëlle")
FAMILY = ("Lefèvre", "D'Hondt", "Legrand", "Ben Saïd", "Vandenbroucke", "Lœuil")

CONTACT_COLUMNS = (
    "SIRET;Raison sociale;Code NAF;Tranche effectif;Code postal;Commune;Statut de diffusion;Email;Civilité;Prénom;Nom;"
    "Type;Base légale;Opposition"
).split(";")
REQUEST_COLUMNS = "N°;Date;Canal;Objet de la demande;Dispositif;Conseiller;SIRET;Raison sociale".split(";")


class Place(NamedTuple):
    """Where a company stands."""

    postcode: str
    commune: str


def luhn(digits: str) -> str:
    """Give the check digit of a number."""
    total = sum(sum(divmod(2 * int(d), 10)) if at % 2 == 0 else int(d) for at, d in enumerate(reversed(digits)))
    return str(-total % 10)


def siret_of(number: int) -> str:
    """Give a valid SIRET for each number below ten million."""
    siren = f"9{number:07}"
    siren += luhn(siren)
    return f"{siren}0001{luhn(siren + '0001')}"


class Chamber:
    """A chamber with so many contacts; every figure follows from the seed, so that two runs ask the same of the store."""

    def __init__(self, contacts: int, settings: Settings) -> None:
        self.contacts = contacts
        self.companies = max(1, round(contacts * COMPANIES))
        self.requests = round(contacts * REQUESTS)
        self._settings = settings
        inside: dict[str, list[Place]] = {}
        outside: list[Place] = []
        for commune in communes():
            if commune.successor or not commune.postcodes:
                continue
            place = Place(commune.postcodes.split()[0], commune.name)
            if settings.places.contains(commune.epci):
                inside.setdefault(commune.epci, []).append(place)
            elif commune.department in {"59", "62", "80"}:
                outside.append(place)
        # Four companies of five are of the territory; its nine EPCIs have as many each.
        self._groups = [*inside.values(), outside]
        self._weights = list(accumulate([*([0.8 / len(inside)] * len(inside)), 0.2]))
        self._nafs = [code for code in naf_labels() if len(code) == 6]

    def write_contacts(self, path: Path) -> int:
        """Write the companies with their contacts; give the number of rows."""
        return _write(path, CONTACT_COLUMNS, self._contact_rows())

    def write_requests(self, path: Path) -> int:
        """Write the requests; give the number of rows."""
        return _write(path, REQUEST_COLUMNS, self._request_rows())

    def _contact_rows(self) -> Iterator[tuple[str, ...]]:
        rng = random.Random(SEED)
        company = -1
        facts: tuple[str, ...] = ()
        for number in range(self.contacts):
            if (owner := number * self.companies // self.contacts) != company:
                company = owner
                place = rng.choice(rng.choices(self._groups, cum_weights=self._weights)[0])
                facts = (
                    siret_of(company),
                    f"Société {company} & Fils",
                    rng.choice(self._nafs),
                    rng.choices(BANDS, BAND_WEIGHTS)[0],
                    place.postcode,
                    place.commune,
                    "P" if rng.random() < 0.05 else "O",
                )
            is_role = rng.random() < 0.3
            yield (
                *facts,
                self._address(rng.random(), number, company, is_role=is_role),
                "" if is_role else rng.choice(("Mme", "M.")),
                "" if is_role else rng.choice(GIVEN),
                "" if is_role else rng.choice(FAMILY),
                "générique" if is_role else "professionnel",
                "intérêt légitime" if rng.random() < 0.9 else "",
                "oui" if rng.random() < 0.02 else "",
            )

    @staticmethod
    def _address(chance: float, number: int, company: int, *, is_role: bool) -> str:
        if chance < 0.02:
            return f"cabinet{company % 997}@comptable.test"  # an accountant's mailbox, of many companies
        if chance < 0.03:
            return ""
        if chance < 0.04:
            return f"contact{number}@"
        if is_role:
            return f"contact{number}@societe{company}.test"
        return f"prenom.nom{number}@{'courrier' if chance < 0.5 else f'societe{company}'}.test"

    def _request_rows(self) -> Iterator[tuple[str, ...]]:
        rng = random.Random(SEED + 1)
        natures, channels = self._settings.requests.natures, self._settings.requests.channels
        for number in range(self.requests):
            company = int(self.companies * rng.random() ** 1.5)  # some ask often
            yield (
                str(number + 1),
                (FIRST_DAY + dt.timedelta(days=rng.randrange(DAYS))).strftime("%d/%m/%Y"),
                rng.choice(channels),
                rng.choice(natures),
                rng.choice(TOPICS),
                rng.choice(ADVISERS),
                siret_of(company),
                f"Société {company} & Fils",
            )


def _write(path: Path, columns: tuple[str, ...] | list[str], rows: Iterator[tuple[str, ...]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count
