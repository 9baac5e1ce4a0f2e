"""The agent loop: a user's message in, events out.

Owns what all turns share, and the way from a running turn to whoever watches
it. A turn itself is in ``turn``.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from airunner.agent.approvals import Answer, Approvals
from airunner.agent.conversation import Conversation
from airunner.agent.guided import GuidedToolCalling
from airunner.agent.team import Team
from airunner.agent.tool_call import Outcome, ToolCaller
from airunner.agent.tool_calling.native import NativeToolCalling
from airunner.agent.tool_calling.prompt import AUTO, NONE, REQUIRED, ToolCalling
from airunner.agent.tool_calling.tool_block import ToolBlock
from airunner.agent.turn import Turn, TurnRequest
from airunner.errors import InvalidToolError, UnknownToolError
from airunner.events import Event, EventBus, ToolRefused
from airunner.json_schema.plain import encodable
from airunner.messages import ToolCall
from airunner.models.spec import ChatDialect, Sampling
from airunner.tools.api import Specialists
from airunner.tools.facilities import Facilities
from airunner.tools.former_names import name_now
from airunner.tools.permissions import Decision, Permissions
from airunner.tools.retrieval.ranking import ToolRanker
from airunner.tools.retrieval.relevance import RelevanceIndex
from airunner.tools.search import RESERVED, search_tool
from airunner.tools.toolset import Toolset

DIRECT_RESULT_TOKENS = 16_384
"""What is kept of a result that goes to no model but to whoever called the tool."""


class AgentLoop:
    """Runs turns over conversations. Turns of different conversations may run together.

    Args:
        team: lends the models.
        toolset: the tools offered, for the life of this loop; where they are many,
            ``search_tools`` comes beside them.
        core_tools: the names of those that every prompt shows; see ``ToolBlock``.
        bus: gets every event of every turn, once, when it happens.
        specialists: what tools reach through their ``api``; without it they find
            no specialised model and use their fallback.
        facilities: the files, records and view of the system that tools reach in the same way.
        permissions: which calls are allowed, asked about or denied; the defaults if ``None``.
        ranker: finds among ``toolset`` the tools that fit; by words alone by default.
        max_steps: generations in which tools may be called; one more then answers without.
        tool_timeout_s: how long a tool may take, the loading of its specialist included.
        max_tool_retries: how often one tool may be tried again in a turn.
        answer_tokens: the most tokens one generation may have.

    Raises:
        InvalidToolError: a tool of ``toolset`` has a name that the way to the others has.
    """

    def __init__(
        self,
        team: Team,
        toolset: Toolset,
        *,
        bus: EventBus,
        specialists: Specialists | None = None,
        facilities: Facilities | None = None,
        permissions: Permissions | None = None,
        ranker: ToolRanker | None = None,
        core_tools: Sequence[str] = (),
        max_steps: int = 8,
        tool_timeout_s: float = 120.0,
        max_tool_retries: int = 2,
        answer_tokens: int = 1024,
    ) -> None:
        for name in sorted(RESERVED.intersection(toolset.names)):
            raise InvalidToolError(name, "models reach tools outside their prompt by this name")
        ranker = ranker or RelevanceIndex(toolset)
        self._team, self._bus, self._ranker = team, bus, ranker
        self.block = ToolBlock(toolset, core_tools)
        self.toolset = toolset
        if not self.block.is_whole:
            self.toolset += Toolset([search_tool(toolset, self.block.names)])
            self.block = ToolBlock(self.toolset, core_tools)
        for name in self.block.unknown:
            now = name_now(name)
            problem = "there is no such tool" + (f"; {now} does its work now" if now else "")
            bus.publish(ToolRefused(origin="core_tools", tool=name, problem=problem))
        self._specialists, self._facilities = specialists, facilities
        self._consent = Approvals(permissions or Permissions())
        self._max_steps, self._tool_timeout_s = max_steps, tool_timeout_s
        self._max_tool_retries, self._answer_tokens = max_tool_retries, answer_tokens
        self._dialects: dict[ChatDialect, ToolCalling] = {
            "native": NativeToolCalling(self.toolset, self.block),
            "guided": GuidedToolCalling(self.toolset, ranker),
        }

    async def run_turn(
        self,
        conversation: Conversation,
        text: str,
        *,
        sampling: Sampling | None = None,
        seed: int | None = None,
        thinking: bool | None = None,
        may_ask: bool = False,
        tool_choice: str = AUTO,
    ) -> AsyncGenerator[Event, None]:
        """Answer ``text`` and yield what happens, beginning with ``TurnStarted``.

        What is no Unicode in ``text`` is replaced. Each event is published on the
        bus when it happens and yielded here after: look at one of the two.
        Closing the iterator, or cancelling the task that reads it, cancels the
        turn; its ``TurnFinished`` is then seen on the bus only. ``conversation``
        gains the turn's messages as they come; one conversation has one turn at a
        time.

        With ``may_ask`` the reader promises to ``answer`` every ``PermissionAsked``;
        the turn waits for that as long as it takes. Without it, what would be
        asked about is denied.

        ``tool_choice`` is ``"auto"``, ``"none"``, ``"required"``, or the name of the
        tool to call; see ``TurnRequest``.

        Raises:
            UnknownToolError: ``tool_choice`` names no tool, or requires one of none.
        """
        if tool_choice not in (AUTO, NONE, REQUIRED):
            self.toolset.get(tool_choice)
        elif tool_choice == REQUIRED and not len(self.toolset):
            raise UnknownToolError(REQUIRED, ())
        queue: asyncio.Queue[Event | None] = asyncio.Queue()

        def emit(event: Event) -> None:
            self._bus.publish(event)
            queue.put_nowait(event)

        def caller(turn: str) -> ToolCaller:
            return self._caller(turn, conversation.id, "ask" if may_ask else "deny", emit)

        turn = Turn(
            conversation,
            TurnRequest(encodable(text), sampling or Sampling(), seed, thinking, tool_choice),
            team=self._team,
            dialects=self._dialects,
            caller=caller,
            emit=emit,
            max_steps=self._max_steps,
            answer_tokens=self._answer_tokens,
        )
        # The turn runs by itself, so that a slow reader never holds a lease.
        running = asyncio.create_task(self._run(turn), name=turn.id)
        running.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await running
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def _run(self, turn: Turn) -> None:
        # Reading many tools takes a second, in which other turns must not stand still.
        await asyncio.to_thread(self._ranker.prepare)
        await turn.run()

    def answer(self, question: str, answer: Answer) -> bool:
        """Answer a ``PermissionAsked``, from any thread; false if it is no longer open."""
        return self._consent.answer(question, answer)

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        max_result_tokens: int = DIRECT_RESULT_TOKENS,
        by_user: bool = False,
    ) -> Outcome:
        """Run one tool as a turn would; only cancellation is raised. Events go to the bus.

        Nobody is asked. ``by_user`` says that the user wrote this very call, so
        that only a rule which denies it stands against it; otherwise what
        should be asked about is denied.
        """
        errand = f"call_{uuid.uuid4().hex[:12]}"
        caller = self._caller(errand, errand, "allow" if by_user else "deny", self._bus.publish)
        return await caller.run(ToolCall(errand, name, dict(arguments)), max_result_tokens)

    def _caller(
        self, turn: str, conversation: str, if_unsure: Decision, emit: Callable[[Event], None]
    ) -> ToolCaller:
        return ToolCaller(
            self.toolset,
            shown=self.block,
            turn=turn,
            conversation=conversation,
            consent=self._consent,
            if_unsure=if_unsure,
            emit=emit,
            specialists=self._specialists,
            facilities=self._facilities,
            timeout_s=self._tool_timeout_s,
            max_retries=self._max_tool_retries,
        )
