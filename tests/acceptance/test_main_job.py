"""From a fresh folder to a counted campaign: the commands of an officer's first day, in their order."""

import csv
import json

from campaigns.demo.relay import DemoRelay
from tests.acceptance.office import Office
from tests.acceptance.paperwork import (
    CONTACT_HEADER,
    CONTACTS,
    DEAD,
    LATE,
    QUERY,
    RECIPIENTS,
    REQUEST_HEADER,
    REQUESTS,
    write_workbook,
)


def test_the_first_day(relais: Office, relay: DemoRelay) -> None:
    said = relais("init").stdout
    modes = {file.name: file.stat().st_mode & 0o777 for file in relais.folder.iterdir()}
    assert modes == {"relais.toml": 0o600, "relais.db": 0o600}
    assert "Next: relais audiences import" in said

    write_workbook(relais.folder / "contacts.xlsx", CONTACT_HEADER, CONTACTS)
    write_workbook(relais.folder / "suivi-demandes.xlsx", REQUEST_HEADER, REQUESTS)
    relais("audiences", "import", "contacts.xlsx")
    relais("audiences", "import", "suivi-demandes.xlsx", "--kind", "requests")
    explained = relais("audiences", "explain", QUERY).stdout
    assert [line.split()[-1] for line in explained.splitlines() if line.startswith("  ") and "---" not in line] == [
        "7",
        "7",
        "-1",
        "-1",
        "-1",
        "4",
    ]
    relais("audiences", "save", "cua-aides", QUERY, "--describe", "CUA, aides financières")
    assert "cua-aides" in relais("audiences", "list").stdout
    assert QUERY in relais("audiences", "show", "cua-aides").stdout
    assert relais("audiences", "count", "epci:CALL").stdout.split() == "companies 1 contacts 1 recipients 1".split()

    assert "fonds" in relais("templates", "list").stdout
    assert "montant" in relais("templates", "show", "fonds").stdout
    preview = ("templates", "preview", "fonds", "--set", "epci=CUA", "--set", "montant=1 M€", "--out", "p.html")
    assert "CUA" in relais(*preview).stdout
    assert "<!doctype html>" in (relais.folder / "p.html").read_text(encoding="utf-8")

    sets = ("--set", "epci=CUA", "--set", "montant=1 M€")
    for slug, name in (("info-fonds-cua", "Info fonds de soutien CUA"), ("info-fonds-call", "Info fonds CALL")):
        words = ("--name", name, "--audience", "cua-aides", "--template", "fonds", "--subject", "CUA : un plan", *sets)
        relais("campaigns", "create", slug, *words)
    relais.use(relay)
    relais("campaigns", "test", "info-fonds-cua", "--to", "moi@example.org")
    assert relay.accepted == {"moi@example.org": 1}
    relay.accepted.clear()

    sent = relais("campaigns", "send", "info-fonds-cua", "--yes").stdout
    assert "sent                 2" in sent
    assert relay.accepted == dict.fromkeys(RECIPIENTS - {LATE, DEAD}, 1)
    relais("campaigns", "schedule", "info-fonds-call", "2026-12-01 09:00")

    listed = relais("campaigns", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed[2:]] == ["info-fonds-cua", "info-fonds-call"]
    assert listed[0].split()[3:] == ["Recip.", "Sent", "Bounced", "Deferred"]  # no room for a column of zeros
    assert listed[2].split()[-4:] == ["4", "2", "1", "1"]
    assert "2026-12-01 09:00" in listed[3]
    assert "Info fonds de soutien CUA" in relais("campaigns", "show", "info-fonds-cua").stdout
    relais.at("2026-11-02T09:31:00+01:00")
    relais("sends", "work", "--once")
    assert relay.accepted == dict.fromkeys(RECIPIENTS - {DEAD}, 1)
    log = relais("sends", "log", "info-fonds-cua", "--status", "bounced").stdout
    assert DEAD in log
    assert LATE not in log


def test_the_report_in_four_forms(office: Office, relay: DemoRelay) -> None:
    office.use(relay)
    office("campaigns", "send", "info", "--yes")
    period = ("campaigns", "report", "--since", "2026-04-01", "--until", "2026-11-30")
    assert "Sollicitations : 9" in office(*period).stdout
    assert "| 02/11/2026 | info | 7 | 4 | 2 | 1 | 0 | 1 | 0 |" in office(*period, "--format", "md").stdout
    [header, row] = csv.reader(office(*period, "--format", "csv").stdout.splitlines(), delimiter=";")
    figures = dict(zip(header, row, strict=True))
    assert (figures["Campagne"], figures["Destinataires"], figures["Acceptés"]) == ("info", "4", "2")
    found = json.loads(office(*period, "--format", "json").stdout)
    assert found["requests"]["by_nature"] == {"Aides financières": 8, "Chômage": 1}
    assert [each["slug"] for each in found["campaigns"]] == ["info"]


def test_an_import_again_changes_nothing(office: Office) -> None:
    before = office.json("audiences", "explain", "*:*")
    for words in (("contacts.xlsx",), ("suivi-demandes.xlsx", "--kind", "requests")):
        again = office.json("audiences", "import", *words)
        assert (again["created"], again["changed"], again["unchanged"]) == (0, 0, 9)
    assert office.json("audiences", "explain", "*:*") == before


def test_settings_without_a_database_get_one(office: Office) -> None:
    for path in office.folder.glob("relais.db*"):
        path.unlink()
    assert "is set up" in office("init").stdout
    assert office.json("campaigns", "list") == []


def test_an_old_register_is_told(office: Office) -> None:
    head = "siret,statutDiffusionEtablissement,etatAdministratifEtablissement,dateDernierTraitementEtablissement\n"
    for day, is_old in (("2026-10-03", False), ("2026-10-02", True)):
        (office.folder / "stock.csv").write_text(f"{head}90000001900019,O,A,{day}T10:00:00\n")
        told = office("audiences", "import", "stock.csv")
        assert ("Download a newer one" in told.stderr) is is_old
        assert office.json("audiences", "imports")[0]["source_date"] == day
