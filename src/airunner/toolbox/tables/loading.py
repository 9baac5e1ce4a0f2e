"""From a CSV file to a table in memory.

Owns the names that a table and its columns get in SQL, and what becomes of rows
that are too short or too long.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from airunner.errors import ToolFailedError
from airunner.toolbox.tables.column_types import ColumnType, TypeFinder, Value, value_of
from airunner.toolbox.tables.csv_file import CsvFile

MAX_ROWS = 300_000

_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_LONGEST_NAME = 60
_TOLD_LINES = 5
_BADLY_RAGGED = 0.2
_KEYWORD_NAMES = """
abort action add after all alter always analyze and as asc attach autoincrement before begin between
by cascade case cast check collate column commit conflict constraint create cross current
current_date current_time current_timestamp database default deferrable deferred delete desc detach
distinct do drop each else end escape except exclude exclusive exists explain fail filter first
following for foreign from full generated glob group groups having if ignore immediate in index
indexed initially inner insert instead intersect into is isnull join key last left like limit match
materialized natural no not nothing notnull null nulls of offset on or order others outer over
partition plan pragma preceding primary query raise range recursive references regexp reindex
release rename replace restrict returning right rollback row rows savepoint select set table temp
temporary then ties to transaction trigger unbounded union unique update using vacuum values view
virtual when where window with without
"""
_KEYWORDS = frozenset(_KEYWORD_NAMES.split())


@dataclass(frozen=True, slots=True)
class Loaded:
    """The table's name, its columns as (name, type, name in the file if another), and notes."""

    table: str
    columns: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Ragged:
    """Rows that are not as wide as the others, by their number."""

    rows: int = 0
    short: int = 0
    long: int = 0
    examples: tuple[int, ...] = ()

    def see(self, number: int, width: int, wanted: int) -> None:
        self.rows = number
        if width == wanted:
            return
        self.short += width < wanted
        self.long += width > wanted
        if len(self.examples) < _TOLD_LINES:
            self.examples += (number,)

    def notes(self) -> Iterator[str]:
        if not self.examples:
            return
        where = ", ".join(map(str, self.examples))
        if self.short + self.long > _TOLD_LINES:
            where += ", …"
        if self.short:
            yield f"{_rows(self.short)} too short: the last cells are empty."
        if self.long:
            yield f"{_rows(self.long)} too long: what is beyond the last column is left out."
        yield f"(Such rows are {where}.)"


def load_csv(connection: sqlite3.Connection, file: CsvFile, name: str, tool: str) -> Loaded:
    """Create and fill the one table of ``file``.

    Raises:
        ToolFailedError: there are too many rows, or they hardly fit together.
    """
    finders = [TypeFinder(decimal_comma=file.separator != ",") for _ in range(file.width)]
    ragged = _Ragged()
    for number, row in enumerate(file.rows(), start=1):
        if number > MAX_ROWS:
            raise ToolFailedError(
                tool,
                f"{name} has more than {MAX_ROWS:,} rows. "
                "Larger tables can be asked as a SQLite database",
            )
        ragged.see(number, _filled_width(row, file.width), file.width)
        for finder, cell in zip(finders, row, strict=False):
            finder.see(cell)
    if ragged.short + ragged.long > max(3, _BADLY_RAGGED * ragged.rows):
        raise ToolFailedError(
            tool,
            f"{name} is no table: {ragged.short + ragged.long:,} of its {ragged.rows:,} rows "
            f"do not have {file.width} cells",
        )
    kinds = [finder.found for finder in finders]
    table = table_name(name)
    names = column_names(file.heading, file.width)
    columns = ", ".join(f'"{each}" {kind.sql}' for each, kind in zip(names, kinds, strict=True))
    connection.execute(f'CREATE TABLE "{table}" ({columns})')
    places = ", ".join("?" * file.width)
    connection.execute("BEGIN")
    connection.executemany(f'INSERT INTO "{table}" VALUES ({places})', _values(file, kinds))
    connection.execute("COMMIT")
    original = [*file.heading, *[""] * (file.width - len(file.heading))]
    return Loaded(
        table,
        tuple(
            (each, kind.words, "" if given.strip() == each else given.strip())
            for each, kind, given in zip(names, kinds, original, strict=True)
        ),
        tuple(ragged.notes()),
    )


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"


def table_name(file_name: str) -> str:
    """What the table of a file is called in SQL: ``data/sales 2024.csv`` is ``sales_2024``."""
    stem = re.split(r"[/\\]", file_name)[-1].rpartition(".")[0]
    return _as_name(stem, "data")


def column_names(heading: Sequence[str], width: int) -> list[str]:
    """Distinct names that need no quotes in SQL, whatever the heading says."""
    names: list[str] = []
    taken: set[str] = set()
    for number, given in zip(range(1, width + 1), chain(heading, _nothing()), strict=False):
        plain = _as_name(given, f"column_{number}")
        name, again = plain, 1
        while name.lower() in taken:
            again += 1
            name = f"{plain}_{again}"
        taken.add(name.lower())
        names.append(name)
    return names


def is_plain_name(name: str) -> bool:
    """Whether SQL understands a name without quotes."""
    return bool(_PLAIN_NAME.fullmatch(name)) and name.lower() not in _KEYWORDS


def _as_name(text: str, otherwise: str) -> str:
    name = re.sub(r"\W+", "_", text).strip("_")[:_LONGEST_NAME]
    if name[:1].isdigit():
        name = f"_{name}"
    if name.lower() in _KEYWORDS:
        name += "_"
    return name or otherwise


def _nothing() -> Iterator[str]:
    while True:
        yield ""


def _filled_width(row: Sequence[str], width: int) -> int:
    """A row's width without empty cells beyond the last column."""
    end = len(row)
    while end > width and not row[end - 1].strip():
        end -= 1
    return end


def _values(file: CsvFile, kinds: Sequence[ColumnType]) -> Iterable[list[Value]]:
    for row in file.rows():
        cells = [*row[: file.width], *[""] * (file.width - len(row))]
        yield [value_of(cell, kind) for cell, kind in zip(cells, kinds, strict=True)]
