"""A SQLite database as it is: opened for reading, with everything else forbidden.

Owns the bounds on the connection. The SQL is a model's, and what it was led to write
may come from a file, as may the views of the database; nothing here trusts them.
DuckDB would have to download an extension to read such a file.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Iterator, Set
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from airunner.errors import ToolError, ToolFailedError, ToolRetryError
from airunner.toolbox.tables.database import (
    MAX_SQL,
    ONLY_READING,
    TOO_MUCH_MEMORY,
    Column,
    Database,
    Limits,
    Table,
)
from airunner.tools.real_path import real_folder

_BUSY_S = 2.0
_MEMORY_BYTES = 400_000_000
_MOST_TABLES = 100
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL\b", re.IGNORECASE)
_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_FORBIDDEN_FUNCTIONS = {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"}
# They only tell what a table is like; most others change something.
_ALLOWED_PRAGMAS = {"table_info", "table_xinfo", "index_list", "foreign_key_list"}
_HIDDEN_TABLES = ("pragma_", "sqlite_dbpage", "sqlite_stmt", "dbstat")
_SETTINGS = (
    "PRAGMA query_only = ON",
    # A foreign database's views may then not call functions with side effects.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    # A sort that grows does it where the limit on memory sees it, not on the disk.
    "PRAGMA temp_store = MEMORY",
    # For the whole process, which is the query's own.
    f"PRAGMA hard_heap_limit = {_MEMORY_BYTES}",
)
_LIMITS = {
    # A function of two such strings can take their product of steps without an interruption.
    sqlite3.SQLITE_LIMIT_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: MAX_SQL * 4,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_TOO_BIG = (
    "A text or value in the query is longer than 100,000 bytes; "
    "leave that column out, or ask for length(column)."
)


@contextmanager
def open_sqlite(
    file: BinaryIO, path: Path, name: str, tool: str, limits: Limits
) -> Iterator[Database]:
    """The database in ``file``, which lies at ``path``, and the user calls ``name``.

    SQLite opens it by its path. What it has opened is compared with ``file`` before anything
    of it is shown: somebody may have put a link in its place.

    Raises:
        ToolFailedError: it is damaged, no database after all, or not at its place any more.
    """
    known = set(_open_files())
    address = f"{path.absolute().as_uri()}?mode=ro"
    # The thread that breaks a query off is another one.
    connection = sqlite3.connect(
        address, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    with closing(connection):
        try:
            database = _SqliteTables(connection, limits, tool)
            is_itself = _has_opened_only(file, path, known)
        # The last: an error of SQLite's that quotes what is no text in the file.
        except (sqlite3.Error, sqlite3.Warning, UnicodeDecodeError) as error:
            raise ToolFailedError(tool, f"{name} cannot be read as a database: {error}") from error
        except OSError:  # a link is on the way to it
            is_itself = False
        if not is_itself:
            raise ToolFailedError(tool, f"{name} is not at its place any more")
        yield database


def _open_files() -> Iterator[tuple[int, int, int]]:
    """The regular files that this process has open: number, file system, and file on it."""
    for number in map(int, os.listdir("/dev/fd")):
        with suppress(OSError):  # the folder that was listed
            found = os.fstat(number)
            if stat.S_ISREG(found.st_mode):
                yield number, found.st_dev, found.st_ino


def _has_opened_only(file: BinaryIO, path: Path, known: Set[tuple[int, int, int]]) -> bool:
    """Whether SQLite has opened nothing but ``file``, and its log.

    Raises:
        OSError: a link is on the way to ``path``.
    """
    main = os.fstat(file.fileno())
    allowed = {(main.st_dev, main.st_ino)}
    opened = {each[1:] for each in set(_open_files()) - known}
    with real_folder(path.parent) as folder:
        for ending in ("-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                found = os.stat(path.name + ending, dir_fd=folder, follow_symlinks=False)
                allowed.add((found.st_dev, found.st_ino))
    return opened <= allowed


class _SqliteTables(Database):
    described = "SQLite database"

    def __init__(self, connection: sqlite3.Connection, limits: Limits, tool: str) -> None:
        super().__init__(connection, limits)
        self._tool = tool
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        for setting in _SETTINGS:
            connection.execute(setting).close()
        for category, most in _LIMITS.items():
            connection.setlimit(category, most)
        connection.set_authorizer(_authorize)
        self.tables, self.left_out = _schema_of(connection)

    def _execute(self, statement: str) -> sqlite3.Cursor:
        return self._connection.cursor().execute(statement)  # type: ignore[no-any-return]

    def _problem(self, text: str) -> ToolError | None:
        if "authoriz" in text or "prohibited" in text:
            return ToolRetryError(ONLY_READING)
        if any(words in text for words in ("malformed", "not a database", "locked")):
            return ToolFailedError(self._tool, text)
        if "too big" in text:
            return ToolRetryError(_TOO_BIG)
        return ToolRetryError(TOO_MUCH_MEMORY) if "out of memory" in text else None


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    name, function = (first or "").lower(), (second or "").lower()
    is_allowed = action in _ALLOWED
    if action == sqlite3.SQLITE_PRAGMA:
        is_allowed = name in _ALLOWED_PRAGMAS
    elif action == sqlite3.SQLITE_FUNCTION:
        is_allowed = function not in _FORBIDDEN_FUNCTIONS
    elif action == sqlite3.SQLITE_READ:
        is_allowed = not name.startswith(_HIDDEN_TABLES)
    return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY


def _schema_of(connection: sqlite3.Connection) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """The tables that people made, and what has to be said of others.

    Without SQLite's own and those behind virtual tables.
    """
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
    ).fetchmany(_MOST_TABLES * 10)
    virtual = [str(name) for name, sql in found if _VIRTUAL.match(sql or "")]
    hidden = ("sqlite_", *(f"{name}_" for name in virtual))
    tables: list[Table] = []
    notes: list[str] = []
    for name in (str(name) for name, _ in found):
        if name in virtual or name.startswith(hidden):
            continue
        if len(tables) == _MOST_TABLES:
            notes.append(f"There are more than {_MOST_TABLES} tables; the others are left out.")
            break
        try:
            rows = connection.execute(f"PRAGMA table_info({_in_quotes(name)})").fetchall()
        except (sqlite3.OperationalError, UnicodeDecodeError):
            notes.append(f"The view {name} is left out: what it shows is gone.")
            continue
        columns = (Column(_in_sql(connection, str(row[1])), str(row[2] or "ANY")) for row in rows)
        tables.append(Table(_in_sql(connection, name), tuple(columns)))
    if virtual:
        notes.append(
            f"Virtual tables, such as full-text indexes, are left out: {', '.join(virtual[:5])}."
        )
    return tuple(tables), tuple(notes)


def _in_sql(connection: sqlite3.Connection, name: str) -> str:
    """A name as SQL needs it: in quotes where it is a keyword, or no plain word."""
    if not _PLAIN_NAME.fullmatch(name):
        return _in_quotes(name)
    try:
        connection.execute(f"SELECT 1 AS {name}").close()
    except sqlite3.Error:
        return _in_quotes(name)
    return name


def _in_quotes(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
