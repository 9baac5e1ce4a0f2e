"""Several choices of one request: in which order they are computed, and what they cost together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from airunner.engines.base import Chunk
from airunner.server.chunks import Completion
from airunner.server.replay import is_repeatable


async def whole_answers(
    begin: Callable[[Mapping[str, Any]], AsyncGenerator[Chunk, None]],
    bodies: Sequence[Mapping[str, Any]],
) -> list[Completion]:
    """The whole answer to each of ``bodies``: all at once, which is quickest.

    Where a client can expect the same text again, one after the other, as in a stream: what
    is computed in one batch with others is rounded in other places, and a near tie may go
    the other way.

    Raises:
        AiRunnerError: what ``begin`` raises, for the first that fails.
    """

    async def one(body: Mapping[str, Any]) -> Completion:
        found = Completion()
        async with aclosing(begin(body)) as chunks:
            async for chunk in chunks:
                found.add(chunk)
        return found

    if all(map(is_repeatable, bodies)):
        return [await one(body) for body in bodies]
    running = [asyncio.create_task(one(body)) for body in bodies]
    try:
        return list(await asyncio.gather(*running))
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def total_usage(costs: Sequence[Mapping[str, Any]], n: int) -> dict[str, Any]:
    """What choices cost together, ``n`` of each prompt in turn: its tokens count once."""
    firsts = costs[::n]
    prompt = sum(each.get("prompt_tokens", 0) for each in firsts)
    completion = sum(each.get("completion_tokens", 0) for each in costs)
    cached = [(each.get("prompt_tokens_details") or {}).get("cached_tokens", 0) for each in firsts]
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": sum(cached)},
    }
