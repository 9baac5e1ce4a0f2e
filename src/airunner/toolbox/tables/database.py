"""A file of tables, open to be asked: a SQLite database as it is, a CSV file as one table.

Owns the connection and what is known of the tables. What a query may do is
``guard``; how text becomes a table is ``loading``.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.tables.column_types import Value
from airunner.toolbox.tables.csv_file import open_csv
from airunner.toolbox.tables.guard import MAX_SQL, Limits, Watch, guard
from airunner.toolbox.tables.loading import is_plain_name, load_csv

SQLITE_MAGIC = b"SQLite format 3\0"

_BUSY_S = 2.0
_SQLITE_SUFFIXES = (".db", ".db3", ".sqlite", ".sqlite3")
_VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL\b", re.IGNORECASE)
_MOST_TABLES = 100
_TOLD_NAMES = 12
_NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in SQL, its type, and what it is called in the file if not the same."""

    name: str
    kind: str
    original: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view and its columns."""

    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query found.

    Attributes:
        columns: the columns' names.
        shown: the first rows.
        count: how many rows there are, as far as they were counted.
        is_counted: whether that is all of them.
    """

    columns: tuple[str, ...]
    shown: list[tuple[Value | bytes, ...]]
    count: int
    is_counted: bool


@dataclass(slots=True)
class Database:
    """Tables that can be asked. Made by ``open_database``."""

    tables: tuple[Table, ...]
    described: str
    notes: tuple[str, ...]  # what of the file's rows no query can show
    left_out: tuple[str, ...]  # what of the file is no table here
    _connection: sqlite3.Connection = field(repr=False)
    _watch: Watch = field(repr=False)
    _limits: Limits
    _tool: str

    def run(self, sql: str, shown: int) -> Rows:
        """Run one SELECT; at most ``shown`` rows are kept, and the others counted.

        Raises:
            ToolRetryError: the statement is wrong, not allowed, or takes too much.
        """
        statement = sql.strip()
        if not statement:
            raise ToolRetryError("The SQL is empty; write a SELECT.")
        if len(statement) > MAX_SQL:
            raise ToolRetryError(f"The SQL is too long; {MAX_SQL:,} characters are the most.")
        if "\0" in statement:
            raise ToolRetryError("The SQL has a NUL character in it.")
        self._watch.start()
        try:
            with closing(self._connection.cursor()) as cursor:
                return self._rows(cursor, statement.encode("utf-8", "replace").decode(), shown)
        except MemoryError:
            raise ToolRetryError("The query was stopped: it took too much memory.") from None
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise self._problem(error) from None

    def _rows(self, cursor: sqlite3.Cursor, statement: str, shown: int) -> Rows:
        cursor.execute(statement)
        if cursor.description is None:
            raise ToolRetryError("That is no query; write a SELECT.")
        columns = tuple(str(column[0]) for column in cursor.description)
        kept = list(islice(cursor, shown))
        count, is_counted = len(kept), False
        try:
            for _ in islice(cursor, max(0, self._limits.counted_rows - count)):
                count += 1
            is_counted = cursor.fetchone() is None
        except sqlite3.OperationalError:
            if not self._watch.reason:
                raise
        return Rows(columns, kept, count, is_counted)

    def _problem(self, error: Exception) -> ToolRetryError | ToolFailedError:
        text = str(error)
        if self._watch.reason:
            return ToolRetryError(
                f"The query was stopped: {self._watch.reason}. Ask for less, with WHERE or LIMIT."
            )
        if "authoriz" in text or "prohibited" in text:
            return ToolRetryError("Only reading is allowed: write one SELECT over the tables.")
        if "malformed" in text or "not a database" in text:
            return ToolFailedError(self._tool, f"the database is damaged: {text}")
        if "locked" in text:
            return ToolFailedError(self._tool, "another program is writing to the database")
        if "one statement" in text:
            return ToolRetryError("That is more than one statement; write one SELECT.")
        if "vtable" in text:
            return ToolRetryError("Virtual tables, such as full-text indexes, cannot be asked.")
        if "too big" in text:
            return ToolRetryError(
                "A text or value in the query is longer than 100,000 bytes; "
                "leave that column out, or ask for length(column)."
            )
        return ToolRetryError(f"SQL error: {text.rstrip('.')}. There is {self.in_short()}.")

    def in_short(self) -> str:
        """The tables with their columns on one line, shortened where there are many."""
        texts = []
        for table in self.tables[:_TOLD_NAMES]:
            names = [quoted(column.name) for column in table.columns[:_TOLD_NAMES]]
            left = ["…"] if len(table.columns) > _TOLD_NAMES else []
            texts.append(f"{quoted(table.name)}({', '.join(names + left)})")
        more = len(self.tables) - _TOLD_NAMES
        return ", ".join(texts or ["no table"]) + (f" and {more} more tables" if more > 0 else "")


@contextmanager
def open_database(
    path: Path, name: str, *, tool: str, limits: Limits = _NO_LIMITS
) -> Iterator[Database]:
    """Open ``path``, which the user calls ``name``, for the tool of that name.

    Raises:
        ToolFailedError: it is no table and no database, is damaged, or too large.
    """
    try:
        with path.open("rb") as file:
            is_sqlite = file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError as error:
        raise ToolFailedError(tool, f"{name} cannot be read: {error.strerror}") from error
    if not is_sqlite and path.suffix.lower() in _SQLITE_SUFFIXES:
        raise ToolFailedError(tool, f"{name} is no SQLite database, or an encrypted one")
    opened = _sqlite(path, name, tool, limits) if is_sqlite else _csv(path, name, tool, limits)
    with closing(opened._connection):
        yield opened


def _csv(path: Path, name: str, tool: str, limits: Limits) -> Database:
    file = open_csv(path, name, tool)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        loaded = load_csv(connection, file, name, tool)
        columns = tuple(Column(*column) for column in loaded.columns)
        return Database(
            (Table(loaded.table, columns),),
            file.described,
            loaded.notes,
            (),
            connection,
            guard(connection, limits),
            limits,
            tool,
        )
    except BaseException:
        connection.close()
        raise


def _sqlite(path: Path, name: str, tool: str, limits: Limits) -> Database:
    address = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(address, uri=True, timeout=_BUSY_S, isolation_level=None)
    try:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        watch = guard(connection, limits)
        tables, left_out = _schema_of(connection)
    except (sqlite3.Error, sqlite3.Warning) as error:
        connection.close()
        raise ToolFailedError(tool, f"{name} cannot be read as a database: {error}") from error
    except BaseException:
        connection.close()
        raise
    return Database(tables, "SQLite database", (), left_out, connection, watch, limits, tool)


def _schema_of(connection: sqlite3.Connection) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """The tables that people made, and what has to be said of others.

    Without SQLite's own and those behind virtual tables.
    """
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
    ).fetchmany(_MOST_TABLES * 10)
    virtual = [str(name) for name, sql in found if _VIRTUAL.match(sql or "")]
    behind = tuple(f"{name}_" for name in virtual)
    tables: list[Table] = []
    notes: list[str] = []
    for name in (str(name) for name, _ in found):
        if name in virtual or name.startswith(("sqlite_", *behind)):
            continue
        if len(tables) == _MOST_TABLES:
            notes.append(f"There are more than {_MOST_TABLES} tables; the others are left out.")
            break
        try:
            rows = connection.execute(f"PRAGMA table_info({quoted(name, always=True)})").fetchall()
        except sqlite3.OperationalError:
            notes.append(f"The view {name} is left out: what it shows is gone.")
            continue
        tables.append(Table(name, tuple(Column(str(row[1]), str(row[2] or "ANY")) for row in rows)))
    if virtual:
        notes.append(
            f"Virtual tables, such as full-text indexes, are left out: {', '.join(virtual[:5])}."
        )
    return tuple(tables), tuple(notes)


def quoted(name: str, *, always: bool = False) -> str:
    """A name as SQL needs it."""
    return name if not always and is_plain_name(name) else '"' + name.replace('"', '""') + '"'
