"""Messages a second, end to end with the durable ledger, as ratios to other ways of sending the same mail.

Run: python -m benchmarks.throughput [--recipients 50000] [--json]. Everything is measured in one run, in turns, with the
sink on the same cores; figures alone say little on a shared machine, ratios do. Prints what was compared.
"""

import argparse
import concurrent.futures
import datetime as dt
import json
import multiprocessing
import os
import resource
import shutil
import smtplib
import ssl
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.sink import best_sink, own_sink

CONNECTIONS = 100
FAR_CONNECTIONS = 10
FAR_DELAY = 0.02
CHUNK = 10_000
TEMPLATE = "fonds"
VARIABLES = {"epci": "CUA", "montant": "1 M€"}


def prepare(folder: Path, recipients: int, port: int, **smtp: str) -> None:
    """Make an installation with a campaign of `recipients`, planned and ready to be sent."""
    from sqlalchemy import insert

    from audiences.catalogue import save_audience
    from audiences.database import open_engine, writing
    from audiences.models import Company, Contact
    from campaigns import lifecycle, planning
    from campaigns.content import freeze
    from campaigns.schema import upgrade
    from campaigns.settings import load_settings
    from templates import Purpose

    configure(folder, port, **smtp)
    settings = load_settings()
    engine = open_engine(settings.database.url)
    upgrade(engine)
    now = dt.datetime.now(dt.UTC)
    stamps = {"created_at": now, "updated_at": now}
    for first in range(1, recipients + 1, CHUNK):
        ids = range(first, min(first + CHUNK, recipients + 1))
        with writing(engine) as session:
            session.execute(insert(Company), [company(i) | stamps for i in ids])
            session.execute(insert(Contact), [contact(i) | stamps for i in ids])
    with writing(engine) as session:
        save_audience(session, "tous", "*:*", description="tous", now=now)
        campaign = lifecycle.create_campaign(
            session,
            "essai",
            name="Essai",
            audience="tous",
            template=TEMPLATE,
            variables=VARIABLES,
            purpose=Purpose.PUBLIC_INFORMATION,
            subject=None,
            now=now,
        )
        planning.launch(session, campaign, settings, content=freeze(campaign, settings, now=now), now=now)
    engine.dispose()


def configure(folder: Path, port: int, **smtp: str) -> None:
    """Let this process work in `folder`, with its relay on `port`."""
    os.chdir(folder)
    if not Path("relais.toml").exists():
        import campaigns

        shutil.copy(Path(campaigns.__file__).parent / "example.toml", "relais.toml")
    wanted = {"host": "127.0.0.1", "port": str(port), "security": "none", "connections": str(CONNECTIONS), **smtp}
    os.environ.update({f"RELAIS_SMTP__{name.upper()}": value for name, value in wanted.items()})


def company(number: int) -> dict[str, Any]:
    """Give an invented company."""
    name = f"Société {number}"
    place = {"commune_code": "62041", "commune_name": "Arras", "epci_siren": "200033579", "postcode": "62000"}
    return {"id": number, "siret": f"{number:014}", "name": name, "name_key": f"societe {number}", **place}


def contact(number: int) -> dict[str, Any]:
    """Give an invented contact of that company."""
    address = f"contact{number}@example.org"
    person = {"civility": "Mme", "given_name": "Élodie", "family_name": f"Lefèvre-{number}", "kind": "professional"}
    return {"company_id": number, "address": address, "address_key": address, **person}


def send(folder: Path, port: int, smtp: dict[str, str], results: Any) -> None:
    """Send the campaign of `folder` in this process; put (messages, seconds, peak MB) into `results`."""
    from audiences.database import open_engine
    from campaigns.settings import load_settings
    from campaigns.worker import Worker
    from sends.states import DeliveryStatus

    configure(folder, port, **smtp)
    settings = load_settings()
    worker = Worker(open_engine(settings.database.url), settings, lambda: dt.datetime.now(dt.UTC))
    begin = time.perf_counter()
    done = worker.round(["essai"])
    seconds = time.perf_counter() - begin
    if done.finished != ["essai"]:
        raise RuntimeError(f"the campaign did not finish: {done}")
    results.put((done.progress.done[DeliveryStatus.SENT], seconds, peak_mb()))


def peak_mb() -> float:
    """Give this process's peak memory in MB (10^6 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def ours(recipients: int, port: int, **smtp: str) -> tuple[float, float]:
    """Send a campaign by a worker process of its own; give messages a second and peak MB."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _call(context, prepare, folder, recipients, port)
        results = context.Queue()
        process = context.Process(target=send, args=(folder, port, smtp, results))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError("the worker failed")
        sent, seconds, peak = results.get()
    return sent / seconds, peak


def _call(context: Any, target: Callable[..., None], *args: object) -> None:
    process = context.Process(target=target, args=args)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{target.__name__} failed")


class OtherWays:
    """The same mail by loops that others would write."""

    def __init__(self) -> None:
        from campaigns.settings import load_settings
        from templates import Renderer, bind_variables, compile_template, load_template

        with tempfile.TemporaryDirectory() as name:
            configure(Path(name), 25)
            self._settings = load_settings()
            os.chdir("/")
        self._template = load_template(TEMPLATE)
        self._variables = bind_variables(self._template, VARIABLES, today=dt.date(2020, 4, 1))
        self._compiled = compile_template(self._template)
        self._renderer = Renderer(self._compiled, self._settings.brand, self._variables)
        self.wire_size = self._our_size()
        self.html_size = len(self._renderer.render(self._recipient(1)).html.encode())

    def _our_size(self) -> int:
        """Give the octets of our own message of this mail, the size that smtp-source gets too."""
        from sends.message import MessageBuilder

        identity = self._settings.identity("tous", "tous")
        names: dict[str, Any] = {"campaign_name": "Essai", "secret": b"secret"}
        builder = MessageBuilder(self._compiled, self._settings.brand, self._variables, identity, **names)
        now = dt.datetime.now(dt.UTC)
        built = builder.build(self._recipient(1), delivery_id=1, to_address="contact1@example.org", now=now)
        return len(built.content)

    def _recipient(self, number: int) -> dict[str, Any]:
        from templates import preview_recipient

        known = preview_recipient()
        known["company"] |= {"name": f"Société {number}"}
        known["contact"] |= {"family_name": f"Lefèvre-{number}", "address": f"contact{number}@example.org"}
        return known

    def _message(self, number: int, *, inline: bool) -> EmailMessage:
        rendered = self._renderer.render(self._recipient(number))
        html = rendered.html
        if inline:
            from premailer import Premailer

            html = Premailer(html, cssutils_logging_level="CRITICAL").transform()
        message = EmailMessage()
        message["From"] = "CCI <communication@example.org>"
        message["To"] = f"contact{number}@example.org"
        message["Subject"] = rendered.subject
        message["Date"] = dt.datetime.now(dt.UTC)
        message.set_content(rendered.text)
        message.add_alternative(html, subtype="html")
        return message

    def naive(self, port: int, count: int) -> float:
        """Render, inline, assemble and connect for each recipient."""
        begin = time.perf_counter()
        for number in range(count):
            message = self._message(number, inline=True)
            with smtplib.SMTP("127.0.0.1", port) as smtp:
                smtp.send_message(message)
        return count / (time.perf_counter() - begin)

    def careful(self, port: int, count: int, context: ssl.SSLContext | None = None) -> float:
        """Inline once, EmailMessage for each recipient, one kept connection, no ledger."""
        begin = time.perf_counter()
        with smtp_client(port, context) as smtp:
            for number in range(count):
                smtp.send_message(self._message(number, inline=False))
        return count / (time.perf_counter() - begin)

    def threads(self, port: int, count: int, connections: int) -> float:
        """Send ready bytes by smtplib on several connections: what lockstep can do at a distance."""
        content = self._message(1, inline=False).as_bytes()

        def work(numbers: Iterator[int]) -> None:
            with smtplib.SMTP("127.0.0.1", port) as smtp:
                for _number in numbers:
                    smtp.sendmail("communication@example.org", ["contact@example.org"], content)

        numbers = iter(range(count))
        begin = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(connections) as pool:
            list(pool.map(work, [islice(numbers, count // connections) for _ in range(connections)]))
        return (count // connections) * connections / (time.perf_counter() - begin)


def smtp_client(port: int, context: ssl.SSLContext | None) -> smtplib.SMTP:
    """Open smtplib's client, over TLS with a context."""
    if context is None:
        return smtplib.SMTP("127.0.0.1", port)
    return smtplib.SMTP_SSL("localhost", port, context=context)


def smtp_source(port: int, count: int, size: int) -> float | None:
    """Run Postfix's own load generator on kept connections; None where it is not installed."""
    program = shutil.which("smtp-source", path="/usr/sbin:/usr/bin")
    if program is None:
        return None
    sessions = ["-s", str(CONNECTIONS), "-m", str(count), "-l", str(size)]
    begin = time.perf_counter()
    subprocess.run([program, "-d", *sessions, "-f", "a@a.test", "-t", "b@b.test", f"127.0.0.1:{port}"], check=True)
    return count / (time.perf_counter() - begin)


def over_tls(ways: OtherWays, recipients: int) -> tuple[float, float]:
    """Compare over TLS from the first octet: ours, and the careful loop."""
    import trustme

    with tempfile.TemporaryDirectory() as name:
        authority = trustme.CA()
        chain, trusted = Path(name) / "server.pem", Path(name) / "ca.pem"
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(chain))
        authority.cert_pem.write_to_path(str(trusted))
        with own_sink(certificate=chain) as port:
            tls = {"host": "localhost", "security": "tls", "ca_file": str(trusted)}
            rate, _peak = ours(recipients, port, **tls)
            return rate, ways.careful(port, 300, ssl.create_default_context(cafile=str(trusted)))


def main() -> None:
    """Measure, print, and with --json end with one object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=50_000, help="recipients of a campaign")
    parser.add_argument("--rounds", type=int, default=3, help="turns of ours and the others; medians count")
    parser.add_argument(
        "--scale", type=int, default=0, help="recipients of one more campaign, for memory and linearity"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    options = parser.parse_args()
    ways = OtherWays()
    count = options.recipients
    print(f"{count} recipients, {ways.html_size} bytes of HTML, {ways.wire_size} on the wire")
    print(f"1 process, {CONNECTIONS} connections, SQLite ledger (WAL, synchronous FULL)")
    with best_sink() as (port, sink):
        print(f"sink: {sink}, on the same cores")
        rates, peaks, ratios, careful = [], [], [], []
        for _round in range(options.rounds):
            rate, peak = ours(count, port)
            source = smtp_source(port, count, ways.wire_size)
            rates.append(rate)
            peaks.append(peak)
            ratios.append(rate / source if source else float("nan"))
            careful.append(rate / ways.careful(port, max(500, count // 50)))
            print(
                f"  ours {rate:,.0f}/s, smtp-source {source or float('nan'):,.0f}/s: {ratios[-1]:.2f}, "
                f"{careful[-1]:.1f} times careful"
            )
        rate = statistics.median(rates)
        result: dict[str, Any] = {
            "messages_per_s": round(rate),
            "vs_naive": round(rate / ways.naive(port, max(10, count // 1000)), 1),
            "vs_careful": round(statistics.median(careful), 1),
            "vs_smtp_source": round(statistics.median(ratios), 2),
            "processes": 1,
            "connections": CONNECTIONS,
            "peak_rss_mb": round(max(peaks)),
        }
        if options.scale:
            scaled, peak = ours(options.scale, port)
            result |= {"scale_recipients": options.scale, "scale_peak_rss_mb": round(peak)}
            result |= {"scale_growth": round(rate / scaled, 2)}  # of the time a message takes: 1 is linear
    tls, tls_careful = over_tls(ways, max(1000, count // 5))
    result |= {"tls_messages_per_s": round(tls), "tls_vs_careful": round(tls / tls_careful, 1)}
    with own_sink(delay=FAR_DELAY) as port:
        far, _peak = ours(max(500, count // 25), port, connections=str(FAR_CONNECTIONS))
        result["far_vs_smtplib"] = round(far / ways.threads(port, max(200, count // 100), FAR_CONNECTIONS), 2)
    for name, value in result.items():
        print(f"{name:>20} {value}")
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
