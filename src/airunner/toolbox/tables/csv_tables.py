"""A CSV file as one table of DuckDB, in memory and locked.

Owns the connection's bounds, the names and types of the columns, and whether the first
row is a heading. How text becomes plain CSV is ``csv_text``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import compress, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO

from airunner.errors import ToolError, ToolFailedError, ToolRetryError
from airunner.toolbox.tables.column_types import KINDS, Kind, is_missing, kinds_of
from airunner.toolbox.tables.csv_text import PlainText, make_plain
from airunner.toolbox.tables.database import (
    ONLY_READING,
    TOO_MUCH_MEMORY,
    Column,
    Database,
    Limits,
    Table,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MISSING_LIBRARY = "CSV files need the package DuckDB: pip install 'airunner[tables]'"

_CONFIGURATION = {
    "threads": "2",
    "memory_limit": "400MB",
    "temp_directory": "",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "max_expression_depth": "250",
}
# From then on nothing outside of memory is reached, and nothing of this can be taken back.
_LOCK = (
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
_FORBIDDEN = (
    "read-only",
    "disabled by configuration",
    "disabled through configuration",
    "locked",
    "not a valid StatementType",  # newer than the list of them that Python knows
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_COUNTED = 3
_LONGEST_NAME = 60
_FIRST_ROWS = 1_000
_BLANKS = "' \t\r\n\x0b\f\u00a0'"


@contextmanager
def open_csv(file: BinaryIO, name: str, tool: str, limits: Limits) -> Iterator[Database]:
    """The table in ``file``, which the user calls ``name``, for the tool of that name.

    Raises:
        ToolFailedError: it is no table, or too large; or DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise ToolFailedError(tool, MISSING_LIBRARY) from None
    with (
        duckdb.connect(":memory:", config=dict(_CONFIGURATION)) as connection,
        TemporaryDirectory() as folder,
    ):
        copy = Path(folder, "plain.csv")
        text = make_plain(file, name, tool, copy)
        try:
            yield _CsvTable(connection, limits, text, copy, name)
        except duckdb.OutOfMemoryException:
            raise ToolFailedError(
                tool,
                f"{name} takes too much memory. Larger tables can be asked as a SQLite database",
            ) from None


class _CsvTable(Database):
    def __init__(
        self, connection: DuckDBPyConnection, limits: Limits, text: PlainText, copy: Path, name: str
    ) -> None:
        super().__init__(connection, limits)
        self.described, self.notes = text.described, text.notes
        cells = [f"c{number}" for number in range(text.width)]
        trimmed = ", ".join(f"nullif(trim({cell}, {_BLANKS}), '') AS {cell}" for cell in cells)
        types = ", ".join(f"'{cell}': 'VARCHAR'" for cell in cells)
        connection.execute(
            f"CREATE TABLE given AS SELECT row, {trimmed} "
            f"FROM read_csv(?, columns={{'row': 'BIGINT', {types}}},"
            " auto_detect=false, header=false, delim=',', quote='\"', escape='\"',"
            # Left to itself it takes \r\n within a cell for the end of all lines.
            " new_line='\\n', parallel=false, max_line_size=100000000)",
            [str(copy)],
        )
        above = _fitting(connection, "row = 0", [KINDS for _ in cells])
        # Most types are out after the first rows.
        likely = _fitting(connection, f"row BETWEEN 1 AND {_FIRST_ROWS}", [KINDS for _ in cells])
        left = [KINDS if kinds is None else kinds for kinds in likely]
        below = _fitting(connection, "row > 0", left)
        heading = text.first if _is_heading(text.first, text.second, above, below) else []
        kinds = kinds_of(below if heading else list(map(_both, above, below)))
        reserved = _reserved(connection)
        names = column_names(heading, text.width, reserved)
        table = table_name(name, reserved)
        columns = ", ".join(
            f'{kind.value.format(cell)} AS "{each}"'
            for cell, kind, each in zip(cells, kinds, names, strict=True)
        )
        connection.execute(
            f'CREATE TABLE "{table}" AS SELECT {columns} FROM given '
            f"WHERE row >= {1 if heading else 0} ORDER BY row"
        )
        connection.execute("DROP TABLE given")
        original = [*map(str.strip, heading), *[""] * (text.width - len(heading))]
        self.tables = (
            Table(
                table,
                tuple(
                    Column(each, kind.words, "" if given == each else given)
                    for each, kind, given in zip(names, kinds, original, strict=True)
                ),
            ),
        )
        for statement in _LOCK:
            connection.execute(statement)

    def _execute(self, statement: str) -> Any:
        from duckdb import Error, StatementType

        statements = self._connection.extract_statements(statement)
        if not statements:
            raise ToolRetryError("That is no query; write a SELECT.")
        if len(statements) > 1:
            raise ToolRetryError("That is more than one statement; write one SELECT.")
        if statements[0].type != StatementType.SELECT:
            raise ToolRetryError(ONLY_READING)
        with suppress(Error):  # of an earlier query, if there was one
            self._connection.rollback()
        # WITH x AS (DELETE ... RETURNING ...) SELECT is a SELECT, too.
        self._connection.execute("BEGIN TRANSACTION READ ONLY")
        return self._connection.execute(statements[0])

    def _problem(self, text: str) -> ToolError | None:
        if any(words in text for words in _FORBIDDEN):
            return ToolRetryError(ONLY_READING)
        return ToolRetryError(TOO_MUCH_MEMORY) if "Out of Memory" in text else None


def _fitting(
    connection: DuckDBPyConnection, where: str, likely: Sequence[Sequence[Kind]]
) -> list[list[Kind] | None]:
    """For each column those of the likely types that all its cells have.

    ``None`` where nothing is in it.
    """
    asked: list[str] = []
    for number, kinds in enumerate(likely):
        asked.append(f"bool_or(NOT {is_missing(f'c{number}')})")
        asked += [f"bool_and({kind.fits(f'c{number}')})" for kind in kinds]
    answers = iter(
        connection.execute(f"SELECT {', '.join(asked)} FROM given WHERE {where}").fetchall()[0]
    )
    fitting: list[list[Kind] | None] = []
    for kinds in likely:
        is_filled = next(answers)
        found = list(compress(kinds, islice(answers, len(kinds))))
        fitting.append(found if is_filled else None)
    return fitting


def _both(above: list[Kind] | None, below: list[Kind] | None) -> list[Kind] | None:
    if above is None or below is None:
        return above or below
    return [kind for kind in below if kind in above]


def _is_heading(
    first: Sequence[str],
    second: Sequence[str],
    above: list[list[Kind] | None],
    below: list[list[Kind] | None],
) -> bool:
    """Whether a first row names columns, judged against the rows below it.

    A cell unlike its column speaks for it, one like its column against it. Years, and
    numbers that count up in this row alone, say nothing: these may head columns of numbers.
    """
    unlike = values = 0
    counting = _counting(first) - _counting(second)
    for number, (cell, given, wanted) in enumerate(zip(first, above, below, strict=True)):
        if given is None:
            continue
        if wanted and not set(wanted).intersection(given):
            unlike += 1
        elif given and number not in counting and not (number and _YEAR.fullmatch(cell.strip())):
            values += 1
    return unlike > values or not values


def _counting(cells: Sequence[str]) -> set[int]:
    """The places of whole numbers that count up by one, three or more, behind a word."""
    numbers = [int(cell) if _WHOLE.fullmatch(cell.strip()) else None for cell in cells]
    found: set[int] = set()
    start = 0
    for place in range(1, len(cells) + 1):
        here = numbers[place] if place < len(cells) else None
        before = numbers[place - 1]
        if here is not None and before is not None and here == before + 1:
            continue
        if place - start >= _COUNTED and start and not cells[0].strip().isdecimal():
            found |= set(range(start, place))
        start = place
    return found


def table_name(file_name: str, reserved: Collection[str] = ()) -> str:
    """What the table of a file is called in SQL: ``data/sales 2024.csv`` is ``sales_2024``."""
    stem = re.split(r"[/\\]", file_name)[-1].rpartition(".")[0]
    return _as_name(stem, "data", reserved)


def column_names(heading: Sequence[str], width: int, reserved: Collection[str] = ()) -> list[str]:
    """Distinct names that need no quotes in SQL, whatever the heading says."""
    names: list[str] = []
    taken: set[str] = set()
    for number, given in enumerate([*heading, *[""] * (width - len(heading))][:width], 1):
        plain = name = _as_name(given, f"column_{number}", reserved)
        again = 1
        while name.lower() in taken:
            again += 1
            name = f"{plain}_{again}"
        taken.add(name.lower())
        names.append(name)
    return names


def _as_name(text: str, otherwise: str, reserved: Collection[str]) -> str:
    name = re.sub(r"\W+", "_", text).strip("_")[:_LONGEST_NAME]
    if name[:1].isdigit():
        name = f"_{name}"
    return f"{name}_" if name.lower() in reserved else name or otherwise


def _reserved(connection: DuckDBPyConnection) -> set[str]:
    """The words that cannot be names."""
    rows = connection.execute(
        "SELECT keyword_name FROM duckdb_keywords() "
        "WHERE keyword_category IN ('reserved', 'type_function')"
    ).fetchall()
    return {word for (word,) in rows}
