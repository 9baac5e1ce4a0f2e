"""Conversations as llama.cpp's OpenAI-style HTTP interface writes them, both ways.

Owns the request body, the server-sent events of the answer, and the pieces of
tool calls that are streamed in between. Opens no connection.

Source of the fields: ``tools/server/README.md`` in the llama.cpp repository.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from airunner.engines.base import ChatRequest
from airunner.errors import GenerationError
from airunner.messages import Delta, FinishReason, Message, ToolCall, ToolSchema, Usage

_SAMPLING = ("max_tokens", "temperature", "top_p", "top_k", "min_p", "repeat_penalty", "seed")
_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
}


def request_body(request: ChatRequest, slot: int) -> dict[str, Any]:
    """The JSON body that asks for a streamed answer computed in ``slot``."""
    body: dict[str, Any] = {
        "messages": messages_json(request.messages),
        "stream": True,
        "id_slot": slot,
        "cache_prompt": True,
    }
    for name in _SAMPLING:
        if (value := getattr(request, name)) is not None:
            body[name] = value
    if request.stop:
        body["stop"] = list(request.stop)
    if request.tools:
        body["tools"] = tools_json(request.tools)
        body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.json_schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"schema": request.json_schema},
        }
    if request.grammar is not None:
        body["grammar"] = request.grammar
    if request.thinking is not None:
        body["chat_template_kwargs"] = {"enable_thinking": request.thinking}
    return body


def messages_json(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages in the form that chat templates expect; content is never null."""
    return [_message_json(message) for message in messages]


def tools_json(tools: Sequence[ToolSchema]) -> list[dict[str, Any]]:
    """Tools in the form that chat templates expect."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters or {"type": "object", "properties": {}},
            },
        }
        for tool in tools
    ]


def _message_json(message: Message) -> dict[str, Any]:
    data: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        data["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        data["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        data["name"] = message.name
    return data


def _tool_choice(choice: str) -> Any:
    if choice in ("auto", "required", "none"):
        return choice
    return {"type": "function", "function": {"name": choice}}


class EventSplitter:
    """Cuts a stream of bytes into the data of its server-sent events."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The events completed by ``piece``; comments and other fields are dropped."""
        *events, self._rest = (self._rest + piece).split(b"\n\n")
        return [event[6:] for event in events if event.startswith(b"data: ")]


class AnswerReader:
    """Turns the events of one answer into deltas, keeping unfinished tool calls back."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._calls: dict[int, dict[str, str]] = {}
        self.finished = False

    def read(self, event: bytes) -> Delta | None:
        """The delta in an event, or ``None`` if it says nothing yet.

        Raises:
            GenerationError: the engine reports an error, or wrote a tool call
                whose arguments are no JSON object.
        """
        if event == b"[DONE]":
            return None
        chunk: dict[str, Any] = json.loads(event)
        if "error" in chunk:
            raise GenerationError(self._model, str(chunk["error"].get("message", chunk["error"])))
        choice = chunk["choices"][0]
        delta = choice["delta"]
        text = delta.get("content") or ""
        reasoning = delta.get("reasoning_content") or ""
        for fragment in delta.get("tool_calls") or ():
            self._collect(fragment)
        reason = choice["finish_reason"]
        if reason is None:
            return Delta(text=text, reasoning=reasoning) if text or reasoning else None
        self.finished = True
        # A call cut off by the token limit is no call.
        calls = self._complete_calls() if reason != "length" else ()
        return Delta(text, reasoning, calls, _FINISH.get(reason, "stop"), _usage(chunk))

    def _collect(self, fragment: dict[str, Any]) -> None:
        call = self._calls.setdefault(
            fragment.get("index", 0), {"id": "", "name": "", "arguments": ""}
        )
        call["id"] += fragment.get("id") or ""
        function = fragment.get("function") or {}
        call["name"] += function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""

    def _complete_calls(self) -> tuple[ToolCall, ...]:
        calls = []
        for index, call in sorted(self._calls.items()):
            try:
                arguments = json.loads(call["arguments"] or "{}")
            except json.JSONDecodeError:
                arguments = None
            if not isinstance(arguments, dict):
                raise GenerationError(
                    self._model,
                    f"it called {call['name']!r} with arguments that are no JSON object: "
                    f"{call['arguments']}",
                )
            calls.append(ToolCall(call["id"] or f"call_{index}", call["name"], arguments))
        return tuple(calls)


def _usage(chunk: dict[str, Any]) -> Usage | None:
    timings = chunk.get("timings")
    if timings is None:
        return None
    return Usage(
        prompt_tokens=timings["cache_n"] + timings["prompt_n"],
        cached_tokens=timings["cache_n"],
        completion_tokens=timings["predicted_n"],
        prompt_s=timings["prompt_ms"] / 1000,
        decode_s=timings["predicted_ms"] / 1000,
    )
