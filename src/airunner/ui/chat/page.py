"""One conversation: what was said, what is being answered, and what is typed next."""

from __future__ import annotations

import asyncio
import contextlib

from nicegui import background_tasks, ui

from airunner.errors import AiRunnerError
from airunner.events import ConversationChanged
from airunner.messages import Message
from airunner.server.native.services import Services
from airunner.server.native.turns import Turn, TurnBody
from airunner.ui.chat.composer import Composer
from airunner.ui.chat.live_answer import LiveAnswer
from airunner.ui.chat.message_html import message_html
from airunner.ui.window import on_events

_EMPTY = "What shall the team do?"


class Conversation:
    """The conversation of one tab; a new one has no id until something is said in it."""

    def __init__(self, services: Services, id: str | None) -> None:
        self._services, self._id = services, id
        self._shown: list[Message] = []
        self._watch: asyncio.Task[None] | None = None
        self._client = ui.context.client
        with ui.element("div").classes("chat"):
            self._log = ui.element("div").classes("log").props('role="log" aria-live="off"')
            self._status = ui.label("").classes("unseen").props('role="status"')
            self._composer = Composer(self._send, self._stop)
        on_events(services.core.bus, (ConversationChanged,), self.refresh, together_s=0.05)
        self._log.on("delete", self.close)
        self._client.on_delete(self.close)
        ui.timer(0.01, self.refresh, once=True)

    def close(self) -> None:
        """Follow nothing any more."""
        if self._watch is not None:
            self._watch.cancel()

    async def refresh(self) -> None:
        """Show what is saved and not shown yet, and follow the turn that runs."""
        if self._log.is_deleted or (self._watch is not None and not self._watch.done()):
            return
        turn = self._services.turns.of(self._id) if self._id else None
        await self._show_saved(turn)
        if turn is not None and turn.work.running:
            self._watch = background_tasks.create(self._follow(turn), name="a tab follows a turn")

    async def _show_saved(self, running: Turn | None = None) -> None:
        """What was said; where a turn is ``running``, what was said before it."""
        saved = None
        if self._id is not None:
            load = self._services.core.records.conversations.load
            saved = await asyncio.to_thread(load, self._id)
        messages = list(saved.messages) if saved else []
        if running is not None:
            messages = messages[: len(running.before)]
        same = len(self._shown)
        if not same or messages[:same] != self._shown:
            self._log.clear()
            same = 0
        self._shown = messages
        with self._log:
            if not messages and running is None:
                ui.label(_EMPTY).classes("empty")
            for message in messages[same:]:
                self._show(message)

    def _show(self, message: Message) -> None:
        results = {m.tool_call_id: m for m in self._shown if m.tool_call_id}
        pictures = self._services.core.pictures
        if shown := message_html(message, results, self._id or "", pictures):
            ui.html(shown, sanitize=False)

    async def _follow(self, turn: Turn) -> None:
        with self._client, self._log, ui.element("div").classes("turn") as box:
            self._show(Message("user", turn.content))
            live = LiveAnswer(self._services.core.answer)
        self._composer.running(True)
        self._status.set_text("Answering")
        try:
            with self._client:
                await live.follow(turn)
            self._status.set_text("The answer is complete")
        finally:
            if not self._client.is_deleted and not self._log.is_deleted:
                self._composer.running(False)
                with self._client, contextlib.suppress(AiRunnerError):
                    await self._show_saved()
                    box.delete()

    async def _send(self, text: str) -> None:
        asked = TurnBody(content=text, conversation_id=self._id, may_ask=True, detached=True)
        try:
            turn = await self._services.turns.begin(asked, text)
        except AiRunnerError as error:
            ui.notify(str(error), type="negative", multi_line=True)
            return
        if self._id is None:
            self._id = turn.conversation.id
            ui.navigate.history.replace(f"/chat/{self._id}")
        await self.refresh()

    async def _stop(self) -> None:
        turn = self._services.turns.of(self._id) if self._id else None
        if turn is not None:
            turn.work.break_off()


def show_conversation(services: Services, id: str | None = None) -> None:
    """The middle of the page."""
    ui.page_title("AI Runner")
    Conversation(services, id)
