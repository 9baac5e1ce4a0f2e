"""The page about what is remembered."""

from __future__ import annotations

from airunner.ui.notes.facts import FactList
from airunner.ui.notes.note_list import NoteList
from airunner.ui.notes.reminder_list import ReminderList
from airunner.ui.parts import Parts

NOTES = Parts(
    "Notes",
    "/notes",
    {
        "": ("Notes", NoteList),
        "facts": ("About you", FactList),
        "reminders": ("Reminders", ReminderList),
    },
)
