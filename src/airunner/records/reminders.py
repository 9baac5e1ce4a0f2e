"""Reminders: what the user wants to be told, and when.

Owns that each waits until somebody has taken note of it, whatever process dies meanwhile.
Reading a time in words belongs to ``airunner.toolbox.time.dates.date_reader``; showing, and
knowing that somebody saw it, to whoever notes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airunner.records.database import Database
from airunner.records.one_line import one_line

MOST_TEXT = 300
"""Characters of a reminder."""

_COLUMNS = "number, text, due_s, created_s"


@dataclass(frozen=True, slots=True)
class Reminder:
    """A text on one line, and when it is due, in Unix time."""

    number: int
    text: str
    due_s: float
    created_s: float


class Reminders:
    """The reminders of a database.

    Those that somebody took note of are kept but not listed: ``delivered_s`` is when.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock

    def now_s(self) -> float:
        """The present, by the clock that reminders go by."""
        return self._clock()

    def add(self, text: str, due_s: float) -> Reminder:
        """A new reminder."""
        shown, now_s = one_line(text, MOST_TEXT), self._clock()
        with self._database.write() as connection:
            added = connection.execute(
                "INSERT INTO reminder (text, due_s, created_s) VALUES (?, ?, ?)",
                (shown, due_s, now_s),
            )
            return Reminder(added.lastrowid or 0, shown, due_s, now_s)

    def change(self, number: int, text: str, due_s: float) -> Reminder | None:
        """Change what a reminder says and when; ``None`` if it was noted or is gone."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE reminder SET text = ?, due_s = ? WHERE number = ? AND delivered_s IS NULL",
                (one_line(text, MOST_TEXT), due_s, number),
            )
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM reminder WHERE number = ? AND delivered_s IS NULL",
                (number,),
            ).fetchone()
        return None if row is None else Reminder(*row)

    def waiting(self) -> Sequence[Reminder]:
        """What nobody has taken note of yet, due or to come, the next first."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM reminder WHERE delivered_s IS NULL ORDER BY due_s, number"
            ).fetchall()
        return [Reminder(*row) for row in rows]

    def next_due_s(self) -> float | None:
        """When the next one is due, or was; ``None`` if none is waiting."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT min(due_s) FROM reminder WHERE delivered_s IS NULL"
            ).fetchone()
        return None if row[0] is None else float(row[0])

    def due(self, now_s: float | None = None) -> Sequence[Reminder]:
        """What is due and was not noted, oldest first; ``now_s`` is the clock's by default."""
        until_s = self._clock() if now_s is None else now_s
        return [reminder for reminder in self.waiting() if reminder.due_s <= until_s]

    def note(self, number: int) -> bool:
        """Somebody has seen a reminder that is due: nobody is shown it again.

        False if it is not due, was noted before or is gone.
        """
        now_s = self._clock()
        with self._database.write() as connection:
            noted = connection.execute(
                "UPDATE reminder SET delivered_s = ?"
                " WHERE number = ? AND delivered_s IS NULL AND due_s <= ?",
                (now_s, number, now_s),
            )
            return noted.rowcount == 1

    def cancel(self, number: int) -> bool:
        """Delete a waiting reminder; false if it was noted or is gone."""
        with self._database.write() as connection:
            gone = connection.execute(
                "DELETE FROM reminder WHERE number = ? AND delivered_s IS NULL", (number,)
            )
            cancelled = gone.rowcount == 1
        self._database.compact()
        return cancelled
