"""Keeps the French catalogue of the interface in step with the code: extracts, merges, compiles; --check only compares."""

import argparse
import io
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
ROOMS = ("audiences", "templates", "sends", "campaigns")
PO = ROOT / "campaigns" / "locale" / "fr" / "LC_MESSAGES" / "relais.po"
FIELD = re.compile(r"\{(\w+)(?:![rsa])?(?::[^{}]*)?\}")
"""A value of a sentence; not every sentence is a format string, some show Jinja."""

KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}


def extract() -> Catalog:
    """Gather every sentence of the code."""
    catalog = Catalog(locale="fr", project="relais", charset="utf-8")
    for room in ROOMS:
        found = extract_from_dir(ROOT / room, method_map=[("**.py", "python")], keywords=KEYWORDS)
        for _file, _line, message, _comments, _context in found:
            if message and message != ("", ""):
                catalog.add(message)
    return catalog


def merge(kept: Catalog | None) -> Catalog:
    """Give the sentences of the code with the translations that are kept; what the code lost goes."""
    catalog = extract()
    for message in catalog:
        known = kept.get(message.id) if kept and message.id else None
        if known is not None and known.string:
            message.string = known.string
    return catalog


def missing(catalog: Catalog) -> list[str]:
    """List the sentences without a translation, or whose translation loses a value."""
    faults = []
    for message in catalog:
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        if not all(strings):
            faults.append(f"not translated: {ids[0]!r}")
        elif any(set(FIELD.findall(text)) != set(FIELD.findall(ids[-1])) for text in strings[-1:]):
            faults.append(f"other values than in English: {ids[0]!r}")
    return faults


def po_text(catalog: Catalog) -> bytes:
    """Write the catalogue without dates and places, so that it only changes with its sentences."""
    out = io.BytesIO()
    write_po(out, catalog, no_location=True, omit_header=True, sort_output=True, width=0)
    header = b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    return header + b'"Language: fr\\n"\n"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n' + out.getvalue()


def mo_bytes(po: bytes) -> bytes:
    """Compile a catalogue."""
    out = io.BytesIO()
    catalog = read_po(io.BytesIO(po), locale="fr")
    catalog.creation_date = datetime(2020, 1, 1, tzinfo=UTC)  # else the minute of compiling, and --check never agrees
    write_mo(out, catalog)
    return out.getvalue()


def main() -> int:
    """Write the catalogue, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 when it is out of date or has gaps")
    kept = read_po(io.BytesIO(PO.read_bytes()), locale="fr") if PO.is_file() else None
    catalog = merge(kept)
    po = po_text(catalog)
    mo = PO.with_suffix(".mo")
    faults = missing(catalog)
    for fault in faults:
        print(fault, file=sys.stderr)
    if parser.parse_args().check:
        is_current = PO.is_file() and PO.read_bytes() == po and mo.is_file() and mo.read_bytes() == mo_bytes(po)
        if not is_current:
            print(f"{PO.relative_to(ROOT)} is out of date: run `make catalogue`", file=sys.stderr)
        return 0 if is_current and not faults else 1
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_bytes(po)
    mo.write_bytes(mo_bytes(po))
    return 0


if __name__ == "__main__":
    sys.exit(main())
