"""A task that a tab runs: what happens in it as it happens, a way to stop it, how it ended.

Owns one task at a time and the line that tells of it. A task ends with the tab, and its window
says so where the server was gone meanwhile (``static/window.js``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

from nicegui import ui

from airunner.durations import format_seconds
from airunner.errors import AiRunnerError
from airunner.events import CatalogChanged, DownloadChanged, Event, TextStreamed, ToolProgressed
from airunner.models.spec import ModelCapability, short_name
from airunner.server.native.services import Services
from airunner.server.native.work import Work
from airunner.ui.buttons import word_button
from airunner.ui.chat.growing_text import GrowingText
from airunner.ui.chat.happening import READING, Happening
from airunner.ui.page_words import page_html
from airunner.ui.serving import served_by
from airunner.ui.window import on_events

WORKING = "Working…"
_ENDED = "Stopped, as AI Runner ends. Begin it again once it has been started."
TOGETHER_S = 0.1
"""Pieces that come within so many seconds are drawn together."""


class RunningTask:
    """The button that begins a task, the line about it, and the answer as it comes.

    ``make`` is the task; ``None`` where something is missing, which it has told.
    """

    def __init__(
        self,
        services: Services,
        words: str,
        make: Callable[[], Coroutine[Any, Any, Any] | None],
        ended: Callable[[Any, float], str],
    ) -> None:
        self._services, self._make, self._ended = services, make, ended
        self._work: Work | None = None
        with ui.element("div").classes("task") as self._row:
            self._go = word_button(words, self._begin, main=True)
            self._stop = word_button("Stop", self.stop)
            self._line = ui.label("").classes("task-line").props('role="status"')
        self._wrong = ui.html("", sanitize=False).classes("wrong").props('role="alert"')
        self.answer = ui.element("div").classes("said task-answer")
        self.answer.on("delete", self.stop)
        ui.context.client.on_delete(self.stop)
        self._stop.set_visibility(False)

    def stop(self) -> None:
        """End the task early, if one runs."""
        if self._work is not None:
            self._work.break_off()

    def show_answer(self, text: str) -> None:
        """Show a text that came as a whole."""
        with self.answer:
            shown = GrowingText(ui.element("div"))
            shown.add(text)
            shown.draw()

    def show_problem(self, problem: str) -> None:
        """Say what went wrong, as it was told."""
        self._wrong.set_content(page_html(problem))

    async def _begin(self) -> None:
        if self._work is not None:
            return
        making = self._make()
        if making is None:
            return
        self._wrong.set_content("")
        self.answer.clear()
        loop = asyncio.get_running_loop()
        since_s, self._work = loop.time(), self._services.tasks.begin(making)
        self._running(True)
        try:
            await self._follow(self._work)
            told = await self._work.result()
            if not self.answer.is_deleted:
                self._line.set_text(self._ended(told, loop.time() - since_s))
        except asyncio.CancelledError:
            if self.answer.is_deleted or not self._work.has_been_cancelled:
                raise
            self._line.set_text(_ENDED if self._services.tasks.is_closing else "Stopped.")
        except AiRunnerError as error:
            if not self.answer.is_deleted:
                self._line.set_text("")
                self._wrong.set_content(page_html(error))
        finally:
            self._work = None
            if not self.answer.is_deleted:
                self._running(False)

    async def _follow(self, work: Work) -> None:
        happening, text = Happening(), None
        async with aclosing(work.batches()) as batches:
            async for batch in batches:
                if self.answer.is_deleted:
                    return
                for _, event in batch:
                    happening.take(event)
                    if isinstance(event, TextStreamed):
                        if text is None:
                            with self.answer:
                                text = GrowingText(ui.element("div"))
                        text.add(event.text)
                if text is not None:
                    text.draw()
                self._line.set_text(_progress(batch[-1][1]) or _waiting(happening.line))
                await asyncio.sleep(TOGETHER_S)

    def _running(self, runs: bool) -> None:
        self._go.set_enabled(not runs)
        self._stop.set_visibility(runs)
        self._row.props.set_bool("data-runs", runs)
        if runs:
            self._line.set_text(WORKING)


def _progress(event: Event) -> str:
    return f"{event.text.capitalize()}…" if isinstance(event, ToolProgressed) else ""


def _waiting(line: str) -> str:
    """What is waited for; what a chat calls its conversation is a text here."""
    words = line.replace(READING, "reading…")
    return words[:1].upper() + words[1:] if words else WORKING


def by_whom(model: str, seconds: float) -> str:
    """Who did it, and how long it took."""
    return f"By {short_name(model)}, in {format_seconds(seconds)}."


def tell_who(services: Services, capability: ModelCapability) -> None:
    """A line that says which model a panel asks."""
    line = ui.html("", sanitize=False).classes("hint")

    async def look() -> None:
        words = page_html(await served_by(services.core, capability))
        if not line.is_deleted:
            line.set_content(words)

    on_events(services.core.bus, (CatalogChanged, DownloadChanged), look)
    ui.timer(0.02, look, once=True)
