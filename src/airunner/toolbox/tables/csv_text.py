"""CSV text as people and programs write it, made plain: UTF-8, commas, every row as wide.

Owns separator, quotes and rows that do not fit; which encoding it is, where Unicode is not,
``encoding_guess`` says. DuckDB could sniff these too, and gets the following wrong: Excel's
line ``sep=;``, rows that are too long or too short (it takes a few odd ones for the table),
a quotation mark that is never closed or stands within a word, and text that is no table.
What the values are, and whether the first row is a heading, is ``csv_tables``.
"""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from itertools import dropwhile, islice
from pathlib import Path
from typing import BinaryIO

from airunner.errors import ToolFailedError
from airunner.toolbox.documents.encoding_guess import EncodingGuess, guess_encoding

MAX_FILE_BYTES = 50_000_000
MAX_COLUMNS = 300

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_UNICODE = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8"}
_UNICODE |= dict.fromkeys(("utf-16", "utf-16-le", "utf-16-be"), "UTF-16")
_UNICODE |= {"utf-32": "UTF-32"}
_OTHERS = {
    b"PK\x03\x04": "a zip archive or an Excel, OpenDocument or Word file; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file; save the sheet as CSV",
    b"%PDF": "a PDF file",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"PAR1": "a Parquet file; save it as CSV",
}
_SAMPLE_BYTES = 65_536
_SAMPLE_ROWS = 100
_ALIKE = 0.7
_BADLY_RAGGED = 0.2
_TOLD_ROWS = 5
_LONGEST_CELL = 1_000_000
_SEPARATOR_LINE = re.compile(r'"?sep= ?([,;\t|])"?\r?\n?', re.IGNORECASE)
_MOST_COMMENTS = 50
_NUMBER = re.compile(r"\s*[-+]?[.,]?\d")

_Refusal = Callable[[str], ToolFailedError]
"""The error that says what is wrong with the file."""


@dataclass(frozen=True, slots=True)
class PlainText:
    """What was found out: encoding and separator in words, the first two rows, their width."""

    described: str
    first: list[str]
    second: list[str]
    width: int
    notes: tuple[str, ...]


def make_plain(file: BinaryIO, name: str, tool: str, copy: Path) -> PlainText:
    """Write ``file`` to ``copy``, rows numbered in a first column; blank ones are left out.

    Raises:
        ToolFailedError: it is no table, or too large.
    """
    size = file.seek(0, os.SEEK_END)
    if not size or size > MAX_FILE_BYTES:
        large = f"has {size:,} bytes; a CSV file may have {MAX_FILE_BYTES:,}. "
        large += "Larger tables can be asked as a SQLite database"
        raise ToolFailedError(tool, f"{name} {large if size else 'is empty'}")
    csv.field_size_limit(_LONGEST_CELL)

    def refusal(problem: str) -> ToolFailedError:
        return ToolFailedError(tool, f"{name} {problem}")

    try:
        guess = _encoding(file, refusal)
        encoding = guess.codec
        separator, width = _layout(file, encoding, refusal)
        text = f"{guess.name} text, parted by {_SEPARATORS[separator]}"
        try:
            first, second, notes = _copied(
                file, encoding, separator, width, copy, refusal, strict=True
            )
        except csv.Error as error:
            if "end of data" in str(error):
                raise refusal("has a quotation mark that is never closed") from None
            first, second, notes = _copied(
                file, encoding, separator, width, copy, refusal, strict=False
            )
    except csv.Error as error:
        raise refusal(f"is no table: {error}") from None
    if guess.codec not in _UNICODE:
        notes = (guess.note, *notes)
    return PlainText(text, first, second, width, notes)


def _encoding(file: BinaryIO, refusal: _Refusal) -> EncodingGuess:
    """The text's encoding, by its mark, by trial, or as it most probably is."""
    file.seek(0)
    data = file.read(MAX_FILE_BYTES)
    if (unicode := _unicode(data, refusal)) is not None:
        return EncodingGuess(unicode, _UNICODE[unicode])
    guess = guess_encoding(data)
    if guess is None:
        raise refusal("is in an encoding that is not known; save it as UTF-8")
    return guess


def _unicode(data: bytes, refusal: _Refusal) -> str | None:
    sample = data[:_SAMPLE_BYTES]
    for magic, kind in _OTHERS.items():
        if sample.startswith(magic):
            raise refusal(f"is {kind}")
    if sample.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if sample.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):  # the first begins as UTF-16 does
        return "utf-32"
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if (unmarked := _utf_16_without_mark(sample)) is not None:
        return unmarked
    if b"\0" in sample or sum(byte < 32 and byte not in b"\t\n\r\f" for byte in sample) > 8:
        raise refusal("is neither text nor a SQLite database")
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        return None


@contextmanager
def _as_text(file: BinaryIO, encoding: str) -> Iterator[TextIOWrapper]:
    """``file`` from its beginning, which stays open after the body."""
    file.seek(0)
    text = TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    try:
        yield text
    finally:
        text.detach()


def _utf_16_without_mark(sample: bytes) -> str | None:
    """Text of which every other byte is zero, as that of Western languages is."""
    pairs = len(sample) // 2
    if pairs < 2 or sample.count(0) < 0.8 * pairs:
        return None
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if sample[start::2].count(0) > 0.9 * pairs and not sample[1 - start :: 2].count(0):
            return encoding
    return None


def _layout(file: BinaryIO, encoding: str, refusal: _Refusal) -> tuple[str, int]:
    """The separator under which most rows are equally wide, and how wide that is."""
    with _as_text(file, encoding) as text:
        # Not ``splitlines``, to which a vertical tab or U+2028 in a cell is the end of a line.
        lines = list(StringIO(text.read(_SAMPLE_BYTES), newline=""))
    if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")):
        lines.pop()  # cut off in the middle, unless the file ends so
    told = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    sample = lines[1:] if told else lines
    sample = [line for line in sample if not line.startswith("#")] or sample
    found: list[tuple[float, int, str]] = []
    for separator in [told[1]] if told else _SEPARATORS:
        rows = csv.reader(sample, delimiter=separator, skipinitialspace=True)
        try:
            widths = Counter(len(row) for row in islice(_filled(rows), _SAMPLE_ROWS))
        except csv.Error:
            continue
        if not widths:
            raise refusal("has no rows")
        width, count = widths.most_common(1)[0]
        found.append((count / widths.total(), width, separator))
    tables = [each for each in found if each[1] > 1 and each[0] >= _ALIKE]
    alike, width, separator = max(tables or found[:1], default=(0.0, 0, ""))
    if alike < _ALIKE:
        raise refusal("is no table: its rows have different numbers of cells")
    if width > MAX_COLUMNS:
        raise refusal(f"has {width} columns; {MAX_COLUMNS} are the most")
    return separator, width


def _copied(
    file: BinaryIO,
    encoding: str,
    separator: str,
    width: int,
    copy: Path,
    refusal: _Refusal,
    *,
    strict: bool,
) -> tuple[list[str], list[str], tuple[str, ...]]:
    """The first two rows, and what has to be said of rows that are not as wide as the others."""
    first: list[str] = []
    second: list[str] = []
    short: list[int] = []
    long: list[int] = []
    number = 0
    with (
        _as_text(file, encoding) as text,
        copy.open("w", encoding="utf-8", newline="") as plain,
    ):
        if not _SEPARATOR_LINE.fullmatch(text.readline(12)):
            text.seek(0)
        rows = csv.reader(text, delimiter=separator, skipinitialspace=True, strict=strict)
        write = csv.writer(plain, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow
        for number, row in enumerate(_table(_filled(rows), width)):
            if number == 1:
                second = row
            first = first or row
            if len(row) < width:
                short.append(number)
                row += [""] * (width - len(row))
            elif len(row) > width and any(cell.strip() for cell in row[width:]):
                long.append(number)
            write([number, *row[:width]])
    odd = len(short) + len(long)
    if odd > max(3, _BADLY_RAGGED * number):
        problem = f"{odd:,} of its {number:,} rows do not have {width} cells"
        raise refusal(f"is no table: {problem}")
    return first[:width], second[:width], tuple(_notes(short, long))


def _table(rows: Iterator[list[str]], width: int) -> Iterator[list[str]]:
    """``rows`` without what stands above the table: its title, and comments.

    A line without a separator is a title. Lines that begin with ``#`` are comments, but for
    the last if it is as wide as the table and numbers follow: some programs write headings so.
    """
    above: list[list[str]] = []
    for row in dropwhile(lambda row: len(row) == 1 < width and row[0][:1] != "#", rows):
        if row[0].startswith("#") and len(above) < _MOST_COMMENTS:
            above.append(row)
            continue
        if len(row) == 1 < width and above:
            continue
        if len(above) == _MOST_COMMENTS:
            yield from above  # so many are none
        elif above and len(above[-1]) == width and any(_NUMBER.match(cell) for cell in row):
            yield above[-1]
        yield row
        yield from rows
        return
    yield from above


def _filled(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    return (row for row in rows if any(cell.strip() for cell in row))


def _notes(short: list[int], long: list[int]) -> Iterator[str]:
    for found, what in ((short, "short: the last cells are empty"), (long, "long: it is cut")):
        if found:
            count = "1 row is" if len(found) == 1 else f"{len(found):,} rows are"
            yield f"{count} too {what}."
    if odd := sorted(short + long):
        more = ", …" if len(odd) > _TOLD_ROWS else ""
        first = "It is row number" if len(odd) == 1 else "They are the rows number"
        yield f"({first} {', '.join(map(str, odd[:_TOLD_ROWS]))}{more}.)"
