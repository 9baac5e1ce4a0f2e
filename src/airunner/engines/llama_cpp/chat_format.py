"""Conversations as llama.cpp's OpenAI-style HTTP interface writes them, both ways.

Owns the request body, the server-sent events of the answer, and the pieces of
tool calls that are streamed in between. Opens no connection.

Source of the fields: ``tools/server/README.md`` in the llama.cpp repository.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from secrets import token_hex
from typing import Any

from pydantic_core import from_json

from airunner.engines.base import ChatRequest
from airunner.engines.llama_cpp.control_tokens import ControlTokens
from airunner.engines.llama_cpp.forced_call import ForcedCall
from airunner.engines.llama_cpp.tool_schemas import tools_in_request
from airunner.errors import GenerationError
from airunner.json_schema.pieces import ObjectPieces
from airunner.json_schema.plain import json_object
from airunner.messages import (
    AudioPart,
    Delta,
    FinishReason,
    ImagePart,
    Message,
    TextPart,
    ToolCall,
    Usage,
)

_SAMPLING = ("max_tokens", "temperature", "top_p", "top_k", "min_p", "repeat_penalty", "seed")
_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
}


def request_body(
    request: ChatRequest,
    slot: int,
    controls: ControlTokens,
    *,
    guidance: bool = False,
    forced: ForcedCall | None = None,
) -> dict[str, Any]:
    """The JSON body that asks for a streamed answer computed in ``slot``.

    ``controls`` are the spellings that texts of users, tools and servers may not have.

    ``guidance`` says that the engine was built with llguidance. A schema that
    carries ``x-guidance`` options is then decoded with it, which obeys them;
    llama.cpp's own grammars let the model spend half its tokens on white space.

    ``forced`` is the call that the answer must be. With llguidance it is generated in its
    syntax, else as bare JSON under its schema. Either way the engine is told
    ``tool_choice: none``, which keeps the tools in the prompt and leaves the call in
    the text. A ``grammar`` holds from the first token, so the model does not think
    first; under a ``response_format`` it does, where its template opens such a block.
    """
    body: dict[str, Any] = {
        "messages": messages_json(request.messages, controls),
        "stream": True,
        "id_slot": slot,
        "cache_prompt": True,
        **tools_in_request(request.tools, controls),
    }
    for name in _SAMPLING:
        if (value := getattr(request, name)) is not None:
            body[name] = value
    if request.stop:
        body["stop"] = list(request.stop)
    if request.tools:
        body["tool_choice"] = "auto" if request.tool_choice == "auto" else "none"
        body["parallel_tool_calls"] = True
    schema, thinking = request.json_schema, request.thinking
    if forced is not None:
        schema = forced.schema
    if forced is not None and guidance:
        body["grammar"] = forced.grammar()
        thinking = forced.syntax.thinking
    elif schema is not None and guidance and "x-guidance" in schema:
        body["grammar"] = f"%llguidance {{}}\nstart: %json {json.dumps(schema)}"
    elif schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
    if request.grammar is not None:
        body["grammar"] = request.grammar
    if thinking is not None:
        body.setdefault("chat_template_kwargs", {})["enable_thinking"] = thinking
    return body


def messages_json(messages: Sequence[Message], controls: ControlTokens) -> list[dict[str, Any]]:
    """Messages in the form that chat templates expect; content is never null."""
    return [_message_json(message, controls) for message in messages]


def _message_json(message: Message, controls: ControlTokens) -> dict[str, Any]:
    data: dict[str, Any] = {"role": message.role, "content": _content_json(message, controls)}
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
    if message.role == "assistant" and message.reasoning:
        data["reasoning_content"] = message.reasoning
    return data


def _content_json(message: Message, controls: ControlTokens) -> str | list[dict[str, Any]]:
    """A string, or parts in the form of OpenAI's API."""
    trusted = message.role in ("assistant", "system")
    if isinstance(message.content, str):
        return message.content if trusted else controls.harmless(message.content)
    return [
        {"type": "text", "text": part.text if trusted else controls.harmless(part.text)}
        if isinstance(part, TextPart)
        else _media_json(part)
        for part in message.content
    ]


def _media_json(part: ImagePart | AudioPart) -> dict[str, Any]:
    data = b64encode(part.data).decode()
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{data}"}}
    form = "mp3" if part.media_type == "audio/mpeg" else part.media_type.removeprefix("audio/")
    return {"type": "input_audio", "input_audio": {"data": data, "format": form}}


def read_json(event: bytes) -> dict[str, Any]:
    """The object that an event is, whatever bytes are in its texts.

    Raises:
        ValueError: it is none.
    """
    try:
        # In a quarter of the time that Python's own takes for a token.
        found: dict[str, Any] = from_json(event, cache_strings="none")
    except ValueError:
        found = json.loads(event.decode("utf-8", "replace"))
    return found


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

    A call's name is told once it can no longer grow, with an id, and its arguments as they
    come; whether they match the tool's schema is known where that is enforced alone.
    ``forced``: the whole text is this tool call, which is valid as far as it is written:
    its arguments are told as they come.
    ``grammar``: a grammar holds from the first token. What the engine takes for
    reasoning, because the prompt opened a block for it, is then the text itself.
    """

    def __init__(
        self, model: str, *, forced: ForcedCall | None = None, grammar: bool = False
    ) -> None:
        self._model = model
        self._forced = forced
        self._grammar = grammar
        self._calls: dict[int, dict[str, str]] = {}
        self._named: set[int] = set()
        self._text = ""
        self._arguments = ObjectPieces()
        self.finished = False

    def read(self, event: bytes) -> Delta | None:
        """The delta in an event, or ``None`` if it says nothing yet.

        Raises:
            GenerationError: the engine reports an error, or a forced call did not
                keep to its form.
        """
        if event == b"[DONE]":
            return None
        chunk = read_json(event)
        if "error" in chunk:
            raise GenerationError(self._model, str(chunk["error"].get("message", chunk["error"])))
        choice = chunk["choices"][0]
        delta = choice["delta"]
        text = delta.get("content") or ""
        reasoning = delta.get("reasoning_content") or ""
        if self._grammar:
            text, reasoning = reasoning + text, ""
        for fragment in delta.get("tool_calls") or ():
            self._collect(fragment)
        begun = Delta()
        if self._forced is not None:
            begun, text = self._more_of_the_call(self._forced, text), ""
        elif choice["finish_reason"] is None:
            begun = self._more_of_calls(delta.get("tool_calls") or ())
        found = replace(begun, text=text, reasoning=reasoning)
        reason = choice["finish_reason"]
        if reason is None:
            return found if found != Delta() else None
        self.finished = True
        # A call cut off by the token limit is no call.
        calls = self._complete_calls() if reason != "length" else ()
        finish = "tool_calls" if calls else _FINISH.get(reason, "stop")
        return replace(found, tool_calls=calls, finish_reason=finish, usage=_usage(chunk))

    def _more_of_the_call(self, forced: ForcedCall, text: str) -> Delta:
        self._text += text
        if 0 in self._named:
            return Delta(tool_arguments=self._arguments.feed(text))
        if not (name := forced.name_in(self._text)):
            return Delta()
        self._named.add(0)
        piece = self._arguments.feed(forced.behind_name(self._text))
        return Delta(tool_name=name, tool_id=forced.id, tool_arguments=piece)

    def _collect(self, fragment: dict[str, Any]) -> None:
        call = self._calls.setdefault(
            fragment.get("index", 0), {"id": "", "name": "", "arguments": ""}
        )
        call["id"] += fragment.get("id") or ""
        function = fragment.get("function") or {}
        call["name"] += function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""

    def _more_of_calls(self, fragments: Sequence[Mapping[str, Any]]) -> Delta:
        """What the engine's fragments add; those of two calls never come in one event."""
        for index, call in self._calls.items():
            if call["arguments"] and index not in self._named:
                self._named.add(index)
                call["id"] = call["id"] or f"call_{token_hex(8)}"
                return Delta(
                    tool_name=call["name"], tool_id=call["id"], tool_arguments=call["arguments"]
                )
        named = (each for each in fragments if each.get("index", 0) in self._named)
        pieces = [(each.get("function") or {}).get("arguments") or "" for each in named]
        return Delta(tool_arguments="".join(pieces))

    def _complete_calls(self) -> tuple[ToolCall, ...]:
        if self._forced is not None:
            call = self._forced.call_in(self._text)
            if call is None:
                problem = f"it wrote a tool call that is no JSON: {self._text}"
                raise GenerationError(self._model, problem)
            return (call,)
        return tuple(_native_call(call) for _, call in sorted(self._calls.items()))


def _native_call(call: Mapping[str, str]) -> ToolCall:
    """A call as the engine's parser of the model's own syntax left it, which may be anything."""
    identity, text = call["id"] or f"call_{token_hex(8)}", call["arguments"] or "{}"
    arguments = json_object(text)
    if arguments is None:
        return ToolCall(identity, call["name"], {}, malformed=text)
    return ToolCall(identity, call["name"], arguments)


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
