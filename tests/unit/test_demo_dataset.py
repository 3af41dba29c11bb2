"""The demo's spreadsheets, read and evaluated here from scratch, give every published figure."""

import csv
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from stdnum.fr import siret

from audiences.addresses import parse_address
from audiences.errors import InvalidAddress
from audiences.naf import naf_label
from audiences.sectors import Sectors
from audiences.territory import Territory
from campaigns.demo import facts as facts_module
from campaigns.demo.dataset import Dataset, build_dataset
from campaigns.demo.facts import Facts, Mailing, load_facts
from campaigns.demo.landscape import read_trades
from campaigns.demo.plan import ImpossiblePlan
from campaigns.demo.recount import WrongDataset, check_dataset
from campaigns.demo.spreadsheets import Spreadsheets, write_spreadsheets

FACTS = load_facts()
TERRITORY = Territory({name: plan.siren for name, plan in FACTS.epcis.items()})
SECTORS = Sectors.load()
LOWEST_OF_BAND = {"": None, "NN": None, "00": 0, "01": 1, "02": 3, "03": 6, "11": 10, "12": 20, "21": 50, "22": 100}


@dataclass
class Firm:
    """One company as the sheets tell it; its contacts are addresses as written, None for a company without one."""

    epci: str
    sectors: frozenset[str] = frozenset()
    headcount: int | None = None
    contacts: list[str | None] = field(default_factory=list)
    asks: list[tuple[str, str]] = field(default_factory=list)  # nature, topic

    @property
    def is_inside(self) -> bool:
        return self.epci in FACTS.epcis

    @property
    def has_staff(self) -> bool:
        return self.headcount is not None and self.headcount >= 1

    def asked(self, *, nature: str | None = None, topic: str | None = None) -> bool:
        return any((nature or n) == n and (topic or t) == t for n, t in self.asks)


QUERIES: dict[str, Callable[[Firm], bool]] = {
    "*:*": lambda _firm: True,
    'topic:"Fonds de solidarité"': lambda firm: firm.asked(topic="Fonds de solidarité"),
    **{
        f'epci:{epci} AND nature:"Aides financières"': lambda firm, epci=epci: (
            firm.epci == epci and firm.asked(nature="Aides financières")
        )
        for epci in ("CALL", "CUA", "CABBALR")
    },
    "sector:(transport-logistique OR commerce-alimentaire OR restauration-rapide) AND territory:in AND headcount:[1 TO *]": (
        lambda firm: (
            bool({"transport-logistique", "commerce-alimentaire", "restauration-rapide"} & firm.sectors)
            and firm.is_inside
            and firm.has_staff
        )
    ),
    "sector:(commerce-detail OR commerce-alimentaire) AND territory:in": lambda firm: (
        bool({"commerce-detail", "commerce-alimentaire"} & firm.sectors) and firm.is_inside
    ),
    "sector:* AND territory:in AND headcount:[1 TO *]": lambda firm: (
        bool(firm.sectors) and firm.is_inside and firm.has_staff
    ),
}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return build_dataset(FACTS)


@pytest.fixture(scope="module")
def sheets(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Spreadsheets:
    return write_spreadsheets(dataset, tmp_path_factory.mktemp("chamber"))


@pytest.fixture(scope="module")
def audiences(dataset: Dataset, sheets: Spreadsheets) -> dict[str, tuple[int, int, Counter[str], set[str]]]:
    """Companies, contacts, contacts left out by reason and recipients of each campaign, in the order of the month."""
    counts = {}
    bounced: set[str] = set()
    opposed = {row["Email"].lower() for row in rows(sheets.contacts) if row["Opposition"] == "oui"}
    for campaign in FACTS.campaigns:
        counts[campaign.slug] = evaluate(sheets, campaign, opposed, bounced)
        bounced |= counts[campaign.slug][3] & dataset.dead_mailboxes
    return counts


def rows(path: Path) -> list[dict[str, str]]:
    """Read a sheet as its own header tells; empty cells are empty strings, days stay days."""
    if path.suffix == ".csv":
        with path.open(encoding="cp1252", newline="") as file:
            return list(csv.DictReader(file, delimiter=";"))
    header, *body = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    return [dict(zip(header, row, strict=True)) for row in body]


def epci_of(row: dict[str, str]) -> str:
    if not row["Commune"]:
        assert not row["Code postal"]
        return "Non précisé"
    place = TERRITORY.place(postcode=row["Code postal"], commune=row["Commune"])
    assert place is not None, row
    assert place.epci_siren is not None, row
    return TERRITORY.label(place.epci_siren) if TERRITORY.contains(place.epci_siren) else "Hors territoire Artois"


def read_firms(sheets: Spreadsheets, export: date) -> dict[str, Firm]:
    """Know what the chamber knows after importing its contacts and the request export of a day, by company name."""
    firms: dict[str, Firm] = {}
    for row in rows(sheets.contacts):
        sectors = frozenset(sector.slug for sector in SECTORS.of(row["Code NAF"])) if row["Code NAF"] else frozenset()
        firm = firms.setdefault(
            row["Raison sociale"], Firm(epci_of(row), sectors, LOWEST_OF_BAND[row["Tranche effectifs"]])
        )
        firm.contacts.append(row["Email"] or None)
    for row in rows(sheets.requests[export]):
        firm = firms.setdefault(row["Raison sociale"], Firm(epci_of(row)))
        address = row["Email"]
        if not firm.contacts:
            firm.contacts.append(address or None)
        elif address and address.lower() not in [(contact or "").lower() for contact in firm.contacts]:
            assert None not in firm.contacts, "an importer would have to choose between filling in and adding"
            firm.contacts.append(address)
        firm.asks.append((row["Nature"], row["Dispositif"]))
    return firms


def evaluate(
    sheets: Spreadsheets, campaign: Mailing, opposed: set[str], bounced: set[str]
) -> tuple[int, int, Counter[str], set[str]]:
    matched: list[Firm] = []
    if campaign.query == "tag:porteur-de-projet":
        holders = rows(sheets.project_holders)
        assert {holder["Étiquettes"] for holder in holders} == {"porteur-de-projet"}
        contacts: list[str | None] = [holder["Email"] for holder in holders]
    else:
        matched = [firm for firm in read_firms(sheets, campaign.export).values() if QUERIES[campaign.query](firm)]
        contacts = [contact for firm in matched for contact in firm.contacts]
    left_out: Counter[str] = Counter()
    recipients: set[str] = set()
    for contact in contacts:
        if contact is None:
            left_out["no address"] += 1
            continue
        try:
            key = parse_address(contact).key
        except InvalidAddress:
            left_out["invalid"] += 1
            continue
        if key in opposed:
            left_out["opposed"] += 1
        elif key in bounced:
            left_out["bounced"] += 1
        elif key in recipients:
            left_out["same mailbox"] += 1
        else:
            recipients.add(key)
    return len(matched), len(contacts), left_out, recipients


def test_facts_are_the_published_tables() -> None:
    assert sum(FACTS.by_channel.values()) == sum(FACTS.by_epci.values()) == sum(FACTS.by_nature.values()) == FACTS.total
    assert FACTS.total == 1103
    figures = {c.slug: (c.delivered, c.matched, c.recipients) for c in FACTS.campaigns}
    assert [max(figure or 0 for figure in trio) for trio in figures.values()] == [
        3639, 0, 352, 102, 106, 107, 102, 360, 0, 1227,
    ]  # fmt: skip
    assert figures["fonds-solidarite-1"] == (None, 352, 311)


@pytest.mark.parametrize("campaign", FACTS.campaigns, ids=lambda campaign: campaign.slug)
def test_audience_has_the_published_figures(
    campaign: Mailing, audiences: dict[str, tuple[int, int, Counter[str], set[str]]], dataset: Dataset
) -> None:
    companies, contacts, left_out, recipients = audiences[campaign.slug]
    assert contacts == left_out.total() + len(recipients)
    if campaign.recipients is not None:
        assert len(recipients) == campaign.recipients
    if campaign.matched is not None:
        assert companies == campaign.matched
    if campaign.delivered is not None:
        assert len(recipients - dataset.dead_mailboxes) == campaign.delivered
        assert recipients & dataset.dead_mailboxes


def test_every_rule_explains_part_of_the_352(
    audiences: dict[str, tuple[int, int, Counter[str], set[str]]],
) -> None:
    _companies, _contacts, left_out, _recipients = audiences["fonds-solidarite-1"]
    assert set(left_out) == {"no address", "invalid", "opposed", "bounced", "same mailbox"}
    assert left_out["bounced"] >= 5


def test_mailings_without_a_published_count_reach_a_believable_number(
    audiences: dict[str, tuple[int, int, Counter[str], set[str]]],
) -> None:
    assert 170 <= len(audiences["continuite-creation"][3]) <= 190
    assert 300 <= len(audiences["carte-commerces-ouverts"][3]) <= 900


@pytest.mark.parametrize(
    ("column", "published"),
    [
        pytest.param("Canal", FACTS.by_channel, id="channel"),
        pytest.param("Nature", FACTS.by_nature, id="nature"),
        pytest.param("EPCI", FACTS.by_epci, id="epci"),
    ],
)
def test_last_export_has_the_published_tables(column: str, published: dict[str, int], sheets: Spreadsheets) -> None:
    last = rows(sheets.requests[FACTS.exports[-1]])
    assert Counter(epci_of(row) if column == "EPCI" else row[column] for row in last) == published


def test_exports_are_cumulative(sheets: Spreadsheets) -> None:
    assert tuple(sheets.requests) == FACTS.exports
    last = rows(sheets.requests[FACTS.exports[-1]])
    assert len({row["N°"] for row in last}) == len(last) == FACTS.total
    for day, path in sheets.requests.items():
        assert path.name == f"suivi-demandes-{day}.xlsx"
        assert rows(path) == [row for row in last if row["Date"] <= day]
    assert min(row["Date"] for row in last) == date(2020, 3, 17)


def test_a_company_is_told_by_its_name_and_its_siret_alike(sheets: Spreadsheets) -> None:
    last = rows(sheets.requests[FACTS.exports[-1]])
    known = {(row["Raison sociale"], row["SIRET"]) for row in rows(sheets.contacts) + last}
    assert len({name for name, _siret in known}) == len(known)
    sirets = [number for _name, number in known if number]
    assert len(set(sirets)) == len(sirets)
    assert all(siret.is_valid(number) and number.startswith("9999") for number in sirets)
    listed = {row["Raison sociale"] for row in rows(sheets.contacts)}
    assert len([row for row in last if row["Raison sociale"] in listed]) > FACTS.total / 2


def test_addresses_reach_nobody(dataset: Dataset) -> None:
    written = {contact.address for contact in dataset.contacts} | {request.address for request in dataset.requests}
    written |= {holder.address for holder in dataset.project_holders} | dataset.dead_mailboxes
    invalid = 0
    for address in written - {""}:
        try:
            domain = parse_address(address).key.partition("@")[2]
        except InvalidAddress:
            invalid += 1
            continue
        assert domain in {"example.org", "example.com"} or domain.endswith(".test")
    assert 20 <= invalid <= 60


def test_trades_are_real_and_all_in_some_sector() -> None:
    targeted, others = read_trades()
    assert targeted
    for trade in targeted + others:
        assert naf_label(trade.naf)
        assert SECTORS.main(trade.naf)


def test_some_communes_are_spelled_as_chambers_do(sheets: Spreadsheets) -> None:
    spelled = {row["Commune"] for row in rows(sheets.contacts)}
    assert {"Arras", "ARRAS CEDEX", "ST LAURENT BLANGY", "Saint-Laurent-Blangy"} <= spelled


def test_every_run_writes_the_same_bytes(sheets: Spreadsheets, tmp_path: Path) -> None:
    again = write_spreadsheets(build_dataset(load_facts()), tmp_path)
    assert again.contacts.read_bytes() == sheets.contacts.read_bytes()
    assert again.project_holders.read_bytes() == sheets.project_holders.read_bytes()
    for day, path in again.requests.items():
        assert path.read_bytes() == sheets.requests[day].read_bytes()


def test_check_counts_the_same_as_this_evaluator(
    dataset: Dataset, audiences: dict[str, tuple[int, int, Counter[str], set[str]]]
) -> None:
    for slug, count in check_dataset(dataset, FACTS).items():
        assert (count.companies, count.contacts, count.left_out, count.recipients) == audiences[slug]


def test_check_names_what_differs(dataset: Dataset) -> None:
    other = replace(dataset, requests=dataset.requests[1:], dead_mailboxes=frozenset())
    with pytest.raises(WrongDataset, match=r"total: 1102 <> 1103.*continuite-formalites, delivered: \d+ <> 3639"):
        check_dataset(other, FACTS)


def test_figures_that_cannot_be_met_are_refused() -> None:
    table = tomllib.loads(Path(facts_module.__file__).with_name("april_2020.toml").read_text(encoding="utf-8"))
    table["campaigns"][2]["recipients"] = 352
    with pytest.raises(ImpossiblePlan, match="no room"):
        build_dataset(Facts.from_table(table))
