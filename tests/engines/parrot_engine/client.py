"""A voice in another process, as AI Runner speaks to it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from airunner.engines.base import ChatRequest, LoadPlan, SlotState
from airunner.engines.connection import ServedModel
from airunner.errors import GenerationError
from airunner.messages import Delta, Message, ToolSchema, Usage


class ParrotModel(ServedModel[LoadPlan]):
    async def chat(self, request: ChatRequest, slot: int) -> AsyncGenerator[Delta, None]:
        prompt = [word for message in request.messages for word in message.content.split()]
        told = await self._ask("/say", slot=slot, prompt=prompt)
        for word in told["words"]:
            yield Delta(text=f"{word} ")
        usage = Usage(len(prompt), told["cached"], len(told["words"]))
        yield Delta(finish_reason="stop", usage=usage)

    async def count_tokens(self, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> int:
        return sum(len(message.content.split()) for message in messages)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        raise GenerationError(self.plan.model, "a parrot embeds nothing")

    async def read_beginning(self, request: ChatRequest, slot: int) -> int:
        return 0

    async def save_slot(self, slot: int, target: Path) -> SlotState:
        return await self._state("/save", slot, target)

    async def restore_slot(self, slot: int, source: Path) -> SlotState:
        return await self._state("/restore", slot, source)

    async def _state(self, path: str, slot: int, file: Path) -> SlotState:
        told = await self._ask(path, slot=slot, file=str(file))
        return SlotState(told["tokens"], told["bytes"], seconds=0.0)

    async def _ask(self, path: str, **body: Any) -> dict[str, Any]:
        async with self._connection.asked(path, body) as response:
            content = await response.read()
        if response.status != 200:
            raise GenerationError(self.plan.model, content.decode())
        told: dict[str, Any] = json.loads(content)
        return told
