"""What an officer gets wrong: one clear line, exit code 2, and nothing is half written."""

import shlex
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.acceptance.office import Office, create
from tests.acceptance.paperwork import CONTACT_HEADER, REQUEST_HEADER, contact, request, write_csv
from tests.smtpd import Script, SmtpServer

AT_ONCE = 3
"""Commands that run side by side: most of their time is the start of Python."""


@dataclass(frozen=True)
class Case:
    """A command that must be refused, what its line must name, and what stands in the folder before."""

    name: str
    words: str
    says: str
    prepare: Callable[[Path], Any] = lambda _folder: None
    env: dict[str, str] = field(default_factory=dict)
    rejects: int = 0


def sheet(*rows: Any, header: tuple[str, ...] = CONTACT_HEADER) -> Callable[[Path], None]:
    return lambda folder: write_csv(folder / "new.csv", header, rows)


def text(name: str, content: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(content, encoding="utf-8")


def settings(old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "relais.toml"
        assert old in path.read_text(encoding="utf-8")
        path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")

    return edit


def truncated(folder: Path) -> None:
    content = (folder / "contacts.xlsx").read_bytes()
    (folder / "new.xlsx").write_bytes(content[: len(content) // 2])


def without_settings(folder: Path) -> None:
    (folder / "relais.toml").unlink()


def without_database(folder: Path) -> None:
    for path in folder.glob("relais.db*"):
        path.unlink()


def damaged_database(folder: Path) -> None:
    (folder / "relais.db").write_bytes(b"no database at all, but a text that is long enough " * 20)


def without(name: str, header: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(column for column in header if column != name)


GOOD = contact(50, "bonjour@example.org")
DRAFT = "campaigns create x --audience cua-aides --template fonds"
CASES = [
    Case("second-init", "init", "here already"),
    Case("init-over-a-database", "init", "relais.db is here without relais.toml", without_settings),
    Case("no-such-file", "audiences import new.xlsx", "no file new.xlsx"),
    Case("a-folder", "audiences import .", "no file ."),
    Case("pdf", "audiences import new.pdf", "kind that cannot be read (.pdf)", text("new.pdf", "%PDF")),
    Case("empty-file", "audiences import new.csv", "new.csv is empty", text("new.csv", "")),
    Case("truncated-workbook", "audiences import new.xlsx", "damaged or not a workbook", truncated),
    Case("text-as-workbook", "audiences import new.xlsx", "damaged or not a workbook", text("new.xlsx", "a;b\n1;2\n")),
    Case("no-address-column", "audiences import new.csv", "“Email”", sheet(GOOD[:-1], header=without("Email", CONTACT_HEADER))),
    Case("no-header", "audiences import new.csv", "no header row", text("new.csv", "un;deux\ntrois;quatre\n")),
    Case("two-at-signs", "audiences import new.csv", "1 row(s) rejected", sheet(GOOD, contact(51, "a@b@example.org")), rejects=1),
    Case("wrong-siret", "audiences import new.csv", "1 row(s) rejected", sheet(("12345678901234", *GOOD[1:])), rejects=1),
    Case("two-faults", "audiences import new.csv", "2 row(s) rejected", sheet(contact(51, "a@"), contact(52, "@b")), rejects=2),
    Case("open-quotation-mark", "audiences import new.csv", "quotation marks", text("new.csv", 'Email;Nom\n"a@example.org;A\n')),
    Case("unknown-kind", "audiences import contacts.xlsx --kind people", "not one of contacts, requests, sirene"),
    Case(
        "no-channel-column", "audiences import new.csv --kind requests", "“Canal”",
        sheet(header=without("Canal", REQUEST_HEADER)),
    ),
    Case(
        "unknown-nature", "audiences import new.csv --kind requests", "1 row(s) rejected",
        sheet(request(20, 1, "Aide"), header=REQUEST_HEADER), rejects=1,
    ),
    Case("unknown-epci", "audiences explain epci:ATLANTIS", "ATLANTIS"),
    Case("unknown-field", "audiences count ville2:Arras", "ville2"),
    Case("open-parenthesis", "audiences explain (epci:CUA", "The ( is not closed"),
    Case("saving-an-open-parenthesis", "audiences save x (epci:CUA", "The ( is not closed"),
    Case("empty-query", "audiences count ''", "query"),
    Case("unknown-audience", "audiences show cua-aide", "Did you mean cua-aides?"),
    Case("audience-name", "audiences save CUA! epci:CUA", "cannot be the name"),
    Case("audience-exists", "audiences save cua-aides epci:CALL", "--replace"),
    Case("variable-left-out", f"{DRAFT} --set epci=CUA", "montant"),
    Case("unknown-variable", f"{DRAFT} --set epci=CUA --set montant=1 --set couleur=bleu", "couleur"),
    Case("wrong-date-variable", f"{DRAFT} --set epci=CUA --set montant=1 --set date_ouverture=demain", "demain"),
    Case("unknown-epci-variable", f"{DRAFT} --set epci=ATLANTIS --set montant=1", "CUA, CALL"),
    Case("epci-of-elsewhere", f"{DRAFT} --set epci=200046977 --set montant=1", "no EPCI of your territory"),
    Case("colour-that-is-none", "campaigns list", "write it like #143a66", settings('"#143a66"', '"bleu"')),
    Case("pale-text", "campaigns list", "cannot be read", settings('# text_colour = "#2c3541"', 'text_colour = "#bbbbbb"')),
    Case("http-logo", "campaigns list", "https://", settings('logo_url = ""', 'logo_url = "http://example.org/l.png"')),
    Case("set-from-no-file", f"{DRAFT} --set epci=@none.txt", "none.txt"),
    Case("set-from-no-text", f"{DRAFT} --set epci=@contacts.xlsx", "not UTF-8"),
    Case("set-without-equals", f"{DRAFT} --set epci", "--set name=value"),
    Case("unknown-template", "campaigns create x --audience cua-aides --template fond", "fonds"),
    Case("audience-of-no-campaign", "campaigns create x --audience nobody --template fonds --set epci=C --set montant=1", "nobody"),
    Case("campaign-exists", "campaigns create info --audience cua-aides --template fonds", "already"),
    Case("campaign-name", "campaigns create Info! --audience cua-aides --template fonds", "cannot be the name"),
    Case("unknown-purpose", f"{DRAFT} --purpose spam", "spam"),
    Case("broken-subject", f"{DRAFT} --set epci=CUA --set montant=1 --subject {{{{x", "correct the tag"),
    Case("template-of-nothing", "templates show fond", "fonds"),
    Case("preview-nowhere", "templates preview fonds --out no/such/folder.html", "no/such/folder.html"),
    Case("no-relay", "campaigns send info --yes", "No relay is set"),
    Case("test-without-relay", "campaigns test info --to moi@example.org", "No relay is set"),
    Case("worker-without-relay", "sends work --once", "No relay is set"),
    Case("test-to-nobody", "campaigns test info --to moi", "moi"),
    Case("redirect-to-nobody", "campaigns send info --yes --redirect-to moi", "moi"),
    Case("unknown-campaign", "campaigns send infos --yes", "Did you mean info?"),
    Case("log-of-no-campaign", "sends log infos", "Did you mean info?"),
    Case("unknown-status", "sends log info --status lost", "lost"),
    Case("past-date", "campaigns schedule info '2026-11-01 09:00'", "in the past"),
    Case("no-date", "campaigns schedule info lundi", "not a date"),
    Case("hour-that-is-skipped", "campaigns schedule info '2027-03-28 02:30'", "clocks go forward"),
    Case("pause-of-a-draft", "campaigns pause info", "draft"),
    Case("resume-of-a-draft", "campaigns resume info", "not paused"),
    Case("unschedule-of-a-draft", "campaigns unschedule info", "not scheduled"),
    Case("cancel-unasked", "campaigns cancel info", "--yes"),
    Case("report-backwards", "campaigns report --since 2026-05-01 --until 2026-04-01", "before it begins"),
    Case("report-of-no-day", "campaigns report --since 31/02/2026", "31/02/2026"),
    Case("report-as-pdf", "campaigns report --format pdf", "pdf"),
    Case("sectors-over-a-file", "audiences sectors --export contacts.xlsx", "contacts.xlsx exists"),
    Case("demo-over-other-things", "demo --folder .", "no demo"),
    Case("no-database", "campaigns list", "relais init", without_database),
    Case("no-settings", "campaigns list", "relais init", without_settings),
    Case("broken-settings", "campaigns list", "not valid TOML", settings("[sender]", "[sender")),
    Case("unknown-setting", "campaigns list", "smtp.hots", settings("\nhost =", "\nhots =")),
    Case("wrong-zone", "campaigns list", "time zone", settings("Europe/Paris", "Europe/Arras")),
    Case("wrong-port", "campaigns list", "smtp.port", env={"RELAIS_SMTP__PORT": "many"}),
    Case("damaged-database", "campaigns list", "database", damaged_database),
    Case("unknown-command", "campaign list", "campaign"),
    Case("unknown-option", "campaigns list --jason", "--jason"),
    Case("no-argument", "campaigns show", "relais campaigns show --help"),
]  # fmt: skip


@pytest.fixture(scope="session")
def refusals(
    request: pytest.FixtureRequest, _ready_office: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """Run the selected cases, each in a copy of the folder, some side by side; give each run, and whether it wrote."""
    selected = {item.name for item in request.session.items}
    root = tmp_path_factory.mktemp("refusals")

    def refuse(case: Case) -> tuple[CompletedProcess[str], bool]:
        office = Office(Path(shutil.copytree(_ready_office, root / case.name)), **case.env)
        case.prepare(office.folder)
        is_readable = case.prepare is not damaged_database
        before = office.state() if is_readable else None
        run = office.run(*shlex.split(case.words))
        return run, is_readable and office.state() != before

    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = {case.name: pool.submit(refuse, case) for case in CASES if f"test_bad_input[{case.name}]" in selected}
        yield done


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(case: Case, refusals: dict[str, Any]) -> None:
    run, is_changed = refusals[case.name].result()
    check_refusal(run, case.says, rejects=case.rejects)
    assert not is_changed


def check_refusal(run: CompletedProcess[str], says: str, *, rejects: int = 0) -> None:
    """Check the exit code, and that one line names the trouble.

    Rejected rows stand above it; below it a query, and a mark under its fault.
    """
    lines = run.stderr.splitlines()
    if set(lines[-1].strip()) == {"^"}:
        lines = lines[:-2]
    *above, line = lines
    assert run.returncode == 2, run.stderr
    assert line.startswith("Error: ")
    assert says in line
    assert len(above) == rejects
    assert all(each.startswith("row ") for each in above)
    assert run.stdout == ""


def test_a_relay_that_is_down(office: Office) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: the connection is refused
        office.env |= {"RELAIS_SMTP__HOST": "127.0.0.1", "RELAIS_SMTP__PORT": str(nobody.getsockname()[1])}
        before = office.state()
        check_refusal(office.run("campaigns", "send", "info", "--yes"), "127.0.0.1")
        check_refusal(office.run("campaigns", "test", "info", "--to", "moi@example.org"), "127.0.0.1")
        assert office.state() == before


@pytest.mark.parametrize(
    ("script", "login", "says"),
    [
        pytest.param(
            Script(users={"cci": "right"}), {"username": "cci", "password": "wrong"}, "535", id="wrong-password"
        ),
        pytest.param(Script().reply("mail", "530 5.7.0 Authentication required"), {}, "530", id="wants-a-login"),
        pytest.param(Script(), {"security": "starttls"}, "STARTTLS", id="no-starttls"),
        pytest.param(Script().reply("banner", "554 5.7.1 not you"), {}, "554", id="turned-away"),
        pytest.param(Script().reply("mail", "550 5.7.60 sender not allowed"), {}, "5.7.60", id="wrong-sender"),
    ],
)
def test_a_relay_that_does_not_take_us(office: Office, script: Script, login: dict[str, str], says: str) -> None:
    with SmtpServer(script) as server:
        office.use(server, **login)
        before = office.state()
        check_refusal(office.run("campaigns", "send", "info", "--yes"), says)
        assert office.state() == before
        check_refusal(office.run("campaigns", "test", "info", "--to", "moi@example.org"), says)
        assert server.messages == []


def test_nobody_is_left_to_write_to(office: Office) -> None:
    office("audiences", "save", "personne", "epci:Ternois")
    create(office, "vide", audience="personne")
    with SmtpServer() as server:
        office.use(server)
        before = office.state()
        run = office.run("campaigns", "send", "vide", "--yes")
        assert run.returncode == 2
        assert "Nobody is left to write to" in run.stderr
        assert office.state() == before
