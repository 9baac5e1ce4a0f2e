"""A client's chat completion whose calls of tools are valid.

Owns what is passed on at once, what waits, and the second decoding. Text and reasoning are
passed on as they come, and so are calls that are decoded under all rules of their tool's
schema, in pieces. The others wait until the answer ends: a lone one that does not match is
then decoded once more under the schema.

The token limit may cut off a call of which pieces were passed on: the answer then ends with
``length``. Of one that waits nothing is passed on. A call in pieces that is not valid after
all, by a fault of the engine's, ends the answer with an error, and never as a call.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from airunner.engines.base import Chunk
from airunner.engines.openai_form import call_json, offered_tools, tool_choice_of
from airunner.errors import GenerationError
from airunner.messages import Message, ToolCall
from airunner.resources.lease import Lease
from airunner.server.chunks import Completion
from airunner.tools.json_form import call_matches

_CALLS = "tool_calls"


def valid_completion(
    lease: Lease,
    body: Mapping[str, Any],
    messages: Sequence[Message],
    conversation: str | None,
) -> AsyncGenerator[Chunk, None]:
    """The chunks of ``Lease.complete``; see the module's description.

    Raises:
        GenerationError: a call that was passed on in pieces is not valid.
        AiRunnerError: see ``Lease.complete``.
    """
    if not offered_tools(body):
        return lease.complete(body, messages, conversation)
    return _with_valid_calls(lease, body, messages, conversation)


async def _with_valid_calls(
    lease: Lease,
    body: Mapping[str, Any],
    messages: Sequence[Message],
    conversation: str | None,
) -> AsyncGenerator[Chunk, None]:
    found, calls = Completion(), _Calls(lease, body)
    async with aclosing(lease.complete(body, messages, conversation)) as chunks:
        async for chunk in chunks:
            found.add(chunk)
            await calls.take(chunk, found)
            if found.finish_reason is None:
                passed = calls.passed_on(chunk)
            elif calls.wrong(found) is not None:
                passed = calls.without_end(chunk)
            else:
                passed = calls.with_end(chunk, found)
            if passed is not None:
                yield passed
    if (wrong := calls.wrong(found)) is None:
        return
    named = {"type": "function", "function": {"name": wrong}}
    stream = lease.complete({**body, "tool_choice": named}, messages, conversation)
    async with aclosing(stream) as chunks:
        async for chunk in chunks:
            if usage := chunk.get("usage"):
                chunk["usage"] = _both(found.usage, usage)
            yield chunk


class _Calls:
    """The calls of one answer: which are passed on in pieces, and which wait."""

    def __init__(self, lease: Lease, body: Mapping[str, Any]) -> None:
        self._lease = lease
        self._schemas = {tool.name: tool.parameters for tool in offered_tools(body)}
        self._is_free = tool_choice_of(body) == "auto"
        self._told: list[int] = []
        self._waiting: list[int] = []

    async def take(self, chunk: Chunk, found: Completion) -> None:
        """Decide on the calls that ``chunk`` begins. After one that waits all wait, in order."""
        for piece in _pieces(chunk):
            index = piece.get("index", 0)
            if index in self._told or index in self._waiting:
                continue
            is_told = not self._waiting and await self._is_enforced(found.calls[index]["name"])
            (self._told if is_told else self._waiting).append(index)

    async def _is_enforced(self, name: str) -> bool:
        if not self._is_free:
            return True
        return name in self._schemas and await self._lease.enforces(self._schemas[name])

    def passed_on(self, chunk: Chunk) -> Chunk | None:
        """``chunk`` without what waits; ``None`` if that is all of it."""
        if not self._waiting:
            return chunk
        found = _with_pieces(chunk, self._told_pieces(chunk))
        return found if found["choices"][0]["delta"] else None

    def without_end(self, chunk: Chunk) -> Chunk | None:
        """What of the last chunk is passed on where the call is decoded once more."""
        whole = _with_pieces(chunk, [])
        choice = {**whole["choices"][0], "finish_reason": None}
        kept = {name: value for name, value in whole.items() if name not in ("usage", "timings")}
        return {**kept, "choices": [choice]} if choice["delta"] else None

    def with_end(self, chunk: Chunk, found: Completion) -> Chunk:
        """The last chunk, with all calls that have waited.

        Raises:
            GenerationError: one that has not is not valid.
        """
        calls = dict(zip(found.whole_calls, found.message.tool_calls, strict=True))
        pieces = self._told_pieces(chunk)
        for index in self._told:
            if index in calls and self._is_free and not self._is_valid(calls[index]):
                problem = f"its call of {calls[index].name} does not match the tool's schema"
                raise GenerationError(self._lease.spec.model_path, problem)
            if index in calls and not found.calls[index]["arguments"]:
                pieces.append({"index": index, "function": {"arguments": "{}"}})
        pieces += [call_json(calls[index], index) for index in self._waiting if index in calls]
        return _with_pieces(chunk, pieces)

    def wrong(self, found: Completion) -> str | None:
        """The name of the tool whose only call has waited and does not match its schema."""
        calls = found.message.tool_calls
        if not self._is_free or self._told or len(calls) != 1:
            return None
        (call,) = calls
        return call.name if call.name in self._schemas and not self._is_valid(call) else None

    def _is_valid(self, call: ToolCall) -> bool:
        return call_matches(call, self._schemas[call.name])

    def _told_pieces(self, chunk: Chunk) -> list[dict[str, Any]]:
        return [piece for piece in _pieces(chunk) if piece.get("index", 0) in self._told]


def _pieces(chunk: Chunk) -> Sequence[dict[str, Any]]:
    (choice,) = chunk["choices"]
    return (choice.get("delta") or {}).get(_CALLS) or ()


def _with_pieces(chunk: Chunk, pieces: Sequence[dict[str, Any]]) -> Chunk:
    """``chunk`` with these pieces of calls, and without what says nothing."""
    (choice,) = chunk["choices"]
    delta = {**choice["delta"], _CALLS: pieces}
    return {**chunk, "choices": [{**choice, "delta": {k: v for k, v in delta.items() if v}}]}


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
