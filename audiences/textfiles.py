"""CSV files as rows of text: the encodings and separators that Excel and exports write, streamed."""

import codecs
import csv
import hashlib
from collections.abc import Callable, Iterator, Sequence
from gettext import gettext as _
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from audiences.errors import UnreadableSheet

TextRow = tuple[int, list[str]]
"""A row's number as the spreadsheet shows it (from 1), and its cells."""

BLOCK = 1 << 20
SAMPLE = 1 << 16
"""Bytes of foreign lines that the encoding is told by."""

MARKS = ";,\t|"
ENCODINGS = ["cp1252", "mac_roman", "cp850"]
"""What is not Unicode: Windows (of which Latin-1 is a part), an old Mac, an MS-DOS program; the first wins a draw."""

HEAD = 20
"""Lines from which the separator is told."""


class TextFile:
    """One CSV file: read once for its encoding, digest and length, then streamed as often as wanted."""

    def __init__(self, path: Path, score: Callable[[Sequence[str]], int]) -> None:
        """Look at the whole file; `score` tells how many headers a row has. Raises UnreadableSheet."""
        self.path = path
        scan = _scan(path)
        self.encoding, self.lines, self.sha256 = scan.encoding, scan.lines, scan.sha256
        self._mark = self._find_mark(score)

    def rows(self) -> Iterator[TextRow]:
        """Yield every row that is not blank; a cell may have blanks around it."""
        number = 1
        with self._open() as file:
            reader = csv.reader(file, delimiter=self._mark, strict=True)
            try:
                for cells in reader:
                    if (cells and cells[0].strip()) or "".join(cells).strip():
                        yield number, cells
                    number = reader.line_num + 1
            except csv.Error as error:
                raise UnreadableSheet(
                    _(
                        "{file}, line {line}: the CSV cannot be read ({cause}). Check the quotation marks of that line."
                    ).format(file=self.path.name, line=number, cause=error)
                ) from error

    def _open(self) -> IO[str]:
        errors = "replace" if self.encoding in ENCODINGS else "strict"
        return self.path.open(encoding=self.encoding, errors=errors, newline="")

    def _find_mark(self, score: Callable[[Sequence[str]], int]) -> str:
        """Give the mark that sets the most headers apart: a title above them, or text below, may hold other marks."""
        with self._open() as file:
            lines = list(islice((line for line in file if line.strip()), HEAD))

        def fitness(mark: str) -> tuple[int, int]:
            rows = [[cell.strip().strip('"') for cell in line.split(mark)] for line in lines]
            # Where no header is known at all, the mark that gives the most columns in the most rows.
            return max(map(score, rows), default=0), sum(len(row) > 1 for row in rows)

        return max(MARKS, key=fitness)


class _Scan(NamedTuple):
    encoding: str
    lines: int
    sha256: str


def _scan(path: Path) -> _Scan:
    digest, lines, last = hashlib.sha256(), 0, b""
    foreign = bytearray()
    decoder: codecs.IncrementalDecoder | None = None
    encoding = "utf-8-sig"
    is_text = True
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                lines += block.count(b"\n") or block.count(b"\r")
                last = block[-1:]
                if decoder is None:
                    encoding = _unicode_of(block)
                    decoder = codecs.getincrementaldecoder(encoding)()
                if encoding == "utf-8-sig":
                    is_text = is_text and b"\0" not in block
                if encoding and not _takes(decoder, block):
                    is_text = is_text and encoding == "utf-8-sig"
                    encoding = ""
                if not encoding and len(foreign) < SAMPLE:
                    foreign += _foreign(block)
            if decoder is not None and encoding and not _takes(decoder, b"", final=True):
                is_text, encoding = encoding == "utf-8-sig", ""
                foreign += _foreign(last)
    except OSError as error:
        raise UnreadableSheet(
            _("{file} cannot be read ({cause}). Close it in other programs, or copy it into your folder.").format(
                file=path.name, cause=error.strerror
            )
        ) from error
    if not is_text:
        raise UnreadableSheet(_("{file} is not a text file. Save it as CSV or XLSX.").format(file=path.name))
    if last not in {b"", b"\n", b"\r", b"\0"}:
        lines += 1
    return _Scan(encoding or _guess(bytes(foreign)), lines, digest.hexdigest())


def _unicode_of(block: bytes) -> str:
    """Tell UTF-16 by its mark, or by the zero bytes that Latin letters have in it; else UTF-8 is tried."""
    if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = block[: 1 << 10]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) >= 8 and max(even, odd) > len(head) * 0.4 and not min(even, odd):
        return "utf-16-be" if even else "utf-16-le"
    return "utf-8-sig"


def _takes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        return "\0" not in decoder.decode(block, final)
    except UnicodeDecodeError:
        return False


def _foreign(block: bytes) -> bytes:
    """Give the lines that have more than ASCII: they tell an encoding, the others only dilute."""
    return b"\n".join(line for line in block.splitlines() if not line.isascii())[:SAMPLE] + b"\n"


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=ENCODINGS, threshold=0.9).best()
    return best.encoding if best is not None and best.encoding in ENCODINGS else ENCODINGS[0]
