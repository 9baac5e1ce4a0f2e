"""What a query may do and use: it reads, and it ends.

Owns the bounds on a SQLite connection: an authorizer that allows reading alone,
limits on the size of values and statements, and a watch that breaks off what
takes too long or too much memory. The SQL is a model's, and what it was led to
write may come from a file; nothing here trusts it.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass

MAX_SQL = 10_000
"""Characters of a statement."""

_STEPS_BETWEEN_LOOKS = 1_000
_ALLOWED = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
    }
)
_FORBIDDEN_FUNCTIONS = frozenset(
    {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"}
)
_ALLOWED_PRAGMAS = frozenset({"table_info", "table_xinfo", "index_list", "foreign_key_list"})
"""They only tell what a table is like; no other may be used, since most change something."""

_HIDDEN_TABLES = ("pragma_", "sqlite_dbpage", "sqlite_stmt", "dbstat")
_SETTINGS = (
    "PRAGMA query_only = ON",
    # A foreign database's views may then not call functions with side effects.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    # A sort that grows does it where the watch sees it, not on the disk.
    "PRAGMA temp_store = MEMORY",
)
_SQLITE_LIMITS = {
    # A function of two such strings can take their product of steps, without a look.
    sqlite3.SQLITE_LIMIT_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: MAX_SQL * 4,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use.

    Attributes:
        time_s: seconds until it is broken off.
        memory_bytes: by how much this process may grow meanwhile.
        counted_rows: rows that are counted; of more it is said that there are more.
    """

    time_s: float = 5.0
    memory_bytes: int = 400_000_000
    counted_rows: int = 100_000


class Watch:
    """Looks at a running query now and then, and breaks it off.

    ``reason`` says why, after a query was.
    """

    def __init__(self, limits: Limits) -> None:
        from psutil import Process

        self._limits, self._process = limits, Process()
        self._end_s = self._most_bytes = 0.0
        self.reason = ""

    def start(self) -> None:
        """Begin anew, for the next query."""
        self.reason = ""
        self._end_s = time.monotonic() + self._limits.time_s
        self._most_bytes = self._process.memory_info().rss + self._limits.memory_bytes

    def look(self) -> bool:
        """Whether to break off; SQLite calls it."""
        if time.monotonic() >= self._end_s:
            self.reason = f"it took longer than {self._limits.time_s:g} s"
        elif self._process.memory_info().rss > self._most_bytes:
            self.reason = f"it took more than {self._limits.memory_bytes // 10**6:,} MB of memory"
        return bool(self.reason)


def guard(connection: sqlite3.Connection, limits: Limits) -> Watch:
    """Bound everything that ``connection`` does from now on."""
    for setting in _SETTINGS:
        connection.execute(setting).close()
    for category, most in _SQLITE_LIMITS.items():
        connection.setlimit(category, most)
    watch = Watch(limits)
    connection.set_authorizer(_authorize)
    connection.set_progress_handler(watch.look, _STEPS_BETWEEN_LOOKS)
    watch.start()
    return watch


def _authorize(
    action: int, first: str | None, second: str | None, _database: str | None, _source: str | None
) -> int:
    if action == sqlite3.SQLITE_PRAGMA:
        is_allowed = (first or "").lower() in _ALLOWED_PRAGMAS
        return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY
    if action not in _ALLOWED:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_READ and (first or "").lower().startswith(_HIDDEN_TABLES):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
