"""Reminders that wait: setting, changing and deleting them, and telling by the browser."""

from __future__ import annotations

import asyncio
import html
import time
from functools import partial

from nicegui import ui

from airunner.errors import AiRunnerError, UnusableRecordError
from airunner.events import ReminderDue
from airunner.records.reminders import Reminder
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.form_dialog import form_dialog
from airunner.ui.notes.note_list import REMEMBERED_EVENTS
from airunner.ui.notices import tell
from airunner.ui.window import on_events

_ANSWERS = {
    "granted": "Reminders are shown by the browser too.",
    "denied": "The browser does not allow it. Its settings for this page can.",
    "default": "Nothing was chosen; reminders are shown in this page alone.",
    "unsupported": "This browser cannot, or only for a page with https.",
}


class ReminderList:
    """The reminders of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        ui.label(
            "When its time has come, a reminder is shown in every open window; without one, in the "
            "next that is opened."
        ).classes("intro")
        with ui.element("div").classes("over"):
            word_button("New reminder…", lambda: self._edit(None), main=True)
            word_button("Tell me by the browser too", self._allow).classes("notifying")
        self._shown = ui.element("div").classes("subjects")
        on_events(services.core.bus, (*REMEMBERED_EVENTS, ReminderDue), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    async def refresh(self) -> None:
        """Show the reminders as they are."""
        problem, waiting = "", []
        try:
            waiting = list(await asyncio.to_thread(self._services.remembered.reminders))
        except AiRunnerError as error:
            problem = str(error)
        if self._shown.is_deleted:
            return
        self._shown.clear()
        with self._shown:
            if problem:
                ui.label(problem).classes("wrong").props('role="alert"')
            elif not waiting:
                ui.label(
                    "None waits. Set one here, or say in the chat: remind me in an hour to call "
                    "Ada."
                ).classes("hint")
            for reminder in waiting:
                self._row(reminder)

    def _row(self, reminder: Reminder) -> None:
        with ui.element("div").classes("setting"):
            ui.html(
                f'<span class="name">{html.escape(reminder.text)}</span>'
                f'<span class="origin">{when_in_words(reminder.due_s)}</span>',
                sanitize=False,
            ).classes("facts")
            with ui.element("div").classes("acts"):
                edit = word_button("Edit…", lambda: self._edit(reminder))
                edit.props["aria-label"] = f"Edit: {reminder.text}"
                delete = word_button("Delete…", lambda: self._delete(reminder))
                delete.props["aria-label"] = f"Delete: {reminder.text}"

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
