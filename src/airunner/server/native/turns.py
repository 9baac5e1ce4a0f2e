"""Turns of the agent, and its tools: started, watched, answered and cancelled.

Owns that a conversation has one turn at a time, and how one that is saved here is read and
written. A client that keeps its conversations itself sends a whole one along, and is told
how it grew.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from airunner.agent.conversation import Conversation, CountedPrompt
from airunner.agent.conversation_saver import ConversationSaver
from airunner.errors import ConversationBusyError, UnknownRecordError
from airunner.events import Event, TurnFinished, TurnStarted
from airunner.messages import Content, Message
from airunner.models.spec import Sampling
from airunner.runtime.core import RuntimeCore
from airunner.runtime.native_form import Growth, content_from_json, conversation_from_json, read
from airunner.server.native.native_route import NativeRoute, reading
from airunner.server.native.work import Work, piece, tell
from airunner.server.streams import stream_response

KEPT_TURNS = 64
"""Turns that are remembered, so that a client that broke one off is told how it ended."""
KEPT_COUNTS = 256
"""Conversations whose last prompt was counted: the next need not be."""


class TurnBody(BaseModel):
    """The body of a turn.

    With ``conversation`` it is the client's and nothing is saved here. Else it is the saved
    one called ``conversation_id``, or a new one, which begins with ``system``.
    """

    content: str | dict[str, Any]
    conversation: dict[str, Any] | None = None
    conversation_id: str | None = None
    system: str = ""
    sampling: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None
    may_ask: bool = False
    tool_choice: str = "auto"
    max_tokens: int | None = Field(default=None, ge=1)


class AnswerBody(BaseModel):
    """What the user says to a question of a turn."""

    answer: Literal["yes", "no", "always"]


@dataclass(slots=True)
class _Turn:
    """A turn that runs, or has ended not long ago; ``before`` is how the conversation was."""

    conversation: Conversation
    saver: ConversationSaver | None
    before: list[Message]
    work: Work | None = None
    finished: TurnFinished | None = None

    def grown(self) -> dict[str, Any]:
        """What became of the conversation until now."""
        growth = Growth.of(self.before, self.conversation).as_json(self.before)
        return {"id": self.conversation.id, **growth}


class Turns:
    """The turns that run, and how the last ones ended."""

    def __init__(self, core: RuntimeCore) -> None:
        self._core = core
        self._known: OrderedDict[str, _Turn] = OrderedDict()
        self._busy: set[str] = set()
        self._counted: OrderedDict[str, CountedPrompt] = OrderedDict()

    async def start(self, asked: TurnBody, content: Content) -> AsyncGenerator[str, None]:
        """What the stream of a turn says; ``conversation`` comes last, however the turn ends.

        Raises:
            UnknownRecordError: no conversation has this id.
            ConversationBusyError: it has a turn already.
            BodyRefusedError: it cannot be read.
        """
        saver = None
        if asked.conversation is not None:
            with reading("conversation"):
                conversation = conversation_from_json(asked.conversation)
            conversation.counted = self._counted.get(conversation.id)
        else:
            saver = await asyncio.to_thread(self._saver, asked)
            conversation = saver.conversation
        if conversation.id in self._busy:
            raise ConversationBusyError(conversation.id)
        turn = _Turn(conversation, saver, list(conversation.messages))
        return self._pieces(asked, content, turn)

    async def cancel(self, id: str) -> dict[str, Any]:
        """End a turn early, unless it has ended: how it did, and its conversation.

        Raises:
            UnknownRecordError: no turn has this id, or it ended long ago.
        """
        turn = self._known.get(id)
        if turn is None or turn.work is None:
            raise UnknownRecordError("turn", id)
        await turn.work.cancel()
        finished = turn.finished.as_json() if turn.finished else None
        return {"finished": finished, "conversation": turn.grown()}

    async def _pieces(
        self, asked: TurnBody, content: Content, turn: _Turn
    ) -> AsyncGenerator[str, None]:
        id = turn.conversation.id
        work = turn.work = Work(
            self._core.bus, self._take(asked, content, turn), lambda: self._busy.discard(id)
        )
        self._busy.add(id)
        self._known[work.id] = turn
        while len(self._known) > KEPT_TURNS:
            self._known.popitem(last=False)
        async with aclosing(work.pieces()) as pieces:
            async for each in pieces:
                yield each
        yield piece(turn.grown(), "conversation")

    async def _take(self, asked: TurnBody, content: Content, turn: _Turn) -> dict[str, Any]:
        begun = ""

        def hear(event: Event) -> None:
            if isinstance(event, TurnFinished) and event.turn == begun:
                turn.finished = event

        unsubscribe = self._core.bus.subscribe(hear)
        try:
            if turn.saver is not None:
                await asyncio.to_thread(turn.saver.save, content)
            running = self._core.turn(
                turn.conversation,
                content,
                sampling=read(Sampling, asked.sampling),
                seed=asked.seed,
                may_ask=asked.may_ask,
                tool_choice=asked.tool_choice,
                max_tokens=asked.max_tokens,
            )
            async with aclosing(running) as events:
                async for event in events:
                    if isinstance(event, TurnStarted):
                        begun = event.turn
        finally:
            unsubscribe()
            self._remember(turn.conversation)
            if turn.saver is not None:
                await asyncio.to_thread(turn.saver.save)
        ended = turn.finished
        return {
            "conversation": turn.conversation.id,
            "outcome": ended.outcome if ended else "",
            "text": ended.text if ended else "",
        }

    def _saver(self, asked: TurnBody) -> ConversationSaver:
        store = self._core.records.conversations
        if asked.conversation_id is None:
            known = self._core.records.facts.in_words()
            return ConversationSaver(store, Conversation.begin(asked.system, known))
        saved = store.load(asked.conversation_id)
        if saved is None:
            raise UnknownRecordError("conversation", asked.conversation_id)
        saver = ConversationSaver.resume(store, saved)
        saver.conversation.counted = self._counted.get(saved.id)
        return saver

    def _remember(self, conversation: Conversation) -> None:
        if conversation.counted is not None:
            self._counted[conversation.id] = conversation.counted
            self._counted.move_to_end(conversation.id)
            while len(self._counted) > KEPT_COUNTS:
                self._counted.popitem(last=False)


def turn_routes(core: RuntimeCore) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)
    turns = Turns(core)

    @routes.post("/turns")
    async def turn(asked: TurnBody, request: Request) -> Response:
        """Run a turn and stream its events; hanging up cancels it."""
        with reading("content"):
            content = content_from_json(asked.content)
        with reading("sampling"):
            read(Sampling, asked.sampling)
        return await stream_response(request, await turns.start(asked, content), tell)

    @routes.delete("/turns/{id}")
    async def cancel(id: str) -> dict[str, Any]:
        """End a turn early; says how it ended, also if that was a moment ago."""
        return await turns.cancel(id)

    @routes.post("/approvals/{question}")
    async def answer(question: str, asked: AnswerBody) -> dict[str, Any]:
        """Answer the question of a ``permission_asked``, by its id."""
        return {"open": core.answer(question, asked.answer)}

    return routes
