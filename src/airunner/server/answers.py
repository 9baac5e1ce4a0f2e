"""Answers of models to clients' requests, as chunks of OpenAI's chat completions.

Every API of the server is made of these; those of the whole team are ``team_answers``'.
Owns what a model is asked for by name, under which lease and in which conversation, and
that an answer goes on when its worker dies.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from secrets import token_hex
from typing import Any

from airunner.agent.turn_request import given_or_drawn
from airunner.engines.base import Chunk
from airunner.engines.openai_form import (
    CHUNK,
    offered_tools,
    text_of,
    thinking_of,
    usage_json,
)
from airunner.errors import GenerationError
from airunner.messages import Message, Usage
from airunner.models.spec import ModelCapability
from airunner.resources.known_conversations import prompt_settings
from airunner.resources.lease import Lease
from airunner.resources.visitor import current_visitor
from airunner.runtime.core import RuntimeCore
from airunner.server.answer_costs import AnswerCosts
from airunner.server.chunks import Completion
from airunner.server.message_media import media_messages_of
from airunner.server.replay import going_on, usage_after
from airunner.server.served_models import ServedModels
from airunner.server.team_answers import TeamAnswers, is_for_team
from airunner.server.valid_calls import valid_completion

_TALKS = ModelCapability.PRIMARY_CONVERSATION


class Answers:
    """See the module's description."""

    def __init__(self, core: RuntimeCore, models: ServedModels) -> None:
        self._core = core
        self._models = models
        self._team = TeamAnswers(core)

    async def chunks(self, body: Mapping[str, Any]) -> AsyncGenerator[Chunk, None]:
        """Answer a checked request of one choice. Closing the generator stops the work.

        Without a seed the answer gets one of its own: where its worker dies, the answer may
        have to be computed again.

        Raises:
            AiRunnerError: before the first chunk, or in the middle of the answer.
        """
        wanted = self._models.wanted(body["model"])
        if self._is_for_team(body):
            async with aclosing(self._team.chunks(body)) as answer:
                async for chunk in answer:
                    yield chunk
            return
        request = {**body, "seed": given_or_drawn(body.get("seed"))}
        owner = f"client-{token_hex(4)}"
        name = self._models.speaker(wanted)
        messages = await self._messages(name, body)
        options = body.get("chat_template_kwargs")
        settings = prompt_settings(offered_tools(body), thinking_of(body), options)
        # What one key has said is nobody else's, also where the same is said again.
        settings["key"] = current_visitor().name
        with self._core.known.going_on(name, messages, settings) as conversation:
            whole, costs = Completion(), AnswerCosts()

            async def begin(said: str) -> AsyncGenerator[Chunk, None]:
                async with self._core.lease(wanted, owner=owner, fetches=False) as lease:
                    stream = (
                        _after(lease, request, messages, said, conversation.id)
                        if said
                        else valid_completion(lease, request, messages, conversation.id)
                    )
                    async with aclosing(stream) as chunks:
                        async for chunk in chunks:
                            yield chunk

            async with aclosing(going_on(name, body, begin, whole)) as chunks:
                async for chunk in chunks:
                    costs.saw(chunk)
                    yield chunk
            self._core.bus.publish(costs.event(owner, name, conversation.id, whole))
            self._core.known.answered(conversation, whole.message)

    async def count_tokens(self, body: Mapping[str, Any]) -> int:
        """Tokens of the prompt that ``body``'s messages and tools become.

        Raises:
            AiRunnerError: the model cannot be had.
        """
        wanted = self._models.wanted(body["model"])
        if self._is_for_team(body):
            return await self._team.count_tokens(body)
        messages = await self._messages(self._models.speaker(wanted), body)
        owner = f"count-{token_hex(4)}"
        async with self._core.lease(wanted, owner=owner, fetches=False) as lease:
            return await lease.count_tokens(messages, offered_tools(body))

    async def _messages(self, model: str, body: Mapping[str, Any]) -> list[Message]:
        """The messages, with pictures and recordings that ``model`` takes; nothing is loaded.

        Raises:
            MediaError: one is damaged, or an address.
            MediaNotSupportedError: the model takes none such.
        """
        messages = media_messages_of(body["messages"])
        if media := tuple(part for message in messages for part in message.media):
            (await self._core.team.media_support(_TALKS, model)).check(media)
        return messages

    def _is_for_team(self, body: Mapping[str, Any]) -> bool:
        """Whether the team answers."""
        return self._models.is_team(body["model"]) and is_for_team(body)


async def _after(
    lease: Lease,
    body: Mapping[str, Any],
    messages: Sequence[Message],
    said: str,
    conversation: str,
) -> AsyncGenerator[Chunk, None]:
    """Answer ``body``, whose messages are ``messages``, as if ``said`` were the beginning of it.

    Raises:
        GenerationError: the engine cannot, or the template.
        AiRunnerError: see ``Lease.complete``.
    """
    if not lease.goes_on:
        raise GenerationError(lease.spec.model_path, "its engine begins no answer for it")
    tools, begun = offered_tools(body), [*messages, Message("assistant", said)]
    if messages[-1].role == "assistant":
        begun = [*messages[:-1], Message("assistant", messages[-1].text + said)]
    n_prompt = await lease.count_tokens(messages, tools)
    n_said = await lease.count_tokens(begun, tools) - n_prompt
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is not None and limit <= n_said:
        usage = usage_json(Usage(prompt_tokens=n_prompt, completion_tokens=n_said))
        ended = {"index": 0, "delta": {}, "finish_reason": "length"}
        yield {"object": CHUNK, "choices": [ended], "usage": usage}
        return
    rows = list(body["messages"])
    before = text_of(rows.pop().get("content")) if rows[-1]["role"] == "assistant" else ""
    rest = {**body, "messages": [*rows, {"role": "assistant", "content": before + said}]}
    if limit is not None:
        rest |= {"max_tokens": limit - n_said, "max_completion_tokens": None}
    async with aclosing(valid_completion(lease, rest, begun, conversation)) as chunks:
        async for chunk in chunks:
            if "usage" in chunk:
                chunk["usage"] = usage_after(chunk["usage"], n_said)
            yield chunk
