"""Conversations as llama.cpp's OpenAI-style HTTP interface writes them, both ways.

Owns the request body, the server-sent events of the answer, and the pieces of
tool calls that are streamed in between. Opens no connection.

Source of the fields: ``tools/server/README.md`` in the llama.cpp repository.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any

from airunner.engines.base import ChatRequest
from airunner.engines.control_tokens import harmless
from airunner.engines.tool_schemas import engine_parameters
from airunner.errors import GenerationError, UnknownToolError
from airunner.messages import Delta, FinishReason, Message, ToolCall, ToolSchema, Usage

_SAMPLING = ("max_tokens", "temperature", "top_p", "top_k", "min_p", "repeat_penalty", "seed")
_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
}
# A forced call has its name first, as ``forced_call_schema`` orders it.
_FORCED_NAME = re.compile(r'\s*\{\s*"name"\s*:\s*"([^"\\]+)"')


def request_body(request: ChatRequest, slot: int, *, guidance: bool = False) -> dict[str, Any]:
    """The JSON body that asks for a streamed answer computed in ``slot``.

    ``guidance`` says that the engine was built with llguidance. A schema that
    carries ``x-guidance`` options is then decoded with it, which obeys them;
    llama.cpp's own grammars let the model spend half its tokens on white space.
    """
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
    schema = request.json_schema
    if request.tools:
        body["tools"] = tools_json(request.tools)
        body["tool_choice"] = "none" if is_forced(request) else request.tool_choice
        body["parallel_tool_calls"] = True
        if is_forced(request):
            schema = request.json_schema or forced_call_schema(request)
    if schema is not None and guidance and "x-guidance" in schema:
        body["grammar"] = f"%llguidance {{}}\nstart: %json {json.dumps(schema)}"
    elif schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
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
                "parameters": engine_parameters(tool.parameters),
            },
        }
        for tool in tools
    ]


def is_forced(request: ChatRequest) -> bool:
    """Whether the answer must be a tool call."""
    return bool(request.tools) and request.tool_choice not in ("auto", "none")


def forced_call_schema(request: ChatRequest) -> dict[str, Any]:
    """The JSON schema of a call of any offered tool, or of the one that ``tool_choice`` names.

    Raises:
        UnknownToolError: the named tool is not offered.
    """
    definitions: dict[str, Any] = {}
    calls = []
    for tool in request.tools:
        if request.tool_choice not in ("required", tool.name):
            continue
        scope = f"{tool.name}."
        parameters = _with_scoped_references(engine_parameters(tool.parameters), scope)
        for name, definition in parameters.pop("$defs", {}).items():
            definitions[scope + name] = definition
        calls.append(
            {
                "type": "object",
                "properties": {"name": {"const": tool.name}, "arguments": parameters},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
        )
    if not calls:
        raise UnknownToolError(request.tool_choice, [tool.name for tool in request.tools])
    schema = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return schema | {"$defs": definitions} if definitions else schema


def _with_scoped_references(schema: Any, scope: str) -> Any:
    """A copy whose ``#/$defs/Name`` references say ``#/$defs/<scope>Name``."""
    if isinstance(schema, Mapping):
        return {
            key: value.replace("#/$defs/", f"#/$defs/{scope}")
            if key == "$ref" and isinstance(value, str)
            else _with_scoped_references(value, scope)
            for key, value in schema.items()
        }
    if isinstance(schema, list | tuple):
        return [_with_scoped_references(item, scope) for item in schema]
    return schema


def _message_json(message: Message) -> dict[str, Any]:
    trusted = message.role in ("assistant", "system")
    content = message.content if trusted else harmless(message.content)
    data: dict[str, Any] = {"role": message.role, "content": content}
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


class EventSplitter:
    """Cuts a stream of bytes into the data of its server-sent events."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        """The events completed by ``piece``; comments and other fields are dropped."""
        *events, self._rest = (self._rest + piece).split(b"\n\n")
        return [event[6:] for event in events if event.startswith(b"data: ")]


class AnswerReader:
    """Turns the events of one answer into deltas, keeping unfinished tool calls back.

    Only a call's name is told before the call is whole, once it can no longer grow.
    ``forced``: the whole text is one tool call, under ``forced_call_schema``.
    """

    def __init__(self, model: str, *, forced: bool = False) -> None:
        self._model = model
        self._forced = forced
        self._calls: dict[int, dict[str, str]] = {}
        self._named: set[int] = set()
        self._text = ""
        self.finished = False

    def read(self, event: bytes) -> Delta | None:
        """The delta in an event, or ``None`` if it says nothing yet.

        Raises:
            GenerationError: the engine reports an error, or a forced call did not
                keep to its form.
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
        if self._forced:
            self._text, text = self._text + text, ""
        reason = choice["finish_reason"]
        if reason is None:
            name = self._new_name()
            return Delta(text, reasoning, tool_name=name) if text or reasoning or name else None
        self.finished = True
        # A call cut off by the token limit is no call.
        calls = self._complete_calls() if reason != "length" else ()
        finish = "tool_calls" if calls else _FINISH.get(reason, "stop")
        return Delta(text, reasoning, calls, finish, _usage(chunk))

    def _collect(self, fragment: dict[str, Any]) -> None:
        call = self._calls.setdefault(
            fragment.get("index", 0), {"id": "", "name": "", "arguments": ""}
        )
        call["id"] += fragment.get("id") or ""
        function = fragment.get("function") or {}
        call["name"] += function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""

    def _new_name(self) -> str:
        """The name of a call whose arguments have begun, the first time it is asked for."""
        if self._forced:
            found = _FORCED_NAME.match(self._text)
            begun = {0: found[1]} if found else {}
        else:
            begun = {i: call["name"] for i, call in self._calls.items() if call["arguments"]}
        for index, name in begun.items():
            if index not in self._named:
                self._named.add(index)
                return name
        return ""

    def _complete_calls(self) -> tuple[ToolCall, ...]:
        if self._forced:
            call = _json_object(self._text)
            if call is None:
                problem = f"it wrote a tool call that is no JSON: {self._text}"
                raise GenerationError(self._model, problem)
            return (ToolCall(f"call_{token_hex(8)}", call["name"], call["arguments"]),)
        return tuple(_native_call(call) for _, call in sorted(self._calls.items()))


def _native_call(call: Mapping[str, str]) -> ToolCall:
    """A call as the engine's parser of the model's own dialect left it, which may be anything."""
    identity, text = call["id"] or f"call_{token_hex(8)}", call["arguments"] or "{}"
    arguments = _json_object(text)
    if arguments is None:
        return ToolCall(identity, call["name"], {}, malformed=text)
    return ToolCall(identity, call["name"], arguments)


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


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
