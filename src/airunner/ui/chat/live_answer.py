"""An answer as it comes: text in blocks, calls, questions, pictures.

Owns that a block of text that is finished is sent once and never again; only the last one
is drawn anew as it grows.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from nicegui import ui

from airunner.agent.approvals import Answer
from airunner.events import (
    Event,
    ImageStepped,
    PermissionAsked,
    PermissionDecided,
    PictureSaved,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    ToolProgressed,
    TurnFinished,
)
from airunner.server.native.turns import Turn
from airunner.ui.chat.message_html import Call, call_html, pictures_html
from airunner.ui.safe_markdown import blocks, code_block, rendered

TOGETHER_S = 0.1
"""Pieces that come within so many seconds are drawn together."""


@dataclass(slots=True)
class _Words:
    """Text that grows, within ``place``; ``tail`` is its last block and what follows."""

    place: ui.element
    tail: str = ""
    last: ui.html | None = None
    changed: bool = False

    def add(self, text: str) -> None:
        self.tail += text
        self.changed = True

    def draw(self) -> None:
        """Show what has come."""
        if not self.changed:
            return
        self.changed = False
        *finished, now = blocks(self.tail) or [""]
        with self.place:
            for each in finished:
                self._last().set_content(rendered(each))
                self.last = None
            self._last().set_content(rendered(now))
        self.tail = now

    def _last(self) -> ui.html:
        if self.last is None:
            self.last = ui.html("", sanitize=False).classes("block")
        return self.last


@dataclass(slots=True)
class _Card:
    call: Call
    shown: ui.html


@dataclass(slots=True)
class LiveAnswer:
    """The answer of a turn, within the element that is current when it is made."""

    answer: Callable[[str, Answer], bool]
    box: ui.element = field(
        default_factory=lambda: ui.element("div").classes("said assistant live")
    )
    _words: _Words | None = None
    _kind: Literal["text", "reasoning"] = "text"
    _cards: dict[str, _Card] = field(default_factory=dict)
    _questions: dict[str, ui.element] = field(default_factory=dict)

    async def follow(self, turn: Turn) -> None:
        """Show what happens until the turn ends."""
        with self.box.classes("said assistant live"):
            ui.html('<span class="dots" aria-hidden="true"></span>', sanitize=False).classes(
                "waits"
            )
        async for batch in turn.work.batches():
            for _, event in batch:
                self._take(event)
            if self._words is not None:
                self._words.draw()
            await asyncio.sleep(TOGETHER_S)

    def _take(self, event: Event) -> None:
        match event:
            case TextStreamed():
                self._say(event)
            case ToolCallStarted():
                self._begin(event)
            case ToolProgressed() if event.call in self._cards:
                self._cards[event.call].call.progress = event.text
                self._show(event.call)
            case ImageStepped():
                self._step(event)
            case ToolCallFinished() if event.call in self._cards:
                call = self._cards[event.call].call
                call.running, call.seconds = False, event.seconds
                call.result, call.problem = event.result, event.problem
                self._show(event.call)
            case PictureSaved():
                with self._end_words():
                    ui.html(pictures_html([event.path.rpartition("/")[2]]), sanitize=False)
            case PermissionAsked():
                self._ask(event)
            case PermissionDecided() if event.question in self._questions:
                self._questions.pop(event.question).delete()
            case TurnFinished() if event.problem:
                with self._end_words():
                    ui.label(event.problem).classes("problem").props("role=alert")
            case _:
                pass

    def _say(self, event: TextStreamed) -> None:
        kind: Literal["text", "reasoning"] = "reasoning" if event.reasoning else "text"
        if self._words is None or self._kind != kind:
            with self._end_words():
                if kind == "reasoning":
                    with ui.element("details").classes("thought"):
                        with ui.element("summary"):
                            ui.label("Thinking")
                        place: ui.element = ui.element("div")
                else:
                    place = ui.element("div")
            self._words, self._kind = _Words(place), kind
        self._words.add(event.text)

    def _end_words(self) -> ui.element:
        if self._words is not None:
            self._words.draw()
        self._words = None
        return self.box

    def _begin(self, event: ToolCallStarted) -> None:
        call = Call(event.tool, event.arguments, running=True)
        with self._end_words():
            self._cards[event.call] = _Card(call, ui.html(call_html(call), sanitize=False))

    def _show(self, call: str) -> None:
        card = self._cards[call]
        card.shown.set_content(call_html(card.call))

    def _step(self, event: ImageStepped) -> None:
        for id, card in self._cards.items():
            if card.call.running:
                card.call.progress = f"drawing, step {event.step} of {event.steps}"
                self._show(id)

    def _ask(self, event: PermissionAsked) -> None:
        def button(words: str, answer: Answer) -> None:
            ui.button(words, on_click=lambda: self.answer(event.question, answer)).props(
                "no-caps unelevated" if answer == "yes" else "no-caps flat"
            )

        with (
            self._end_words(),
            ui.element("div")
            .classes("question")
            .props('role="alertdialog" aria-label="May this tool run?"') as card,
        ):
            ui.label(f"May {event.tool} run? It needs the permission to {event.permission}.")
            whole = json.dumps(event.arguments, ensure_ascii=False, indent=2)
            ui.html(code_block(whole, "json"), sanitize=False)
            if event.always:
                ui.label(f"Always in this chat is for {event.always}.")
            with ui.element("div").classes("buttons"):
                button("Allow once", "yes")
                button("Always in this chat", "always")
                button("Do not allow", "no")
        self._questions[event.question] = card
