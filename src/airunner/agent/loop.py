"""The agent loop: a user's message in, events out.

Owns what all turns share, and the way from a running turn to whoever watches
it. A turn itself is in ``turn``.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from airunner.agent.approvals import Answer, Approvals
from airunner.agent.conversation import Conversation
from airunner.agent.offered_tools import OfferedTools
from airunner.agent.team import Team
from airunner.agent.tool_call import Outcome, ToolCaller
from airunner.agent.tool_calling.native import NativeToolCalling
from airunner.agent.tool_calling.none import NoToolCalling
from airunner.agent.tool_calling.prompt import AUTO, NONE, REQUIRED, ToolCallingFactory
from airunner.agent.turn import Turn
from airunner.agent.turn_request import TurnRequest
from airunner.errors import UnknownToolError
from airunner.events import Event, EventBus, ToolRefused
from airunner.json_schema.plain import encodable
from airunner.messages import Content, Message, TextPart, ToolCall, ToolSchema
from airunner.models.spec import ToolCallingName
from airunner.tools.api import Specialists
from airunner.tools.facilities import Facilities
from airunner.tools.former_names import name_now
from airunner.tools.permissions import Decision, Permissions
from airunner.tools.prompt_tools import enhance_prompt
from airunner.tools.toolset import Toolset

BESIDE = Toolset([enhance_prompt])
"""Tools that no prompt has: ``call_tool`` alone reaches them, for other programs."""
DIRECT_RESULT_TOKENS = 16_384
"""What is kept of a result that goes to no model but to whoever called the tool."""

_KEPT_OFFERS = 16
_MOST_RETRIES = 2  # of one tool in a turn


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
        tool_calling: further ways of offering tools, by what ``ModelSpec.tool_calling`` says.
            A model for which there is none answers without tools.
        max_steps: generations in which tools may be called; one more then answers without.
        tool_timeout_s: how long a tool may take, the loading of its specialist included.
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
        tool_calling: Mapping[ToolCallingName, ToolCallingFactory] | None = None,
        core_tools: Sequence[str] = (),
        max_steps: int = 8,
        tool_timeout_s: float = 120.0,
        answer_tokens: int = 1024,
    ) -> None:
        self._team, self._bus = team, bus
        self._factories: dict[ToolCallingName, ToolCallingFactory] = {
            "native": NativeToolCalling,
            "guided": NoToolCalling,
            **(tool_calling or {}),
        }
        self._given, self._core_tools = toolset, core_tools
        self._offered = OfferedTools(toolset, core_tools, self._factories)
        for kind in self._factories:  # here, where nobody waits: an index takes a moment
            self._offered.tool_calling(kind)
        self._offers: dict[str, OfferedTools] = {}
        self.block, self.toolset = self._offered.block, self._offered.toolset
        for name in self.block.unknown:
            now = name_now(name)
            problem = "there is no such tool" + (f"; {now} does its work now" if now else "")
            bus.publish(ToolRefused(origin="core_tools", tool=name, problem=problem))
        self._specialists, self._facilities = specialists, facilities
        self.approvals = Approvals(permissions or Permissions())
        self._max_steps, self._tool_timeout_s = max_steps, tool_timeout_s
        self._answer_tokens = answer_tokens
        self._running: dict[str, Turn] = {}

    async def run(
        self,
        conversation: Conversation,
        request: TurnRequest,
        *,
        may_ask: bool = False,
        raises: bool = False,
    ) -> AsyncGenerator[Event, None]:
        """Answer ``request`` and yield what happens, beginning with ``TurnStarted``.

        Where its content has pictures or recordings that the primary does not take, the turn
        fails with ``MediaNotSupportedError``'s words before anything is loaded. What is no
        Unicode in its words is replaced. Each event is published on the bus when it happens
        and yielded here after: look at one of the two. Closing the iterator, or cancelling
        the task that reads it, cancels the turn; its ``TurnFinished`` is then seen on the bus
        only. ``conversation`` gains the turn's messages as they come; one conversation has
        one turn at a time.

        With ``may_ask`` the reader promises to ``answer`` every ``PermissionAsked``; the turn
        waits for that as long as it takes. Without it, what would be asked about is denied.
        With ``raises``, what made the turn fail is raised after its ``TurnFinished``.

        Raises:
            UnknownToolError: the tool choice names no tool, or requires one of none.
            InvalidToolError: see ``OfferedTools``.
        """
        offered, choice = self.offered(request.external, request.allowed), request.tool_choice
        if choice not in (AUTO, NONE, REQUIRED):
            offered.toolset.get(choice)
        elif choice == REQUIRED and not len(offered.toolset):
            raise UnknownToolError(REQUIRED, ())
        if request.content is not None:
            request = replace(request, content=_encodable(request.content))
        id, queue = conversation.id, asyncio.Queue[Event | None]()

        def emit(event: Event) -> None:
            self._bus.publish(event)
            queue.put_nowait(event)

        def caller(turn: str) -> ToolCaller:
            if_unsure: Decision = "ask" if may_ask else "deny"
            return self._caller(
                turn, conversation.id, if_unsure, emit, offered, forbidden=request.forbidden
            )

        turn = Turn(
            conversation,
            request,
            team=self._team,
            tools=offered,
            caller=caller,
            emit=emit,
            max_steps=self._max_steps,
            answer_tokens=self._answer_tokens,
        )
        # The turn runs by itself, so that a slow reader never holds a lease.
        running = asyncio.create_task(turn.run(), name=turn.id)
        running.add_done_callback(lambda _: queue.put_nowait(None))
        self._running[id] = turn
        try:
            while (event := await queue.get()) is not None:
                yield event
            await running
            if raises and turn.error is not None:
                raise turn.error
        finally:
            running.cancel()
            await asyncio.wait([running])
            self._running.pop(id, None)

    def so_far(self, conversation: Conversation) -> list[Message]:
        """Its messages, as a break would leave them now if it has a turn that has begun."""
        turn = self._running.get(conversation.id)
        return list(conversation.messages) if turn is None else turn.so_far()

    def knows(self, name: str) -> bool:
        """Whether ``call_tool`` has a tool of this name."""
        return name in self.toolset or name in BESIDE

    def answer(self, question: str, answer: Answer) -> bool:
        """Answer a ``PermissionAsked``, from any thread; false if it is no longer open."""
        return self.approvals.answer(question, answer)

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
        if_unsure: Decision = "allow" if by_user else "deny"
        beside = BESIDE if name in BESIDE else None
        caller = self._caller(errand, errand, if_unsure, self._bus.publish, self._offered, beside)
        return await caller.run(ToolCall(errand, name, dict(arguments)), max_result_tokens)

    def offered(
        self, external: Sequence[ToolSchema] = (), allowed: frozenset[str] | None = None
    ) -> OfferedTools:
        """What a turn offers that brings ``external`` tools; byte for byte the same every time.

        Raises:
            InvalidToolError: see ``OfferedTools``.
        """
        if not external:
            return self._offered
        told = [[t.name, t.description, t.parameters, t.deferred] for t in external]
        key = json.dumps([told, None if allowed is None else sorted(allowed)], default=str)
        offered = self._offers.pop(key, None)
        if offered is None:
            offered = OfferedTools(
                self._given, self._core_tools, self._factories, external, allowed
            )
        self._offers[key] = offered
        while len(self._offers) > _KEPT_OFFERS:
            del self._offers[next(iter(self._offers))]
        return offered

    def _caller(
        self,
        turn: str,
        conversation: str,
        if_unsure: Decision,
        emit: Callable[[Event], None],
        offered: OfferedTools,
        toolset: Toolset | None = None,
        forbidden: frozenset[str] = frozenset(),
    ) -> ToolCaller:
        return ToolCaller(
            offered.toolset if toolset is None else toolset,
            shown=offered.block,
            external=offered.external,
            forbidden=frozenset(offered.forbidden) | forbidden,
            turn=turn,
            conversation=conversation,
            approvals=self.approvals,
            if_unsure=if_unsure,
            emit=emit,
            specialists=self._specialists,
            facilities=self._facilities,
            timeout_s=self._tool_timeout_s,
            max_retries=_MOST_RETRIES,
        )


def _encodable(content: Content) -> Content:
    if isinstance(content, str):
        return encodable(content)
    return tuple(
        TextPart(encodable(part.text)) if isinstance(part, TextPart) else part for part in content
    )
