"""The database file: opened when first needed, used from any thread, never half written.

Owns the connection, transactions, and what becomes of SQLite's errors. What is in
the file belongs to ``migrations`` (its tables) and to the module of each kind of
record.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from airunner.durations import format_seconds
from airunner.errors import StorageError, UnusableRecordError
from airunner.errors.system_words import system_words
from airunner.records.turns import Turns

BUSY_S = 10.0
"""How long a write waits for another process that is writing."""

_PAUSE_S = 0.01
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

Connection = sqlite3.Connection


class Database:
    """One SQLite file. Every method may be called from any thread.

    All threads share one connection and take turns: tools run on threads of their
    own that nobody joins, so a connection per thread would never be closed.

    Args:
        path: the file; it and its folder are made on first use, for this user alone.
        migrate: brings a freshly opened file up to date.
        busy_s: how long to wait for another process that is writing.
    """

    def __init__(
        self, path: Path, migrate: Callable[[Connection, Path], None], busy_s: float = BUSY_S
    ) -> None:
        self.path = path
        self._migrate, self._busy_s = migrate, busy_s
        self._turn = Turns()
        self._connection: Connection | None = None
        self._closed = False

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the file throughout the body.

        Raises:
            StorageError: the file cannot be opened or read.
        """
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection whose changes are kept if the body ends, and undone if it raises.

        No other process writes in between, so what the body reads still holds
        when it writes.

        Raises:
            StorageError: the file cannot be opened or written; nothing was changed.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def compact(self) -> None:
        """Overwrite what was deleted, in the log of recent changes as well, where that is possible.

        Another process that is reading keeps its view, and the log with it.

        Raises:
            StorageError: the file cannot be written.
        """
        with self._turn, self._telling():
            self._open().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the file. Safe to call twice; a later use raises ``StorageError``."""
        with self._turn:
            self._closed = True
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with self._turn, self._telling():
            connection = self._open()
            try:
                connection.execute(begin)
                yield connection
                connection.execute("COMMIT")
            finally:
                # Also where an interrupt came between two statements of this block.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _open(self) -> Connection:
        if self._closed:
            raise StorageError(self.path, "it has been closed")
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # SQLite gives the files that it makes beside this one the same mode. One that
            # exists is not opened here: to close it would drop every lock that this process
            # holds on it ("POSIX Advisory Locks", https://www.sqlite.org/howtocorrupt.html).
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if not self.path.is_file():
                raise StorageError(self.path, "it, or its folder, is something else") from None
        except OSError as error:
            raise StorageError(self.path, system_words(error)) from error
        connection = sqlite3.connect(
            self.path, timeout=self._busy_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")
            self._migrate(connection, self.path)
            self._let_readers_go_on(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _let_readers_go_on(self, connection: Connection) -> None:
        """Keep a write-ahead log, so that readers and a writer do not wait for each other.

        Of processes that open a new file at once, all but one are turned away here
        without the wait that SQLite promises elsewhere.
        """
        until_s = time.monotonic() + self._busy_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
            except sqlite3.OperationalError as error:
                if _code(error) not in _LOCKED or time.monotonic() > until_s:
                    raise
                time.sleep(_PAUSE_S)
            else:
                return

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """SQLite's errors as ours, and its refusal of what has more than 64 bits."""
        try:
            yield
        except sqlite3.Error as error:
            raise _told(self.path, error, self._busy_s) from error
        except UnicodeDecodeError as error:
            # SQLite quotes the file in its message, and Python could not read the quotation.
            raise _damaged(self.path, "its text is not UTF-8") from error
        except OverflowError as error:
            raise UnusableRecordError("number", "it is larger than any that is kept") from error


def _told(path: Path, error: sqlite3.Error, busy_s: float) -> StorageError:
    code = _code(error)
    if code in _CORRUPT:
        return _damaged(path, error)
    if code in _LOCKED:
        problem = (
            f"another process is writing to it and did not finish within {format_seconds(busy_s)}"
        )
        return StorageError(path, problem, advice="Try again.")
    return StorageError(path, str(error))


def _damaged(path: Path, error: object) -> StorageError:
    problem = f"it is damaged or not a database ({error})"
    return StorageError(path, problem, advice="Move it away to begin with a new one.")


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for an error that Python found."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
