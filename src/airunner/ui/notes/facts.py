"""What is known of the user: adding, wording anew, forgetting."""

from __future__ import annotations

import asyncio
import html
import time

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.records.facts import Fact
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.form_dialog import form_dialog
from airunner.ui.notes.note_list import REMEMBERED_EVENTS
from airunner.ui.parts import search_field
from airunner.ui.window import on_events

_MANY = 8


class FactList:
    """The facts of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        ui.label(
            "Every conversation that begins from now on knows these. They stay on this machine."
        ).classes("intro")
        with ui.element("div").classes("over"):
            self._field = search_field("Search what is known", self.refresh)
            word_button("Add…", lambda: self._edit(None), main=True)
        self._shown = ui.element("div").classes("subjects")
        on_events(services.core.bus, REMEMBERED_EVENTS, self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    async def refresh(self) -> None:
        """Show the facts as they are."""
        problem, facts = "", []
        try:
            facts = list(await asyncio.to_thread(self._services.remembered.facts))
        except AiRunnerError as error:
            problem = str(error)
        if self._shown.is_deleted:
            return
        wanted = (self._field.value or "").casefold()
        self._field.set_visibility(len(facts) >= _MANY)
        self._shown.clear()
        with self._shown:
            if problem:
                ui.label(problem).classes("wrong").props('role="alert"')
            elif not facts:
                ui.label(
                    "Nothing yet. Add what should be known of you, or say in the chat: remember "
                    "that I am a nurse."
                ).classes("hint")
            for fact in facts:
                if wanted in fact.text.casefold():
                    self._row(fact)

    def _row(self, fact: Fact) -> None:
        told = time.strftime("%d %B %Y", time.localtime(fact.told_s))
        with ui.element("div").classes("setting"):
            ui.html(
                f'<span class="name">{html.escape(fact.text)}</span>'
                f'<span class="origin">told {told}</span>',
                sanitize=False,
            ).classes("facts")
            with ui.element("div").classes("acts"):
                edit = word_button("Edit…", lambda: self._edit(fact))
                edit.props["aria-label"] = f"Edit: {fact.text}"
                delete = word_button("Delete…", lambda: self._delete(fact))
                delete.props["aria-label"] = f"Delete: {fact.text}"

    def _edit(self, fact: Fact | None) -> None:
        remembered = self._services.remembered
        with form_dialog("What should be known of you?" if fact is None else "Edit") as form:
            field = form.field("In a sentence", fact.text if fact is not None else "")
            field.props("autofocus")

            async def save() -> None:
                text = str(field.value or "")
                if fact is None:
                    await asyncio.to_thread(remembered.add_fact, text)
                else:
                    await asyncio.to_thread(remembered.change_fact, fact.number, text)

            form.save = save

    def _delete(self, fact: Fact) -> None:
        async def delete() -> None:
            await asyncio.to_thread(self._services.remembered.delete_fact, fact.number)

        words = f"“{fact.text}” is forgotten. Conversations that began with it still know it."
        ask_first("Forget this?", words, "Delete", delete)
