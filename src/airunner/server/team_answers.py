"""Answers of the whole team to a client's request, as chunks of OpenAI's chat completions.

The team's own tools run here, unasked or not at all: nobody is there to give a permission.
A call of a tool that the client offers ends the answer, and the next request brings its
result. Owns running the turn that a request asks for and hearing what happens meanwhile.
Which conversation is gone on with is ``team_conversations``'s, and the form of the chunks
``team_chunks``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.turn_request import TurnRequest, given_or_drawn
from airunner.engines.base import Chunk
from airunner.engines.openai_form import (
    allowed_tools_of,
    offered_tools,
    thinking_of,
    tool_choice_of,
)
from airunner.events import (
    Event,
    ImageStepped,
    PictureSaved,
)
from airunner.messages import Content
from airunner.models.spec import ModelCapability, Sampling
from airunner.runtime.core import RuntimeCore
from airunner.server.chunks import Completion
from airunner.server.message_media import media_messages_of
from airunner.server.team_chunks import TurnChunks
from airunner.server.team_conversations import TeamConversations
from airunner.server.team_steps import (
    OF_MODELS,
    Uses,
    models_of,
)

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repeat_penalty")
_OF_ONE_MODEL = ("logprobs", "logit_bias", "grammar")


def is_for_team(body: Mapping[str, Any]) -> bool:
    """Whether the team with its tools can answer ``body``, or only a model by itself.

    The form of a whole answer, and what is asked of single tokens, is a model's own; so is
    going on with an answer that has begun.
    """
    form = (body.get("response_format") or {}).get("type", "text")
    is_turn = body["messages"][-1]["role"] in ("user", "tool", "function")
    return form == "text" and is_turn and not any(map(body.get, _OF_ONE_MODEL))


class TeamAnswers:
    """See the module's description."""

    def __init__(self, core: RuntimeCore) -> None:
        self._core = core
        self._conversations = TeamConversations(core.known)

    async def chunks(self, body: Mapping[str, Any]) -> AsyncGenerator[Chunk, None]:
        """Answer a checked request of one choice. Closing the generator stops the work.

        Raises:
            AiRunnerError: before the first chunk, or in the middle of the answer.
        """
        agent = await self._core.agent()
        messages = media_messages_of(body["messages"])
        whole = Completion()
        with self._conversations.going_on(messages) as opened:
            told = TurnChunks(self._uses(agent))
            request = _request(body, opened.content)
            try:
                turn = self._events(agent, opened.conversation, request)
                async with aclosing(turn) as events:
                    async for event in events:
                        for chunk in told.feed(event):
                            whole.add(chunk)
                            yield chunk
            finally:
                opened.answer = whole.message

    async def count_tokens(self, body: Mapping[str, Any]) -> int:
        """Tokens of the prompt that ``body`` becomes as a new conversation, our tools included.

        Raises:
            AiRunnerError: the primary cannot be had, or a tool of the client's not be used.
        """
        agent = await self._core.agent()
        messages = media_messages_of(body["messages"])
        tools = agent.offered(offered_tools(body)).block.schemas
        async with self._core.lease(PRIMARY, owner="count") as lease:
            return await lease.count_tokens(messages, tools)

    async def _events(
        self, agent: AgentLoop, conversation: Conversation, request: TurnRequest
    ) -> AsyncGenerator[Event, None]:
        """The turn's events, and among them what happened to models and pictures meanwhile."""
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Event | None]()

        def hear(event: Event) -> None:
            if isinstance(event, (*OF_MODELS, ImageStepped, PictureSaved)):
                loop.call_soon_threadsafe(queue.put_nowait, event)

        async def run() -> None:
            try:
                turn = agent.run(conversation, request, raises=True)
                async with aclosing(turn) as events:
                    async for event in events:
                        queue.put_nowait(event)
            finally:
                queue.put_nowait(None)

        unsubscribe = self._core.bus.subscribe(hear)
        running = asyncio.create_task(run())
        try:
            while (event := await queue.get()) is not None:
                yield event
            await running
        finally:
            unsubscribe()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _uses(self, agent: AgentLoop) -> Uses:
        def uses(tool: str) -> Mapping[ModelCapability, str]:
            needed = agent.toolset.get(tool).uses if tool in agent.toolset else ()
            return models_of(needed, lambda each: self._core.resolve(each).spec.model_path)

        return uses


def _request(body: Mapping[str, Any], content: Content | None) -> TurnRequest:
    stop = body.get("stop") or ()
    tools = offered_tools(body)
    return TurnRequest(
        content,
        sampling=Sampling(**{name: body.get(name) for name in _SAMPLING}),
        seed=given_or_drawn(body.get("seed")),
        thinking=thinking_of(body),
        tool_choice=tool_choice_of(body),
        external=tools,
        allowed=allowed_tools_of(body),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
    )
