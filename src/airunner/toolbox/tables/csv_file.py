"""A CSV file: its encoding, its separator, its heading, and its rows one after the other.

Owns what makes text a table at all. What the cells' values are is
``column_types``; the file is read in streams, so a large one takes no memory.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from airunner.errors import ToolFailedError
from airunner.toolbox.tables.column_types import is_value

MAX_FILE_BYTES = 30_000_000
MAX_COLUMNS = 300

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Windows-1252",
}
_SAMPLE_BYTES = 65_536
_SAMPLE_ROWS = 100
_ALIKE = 0.7
_YEAR = re.compile(r"(?:19|20)\d\d")
_OTHERS = {
    b"PK\x03\x04": "a zip archive or an Excel, OpenDocument or Word file; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file; save the sheet as CSV",
    b"%PDF": "a PDF file",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"PAR1": "a Parquet file; save it as CSV",
}


@dataclass(frozen=True, slots=True)
class CsvFile:
    """How a file is to be read; ``heading`` is empty where its first row is data already."""

    path: Path
    encoding: str
    separator: str
    width: int
    heading: tuple[str, ...]
    strict: bool

    def rows(self) -> Iterator[list[str]]:
        """The rows below the heading, without blank ones, as wide as they are.

        Raises:
            csv.Error: the text breaks the rules of CSV; ``open_csv`` has excluded it.
        """
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as file:
            reader = csv.reader(file, delimiter=self.separator, strict=self.strict)
            rows = (row for row in reader if any(cell.strip() for cell in row))
            yield from islice(rows, 1 if self.heading else 0, None)

    @property
    def described(self) -> str:
        """Encoding and separator in words."""
        return f"{_ENCODINGS[self.encoding]} text, parted by {_SEPARATORS[self.separator]}"


def open_csv(path: Path, name: str, tool: str) -> CsvFile:
    """Find out how ``path`` is to be read. ``name`` is what the user calls it.

    Raises:
        ToolFailedError: it is no table, or too large.
    """
    size = path.stat().st_size
    if size == 0:
        raise ToolFailedError(tool, f"{name} is empty")
    if size > MAX_FILE_BYTES:
        raise ToolFailedError(
            tool,
            f"{name} has {size:,} bytes; a CSV file may have {MAX_FILE_BYTES:,}. "
            "Larger tables can be asked as a SQLite database",
        )
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    for magic, kind in _OTHERS.items():
        if sample.startswith(magic):
            raise ToolFailedError(tool, f"{name} is {kind}")
    encoding = _encoding(path, sample)
    if encoding is None:
        raise ToolFailedError(tool, f"{name} is neither text nor a SQLite database")
    separator, width = _layout(path, encoding, name, tool)
    strict = _is_strict(path, encoding, separator, name, tool)
    draft = CsvFile(path, encoding, separator, width, (), strict)
    first = next(draft.rows(), None)
    if first is None:
        raise ToolFailedError(tool, f"{name} has no rows")
    heading = tuple(first) if _is_heading(first) else ()
    return CsvFile(path, encoding, separator, max(width, len(heading)), heading, strict)


def _encoding(path: Path, sample: bytes) -> str | None:
    """The text's encoding, by its mark or by trial; ``None`` for what is no text."""
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\0" in sample or sum(byte < 32 and byte not in b"\t\n\r\f" for byte in sample) > 8:
        return None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _layout(path: Path, encoding: str, name: str, tool: str) -> tuple[str, int]:
    """The separator under which most rows are equally wide, and how wide that is."""
    found: list[tuple[float, int, str]] = []
    for separator in _SEPARATORS:
        widths = Counter(len(row) for row in _sample_rows(path, encoding, separator))
        if not widths:
            raise ToolFailedError(tool, f"{name} has no rows")
        width, count = widths.most_common(1)[0]
        found.append((count / widths.total(), width, separator))
    tables = [each for each in found if each[1] > 1 and each[0] >= _ALIKE]
    alike, width, separator = max(tables, default=found[0])
    if alike < _ALIKE:
        raise ToolFailedError(tool, f"{name} is no table: its rows have different numbers of cells")
    if width > MAX_COLUMNS:
        raise ToolFailedError(tool, f"{name} has {width} columns; {MAX_COLUMNS} are the most")
    return separator, width


def _sample_rows(path: Path, encoding: str, separator: str) -> list[list[str]]:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        lines = file.read(_SAMPLE_BYTES).splitlines(keepends=True)
    if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")):
        lines.pop()  # cut off in the middle, unless the file ends so
    try:
        rows = list(islice(csv.reader(lines, delimiter=separator), _SAMPLE_ROWS))
    except csv.Error:
        return [["?"]]
    return [row for row in rows if any(cell.strip() for cell in row)]


def _is_strict(path: Path, encoding: str, separator: str, name: str, tool: str) -> bool:
    """Whether the quotes follow the rules to the letter, which many programs do not.

    A quote that is never closed would swallow all that follows, so it is refused.
    """
    for strict in (True, False):
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            reader = csv.reader(file, delimiter=separator, strict=strict)
            try:
                for _ in reader:
                    pass
            except csv.Error as error:
                if "end of data" in str(error):
                    problem = f"{name} has a quotation mark that is never closed"
                    raise ToolFailedError(tool, problem) from None
                if not strict:
                    line = reader.line_num
                    raise ToolFailedError(tool, f"{name}, line {line:,}: {error}") from None
            else:
                return strict
    return False


def _is_heading(row: Sequence[str]) -> bool:
    """Whether a first row names columns: all words, though years may head a table's columns."""
    cells = [cell.strip() for cell in row]
    if not any(cells):
        return False
    return not any(
        is_value(cell) and not (index and cells[0] and _YEAR.fullmatch(cell))
        for index, cell in enumerate(cells)
    )
