"""What is known of the user: adding, wording anew, forgetting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable

from airunner.records.facts import Fact
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.form_dialog import form_dialog
from airunner.ui.notes.note_list import REMEMBERED_EVENTS
from airunner.ui.row_list import RowList
from airunner.ui.rows import Act, Row, named

_INTRO = "Every conversation that begins from now on knows these. They stay on this machine."
_EMPTY = (
    "Nothing yet. Add what should be known of you, or say in the chat: remember that I am a nurse."
)


class FactList:
    """The facts of one tab."""

    def __init__(self, services: Services) -> None:
        self._remembered = services.remembered
        RowList(
            services,
            REMEMBERED_EVENTS,
            self._read,
            search="Search what is known",
            empty=_EMPTY,
            intro=_INTRO,
            buttons=lambda: word_button("Add…", lambda: self._edit(None), main=True),
        )

    async def _read(self, wanted: str) -> dict[Hashable, Row]:
        facts = await asyncio.to_thread(self._remembered.facts)
        return {each.number: self._row(each) for each in facts if wanted in each.text.casefold()}

    def _row(self, fact: Fact) -> Row:
        told = time.strftime("told %d %B %Y", time.localtime(fact.told_s))
        acts = (
            Act("Edit…", f"Edit: {fact.text}", lambda: self._edit(fact)),
            Act("Delete…", f"Delete: {fact.text}", lambda: self._delete(fact)),
        )
        return Row(named(fact.text, ("origin", told)), acts)

    def _edit(self, fact: Fact | None) -> None:
        with form_dialog("What should be known of you?" if fact is None else "Edit") as form:
            field = form.field("In a sentence", fact.text if fact is not None else "")
            field.props("autofocus")

            async def save() -> None:
                text = str(field.value or "")
                if fact is None:
                    await asyncio.to_thread(self._remembered.add_fact, text)
                else:
                    await asyncio.to_thread(self._remembered.change_fact, fact.number, text)

            form.save = save

    def _delete(self, fact: Fact) -> None:
        async def delete() -> None:
            await asyncio.to_thread(self._remembered.delete_fact, fact.number)

        words = f"“{fact.text}” is forgotten. Conversations that began with it still know it."
        ask_first("Forget this?", words, "Delete", delete)
