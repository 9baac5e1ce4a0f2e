"""A team whose models say what a script tells them: for testing the loop, not the models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.turn_request import TurnRequest
from airunner.engines.base import ChatRequest
from airunner.events import Event, EventBus
from airunner.media import MediaSupport
from airunner.messages import (
    Content,
    Delta,
    MediaKind,
    Message,
    ToolCall,
    ToolSchema,
    Usage,
)
from airunner.models.spec import ModelCapability, ModelSpec, ToolCallingName

E = TypeVar("E", bound=Event)
Said = str | ToolCall | list[ToolCall] | Exception
Obedient = Callable[[ChatRequest], Said]
"""What it says next, by what it was told."""


PICTURE_TOKENS = 256


def tokens_of(messages: Sequence[Message]) -> int:
    """A stand-in for a tokenizer: one token per four characters, and those of each picture."""
    return sum(
        len(message.text) // 4 + 8 + PICTURE_TOKENS * len(message.media) for message in messages
    )


@dataclass
class ScriptedLease:
    team: ScriptedTeam
    spec: ModelSpec
    n_ctx: int

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        team = self.team
        team.requests.append(request)
        said = team.script.pop(0)
        if isinstance(said, Exception):
            raise said
        if callable(said):
            said = said(request)
        try:
            if isinstance(said, str):
                for word in said.split(" "):
                    await asyncio.sleep(0)
                    yield Delta(text=f"{word} ")
                    if word == "[stuck]":
                        await asyncio.Event().wait()
                    if word == "[dies]" and team.deaths:
                        team.deaths -= 1
                        raise team.death
                calls: list[ToolCall] = []
            else:
                calls = said if isinstance(said, list) else [said]
                for call in calls:
                    text = call.malformed or json.dumps(dict(call.arguments))
                    head, rest = text[:3], text[3:]
                    yield Delta(tool_name=call.name, tool_id=call.id, tool_arguments=head)
                    await asyncio.sleep(0)
                    yield Delta(tool_arguments=rest)
        finally:
            team.closed_streams += 1
        prompt = tokens_of(request.messages)
        yield Delta(
            tool_calls=tuple(calls),
            finish_reason="tool_calls" if calls else "stop",
            usage=Usage(prompt_tokens=prompt, cached_tokens=prompt // 2, completion_tokens=5),
        )

    async def count_tokens(self, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> int:
        return tokens_of(messages)

    async def enforces(self, parameters: Mapping[str, Any]) -> bool:
        return self.team.enforces


@dataclass
class ScriptedTeam:
    """``script`` holds what is said next; ``log`` the order of leases; ``requests`` all asked.

    ``expected`` has what was expected, each with the number of streams that had ended by then.
    """

    script: list[Said | Obedient]
    dialect: ToolCallingName = "native"
    n_ctx: int = 4096
    takes: frozenset[MediaKind] = frozenset()
    enforces: bool = False
    death: Exception = field(default_factory=lambda: RuntimeError("unused"))
    deaths: int = 99
    log: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    requests: list[ChatRequest] = field(default_factory=list)
    held: int = 0
    closed_streams: int = 0
    expected: list[tuple[ModelCapability, int]] = field(default_factory=list)
    expecting_now: int = 0

    def resolve(self, capability: ModelCapability, model: str | None = None) -> ModelSpec:
        return ModelSpec("scripted", [capability], chat_dialect=self.dialect)

    async def media_support(
        self, capability: ModelCapability, model: str | None = None
    ) -> MediaSupport:
        return MediaSupport("scripted", self.takes, {"image": "Choose another model."})

    @asynccontextmanager
    async def lease(
        self, capability: ModelCapability, *, owner: str, model: str | None = None
    ) -> AsyncIterator[ScriptedLease]:
        self.held += 1
        self.owners.append(owner)
        self.log.append(f"lease {capability.value}")
        try:
            yield ScriptedLease(self, self.resolve(capability), self.n_ctx)
        finally:
            self.held -= 1
            self.log.append(f"release {capability.value}")

    @contextmanager
    def expecting(self, *, owner: str) -> Iterator[Callable[[Sequence[ModelCapability]], None]]:
        def expect(capabilities: Sequence[ModelCapability]) -> None:
            self.owners.append(owner)
            self.expected += [(capability, self.closed_streams) for capability in capabilities]

        self.expecting_now += 1
        try:
            yield expect
        finally:
            self.expecting_now -= 1


async def events_of(loop: AgentLoop, conversation: Conversation, said: Content) -> list[Event]:
    return [event async for event in loop.run(conversation, TurnRequest(said))]


def of_kind(events: Sequence[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def recorded(bus: EventBus) -> list[Event]:
    """A list that fills with what is published."""
    seen: list[Event] = []
    bus.subscribe(seen.append)
    return seen
