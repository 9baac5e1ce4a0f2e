"""The texts at which an answer ends, for clients that are told which of them it was.

Owns finding them in a stream of chunks. llama-server ends at them, too, and does not say at
which, so it is not told of them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from airunner.engines.base import Chunk


async def cut_at(
    stops: Sequence[str], answer: AsyncGenerator[Chunk, None]
) -> AsyncGenerator[Chunk, None]:
    """The chunks up to the first of ``stops``, none of them empty, within the text.

    Text that may become one is held back. The last chunk names it under ``stopped_at``, and
    its ``usage`` is made of the ``timings`` that the chunks before it have to carry.
    """
    held = ""
    async with aclosing(answer) as chunks:
        async for chunk in chunks:
            (choice,) = chunk["choices"]
            delta = dict(choice.get("delta") or {})
            text = held + (delta.pop("content", None) or "")
            found = min((stop for stop in stops if stop in text), key=text.index, default=None)
            if found is not None:
                ending = {"finish_reason": "stop", "stopped_at": found}
                last = {"delta": {"content": text[: text.index(found)]}, **ending}
                usage = chunk.get("usage") or _usage(chunk)
                yield {**chunk, "choices": [{**choice, **last}], "usage": usage}
                return
            ends = choice.get("finish_reason") is not None or bool(delta.get("tool_calls"))
            held = "" if ends else text[len(text) - _may_begin(text, stops) :]
            delta |= {"content": said} if (said := text[: len(text) - len(held)]) else {}
            if delta or ends:
                yield {**chunk, "choices": [{**choice, "delta": delta}]}


def _may_begin(text: str, stops: Sequence[str]) -> int:
    """How many characters at the end of ``text`` are the beginning of one of ``stops``."""
    return max(
        n
        for stop in stops
        for n in range(min(len(stop), len(text) + 1))
        if n == 0 or text.endswith(stop[:n])
    )


def _usage(chunk: Chunk) -> dict[str, object]:
    timings = chunk.get("timings") or {}
    cached, completion = timings.get("cache_n", 0), timings.get("predicted_n", 0)
    prompt = cached + timings.get("prompt_n", 0)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
