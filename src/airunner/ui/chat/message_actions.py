"""What can be done with what was said: copy, ask again, edit and branch, go on, draw another.

Owns what each button of a message does. An answer that is tried again, and a question that
is edited, begin a branch: what was there stays, and the arrows lead back to it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.messages import text_of_content
from airunner.records.attached_text import taken_apart
from airunner.server.native.services import Services
from airunner.server.native.turn_bodies import TurnBody
from airunner.ui.chat.attached_files import AttachedFiles
from airunner.ui.form_dialog import form_dialog
from airunner.ui.notices import tell_problem

if TYPE_CHECKING:
    from airunner.ui.chat.page import ChatPage

_GO_ON = "Go on exactly where you stopped."


class MessageActions:
    """The actions of one tab."""

    def __init__(self, page: ChatPage, services: Services, files: AttachedFiles) -> None:
        self._page, self._services, self._files = page, services, files
        self._edited: int | None = None
        self._is_left = False
        self._acts = False  # a second click on a button is none

    async def act(self, told: Mapping[str, Any]) -> None:
        """Do what a button says, unless something is being done."""
        if self._acts:
            return
        self._acts = True
        try:
            await self._act(told)
        finally:
            self._acts = self._is_left

    async def _act(self, told: Mapping[str, Any]) -> None:
        match told.get("act"):
            case "copy":
                ui.run_javascript(f"airunner.copy({json.dumps(self._words(told))})")
            case "again":
                await self._again(int(told["at"]))
            case "edit":
                self._edit(int(told["at"]))
            case "continue":
                await self._page.begin(_GO_ON, [])
            case "version":
                ui.navigate.to(f"/chat/{told['to']}")
            case "another":
                await self._draw(f"Draw another picture like {told['at']}.", "vary_image")
            case "change":
                self._ask_for_change(str(told["at"]))
            case _:
                pass

    async def send(self, text: str) -> None:
        """What was typed is said: as it is, or in place of the message that is edited."""
        ids = self._files.ids
        if self._edited is not None and not self._page.is_lost:
            begun = await self._branch(self._edited, self._edited, text)
        else:
            begun = await self._page.begin(text, ids)
        if begun:
            self._edited = None
            self._files.clear()
            self._page.composer.done()
        else:
            self._page.composer.give_back()

    async def edit_last(self) -> None:
        """Let the last question be edited."""
        places = [place for place, _ in self._page.talk.exchanges()]
        if places:
            self._edit(places[-1])

    def cancel_edit(self) -> None:
        """Let the message be as it was."""
        self._edited = None
        self._page.composer.end_edit()

    def _words(self, told: Mapping[str, Any]) -> str:
        """What is copied: the words of a question, or of the whole answer to it."""
        talk, at = self._page.talk, int(told["at"])
        if "answer" not in told:
            return taken_apart(talk.messages[at].text)[1]
        end = next(end for place, end in talk.exchanges() if place == at)
        said = [m.text for m in talk.messages[at + 1 : end] if m.role == "assistant" and m.text]
        return "\n\n".join(said)

    def _edit(self, place: int) -> None:
        self._edited = place
        self._page.composer.edit(taken_apart(self._page.talk.messages[place].text)[1])

    async def _again(self, place: int) -> None:
        has_answer = len(self._page.talk.messages) > place + 1
        await self._branch(place, place + 1 if has_answer else place, None)

    async def _branch(self, place: int, at: int, words: str | None) -> bool:
        """Leave the conversation at ``at``, and say the question in ``place``, or ``words``."""
        if self._page.id is None:
            return False
        if words is not None:
            old = self._page.talk.messages[place].text
            words = old[: len(old) - len(taken_apart(old)[1])] + words
        saved, turns = self._services.conversations, self._services.turns
        try:
            made = await asyncio.to_thread(saved.branch, self._page.id, at, words)
            content = "" if made.content is None else made.content
            asked = TurnBody(
                content=text_of_content(content),
                conversation_id=made.entry.id,
                attachments=self._files.ids,
                may_ask=True,
                detached=True,
                options=self._page.options,
            )
            await turns.begin(asked, content)
        except AiRunnerError as error:
            tell_problem(error)
            return False
        self._is_left = True
        ui.navigate.to(f"/chat/{made.entry.id}")
        return True

    async def _draw(self, words: str, tool: str) -> None:
        await self._page.begin(words, [], tool)

    def _ask_for_change(self, picture: str) -> None:
        with form_dialog("Change the picture") as form:
            form.words = "Draw it"
            wanted = form.area("What shall be different?").props("autofocus")

            async def change() -> None:
                if words := (wanted.value or "").strip():
                    await self._draw(f"Change the picture {picture}: {words}", "transform_image")

            form.save = change
