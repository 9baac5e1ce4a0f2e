"""An answer as it comes: text, thoughts, calls, questions, pictures, and what it waits for.

Owns which event changes what is seen. A card that somebody has opened stays open.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
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
)
from airunner.server.native.turn_account import DrawnPicture
from airunner.server.native.turns import Turn
from airunner.ui.chat.call_html import Call, inside_html, pictures_html, summary_html
from airunner.ui.chat.growing_text import GrowingText
from airunner.ui.chat.happening import Happening
from airunner.ui.chat.message_html import thought_in_words
from airunner.ui.chat.question import question_card

TOGETHER_S = 0.1
"""Pieces that come within so many seconds are drawn together."""
PREVIEW_S = 0.7
"""The least time between two previews of a picture that is being drawn."""
_MOST_PREVIEW = 200_000

Kind = Literal["text", "reasoning"]


@dataclass(slots=True)
class _Card:
    """A call that is shown: the line of the folded card, what is in it, and what it draws."""

    call: Call
    box: ui.element
    line: ui.html
    inside: ui.html
    preview: ui.html
    previewed_s: float = 0.0

    def show(self) -> None:
        """As the call is now."""
        self.box.classes(replace=f"call {self.call.state}")
        self.line.set_content(summary_html(self.call))


@dataclass(slots=True)
class _Thought:
    label: ui.label
    since_s: float


class LiveAnswer:
    """A turn that is followed in one tab; made within the element that shows it.

    ``answer`` takes what the user says to a question.
    """

    def __init__(self, answer: Callable[[str, Answer], object]) -> None:
        self.answer = answer
        self.box = ui.element("div").classes("said assistant live")
        with ui.element("div").classes("happening").props('role="status"'):
            ui.html('<span class="dots" aria-hidden="true"></span>', sanitize=False)
            self._line = ui.label("")
        self._happening = Happening()
        self._text: GrowingText | None = None
        self._kind: Kind = "text"
        self._thought: _Thought | None = None
        self._cards: dict[str, _Card] = {}
        self._questions: dict[str, ui.element] = {}

    async def follow(self, turn: Turn) -> None:
        """Show the turn from its beginning until it ends."""
        async with contextlib.aclosing(turn.work.batches()) as batches:
            async for batch in batches:
                if self.box.client.is_deleted:
                    return
                with self.box:
                    for _, event in batch:
                        self._take(event, turn)
                if self._text is not None:
                    self._text.draw()
                self._line.set_text(self._happening.line)
                await asyncio.sleep(TOGETHER_S)

    def _take(self, event: Event, turn: Turn) -> None:
        self._happening.take(event)
        match event:
            case TextStreamed():
                self._say(event)
            case ToolCallStarted():
                self._begin(event)
            case ToolProgressed() if event.call in self._cards:
                self._progress(self._cards[event.call], event.text)
            case ImageStepped():
                self._step(event)
            case ToolCallFinished() if event.call in self._cards:
                self._finish(event, turn)
            case PictureSaved():
                self._picture(event)
            case PermissionAsked():
                self._end_text()
                self._questions[event.question] = question_card(event, self.answer)
            case PermissionDecided() if event.question in self._questions:
                self._questions.pop(event.question).delete()
            case _:
                pass

    def _say(self, event: TextStreamed) -> None:
        kind: Kind = "reasoning" if event.reasoning else "text"
        if self._text is None or self._kind != kind:
            self._end_text(event.at_s)
            place = self._thoughts(event) if event.reasoning else ui.element("div")
            self._text, self._kind = GrowingText(place), kind
        self._text.add(event.text)

    def _thoughts(self, event: TextStreamed) -> ui.element:
        with ui.element("details").classes("thought"):
            with ui.element("summary"):
                label = ui.label("Thinking…")
            self._thought = _Thought(label, event.at_s)
            return ui.element("div")

    def _end_text(self, at_s: float | None = None) -> None:
        if self._text is not None:
            self._text.draw()
        self._text = None
        if self._thought is not None:
            seconds = (at_s or time.time()) - self._thought.since_s
            self._thought.label.set_text(thought_in_words(seconds))
            self._thought = None

    def _begin(self, event: ToolCallStarted) -> None:
        self._end_text(event.at_s)
        call = Call(event.tool, event.arguments, running=True)
        with ui.element("details").classes(f"call {call.state}") as box:
            with ui.element("summary"):
                line = ui.html(summary_html(call), sanitize=False)
            inside = ui.html(inside_html(call), sanitize=False)
        preview = ui.html("", sanitize=False)
        self._cards[event.call] = _Card(call, box, line, inside, preview)

    def _progress(self, card: _Card, words: str) -> None:
        card.call.progress = words
        card.show()

    def _finish(self, event: ToolCallFinished, turn: Turn) -> None:
        card = self._cards[event.call]
        card.call.running, card.call.seconds = False, event.seconds
        card.call.result, card.call.problem = event.result, event.problem
        if event.call in turn.account.calls:
            card.call.models = turn.account.calls[event.call].models
        card.show()
        card.inside.set_content(inside_html(card.call))
        card.preview.set_content("")

    def _step(self, event: ImageStepped) -> None:
        for card in self._cards.values():
            if not card.call.running:
                continue
            self._progress(card, f"drawing, step {event.step} of {event.steps}")
            png, now_s = event.preview_png, time.monotonic()
            if png and len(png) <= _MOST_PREVIEW and now_s - card.previewed_s >= PREVIEW_S:
                card.previewed_s = now_s
                data = base64.b64encode(png).decode()
                card.preview.set_content(
                    f'<img class="preview" src="data:image/png;base64,{data}"'
                    f' alt="preview after step {event.step} of {event.steps}">'
                )

    def _picture(self, event: PictureSaved) -> None:
        self._end_text()
        name = event.path.replace("\\", "/").rpartition("/")[2]
        drawn = DrawnPicture(name, event.model, dict(event.settings))
        ui.html(pictures_html([drawn]), sanitize=False)
