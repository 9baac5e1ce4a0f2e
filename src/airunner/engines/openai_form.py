"""Chat completions as OpenAI's API writes them, and as our engines take and give them.

Owns both translations: of a request's body into a ``ChatRequest``, and of deltas into
the chunks of a stream. Engines that speak the API themselves get the body as it came,
see ``ChatModel.complete``. Checks nothing that a server's request model has checked.

Source of the fields: the OpenAI API reference, "Chat Completions", and for those beyond
it ``tools/server/README.md`` in the llama.cpp repository.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from airunner.engines.base import ChatModel, ChatRequest, Chunk
from airunner.json_schema.plain import json_object
from airunner.messages import Delta, Message, Role, ToolCall, ToolSchema, Usage

CHUNK = "chat.completion.chunk"
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "repeat_penalty", "seed")
_ROLES: Mapping[str, Role] = {"function": "tool", "developer": "system"}
_NO_REASONING = ("none", "minimal")


def request_of(
    body: Mapping[str, Any], messages: Sequence[Message], conversation: str | None = None
) -> ChatRequest:
    """What ``body`` asks for, whose messages are ``messages``."""
    stop = body.get("stop") or ()
    tools = offered_tools(body)
    form = body.get("response_format") or {}
    schema = (form.get("json_schema") or {}).get("schema")
    choice = tool_choice_of(body) if tools else "auto"
    if choice not in ("auto", "none"):
        form, schema = {}, None  # the answer is a call, and its form is that of its tool
    return ChatRequest(
        messages=messages,
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        tools=tools,
        tool_choice=choice,
        allowed_tools=allowed_tools_of(body),
        json_schema={"type": "object"} if form.get("type") == "json_object" else schema,
        thinking=thinking_of(body),
        conversation=conversation,
        **{name: body.get(name) for name in _SAMPLING},
    )


def messages_of(rows: Sequence[Mapping[str, Any]]) -> list[Message]:
    """The messages of a request. Content that is no text is left out."""
    return [_message_of(row) for row in rows]


def text_of(content: Any) -> str:
    """The text of a message's content, which may be absent, a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part if isinstance(part, str) else part.get("text") or "" for part in content)
        return "\n".join(filter(None, parts))
    return content or ""


def offered_tools(body: Mapping[str, Any]) -> tuple[ToolSchema, ...]:
    """The functions among the tools that a client offers; kinds that we do not know are none."""
    return tuple(
        ToolSchema(
            tool["function"]["name"],
            tool["function"].get("description") or "",
            tool["function"].get("parameters") or {},
            deferred=tool.get("defer_loading") is True,
        )
        for tool in body.get("tools") or ()
        if tool.get("type") == "function"
    )


def tool_choice_of(body: Mapping[str, Any]) -> str:
    """``"auto"``, ``"none"``, ``"required"`` or the name of the tool that must be called."""
    choice = body.get("tool_choice") or "auto"
    if isinstance(choice, str):
        return choice
    if function := choice.get("function"):
        return str(function["name"])
    allowed = choice.get("allowed_tools") or choice
    return str(allowed.get("mode") or "auto")


def allowed_tools_of(body: Mapping[str, Any]) -> frozenset[str] | None:
    """The names of the tools that may be called, ``None`` for all that are offered."""
    choice = body.get("tool_choice")
    if not isinstance(choice, Mapping) or choice.get("function"):
        return None
    rows = (choice.get("allowed_tools") or choice).get("tools") or ()
    return frozenset(
        str((row.get("function") or row).get("name"))
        for row in rows
        if row.get("type", "function") == "function"
    )


def thinking_of(body: Mapping[str, Any]) -> bool | None:
    """Whether the model should reason first; ``None`` leaves it to the model."""
    options = body.get("chat_template_kwargs") or {}
    if isinstance(options.get("enable_thinking"), bool):
        return bool(options["enable_thinking"])
    effort = body.get("reasoning_effort")
    return None if effort is None else effort not in _NO_REASONING


async def complete_by_chat(
    model: ChatModel, request: ChatRequest, slot: int
) -> AsyncGenerator[Chunk, None]:
    """The chunks of an answer, from an engine that does not speak the API."""
    async for chunk in chunks_of(model.chat(request, slot)):
        yield chunk


async def chunks_of(deltas: AsyncIterator[Delta]) -> AsyncGenerator[Chunk, None]:
    """The chunks that ``deltas`` become; the first one says who speaks."""
    calls, begun, speaks = 0, "", {"role": "assistant"}
    async for delta in deltas:
        begun = delta.tool_id or begun
        told = tuple(call for call in delta.tool_calls if call.id != begun)
        chunk = chunk_of(replace(delta, tool_calls=told), calls)
        calls += len(told)
        (choice,) = chunk["choices"]
        if choice["delta"] or delta.finish_reason:
            choice["delta"], speaks = {**speaks, **choice["delta"]}, {}
            yield chunk


def chunk_of(delta: Delta, calls_before: int = 0) -> Chunk:
    """The chunk that ``delta`` becomes, after ``calls_before`` calls of the same answer."""
    piece: dict[str, Any] = {}
    if delta.reasoning:
        piece["reasoning_content"] = delta.reasoning
    if delta.text:
        piece["content"] = delta.text
    if delta.tool_id or delta.tool_arguments:
        piece["tool_calls"] = [_call_piece(delta, calls_before)]
    elif delta.tool_calls:
        piece["tool_calls"] = [
            call_json(call, index) for index, call in enumerate(delta.tool_calls, calls_before)
        ]
    chunk = _chunk(piece, _finish(delta))
    if delta.usage is not None:
        chunk["usage"], chunk["timings"] = usage_json(delta.usage), _timings(delta.usage)
    return chunk


def call_json(call: ToolCall, index: int | None = None) -> dict[str, Any]:
    """A tool call as a message or, with its ``index``, a chunk carries it.

    Not every engine gives calls an ``id``, and clients tell calls apart by it alone.
    """
    arguments = call.malformed or json.dumps(dict(call.arguments), ensure_ascii=False)
    function = {"name": call.name, "arguments": arguments}
    place = {} if index is None else {"index": index}
    return {
        **place,
        "id": call.id or f"call_{uuid4().hex}",
        "type": "function",
        "function": function,
    }


def _call_piece(delta: Delta, index: int) -> dict[str, Any]:
    """What ``delta`` has of a call that is told while it is made."""
    head: dict[str, Any] = {"id": delta.tool_id, "type": "function"} if delta.tool_id else {}
    name = {"name": delta.tool_name} if delta.tool_id else {}
    return {"index": index, **head, "function": {**name, "arguments": delta.tool_arguments}}


def usage_json(usage: Usage) -> dict[str, Any]:
    """What a generation cost, as the last chunk says it."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def usage_of(chunk: Mapping[str, Any]) -> Usage | None:
    """What a chunk says that the generation cost, if it says so."""
    if not (told := chunk.get("usage")):
        return None
    timings = chunk.get("timings") or {}
    details = told.get("prompt_tokens_details") or {}
    return Usage(
        prompt_tokens=told["prompt_tokens"],
        cached_tokens=timings.get("cache_n", details.get("cached_tokens", 0)),
        completion_tokens=told["completion_tokens"],
        prompt_s=timings.get("prompt_ms", 0.0) / 1000,
        decode_s=timings.get("predicted_ms", 0.0) / 1000,
    )


def _timings(usage: Usage) -> dict[str, Any]:
    decode_s = usage.decode_s
    return {
        "cache_n": usage.cached_tokens,
        "prompt_n": usage.prompt_tokens - usage.cached_tokens,
        "prompt_ms": usage.prompt_s * 1000,
        "predicted_n": usage.completion_tokens,
        "predicted_ms": decode_s * 1000,
        "predicted_per_second": usage.completion_tokens / decode_s if decode_s else 0.0,
    }


def _finish(delta: Delta) -> str | None:
    return "stop" if delta.finish_reason == "cancelled" else delta.finish_reason


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> Chunk:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"object": CHUNK, "choices": [choice]}


def _message_of(row: Mapping[str, Any]) -> Message:
    calls = row.get("tool_calls")
    thought = row.get("reasoning_content") or row.get("reasoning")
    return Message(
        role=_ROLES.get(row["role"], row["role"]),
        content=text_of(row.get("content")),
        tool_calls=tuple(map(_call_of, calls)) if calls else (),
        tool_call_id=row.get("tool_call_id"),
        name=row.get("name"),
        reasoning=thought if isinstance(thought, str) else "",
    )


def _call_of(row: Mapping[str, Any]) -> ToolCall:
    function = row.get("function") or {}
    text = function.get("arguments")
    arguments = json_object(text) if isinstance(text, str) else text
    if not isinstance(arguments, dict):
        return ToolCall(row.get("id") or "", function["name"], {}, malformed=str(text or ""))
    return ToolCall(row.get("id") or "", function["name"], arguments)
