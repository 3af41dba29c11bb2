"""What tests build stores from: companies, contacts, requests, spreadsheets, settings and a clock."""

import tomllib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import Any

from sqlalchemy import Engine, select

from audiences.addresses import parse_address
from audiences.columns import SheetKind
from audiences.database import Base, reading, writing
from audiences.imports import ImportSummary, import_sheet
from audiences.models import Company, Contact, ContactKind, Request, Tag
from audiences.text import fold
from audiences.values import guess_kind
from campaigns.settings import Settings

EXAMPLE = Path(__file__).parent.parent / "campaigns" / "example.toml"
NOW = datetime(2020, 4, 1, 8, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved; calling it tells the time, in UTC."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> datetime:
        """Move the clock by `step` and tell the time."""
        self.now += step
        return self.now


def settings_from_example(folder: Path, port: int | None, **sections: Any) -> Settings:
    """Give the settings of example.toml; with `port`, the relay is on the loopback, in the clear.

    `sections` replace values of it, one mapping a section: `chamber={"short_name": "CCI"}`. Paths point into `folder`.
    """
    values = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    values["files"]["templates"] = folder / "templates"
    if port is not None:
        values["smtp"] |= {"host": "127.0.0.1", "port": port, "security": "none"}
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section} if isinstance(section, dict) else section
    return Settings(**values)


class Factory:
    """Writes rows into one store, each in its own transaction, and gives their ids."""

    def __init__(self, engine: Engine, settings: Settings, folder: Path) -> None:
        self._engine = engine
        self._settings = settings
        self._folder = folder
        self._numbers = count(1)

    def _add(self, *rows: Any) -> int:
        with writing(self._engine) as session:
            session.add_all(rows)
            session.flush()
            return rows[0].id

    def company(
        self,
        name: str | None = None,
        *,
        commune: str | None = "Arras",
        postcode: str | None = None,
        headcount: tuple[int, int | None] | None = None,
        tags: Sequence[str] = (),
        **columns: Any,
    ) -> int:
        """Add a company of this commune, whose code and EPCI are derived; `commune=None` leaves it without a place."""
        name = name or f"Entreprise {next(self._numbers)}"
        place = self._settings.places.place(commune=commune, postcode=postcode)
        values: dict[str, Any] = {"name": name, "name_key": fold(name), "postcode": postcode, "commune_name": commune}
        if place is not None:
            values |= {
                "commune_name": place.commune,
                "commune_code": place.commune_code,
                "epci_siren": place.epci_siren,
            }
        if headcount is not None:
            values |= {"headcount_min": headcount[0], "headcount_max": headcount[1]}
        company = Company(created_at=NOW, updated_at=NOW, **values | columns)
        return self._add(company, *(Tag(company=company, word=word) for word in tags))

    def contact(
        self,
        address: str | None = None,
        company: int | None = None,
        *,
        is_usable: bool = True,
        kind: ContactKind | None = None,
        tags: Sequence[str] = (),
        **columns: Any,
    ) -> int:
        """Add a contact of the company with this id, or of none; an address that is not usable has no mailbox key."""
        parsed = parse_address(address) if address is not None and is_usable else None
        contact = Contact(
            company_id=company,
            address=address,
            address_key=parsed.key if parsed else None,
            kind=kind or guess_kind(parsed, has_company=company is not None),
            created_at=NOW,
            updated_at=NOW,
            **columns,
        )
        return self._add(contact, *(Tag(contact=contact, word=word) for word in tags))

    def request(
        self,
        company: int | None = None,
        contact: int | None = None,
        *,
        received_on: date = date(2020, 3, 30),
        channel: str = "Appel CCI",
        nature: str = "Aides financières",
        **columns: Any,
    ) -> int:
        """Add a request of the company, or of the contact, with this id."""
        return self._add(
            Request(
                company_id=company,
                contact_id=contact,
                fingerprint=f"test-{next(self._numbers)}",
                received_on=received_on,
                channel=channel,
                nature=nature,
                **columns,
            )
        )

    def import_csv(self, text: str, kind: str = "contacts", **options: Any) -> ImportSummary:
        """Import an indented table as the file `<kind>.csv`, in one transaction."""
        return self.import_file(self.csv(text, f"{kind}.csv"), kind, **options)

    def csv(self, text: str, name: str = "contacts.csv") -> Path:
        """Write an indented table as a file."""
        path = self._folder / name
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def import_file(
        self, path: Path, kind: str | None = "contacts", *, now: datetime = NOW, **options: Any
    ) -> ImportSummary:
        """Import a file, in one transaction."""
        with writing(self._engine) as session:
            return import_sheet(
                session,
                path,
                SheetKind(kind) if kind is not None else None,
                territory=self._settings.places,
                natures=self._settings.natures,
                channels=self._settings.channels,
                now=now,
                **options,
            )


def dump(
    engine: Engine, *, without: Sequence[str] = ("import_run", "import_change", "import_layout")
) -> dict[str, list[tuple[Any, ...]]]:
    """Give every row of every table, in the order of the keys."""
    with reading(engine) as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key))]
            for table in Base.metadata.sorted_tables
            if table.name not in without
        }
