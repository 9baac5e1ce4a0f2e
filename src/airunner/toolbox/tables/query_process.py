"""A process that answers one question from one file of tables, and can be killed.

Owns both of its ends, and its bounds in memory and time: DuckDB may take many times the
memory that it is told, and cannot always be interrupted. A query's own limits in time are
``database``'s.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from airunner.durations import format_seconds
from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.awaited_process import read_answer, run_awaited, write_answer
from airunner.toolbox.tables.csv_tables import open_csv
from airunner.toolbox.tables.database import TOO_MUCH_MEMORY, Database, Limits
from airunner.toolbox.tables.description import describe
from airunner.toolbox.tables.layout import answer_table
from airunner.toolbox.tables.sqlite_tables import open_sqlite
from airunner.tools.real_path import open_real

_SQLITE_MAGIC = b"SQLite format 3\0"
_SQLITE_SUFFIXES = (".db", ".db3", ".sqlite", ".sqlite3")
# Addresses, of which the libraries themselves take a good part.
_MOST_MEMORY_BYTES = 1_500_000_000
_LONGEST_S = 60.0
_NO_LIMITS = Limits()


def answer(
    path: Path, name: str, sql: str, tool: str, is_cancelled: Callable[[], bool] = lambda: False
) -> str:
    """What ``sql`` finds in the file ``path``, which the user calls ``name``.

    Without SQL, what there is in the file. ``path`` is absolute and resolved: where a link is
    on the way by now, nothing is read. ``is_cancelled`` is asked while it is waited for.

    Raises:
        ToolRetryError: the statement is wrong, not allowed, or takes too much.
        ToolFailedError: the file is no table, or the process could not do its work.
    """
    try:
        opened = open_real(path)
    except OSError as error:
        raise ToolFailedError(tool, f"{name} cannot be read: {error.strerror}") from error
    with opened as file, TemporaryDirectory(prefix="airunner-tables-") as folder:
        task = json.dumps([file.fileno(), str(path), name, sql, tool, folder])
        try:
            done = run_awaited(
                [sys.executable, "-P", "-m", __name__],
                task.encode(),
                tool=tool,
                seconds=_LONGEST_S,
                is_cancelled=is_cancelled,
                kept=[file.fileno()],
            )
        except subprocess.TimeoutExpired:
            problem = f"The query was stopped: it took longer than {format_seconds(_LONGEST_S)}."
            raise ToolRetryError(problem) from None
    if done.returncode < 0:  # the libraries' own way of saying that there is no more memory
        raise ToolRetryError(TOO_MUCH_MEMORY)
    if done.returncode:
        problem = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise ToolFailedError(tool, f"{name} could not be read: {problem}")
    return str(read_answer(done.stdout, tool))


@contextmanager
def open_database(
    file: BinaryIO, path: Path, name: str, *, tool: str, limits: Limits = _NO_LIMITS
) -> Iterator[Database]:
    """The tables of ``file``, which lies at ``path``, and the user calls ``name``.

    ``file`` has to stay open: to close it would end SQLite's locks on it.

    Raises:
        ToolFailedError: it is no table and no database, is damaged, or too large.
    """
    try:
        is_sqlite = file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC
    except OSError as error:
        raise ToolFailedError(tool, f"{name} cannot be read: {error.strerror}") from error
    if not is_sqlite and path.suffix.lower() in _SQLITE_SUFFIXES:
        raise ToolFailedError(tool, f"{name} is no SQLite database, or an encrypted one")
    opening = (
        open_sqlite(file, path, name, tool, limits)
        if is_sqlite
        else open_csv(file, name, tool, limits)
    )
    with opening as database:
        yield database


def _answer(task: Sequence[Any]) -> str:
    # What is left in that folder goes with it, however this process ends.
    opened, path, name, sql, tool, tempfile.tempdir = task
    try:
        with (
            os.fdopen(opened, "rb") as file,
            open_database(file, Path(path), name, tool=tool) as database,
        ):
            return _answered(database, name, sql)
    except MemoryError:
        raise ToolRetryError(TOO_MUCH_MEMORY) from None


def _answered(database: Database, name: str, sql: str) -> str:
    if not sql.strip():
        return describe(database, name)
    return "\n".join([answer_table(database.run(sql)), *database.notes])


if __name__ == "__main__":
    write_answer(_answer, _MOST_MEMORY_BYTES)
