"""Facts that the user has asked to have remembered about themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airunner.errors import UnusableRecordError
from airunner.records.database import Connection, Database
from airunner.records.one_line import folded, one_line
from airunner.records.search import Index

MOST_FACT = 500
"""Characters of a fact."""

_COLUMNS = "number, text, told_s"
_HEAD = "What the user has asked you to remember, in their words, newest first:"


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence or so, as it was told."""

    number: int
    text: str
    told_s: float


class Facts:
    """The facts of a database."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock
        self._index = Index("fact", ("text",))

    def add(self, text: str) -> Fact:
        """Remember a fact; one that is known already counts as told now."""
        shown = one_line(text, MOST_FACT)
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO fact (key, text, told_s) VALUES (?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET told_s = excluded.told_s",
                (folded(shown), shown, self._clock()),
            )
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM fact WHERE key = ?", (folded(shown),)
            ).fetchone()
            return Fact(*row)

    def list(self, limit: int = -1) -> Sequence[Fact]:
        """The facts, the one told last first."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM fact ORDER BY told_s DESC, number DESC LIMIT ?", (limit,)
            ).fetchall()
        return [Fact(*row) for row in rows]

    def search(self, query: str, limit: int = 10) -> Sequence[Fact]:
        """Facts with such words, best first."""
        with self._database.read() as connection:
            found = self._index.find(connection, query, limit)
            facts = [_of_number(connection, number) for number, _ in found]
        return [fact for fact in facts if fact is not None]

    def change(self, number: int, text: str) -> Fact | None:
        """Word a fact anew, as told when it was; ``None`` if it is gone.

        Raises:
            UnusableRecordError: that is known already.
        """
        shown = one_line(text, MOST_FACT)
        with self._database.write() as connection:
            (taken,) = connection.execute(
                "SELECT count(*) FROM fact WHERE key = ? AND number <> ?", (folded(shown), number)
            ).fetchone()
            if taken:
                raise UnusableRecordError("fact", "it is known already")
            connection.execute(
                "UPDATE fact SET key = ?, text = ? WHERE number = ?",
                (folded(shown), shown, number),
            )
            return _of_number(connection, number)

    def delete(self, number: int) -> bool:
        """Forget a fact for good; false if it is gone already."""
        return self._index.delete(self._database, number)

    def in_words(self, most: int = 1200) -> str:
        """The facts as a text to begin a conversation with, at most ``most`` characters.

        The newest come first, and the oldest are left out where there is no room;
        empty if nothing is known.
        """
        facts = self.list()
        lines: list[str] = []
        room = most - len(_HEAD)
        for fact in facts:
            line = f"\n- {fact.text}"
            if len(line) > room:
                break
            room -= len(line)
            lines.append(line)
        return _HEAD + "".join(lines) if lines else ""


def _of_number(connection: Connection, number: int) -> Fact | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM fact WHERE number = ?", (number,)).fetchone()
    return None if row is None else Fact(*row)
