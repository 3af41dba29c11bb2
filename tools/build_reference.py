"""Builds audiences/reference/ (communes, departments, EPCIs, NAF codes) from two pinned npm packages.

Needs `npm`, with whatever registry it is set to. For a new vintage, change the versions and run it again. The files are
the same byte for byte at each run: rows are sorted and the gzip headers carry no time.
"""

import argparse
import csv
import gzip
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from audiences.text import fold_commune

REFERENCE = Path(__file__).resolve().parent.parent / "audiences" / "reference"
DIVISIONS = "@etalab/decoupage-administratif"
DIVISIONS_VERSION = "6.0.0"
DIVISIONS_YEAR = 2026  # the package's README, table "Millésimes et versions de package"
NAF = "@socialgouv/codes-naf"
NAF_VERSION = "1.1.1"

Row = tuple[str, ...]


def fetch(package: str, version: str, folder: Path) -> Path:
    """Pack `package` into `folder` with npm, unpack it there, and return its root."""
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{package}@{version}"]
    archive = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
    root = folder / archive.removesuffix(".tgz")
    with tarfile.open(folder / archive) as packed:
        packed.extractall(root, filter="data")
    return root / "package"


def commune_rows(communes: list[dict[str, Any]], epcis: list[dict[str, Any]]) -> list[Row]:
    """Return code, name, folded name, department, postal codes, EPCI and successor of every commune that is or was.

    The folded name is what names are compared by: folding them all at each start would double the loading time. A commune
    of today has no successor. A former one (merged, delegated, associated) and an arrondissement of Paris,
    Lyon or Marseille have the commune that they are part of, and leave the EPCI to it. Of half the former communes the
    package has the code alone: their name is empty. A delegated commune that shares its code with the new commune keeps
    a row of its own, for its name.
    """
    epci_of = {member["code"]: epci["code"] for epci in epcis for member in epci["membres"]}
    rows: set[Row] = set()
    named: set[str] = set()
    for commune in communes:
        code, name, department = commune["code"], commune["nom"], commune["departement"]
        postcodes = " ".join(commune.get("codesPostaux", ()))
        successor = commune.get("chefLieu") or commune.get("commune") or ""
        if successor:
            named.add(code)
        rows.add(
            (
                code,
                name,
                fold_commune(name),
                department,
                postcodes,
                "" if successor else epci_of.get(code, ""),
                successor,
            )
        )
    for commune in communes:
        for old in commune.get("anciensCodes", ()):
            if old not in named:
                rows.add((old, "", "", commune["departement"], "", "", commune["code"]))
    return sorted(rows, key=lambda row: (row[0], row[-1]))


def epci_rows(epcis: list[dict[str, Any]]) -> list[Row]:
    """Return SIREN, official name and kind (CC, CA, CU, METRO, MET69) of every EPCI with its own taxation."""
    return sorted((epci["code"], epci["nom"], epci["type"]) for epci in epcis)


def department_rows(departments: list[dict[str, str]]) -> list[Row]:
    """Return code and name of every department, the overseas territories too."""
    return sorted((department["code"], department["nom"]) for department in departments)


def naf_rows(codes: list[dict[str, str]]) -> list[Row]:
    """Return code and label of every division, group, class and subclass of NAF rév. 2."""
    return sorted((code["id"], code["label"]) for code in codes)


def write(path: Path, header: Row, rows: Iterable[Row]) -> None:
    """Write `rows` to `path` as gzipped CSV, without the time in the gzip header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))


def provenance(communes: list[Row], departments: list[Row], epcis: list[Row], naf: list[Row]) -> str:
    """Return the provenance file: what came from where, in which vintage, under which licence, and how much."""
    today = [row for row in communes if not row[-1]]
    return f"""\
# Written by tools/build_reference.py.
tool = "tools/build_reference.py (npm pack)"

[divisions]
files = ["communes.csv.gz", "departments.csv.gz", "epcis.csv.gz"]
package = "{DIVISIONS}"
version = "{DIVISIONS_VERSION}"
vintage = {DIVISIONS_YEAR}
sources = ["INSEE, Code officiel géographique", "DGCL, EPCI à fiscalité propre", "La Poste, codes postaux"]
licence = "data: Licence Ouverte; package: MIT"
communes = {len(today)}
communes_without_epci = {sum(1 for row in today if not row[5])}
former_communes_and_arrondissements = {len(communes) - len(today)}
departments = {len(departments)}
epcis = {len(epcis)}

[naf]
files = ["naf.csv.gz"]
package = "{NAF}"
version = "{NAF_VERSION}"
vintage = "NAF rév. 2"
sources = ["INSEE, Nomenclature d'activités française"]
licence = "package: Apache-2.0"
codes = {len(naf)}
subclasses = {sum(1 for row in naf if row[0][-1].isalpha())}
"""


def main() -> None:
    """Fetch the packages and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--into", type=Path, default=REFERENCE, help="folder to write to (default: audiences/reference)"
    )
    into: Path = parser.parse_args().into
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = fetch(DIVISIONS, DIVISIONS_VERSION, folder) / "data"
        raw_epcis = json.loads((data / "epci.json").read_text(encoding="utf-8"))
        communes = commune_rows(json.loads((data / "communes.json").read_text(encoding="utf-8")), raw_epcis)
        departments = department_rows(json.loads((data / "departements.json").read_text(encoding="utf-8")))
        epcis = epci_rows(raw_epcis)
        naf = naf_rows(json.loads((fetch(NAF, NAF_VERSION, folder) / "index.json").read_text(encoding="utf-8")))
    write(into / "communes.csv.gz", ("code", "name", "key", "department", "postcodes", "epci", "successor"), communes)
    write(into / "departments.csv.gz", ("code", "name"), departments)
    write(into / "epcis.csv.gz", ("siren", "name", "kind"), epcis)
    write(into / "naf.csv.gz", ("code", "label"), naf)
    (into / "PROVENANCE.toml").write_text(provenance(communes, departments, epcis, naf), encoding="utf-8")
    for path in sorted(into.glob("*.csv.gz")):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
