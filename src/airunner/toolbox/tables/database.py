"""Tables that can be asked in SQL, whichever library holds them.

Owns running one query within its limits, and the words for what went wrong. How a file
becomes tables, and what a query may do to it, is ``csv_tables`` and ``sqlite_tables``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from threading import Timer
from typing import Any

from airunner.durations import format_seconds
from airunner.errors import ToolError, ToolRetryError

MAX_SQL = 10_000
"""Characters of a statement."""

MAX_SHOWN_ROWS = 30

ONLY_READING = "Only reading is allowed: write one SELECT over the tables."
TOO_MUCH_MEMORY = "The query was stopped: it took too much memory. Ask for less, with WHERE."

_TOLD_NAMES = 12
_BATCH_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name as SQL needs it, its type, and its heading in the file if another."""

    name: str
    kind: str
    original: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view, by its name as SQL needs it, and its columns."""

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
    shown: list[tuple[Any, ...]]
    count: int
    is_counted: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use. Memory is bounded for the process that it runs in.

    Attributes:
        time_s: seconds until it is broken off.
        counted_rows: rows that are counted; of more it is said that there are more.
    """

    time_s: float = 5.0
    counted_rows: int = 100_000


class Database(ABC):
    """An open file of tables.

    Attributes:
        tables: what can be asked.
        described: what kind of file it is, in words.
        notes: what of the file's rows no query can show.
        left_out: what of the file is no table here.
    """

    tables: tuple[Table, ...]
    described: str
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def __init__(self, connection: Any, limits: Limits) -> None:
        self._connection, self._limits = connection, limits
        self._is_stopped = False

    @abstractmethod
    def _execute(self, statement: str) -> Any:
        """Start one statement and give its cursor, or raise ``ToolRetryError`` if not allowed."""

    @abstractmethod
    def _problem(self, text: str) -> ToolError | None:
        """The library's error in our words, where it means more than wrong SQL."""

    def run(self, sql: str, shown: int = MAX_SHOWN_ROWS) -> Rows:
        """Run one SELECT; at most ``shown`` rows are kept, and the others counted.

        Raises:
            ToolRetryError: the statement is wrong, not allowed, or takes too much.
            ToolFailedError: the file is damaged, or in use by another program.
        """
        self._is_stopped = False
        timer = Timer(self._limits.time_s, self._stop)
        timer.start()
        try:
            return self._rows(self._execute(sql), shown)
        except ToolError:
            raise
        except MemoryError:
            raise ToolRetryError(TOO_MUCH_MEMORY) from None
        except Exception as error:
            raise self._told(str(error)) from None
        finally:
            timer.cancel()
            timer.join()

    def _stop(self) -> None:
        self._is_stopped = True
        self._connection.interrupt()

    def _rows(self, cursor: Any, shown: int) -> Rows:
        if cursor.description is None:
            raise ToolRetryError("That is no query; write a SELECT.")
        columns = tuple(str(column[0]) for column in cursor.description)
        kept = cursor.fetchmany(shown)
        count, most = len(kept), self._limits.counted_rows
        try:
            while count < most and (more := cursor.fetchmany(min(_BATCH_ROWS, most - count))):
                count += len(more)
            is_counted = not cursor.fetchmany(1)
        except Exception:
            if not self._is_stopped:
                raise
            is_counted = False
        return Rows(columns, kept, count, is_counted)

    def _told(self, text: str) -> ToolError:
        if self._is_stopped:
            return ToolRetryError(
                "The query was stopped: it took longer than "
                f"{format_seconds(self._limits.time_s)}. Ask for less, with WHERE or LIMIT."
            )
        wrong = f"SQL error: {text.rstrip('.')}. There is {self.in_short()}."
        return self._problem(text) or ToolRetryError(wrong)

    def in_short(self) -> str:
        """The tables with their columns on one line, shortened where there are many."""
        texts = []
        for table in self.tables[:_TOLD_NAMES]:
            names = [column.name for column in table.columns[:_TOLD_NAMES]]
            left = ["…"] if len(table.columns) > _TOLD_NAMES else []
            texts.append(f"{table.name}({', '.join(names + left)})")
        more = len(self.tables) - _TOLD_NAMES
        return ", ".join(texts or ["no table"]) + (f" and {more} more tables" if more > 0 else "")
