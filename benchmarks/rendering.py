"""Renders a template for each recipient and inlines it then, and by Relais' compiled source; compares the CPU time.

    python benchmarks/rendering.py --recipients 200 --template fonds --json

Both ways take turns in one run, so that the speed of the machine falls out of the ratio. Each writes subject, HTML and
text, and both pages are compared for every recipient of the first way.
"""

import argparse
import json
import statistics
import sys
import time
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that it runs by its path as well as by `-m`

from lxml import etree

from templates import (
    Brand,
    Renderer,
    bind_variables,
    compile_template,
    example_variables,
    find_templates,
    make_environment,
    preview_recipient,
)
from templates.inheritance import flatten
from templates.inliner import premail
from templates.pieces import join
from templates.plaintext import text_of_rendered

ROUNDS = 10
BRAND = Brand(
    name="Chambre de commerce de l’Exemple",
    short_name="CCI Exemple",
    address=("1 rue de l’Exemple", "62000 Arras"),
    website="https://cci.example.org",
    email="contact@cci.example.org",
    phone="03 00 00 00 00",
    logo_url=None,
    primary_colour="#e3a008",  # dark letters stand on it: cssutils would write white as #fff
    accent_colour="#12467f",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=50, help="whom premailer inlines for, in all")
    parser.add_argument("--template", default="fonds")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    arguments = parser.parse_args()
    template = find_templates()[arguments.template]
    variables = bind_variables(template, example_variables(template), today=date(2020, 4, 1))
    compiled = compile_template(template)
    renderer = Renderer(compiled, BRAND, variables)
    plain = make_environment(autoescape=True).from_string(
        join(flatten(template.html, template.folder / "body.html", template.folder))
    )

    def late(recipient: dict[str, dict[str, str]]) -> str:
        names = {**renderer.names(recipient), "purpose": str(template.purpose)}
        renderer.subject(names)
        page = premail(etree.fromstring(plain.render(names).strip(), etree.HTMLParser()))
        html = etree.tostring(page, method="html", encoding="unicode")
        text_of_rendered(html)
        return html

    each = max(1, arguments.recipients // ROUNDS)
    many = each * 100  # ours is too quick to be timed for a few
    late_seconds, our_seconds = [], []
    for turn in range(ROUNDS):
        recipients = [_recipient(turn * each + number) for number in range(each)]
        begun = time.process_time()
        pages = [late(recipient) for recipient in recipients]
        late_seconds.append((time.process_time() - begun) / each)
        begun = time.process_time()
        for number in range(many):
            renderer.render(recipients[number % each])
        our_seconds.append((time.process_time() - begun) / many)
        for recipient, page in zip(recipients, pages, strict=True):
            _compare(page, renderer.render(recipient).html)
    ratio = statistics.median(a / b for a, b in zip(late_seconds, our_seconds, strict=True))
    theirs, ours = statistics.median(late_seconds), statistics.median(our_seconds)
    print(
        f"template {template.name}: {len(compiled.html)} characters, {each * ROUNDS} recipients, {ROUNDS} rounds in turn"
    )
    print(f"render, then inline: {theirs * 1e3:9.3f} ms a recipient")
    print(f"compiled by Relais:  {ours * 1e3:9.3f} ms a recipient")
    print(f"ratio: {ratio:.0f}")
    if arguments.json:
        print(
            json.dumps(
                {
                    "benchmark": "rendering",
                    "template": template.name,
                    "ratio": round(ratio, 1),
                    "render_then_inline_ms": round(theirs * 1e3, 3),
                    "ours_ms": round(ours * 1e3, 4),
                    "recipients": each * ROUNDS,
                }
            )
        )


def _recipient(number: int) -> dict[str, dict[str, str]]:
    recipient = preview_recipient()
    recipient["contact"] = {
        **recipient["contact"],
        "family_name": f"Lefebvre {number}",
        "address": f"l{number}@example.org",
    }
    recipient["company"] = {**recipient["company"], "name": f"Boulangerie {number} & fils"}
    return recipient


def _compare(late: str, ours: str) -> None:
    """End with an error where the two pages differ in more than how they are written."""
    if _shape(late) != _shape(ours):
        raise SystemExit("the two ways differ: this is a bug, and no ratio counts")


def _shape(page: str) -> list[object]:
    rows: list[object] = []
    for node in etree.fromstring(page.strip(), etree.HTMLParser()).iter():
        attributes = dict(node.attrib) if isinstance(node.tag, str) else {}
        styles = {
            part.partition(":")[0].strip(): " ".join(part.partition(":")[2].split())
            for part in attributes.pop("style", "").replace('"', "'").split(";")
            if part.strip()
        }
        text = "" if node.tag == "style" else " ".join((node.text or "").split())
        rows.append((str(node.tag), text, attributes, styles))
    return rows


if __name__ == "__main__":
    main()
