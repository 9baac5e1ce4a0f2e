"""Reminders that are due, as quiet cards on top of every page of every window.

What is due and who has taken note of it is the service's: a card that is put away in one
window is gone in all.
"""

from __future__ import annotations

import html
import json

from nicegui import ui

from airunner.errors import AiRunnerError, UnknownRecordError
from airunner.events import RememberedChanged, ReminderDue
from airunner.server.native.services import Services
from airunner.ui.buttons import word_button
from airunner.ui.notes.reminder_list import when_in_words
from airunner.ui.notices import tell_problem
from airunner.ui.window import on_events

LATER_S = 600.0


class DueCards:
    """The cards of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._told = {(each.number, each.due_s) for each in services.due.all()}
        self._cards: dict[ReminderDue, ui.element] = {}
        self._shown = ui.element("div").classes("due")
        self._shown.props('role="region" aria-label="Reminders" aria-live="polite"')
        on_events(services.core.bus, (RememberedChanged, ReminderDue), self.refresh, together_s=0.1)
        ui.context.client.on_delete(services.due.watch())
        self.refresh()

    def refresh(self) -> None:
        """Show what is due, and have the browser tell what is new."""
        due = self._services.due.all()
        for gone in self._cards.keys() - set(due):
            self._cards.pop(gone).delete()
        with self._shown:
            for each in due:
                if each not in self._cards:
                    self._cards[each] = self._card(each)
                if (each.number, each.due_s) not in self._told:
                    self._told.add((each.number, each.due_s))
                    told = json.dumps([each.number, each.text])
                    ui.run_javascript(f"airunnerWindow.notify(...{told})")

    def _card(self, due: ReminderDue) -> ui.element:
        with ui.element("div").classes("card") as card:
            ui.html(
                f"<b>{html.escape(due.text)}</b><span>{when_in_words(due.due_s)}</span>",
                sanitize=False,
            ).classes("text")
            with ui.element("div").classes("buttons"):
                later = word_button("In 10 minutes", lambda: self._later(due.number))
                later.props["aria-label"] = f"Remind me again in 10 minutes: {due.text}"
                done = word_button("Done", lambda: self._done(due.number), main=True)
                done.props["aria-label"] = f"Done: {due.text}"
        return card

    async def _later(self, number: int) -> None:
        try:
            await self._services.due.later(number, LATER_S)
        except AiRunnerError as error:
            self._failed(error)

    async def _done(self, number: int) -> None:
        try:
            await self._services.due.dismiss(number)
        except AiRunnerError as error:
            self._failed(error)

    def _failed(self, error: AiRunnerError) -> None:
        if isinstance(error, UnknownRecordError):
            self._services.due.soon()  # another window was quicker, or a chat in a terminal
        else:
            tell_problem(error)
