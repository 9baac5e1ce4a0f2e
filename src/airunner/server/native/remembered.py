"""Notes, facts and reminders as a person keeps them by hand.

Owns which of what is asked for can be kept; the model keeps the same with its tools
(``toolbox.memory``, ``toolbox.time``).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from airunner.errors import UnknownRecordError, UnusableRecordError
from airunner.events import EventBus, RememberedChanged
from airunner.records.facts import Fact
from airunner.records.notes import FoundNote, Note
from airunner.records.one_line import one_line, title_from
from airunner.records.records import Records
from airunner.records.reminders import Reminder
from airunner.toolbox.time.dates.date_reader import MOST_YEARS, read_moment

MOST_NOTE = 1_000_000
"""Characters of a note that is written by hand."""
_MOST_FOUND = 50
_MOST_TITLE = 120


class Remembered:
    """What is remembered beside conversations. Every method may be called from any thread.

    Each may raise ``StorageError``. Those that change something raise ``UnusableRecordError``
    for what cannot be kept, and ``UnknownRecordError`` for a number that there is not, and
    publish ``RememberedChanged``.
    """

    def __init__(self, records: Records, bus: EventBus) -> None:
        self._records, self._bus = records, bus

    def notes(self, search: str = "") -> Sequence[FoundNote]:
        """The notes, the one changed last first; or those with such words, with excerpts."""
        if search.strip():
            return self._records.notes.search(search, _MOST_FOUND)
        return [FoundNote(note, "") for note in self._records.notes.list()]

    def add_note(self, title: str, text: str) -> Note:
        """A new note; without a title it gets one from its text."""
        name = one_line(title, _MOST_TITLE) or title_from(text)
        note = self._records.notes.add(_given("note", name), _bounded(text))
        if note is None:
            raise UnusableRecordError("note", f"there is one called {name!r} already")
        self._changed("notes")
        return note

    def change_note(self, number: int, title: str | None = None, text: str | None = None) -> Note:
        """Another title or text for a note; ``None`` leaves that as it is."""
        before = self._records.notes.with_number(number)
        if before is not None:
            name = before.title if title is None else one_line(title, _MOST_TITLE)
            body = before.text if text is None else _bounded(text)
            after = self._records.notes.change(number, _given("note", name), body)
            if after is not None:
                self._changed("notes")
                return after
        raise UnknownRecordError("note", str(number))

    def delete_note(self, number: int) -> None:
        """Delete a note for good."""
        if not self._records.notes.delete(number):
            raise UnknownRecordError("note", str(number))
        self._changed("notes")

    def facts(self) -> Sequence[Fact]:
        """What is known of the user, what was told last first."""
        return self._records.facts.list()

    def add_fact(self, text: str) -> Fact:
        """Remember something; conversations that begin from now on know it."""
        fact = self._records.facts.add(_given("fact", text))
        self._changed("facts")
        return fact

    def change_fact(self, number: int, text: str) -> Fact:
        """Word a fact anew."""
        fact = self._records.facts.change(number, _given("fact", text))
        if fact is None:
            raise UnknownRecordError("fact", str(number))
        self._changed("facts")
        return fact

    def delete_fact(self, number: int) -> None:
        """Forget a fact for good; conversations that began with it keep it."""
        if not self._records.facts.delete(number):
            raise UnknownRecordError("fact", str(number))
        self._changed("facts")

    def reminders(self) -> Sequence[Reminder]:
        """What nobody has taken note of yet, due or to come, the next first."""
        return self._records.reminders.waiting()

    def add_reminder(self, text: str, when: float | str) -> Reminder:
        """A reminder for a moment: in Unix time, or in words, as ``set_reminder`` reads them.

        Raises:
            ToolRetryError: the words mean no moment to come; the message says why.
        """
        due_s = self._moment(when)
        reminder = self._records.reminders.add(_given("reminder", text), due_s)
        self._changed("reminders")
        return reminder

    def change_reminder(
        self, number: int, text: str | None = None, when: float | str | None = None
    ) -> Reminder:
        """Another text or moment for a reminder; ``None`` leaves that as it is.

        Raises:
            ToolRetryError: see ``add_reminder``.
        """
        for before in self._records.reminders.waiting():
            if before.number == number:
                said = before.text if text is None else _given("reminder", text)
                due_s = before.due_s if when is None else self._moment(when)
                if after := self._records.reminders.change(number, said, due_s):
                    self._changed("reminders")
                    return after
        raise UnknownRecordError("reminder", str(number))

    def delete_reminder(self, number: int) -> None:
        """Cancel a reminder that waits."""
        if not self._records.reminders.cancel(number):
            raise UnknownRecordError("reminder", str(number))
        self._changed("reminders")

    def _changed(self, what: str) -> None:
        self._bus.publish(RememberedChanged(what=what))

    def _moment(self, when: float | str) -> float:
        now_s = self._records.reminders.now_s()
        if isinstance(when, str):
            if find_spec("dateparser") is None:
                problem = "times in words need an extra: `pip install 'airunner[time]'` adds it"
                raise UnusableRecordError("reminder", problem)
            return read_moment(when, now_s)
        if not now_s < when < now_s + MOST_YEARS * 366 * 86_400:
            problem = f"its time is over, or more than {MOST_YEARS} years away"
            raise UnusableRecordError("reminder", problem)
        return when


def _given(kind: str, text: str) -> str:
    """``text``, which must say something on one line."""
    if not one_line(text, 2):
        raise UnusableRecordError(kind, "it is empty")
    return text


def _bounded(text: str) -> str:
    if len(text) > MOST_NOTE:
        raise UnusableRecordError("note", f"it has more than {MOST_NOTE:,} characters")
    return text
