"""The page about what is remembered: its parts, and which one an address shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nicegui import ui

from airunner.server.native.services import Services
from airunner.ui.notes.facts import FactList
from airunner.ui.notes.note_list import NoteList
from airunner.ui.notes.reminder_list import ReminderList
from airunner.ui.parts import heading, part_links

PARTS = {"": "Notes", "facts": "About you", "reminders": "Reminders"}
_SHOWN: Mapping[str, Callable[[Services], object]] = {
    "": NoteList,
    "facts": FactList,
    "reminders": ReminderList,
}


def show_notes(services: Services, part: str = "") -> None:
    """The middle of the page; what is no part is the first one."""
    here = part if part in PARTS else ""
    ui.page_title(f"{PARTS[here]} · AI Runner")
    with ui.element("div").classes("sheet setup"):
        heading("Notes", 1)
        part_links("Notes", "/notes", PARTS, here)
        _SHOWN[here](services)
