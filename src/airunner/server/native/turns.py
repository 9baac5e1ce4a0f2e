"""Turns of the agent, and its tools: started, watched, answered and cancelled.

Owns that a conversation has one turn at a time, and how one that is saved here is read and
written. A client that keeps its conversations itself sends a whole one along, and is told
how it grew.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field

from airunner.agent.approvals import Answer
from airunner.agent.conversation import Conversation, CountedPrompt
from airunner.agent.conversation_saver import ConversationSaver
from airunner.errors import ConversationBusyError, UnknownRecordError
from airunner.events import ConversationChanged, Event, TurnFinished, TurnStarted
from airunner.messages import Content, Message
from airunner.models.spec import Sampling
from airunner.runtime.core import RuntimeCore
from airunner.runtime.native_form import Growth, content_from_json, conversation_from_json, read
from airunner.server.native.native_route import NativeRoute, reading
from airunner.server.native.work import Work, piece, tell
from airunner.server.streams import stream_response

KEPT_TURNS = 64
"""Turns that are remembered, so that a client that broke one off is told how it ended."""
KEPT_WHOLE = 4
"""Turns that have ended and keep what happened in them, for readers that come late."""
KEPT_COUNTS = 256
"""Conversations whose last prompt was counted: the next need not be."""


class TurnBody(BaseModel):
    """The body of a turn.

    With ``conversation`` it is the client's and nothing is saved here. Else it is the saved
    one called ``conversation_id``, or a new one, which begins with ``system``. A ``detached``
    turn goes on when its reader hangs up: others may read it, and it is ended by its id.
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
    detached: bool = False


class AnswerBody(BaseModel):
    """What the user says to a question of a turn."""

    answer: Literal["yes", "no", "always"]


@dataclass(slots=True)
class Turn:
    """A turn that runs, or has ended not long ago; ``before`` is how the conversation was."""

    conversation: Conversation
    content: Content
    before: list[Message]
    saver: ConversationSaver | None
    work: Work
    finished: TurnFinished | None = None

    def grown(self) -> dict[str, Any]:
        """What became of the conversation until now."""
        growth = Growth.of(self.before, self.conversation).as_json(self.before)
        return {"id": self.conversation.id, **growth}

    async def pieces(self, after: int = 0) -> AsyncGenerator[str, None]:
        """See ``Work.pieces``; ``conversation`` comes last, however the turn ends."""
        async with aclosing(self.work.pieces(after)) as pieces:
            async for each in pieces:
                yield each
        yield piece(self.grown(), "conversation")


class Turns:
    """The turns that run, and how the last ones ended. Used on the loop that serves."""

    def __init__(self, core: RuntimeCore) -> None:
        self._core = core
        self._known: OrderedDict[str, Turn] = OrderedDict()
        self._running: dict[str, Turn] = {}
        self._counted: OrderedDict[str, CountedPrompt] = OrderedDict()

    async def begin(self, asked: TurnBody, content: Content) -> Turn:
        """A turn that runs from now on, whoever reads it.

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
        if conversation.id in self._running:
            raise ConversationBusyError(conversation.id)
        return self._start(asked, content, conversation, saver)

    async def read(self, asked: TurnBody, content: Content) -> AsyncGenerator[str, None]:
        """The pieces of a new turn, which closing this ends, unless it is detached.

        Raises:
            AiRunnerError: see ``begin``.
        """
        turn = await self.begin(asked, content)
        try:
            async with aclosing(turn.pieces()) as pieces:
                async for each in pieces:
                    yield each
        finally:
            if not asked.detached:
                turn.work.break_off()

    def of(self, conversation: str) -> Turn | None:
        """The turn that runs in a conversation."""
        return self._running.get(conversation)

    def find(self, id: str) -> Turn:
        """A turn by its id.

        Raises:
            UnknownRecordError: there is none, or it ended long ago.
        """
        turn = self._known.get(id)
        if turn is None:
            raise UnknownRecordError("turn", id)
        return turn

    def running(self) -> dict[str, str]:
        """The ids of the turns that run, by conversation."""
        return {conversation: turn.work.id for conversation, turn in self._running.items()}

    async def cancel(self, id: str) -> dict[str, Any]:
        """End a turn early, unless it has ended: how it did, and its conversation.

        Raises:
            UnknownRecordError: no turn has this id, or it ended long ago.
        """
        turn = self.find(id)
        await turn.work.cancel()
        finished = turn.finished.as_json() if turn.finished else None
        return {"finished": finished, "conversation": turn.grown()}

    def _start(
        self,
        asked: TurnBody,
        content: Content,
        conversation: Conversation,
        saver: ConversationSaver | None,
    ) -> Turn:
        id, before = conversation.id, list(conversation.messages)

        async def take() -> dict[str, Any]:
            return await self._take(asked, turn)

        def end() -> None:
            self._running.pop(id, None)
            self._forget_old()
            if saver is not None:
                self._tell(conversation.id, False)

        turn = Turn(conversation, content, before, saver, Work(self._core.bus, take(), end))
        self._running[id] = turn
        self._known[turn.work.id] = turn
        turn.work.start()
        if saver is not None:
            self._tell(id, True)
        return turn

    def _tell(self, conversation: str, runs: bool) -> None:
        changed = ConversationChanged(conversation=conversation, what="saved", turn_runs=runs)
        self._core.bus.publish(changed)

    def _forget_old(self) -> None:
        ended = [turn for turn in self._known.values() if not turn.work.running]
        for turn in ended[:-KEPT_WHOLE]:
            turn.work.forget()
        for turn in ended[: max(0, len(self._known) - KEPT_TURNS)]:
            del self._known[turn.work.id]

    async def _take(self, asked: TurnBody, turn: Turn) -> dict[str, Any]:
        begun = ""

        def hear(event: Event) -> None:
            if isinstance(event, TurnFinished) and event.turn == begun:
                turn.finished = event

        unsubscribe = self._core.bus.subscribe(hear)
        try:
            if turn.saver is not None:
                await asyncio.to_thread(turn.saver.save, turn.content)
            running = self._core.turn(
                turn.conversation,
                turn.content,
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


def turn_routes(turns: Turns, answer: Callable[[str, Answer], bool]) -> APIRouter:
    """The routes; ``answer`` takes what the user says to a question."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.post("/turns")
    async def turn(asked: TurnBody, request: Request) -> Response:
        """Run a turn and stream its events; hanging up cancels it, unless it is detached."""
        with reading("content"):
            content = content_from_json(asked.content)
        with reading("sampling"):
            read(Sampling, asked.sampling)
        return await stream_response(request, turns.read(asked, content), tell)

    @routes.get("/turns")
    async def running() -> dict[str, Any]:
        """The turns that run, by conversation."""
        return {"turns": turns.running()}

    @routes.get("/turns/{id}/events")
    async def events(
        id: str, request: Request, last_event_id: Annotated[int, Header(ge=0)] = 0
    ) -> Response:
        """A turn from its beginning, or from where a reader was, to its end."""
        return await stream_response(request, turns.find(id).pieces(last_event_id), tell)

    @routes.delete("/turns/{id}")
    async def cancel(id: str) -> dict[str, Any]:
        """End a turn early; says how it ended, also if that was a moment ago."""
        return await turns.cancel(id)

    @routes.post("/approvals/{question}")
    async def approve(question: str, asked: AnswerBody) -> dict[str, Any]:
        """Answer the question of a ``permission_asked``, by its id."""
        return {"open": answer(question, asked.answer)}

    return routes
