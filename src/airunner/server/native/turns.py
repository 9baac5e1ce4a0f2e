"""Turns of the agent, and its tools: started, watched, answered and cancelled.

Owns that a conversation has one turn at a time, and how one that is saved here is read and
written. A client that keeps its conversations itself sends a whole one along, and is told
how it grew.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from airunner.agent.conversation import Conversation, CountedPrompt
from airunner.agent.conversation_saver import ConversationSaver
from airunner.agent.loop import AgentLoop
from airunner.agent.tool_calling.prompt import NONE
from airunner.agent.turn_request import TurnRequest, given_or_drawn
from airunner.errors import (
    AiRunnerError,
    ConversationBusyError,
    StorageError,
    UnknownRecordError,
)
from airunner.events import (
    ConversationChanged,
    Event,
    TextStreamed,
    ToolCallFinished,
    ToolCallStarted,
    TurnFinished,
)
from airunner.messages import Content, Message
from airunner.models.spec import Sampling
from airunner.records.conversation_details import OPTIONS
from airunner.runtime.core import RuntimeCore
from airunner.runtime.native_form import Growth, conversation_from_json, read
from airunner.server.native.attachments import Attachments
from airunner.server.native.native_route import reading
from airunner.server.native.saved_meanwhile import saved_meanwhile
from airunner.server.native.turn_account import TurnAccount, TurnAccountant
from airunner.server.native.turn_bodies import ALL_TOOLS, ChatOptions, TurnBody
from airunner.server.native.work import Work, let_end, piece

KEPT_TURNS = 64
"""Turns that are remembered, so that a client that broke one off is told how it ended."""
KEPT_WHOLE = 4
"""Turns that have ended and keep what happened in them, for readers that come late."""
KEPT_COUNTS = 256
"""Conversations whose last prompt was counted: the next need not be."""
_SAVED_AFTER = (TextStreamed, ToolCallStarted, ToolCallFinished)


@dataclass(slots=True)
class Turn:
    """A turn that runs, or has ended not long ago; ``before`` is how the conversation was."""

    conversation: Conversation
    content: Content
    before: list[Message]
    saver: ConversationSaver | None
    work: Work
    finished: TurnFinished | None = None
    account: TurnAccount = field(default_factory=TurnAccount)

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

    def __init__(self, core: RuntimeCore, attachments: Attachments) -> None:
        self._core, self._attachments = core, attachments
        self._known: OrderedDict[str, Turn] = OrderedDict()
        self._running: dict[str, Turn] = {}
        self._beginning: set[str] = set()
        self._closing = False
        self._counted: OrderedDict[str, CountedPrompt] = OrderedDict()

    async def begin(self, asked: TurnBody, content: Content) -> Turn:
        """A turn that runs from now on, whoever reads it.

        Raises:
            UnknownRecordError: no conversation has this id, or no file that is attached.
            MediaError: the conversation has too many files.
            ConversationBusyError: it has a turn already.
            BodyRefusedError: it cannot be read.
            StorageError: the question cannot be saved; nothing has begun.
        """
        saver, tells = None, True
        if asked.conversation is not None:
            content = await self._attachments.said_with(content, asked.attachments)
            with reading("conversation"):
                conversation = conversation_from_json(asked.conversation)
            conversation.counted = self._counted.get(conversation.id)
            saved = self._core.records.conversations
            tells = await asyncio.to_thread(saved.may_have, conversation.id)
        else:
            saver = await asyncio.to_thread(self._saver, asked)
            conversation = saver.conversation
        id = conversation.id
        if id in self._running or id in self._beginning:
            raise ConversationBusyError(id)
        if saver is not None:
            self._beginning.add(id)
            try:
                if asked.attachments:
                    content = await self._with_attached(asked, content, id)
                await asyncio.to_thread(saver.save, content)
            finally:
                self._beginning.discard(id)
        for file in asked.attachments:
            self._attachments.drop(file)
        return self._start(asked, content, conversation, saver, tells)

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

    async def accounts(self, conversation: str) -> dict[int, TurnAccount]:
        """How the turns of a saved conversation went, by the places of their questions."""
        details = await asyncio.to_thread(self._core.records.details.load, conversation)
        return {
            place: read(TurnAccount, each) for place, each in details.items() if place != OPTIONS
        }

    async def options(self, conversation: str) -> ChatOptions:
        """What was chosen for a saved conversation."""
        details = await asyncio.to_thread(self._core.records.details.load, conversation)
        return ChatOptions.model_validate(details.get(OPTIONS, {}))

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

    async def close(self, patience_s: float, hurry: Callable[[], bool] = lambda: False) -> None:
        """Let the turns that run end, for ``patience_s`` or until ``hurry``; break off the rest."""
        self._closing = True
        await let_end([turn.work for turn in self._running.values()], patience_s, hurry)

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
        tells: bool,
    ) -> Turn:
        id, before = conversation.id, list(conversation.messages)

        async def take() -> dict[str, Any]:
            return await self._take(asked, turn)

        def end() -> None:
            self._running.pop(id, None)
            self._forget_old()
            if tells:
                self._tell(conversation.id, False)

        turn = Turn(conversation, content, before, saver, Work(self._core.bus, take(), end))
        self._running[id] = turn
        self._known[turn.work.id] = turn
        turn.work.start()
        if tells:
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
        agent = await self._core.agent()
        id = turn.conversation.id
        keeper = TurnAccountant(id, lambda tool: self._specialists_of(agent, tool))
        turn.account = keeper.account

        def hear(event: Event) -> None:
            turn.finished = keeper.take(event) or turn.finished

        unsubscribe = self._core.bus.subscribe(hear)
        try:
            options = await self._chosen(asked, turn)
            request = TurnRequest(
                turn.content,
                sampling=read(Sampling, asked.sampling),
                seed=given_or_drawn(asked.seed),
                thinking=options.thinking,
                tool_choice=NONE if ALL_TOOLS in options.without else asked.tool_choice,
                max_tokens=asked.max_tokens,
                model=options.model,
                forbidden=_forbidden(agent, options),
            )
            running = agent.run(turn.conversation, request, may_ask=asked.may_ask)
            save = partial(self._save_so_far, agent, turn)
            async with saved_meanwhile(save) as news, aclosing(running) as events:
                async for event in events:
                    if isinstance(event, _SAVED_AFTER):
                        news()
        finally:
            unsubscribe()
            self._remember(turn.conversation)
            if self._closing and turn.account.outcome in ("", "cancelled"):
                turn.account.outcome = "server_stopped"
            if turn.saver is not None:
                await asyncio.to_thread(self._save, turn)
        ended = turn.finished
        return {
            "conversation": turn.conversation.id,
            "outcome": ended.outcome if ended else "",
            "text": ended.text if ended else "",
        }

    def _save(self, turn: Turn) -> None:
        assert turn.saver is not None
        turn.saver.save()
        place = len(turn.before)
        self._core.records.details.save(turn.conversation.id, place, turn.account.as_json())

    async def _save_so_far(self, agent: AgentLoop, turn: Turn) -> None:
        """The account first: words of an answer without one are taken for the whole answer."""
        if turn.saver is None:
            return
        messages, account = agent.so_far(turn.conversation), turn.account.as_json()
        id, place = turn.conversation.id, len(turn.before)
        with suppress(StorageError):  # told at the end, if it is still so
            await asyncio.to_thread(self._core.records.details.save, id, place, account)
            await asyncio.to_thread(turn.saver.save_so_far, messages)

    async def _with_attached(self, asked: TurnBody, content: Content, id: str) -> Content:
        agent, options = await self._core.agent(), asked.options or await self.options(id)
        no_tools = ALL_TOOLS in options.without or asked.tool_choice == NONE
        known = [] if no_tools else [tool.name for tool in agent.toolset]
        usable = set(known) - _forbidden(agent, options)
        return await self._attachments.said_with(content, asked.attachments, id, usable)

    async def _chosen(self, asked: TurnBody, turn: Turn) -> ChatOptions:
        """What holds for the turn; what is asked for is kept with a saved conversation."""
        if turn.saver is None:
            return asked.options or ChatOptions()
        id = turn.conversation.id
        if asked.options is None:
            return await self.options(id)
        value = asked.options.model_dump()
        await asyncio.to_thread(self._core.records.details.save, id, OPTIONS, value)
        return asked.options

    def _specialists_of(self, agent: AgentLoop, tool: str) -> set[str]:
        if tool not in agent.toolset:
            return set()
        found = set()
        for capability in agent.toolset.get(tool).uses:
            with suppress(AiRunnerError):  # nothing serves it
                found.add(self._core.resolve(capability).spec.model_path)
        return found

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


def _forbidden(agent: AgentLoop, options: ChatOptions) -> frozenset[str]:
    without = set(options.without)
    return frozenset(
        tool.name
        for tool in agent.toolset
        if tool.name in without or agent.toolset.subject_of(tool.name) in without
    )
