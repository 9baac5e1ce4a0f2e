"""Knowledge notes: texts that the user has had written down, each under a title."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airunner.errors import UnusableRecordError
from airunner.records.database import Connection, Database
from airunner.records.one_line import folded, one_line, storable
from airunner.records.search import Index

MOST_TITLE = 120
"""Characters of a note's title."""

_COLUMNS = "number, title, text, created_s, changed_s"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its title. Titles that differ in case or spaces alone are the same."""

    number: int
    title: str
    text: str
    created_s: float
    changed_s: float


@dataclass(frozen=True, slots=True)
class FoundNote:
    """A note that a search found, and the place where it fits best."""

    note: Note
    excerpt: str


class Notes:
    """The notes of a database."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock
        self._index = Index("note", ("title", "text"))

    def add(self, title: str, text: str) -> Note | None:
        """A new note; ``None`` if there is one of this title, which is left as it is."""
        shown = one_line(title, MOST_TITLE)
        now_s = self._clock()
        with self._database.write() as connection:
            if _of_key(connection, folded(shown)) is not None:
                return None
            connection.execute(
                "INSERT INTO note (key, title, text, created_s, changed_s) VALUES (?, ?, ?, ?, ?)",
                (folded(shown), shown, storable(text), now_s, now_s),
            )
            return _of_key(connection, folded(shown))

    def get(self, title: str) -> Note | None:
        """The note of exactly this title."""
        with self._database.read() as connection:
            return _of_key(connection, folded(one_line(title, MOST_TITLE)))

    def list(self) -> Sequence[Note]:
        """The notes, the one that was changed last first."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM note ORDER BY changed_s DESC, number DESC"
            ).fetchall()
        return [Note(*row) for row in rows]

    def search(self, query: str, limit: int = 10) -> Sequence[FoundNote]:
        """Notes with such words, best first."""
        with self._database.read() as connection:
            found = self._index.find(connection, query, limit)
            rows = [_of_number(connection, number) for number, _ in found]
        return [
            FoundNote(note, excerpt)
            for note, (_, excerpt) in zip(rows, found, strict=True)
            if note is not None
        ]

    def append(self, number: int, text: str) -> Note | None:
        """Add ``text`` on a line of its own at the end; ``None`` if the note is gone."""
        return self._change(number, lambda before: f"{before.rstrip()}\n{text}".lstrip("\n"))

    def replace(self, number: int, text: str) -> Note | None:
        """Put ``text`` in the place of the note's; ``None`` if the note is gone."""
        return self._change(number, lambda _: text)

    def change(self, number: int, title: str, text: str) -> Note | None:
        """Give a note another title and text; ``None`` if the note is gone.

        Raises:
            UnusableRecordError: another note has this title.
        """
        shown = one_line(title, MOST_TITLE)
        with self._database.write() as connection:
            same = _of_key(connection, folded(shown))
            if same is not None and same.number != number:
                raise UnusableRecordError("note", f"there is another one called {same.title!r}")
            connection.execute(
                "UPDATE note SET key = ?, title = ?, text = ?, changed_s = ? WHERE number = ?",
                (folded(shown), shown, storable(text), self._clock(), number),
            )
            return _of_number(connection, number)

    def with_number(self, number: int) -> Note | None:
        """The note of this number."""
        with self._database.read() as connection:
            return _of_number(connection, number)

    def delete(self, number: int) -> bool:
        """Delete a note for good; false if it is gone already."""
        return self._index.delete(self._database, number)

    def _change(self, number: int, change: Callable[[str], str]) -> Note | None:
        with self._database.write() as connection:
            note = _of_number(connection, number)
            if note is not None:
                connection.execute(
                    "UPDATE note SET text = ?, changed_s = ? WHERE number = ?",
                    (storable(change(note.text)), self._clock(), number),
                )
            return _of_number(connection, number)


def _of_key(connection: Connection, key: str) -> Note | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM note WHERE key = ?", (key,)).fetchone()
    return None if row is None else Note(*row)


def _of_number(connection: Connection, number: int) -> Note | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM note WHERE number = ?", (number,)).fetchone()
    return None if row is None else Note(*row)
