"""Reminders that wait: setting, changing and deleting them, and telling by the browser."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from functools import partial

from nicegui import ui

from airunner.errors import UnusableRecordError
from airunner.events import ReminderDue
from airunner.records.reminders import Reminder
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.form_dialog import form_dialog
from airunner.ui.notes.note_list import REMEMBERED_EVENTS
from airunner.ui.notices import tell
from airunner.ui.row_list import RowList
from airunner.ui.rows import Act, Row, named

_ANSWERS = {
    "granted": "Reminders are shown by the browser too.",
    "denied": "The browser does not allow it. Its settings for this page can.",
    "default": "Nothing was chosen; reminders are shown in this page alone.",
    "unsupported": "This browser cannot, or only for a page with https.",
}

_INTRO = (
    "When its time has come, a reminder is shown in every open window; without one, in the next "
    "that is opened."
)
_EMPTY = "None waits. Set one here, or say in the chat: remind me in an hour to call Ada."


class ReminderList:
    """The reminders of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        RowList(
            services,
            (*REMEMBERED_EVENTS, ReminderDue),
            self._read,
            search="Search reminders",
            empty=_EMPTY,
            intro=_INTRO,
            buttons=self._buttons,
        )

    def _buttons(self) -> None:
        word_button("New reminder…", lambda: self._edit(None), main=True)
        word_button("Tell me by the browser too", self._allow).classes("notifying")

    async def _read(self, wanted: str) -> dict[Hashable, Row]:
        waiting = await asyncio.to_thread(self._services.remembered.reminders)
        return {each.number: self._row(each) for each in waiting if wanted in each.text.casefold()}

    def _row(self, reminder: Reminder) -> Row:
        acts = (
            Act("Edit…", f"Edit: {reminder.text}", lambda: self._edit(reminder)),
            Act("Delete…", f"Delete: {reminder.text}", lambda: self._delete(reminder)),
        )
        when = when_in_words(reminder.due_s)
        if reminder.due_s <= time.time():
            when = f"due since {when}"
        return Row(named(reminder.text, ("origin", when)), acts)

    def _edit(self, reminder: Reminder | None) -> None:
        remembered = self._services.remembered
        with form_dialog("New reminder" if reminder is None else "Reminder") as form:
            text = form.field("Of what", reminder.text if reminder is not None else "")
            text.props("autofocus")
            was = _written(reminder.due_s) if reminder is not None else ""
            when = form.field("When", was, "tomorrow at 9:00")
            with ui.element("div").classes("choices"):
                for words in ("in 10 minutes", "in 1 hour", "tomorrow at 9:00"):
                    word_button(words, partial(when.set_value, words))

            async def save() -> None:
                words, moment = str(text.value or ""), str(when.value or "").strip()
                if not moment:
                    raise UnusableRecordError("reminder", "say when: tomorrow at 9:00")
                if reminder is None:
                    await asyncio.to_thread(remembered.add_reminder, words, moment)
                else:
                    moved = moment if moment != was else None
                    await asyncio.to_thread(
                        remembered.change_reminder, reminder.number, words, moved
                    )
                self._services.due.soon()

            form.save = save

    def _delete(self, reminder: Reminder) -> None:
        async def delete() -> None:
            await asyncio.to_thread(self._services.remembered.delete_reminder, reminder.number)
            self._services.due.soon()

        words = f"You are not reminded of “{reminder.text}”, {when_in_words(reminder.due_s)}."
        ask_first("Delete this reminder?", words, "Delete", delete)

    async def _allow(self) -> None:
        answer = await ui.run_javascript("return await airunnerWindow.askToNotify()", timeout=120)
        tell(_ANSWERS.get(str(answer), _ANSWERS["default"]))


def when_in_words(moment_s: float) -> str:
    """A moment by this machine's clock: ``today at 9:00``, or with its date."""
    there, now = time.localtime(moment_s), time.localtime()
    clock = f"{there.tm_hour}:{there.tm_min:02}"
    if (there.tm_year, there.tm_yday) == (now.tm_year, now.tm_yday):
        return f"today at {clock}"
    return f"{time.strftime('%A', there)}, {there.tm_mday} {time.strftime('%B %Y', there)}, {clock}"


def _written(moment_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment_s))
