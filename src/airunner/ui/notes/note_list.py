"""The notes: finding, writing, changing and deleting them."""

from __future__ import annotations

import asyncio
import html
import time

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.events import RememberedChanged, ToolCallFinished
from airunner.records.notes import FoundNote, Note
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.form_dialog import form_dialog
from airunner.ui.notices import tell
from airunner.ui.parts import search_field
from airunner.ui.window import on_events

REMEMBERED_EVENTS = (RememberedChanged, ToolCallFinished)
"""After these, what is remembered may be another."""
_LONGEST = 220


class NoteList:
    """The notes of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        with ui.element("div").classes("over"):
            self._field = search_field("Search notes", self.refresh)
            word_button("New note…", lambda: self._edit(None), main=True)
        self._shown = ui.element("div").classes("subjects")
        on_events(services.core.bus, REMEMBERED_EVENTS, self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    async def refresh(self) -> None:
        """Show the notes as they are."""
        wanted, problem = (self._field.value or "").strip(), ""
        found: list[FoundNote] = []
        try:
            found = list(await asyncio.to_thread(self._services.remembered.notes, wanted))
        except AiRunnerError as error:
            problem = str(error)
        if self._shown.is_deleted:
            return
        self._shown.clear()
        with self._shown:
            if problem:
                ui.label(problem).classes("wrong").props('role="alert"')
            elif not found and wanted:
                ui.label("No note has such words.").classes("hint")
            elif not found:
                ui.label(
                    "No notes yet. Write one here, or say in the chat what is to be written down."
                ).classes("hint")
            for each in found:
                self._row(each)

    def _row(self, found: FoundNote) -> None:
        note = found.note
        with ui.element("div").classes("setting note"):
            ui.html(_as_html(found), sanitize=False).classes("facts")
            button = word_button("Open…", lambda: self._edit(note))
            button.props["aria-label"] = f"Open {note.title}"

    def _edit(self, note: Note | None) -> None:
        remembered = self._services.remembered
        with form_dialog("Note" if note is not None else "New note") as form:
            form.dialog.classes("broad")
            title = form.field("Title", note.title if note is not None else "")
            text = form.area("Text", note.text if note is not None else "").classes("long")
            (title if note is None else text).props("autofocus")

            async def save() -> None:
                words = str(title.value or ""), str(text.value or "")
                if note is None:
                    await asyncio.to_thread(remembered.add_note, *words)
                else:
                    await asyncio.to_thread(remembered.change_note, note.number, *words)
                tell("Saved.")

            async def delete() -> None:
                if note is not None:
                    self._delete(note)

            form.save = save
            if note is not None:
                form.aside = ("Delete…", delete)

    def _delete(self, note: Note) -> None:
        async def delete() -> None:
            await asyncio.to_thread(self._services.remembered.delete_note, note.number)

        words = f"“{note.title}” and its text will be gone for good."
        ask_first("Delete this note?", words, "Delete", delete)


def _as_html(found: FoundNote) -> str:
    note = found.note
    excerpt = found.excerpt or note.text
    short = " ".join(excerpt.split())
    short = f"{short[:_LONGEST]}…" if len(short) > _LONGEST else short
    changed = time.strftime("%d %B %Y, %H:%M", time.localtime(note.changed_s))
    return (
        f'<span class="name">{html.escape(note.title)}</span>'
        f'<span class="what">{html.escape(short)}</span>'
        f'<span class="origin">{changed}</span>'
    )
