"""The notes: finding, writing, changing and deleting them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable

from airunner.events import RememberedChanged, ToolCallFinished
from airunner.records.notes import FoundNote, Note
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.form_dialog import form_dialog
from airunner.ui.notices import tell
from airunner.ui.row_list import RowList
from airunner.ui.rows import Act, Row, named

REMEMBERED_EVENTS = (RememberedChanged, ToolCallFinished)
"""After these, what is remembered may be another."""
_LONGEST = 220


class NoteList:
    """The notes of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        RowList(
            services,
            REMEMBERED_EVENTS,
            self._read,
            search="Search notes",
            many=1,
            empty="No notes yet. Write one here, or say in the chat what is to be written down.",
            buttons=lambda: word_button("New note…", lambda: self._edit(None), main=True),
        )

    async def _read(self, wanted: str) -> dict[Hashable, Row]:
        found = await asyncio.to_thread(self._services.remembered.notes, wanted)
        return {each.note.number: self._row(each) for each in found}

    def _row(self, found: FoundNote) -> Row:
        note = found.note
        short = " ".join((found.excerpt or note.text).split())
        short = f"{short[:_LONGEST]}…" if len(short) > _LONGEST else short
        changed = time.strftime("%d %B %Y, %H:%M", time.localtime(note.changed_s))
        content = named(note.title, ("what", short), ("origin", changed))
        return Row(content, (Act("Open…", f"Open {note.title}", lambda: self._edit(note)),))

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
