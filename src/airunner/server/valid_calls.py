"""A client's chat completion whose calls of tools are whole and valid.

Owns what is passed on at once, what waits, and the second decoding. Text and reasoning are
passed on as they come. Calls wait until the answer ends: one that the token limit cut off is
no call, and a lone one that does not match its tool's schema is decoded once more under it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from airunner.engines.base import Chunk
from airunner.engines.openai_form import call_json, offered_tools, tool_choice_of
from airunner.resources.lease import Lease
from airunner.server.chunks import Completion
from airunner.tools.json_form import call_matches

_CALLS = "tool_calls"


async def valid_completion(
    lease: Lease, body: Mapping[str, Any], conversation: str | None
) -> AsyncGenerator[Chunk, None]:
    """The chunks of ``Lease.complete``; see the module's description.

    Raises:
        AiRunnerError: see ``Lease.complete``.
    """
    found = Completion()
    async with aclosing(lease.complete(body, conversation)) as chunks:
        async for chunk in chunks:
            found.add(chunk)
            if not found.calls:
                yield chunk
            elif found.finish_reason is None or _wrong_call(found, body) is not None:
                if rest := _without_calls(chunk):
                    yield rest
            else:
                yield _with_calls(chunk, found)
    if (wrong := _wrong_call(found, body)) is None:
        return
    named = {"type": "function", "function": {"name": wrong}}
    stream = lease.complete({**body, "tool_choice": named}, conversation)
    async with aclosing(stream) as chunks:
        async for chunk in chunks:
            if usage := chunk.get("usage"):
                chunk["usage"] = _both(found.usage, usage)
            yield chunk


def _without_calls(chunk: Chunk) -> Chunk | None:
    """What of ``chunk`` does not wait, as long as the answer goes on."""
    (choice,) = chunk["choices"]
    rest = {name: value for name, value in choice["delta"].items() if name != _CALLS and value}
    if not rest:
        return None
    kept = {name: value for name, value in chunk.items() if name not in ("usage", "timings")}
    return {**kept, "choices": [{**choice, "delta": rest, "finish_reason": None}]}


def _with_calls(chunk: Chunk, found: Completion) -> Chunk:
    """The last chunk, with all calls that are whole."""
    (choice,) = chunk["choices"]
    calls = [call for call in found.message.tool_calls if not _is_cut_off(call.malformed, found)]
    pieces = [call_json(call, index) for index, call in enumerate(calls)]
    delta = {**choice["delta"], _CALLS: pieces}
    return {**chunk, "choices": [{**choice, "delta": {k: v for k, v in delta.items() if v}}]}


def _wrong_call(found: Completion, body: Mapping[str, Any]) -> str | None:
    """The name of the tool whose only call does not match its schema."""
    calls = found.message.tool_calls
    if tool_choice_of(body) != "auto" or len(calls) != 1:
        return None
    (call,) = calls
    if _is_cut_off(call.malformed, found):
        return None
    schemas = {tool.name: tool.parameters for tool in offered_tools(body)}
    is_wrong = call.name in schemas and not call_matches(call, schemas[call.name])
    return call.name if is_wrong else None


def _is_cut_off(malformed: str, found: Completion) -> bool:
    return bool(malformed) and found.finish_reason == "length"


def _both(first: Mapping[str, Any], last: Mapping[str, Any]) -> dict[str, Any]:
    """What both decodings took; the prompt counts once, as it was for the first."""
    completion = first.get("completion_tokens", 0) + last["completion_tokens"]
    prompt = first.get("prompt_tokens", last["prompt_tokens"])
    return {
        **last,
        **first,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
