"""Finding records by their words, and deleting them so that no word of them is left.

Owns how a query in a user's words becomes one of SQLite's full-text search, and
what is tried when that finds nothing. No character of a query has a meaning of
its own: words are taken out of it and quoted.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from airunner.records.database import Database
from airunner.records.one_line import storable

MOST_WORDS = 16
"""Words of a query that are looked for."""

_WORD = re.compile(r"\w+")
_STEM = 3
"""Letters that a word has in common with its other forms, at the least that is looked for."""

_BESIDE = 60
"""Characters of an excerpt on each side of what was found."""


@dataclass(frozen=True, slots=True)
class Index:
    """A table that can be searched: its own name, and its columns from the most telling on."""

    table: str
    columns: tuple[str, ...]

    def find(self, connection: sqlite3.Connection, query: str, limit: int) -> list[tuple[int, str]]:
        """Numbers of the rows that fit ``query``, best first, each with an excerpt.

        Rows with all its words if there are any, else those with some of them,
        else those that contain it as it stands, which also finds the middle of a
        word and words of scripts that are written without spaces.
        """
        query = storable(query)
        words = _WORD.findall(query)[:MOST_WORDS]
        # Each as a whole word, whatever its ending, or as the beginning of one.
        either = [f'("{word}" OR "{word}"*)' for word in words]
        for together in (" AND ", " OR "):
            if found := self._matching(connection, together.join(either), words, limit):
                return found
        return self._containing(connection, query.strip(), limit)

    def named(
        self, connection: sqlite3.Connection, table: str, query: str, limit: int
    ) -> list[tuple[str, str]]:
        """Ids and titles of the rows of ``table`` whose title has every word of ``query``."""
        words = _WORD.findall(storable(query))[:MOST_WORDS]
        if not words:
            return []
        where = " AND ".join(["title LIKE ? ESCAPE '\\'"] * len(words))
        rows = connection.execute(
            f"SELECT id, title FROM {table} WHERE {where} ORDER BY updated_s DESC LIMIT ?",
            (*map(_pattern, words), limit),
        )
        return [(id, title) for id, title in rows]

    def delete(self, database: Database, number: int) -> bool:
        """Delete a row for good; false if it is gone already."""
        with database.write() as connection:
            gone = connection.execute(f"DELETE FROM {self.table} WHERE number = ?", (number,))
            self.merge(connection)
        database.compact()
        return gone.rowcount == 1

    def merge(self, connection: sqlite3.Connection) -> None:
        """Write the index anew, without the words of rows that were deleted."""
        name = f"{self.table}_search"
        connection.execute(f"INSERT INTO {name} ({name}) VALUES ('optimize')")

    def _matching(
        self, connection: sqlite3.Connection, expression: str, words: Sequence[str], limit: int
    ) -> list[tuple[int, str]]:
        if not expression:
            return []
        name = f"{self.table}_search"
        rows = connection.execute(
            f"SELECT rowid, {', '.join(self.columns)}"
            f" FROM {name} WHERE {name} MATCH ? ORDER BY rank, rowid DESC LIMIT ?",
            (expression, limit),
        )
        return [(number, _excerpt(texts, words)) for number, *texts in rows]

    def _containing(
        self, connection: sqlite3.Connection, text: str, limit: int
    ) -> list[tuple[int, str]]:
        if not text:
            return []
        pattern = _pattern(text)
        where = " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in self.columns)
        rows = connection.execute(
            f"SELECT number, {self.columns[-1]} FROM {self.table} WHERE {where}"
            " ORDER BY number DESC LIMIT ?",
            (*[pattern] * len(self.columns), limit),
        )
        return [
            (number, _around(full, max(0, full.casefold().find(text.casefold())), len(text)))
            for number, full in rows
        ]


def _pattern(text: str) -> str:
    """What ``LIKE`` finds ``text`` with, wherever it stands."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


def _excerpt(texts: Sequence[str], words: Sequence[str]) -> str:
    """The part of the columns where one of ``words`` is, or another form of one.

    SQLite's ``snippet`` takes a time that grows with the square of how often a word is there:
    13 s for 8,000 times.
    """
    for forms in (words, [word[:_STEM] for word in words]):
        wanted = re.compile(rf"\b(?:{'|'.join(forms)})\w*", re.IGNORECASE)
        for text in reversed(texts):
            if found := wanted.search(text):
                return _around(text, found.start(), len(found[0]))
    return _around(texts[-1], 0, 0)


def _around(full: str, at: int, length: int) -> str:
    """The part of ``full`` of ``length`` characters from ``at`` on, with what is beside it."""
    first, last = max(0, at - _BESIDE), at + min(length, _BESIDE) + _BESIDE
    return f"{'…' if first else ''}{full[first:last]}{'…' if last < len(full) else ''}"
