"""A client's own chat completion, passed to llama-server nearly as it came.

Owns which of its fields the server gets, and what is changed on the way: tools and
schemas that would harm it, text that looks like control tokens, the slot. A choice of
tools that forces a call is not passed on: the server enforces it for some templates only,
see ``forced_call``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunner.engines.base import Chunk
from airunner.engines.llama_cpp.control_tokens import ControlTokens
from airunner.engines.llama_cpp.tool_schemas import engine_schema, tools_in_request
from airunner.engines.openai_form import (
    CHUNK,
    allowed_tools_of,
    offered_tools,
    text_of,
    thinking_of,
    tool_choice_of,
)

# Everything else a client may send is about its own account, or would reach into the
# server: its slots, files and adapters.
_PASSED = (
    *("temperature", "top_p", "top_k", "min_p", "typical_p", "top_n_sigma", "seed", "stop"),
    *("presence_penalty", "frequency_penalty", "repeat_penalty", "repeat_last_n", "logit_bias"),
    *("dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n"),
    *("xtc_probability", "xtc_threshold", "mirostat", "mirostat_tau", "mirostat_eta"),
    *("logprobs", "top_logprobs", "chat_template_kwargs", "reasoning_format", "ignore_eos"),
    *("dynatemp_range", "dynatemp_exponent", "dry_sequence_breakers", "min_keep"),
    *("reasoning_effort", "parallel_tool_calls", "timings_per_token"),
)


_STREAMED: Mapping[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


def passed_body(body: Mapping[str, Any], slot: int, controls: ControlTokens) -> dict[str, Any]:
    """The JSON body that llama-server gets for a client's ``body``; see ``request_body``."""
    passed = {name: body[name] for name in _PASSED if body.get(name) is not None}
    passed |= {
        "messages": [_message(row, controls) for row in body["messages"]],
        **_STREAMED,
        "id_slot": slot,
        "cache_prompt": True,
    }
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is not None:
        passed["max_tokens"] = limit
    if tools := tools_in_request(offered_tools(body), controls):
        options = {**tools["chat_template_kwargs"], **passed.get("chat_template_kwargs", {})}
        passed |= {**tools, "chat_template_kwargs": options}
        passed["tool_choice"] = tool_choice_of(body)
        passed.setdefault("parallel_tool_calls", True)
        if (allowed := allowed_tools_of(body)) is not None:
            # All are shown, so that the prompt stays as it was; a call of another is not decoded.
            passed["tools"] = [t for t in tools["tools"] if t["function"]["name"] in allowed]
        if not passed["tools"]:
            passed |= {"tools": tools["tools"], "tool_choice": "none"}
        if passed.get("logprobs"):
            # The server refuses this combination in a stream.
            passed = {name: value for name, value in passed.items() if name not in _STREAMED}
    else:
        passed.pop("parallel_tool_calls", None)
    if form := _response_format(body.get("response_format")):
        passed["response_format"] = form
    thinking = thinking_of(body)
    if thinking is not None:
        options = passed.get("chat_template_kwargs") or {}
        passed["chat_template_kwargs"] = {**options, "enable_thinking": thinking}
    return passed


def whole_chunk(answer: Mapping[str, Any]) -> Chunk:
    """An answer that was not streamed, as the one chunk of a stream."""
    (choice,) = answer["choices"]
    calls = choice["message"].get("tool_calls") or ()
    delta = {
        **{name: choice["message"].get(name) for name in ("role", "content", "reasoning_content")},
        "tool_calls": [{"index": index, **call} for index, call in enumerate(calls)],
    }
    kept = {name: choice.get(name) for name in ("finish_reason", "logprobs")}
    told = {name: value for name, value in delta.items() if value}
    found = {name: answer[name] for name in ("usage", "timings") if name in answer}
    return {"object": CHUNK, "choices": [{"index": 0, "delta": told, **kept}], **found}


class ChunkJoiner:
    """Puts llama-server's first two chunks together: who speaks, and what is said first.

    And its last two: how it ended, and what it cost.
    """

    def __init__(self) -> None:
        self._speaks: dict[str, Any] = {}
        self._last: Chunk | None = None

    def feed(self, chunk: Chunk) -> Chunk | None:
        """The chunk to hand on, if there is one already."""
        if chunk.get("choices"):
            choice = chunk["choices"][0]
            goes_on = choice.get("finish_reason") is None
            if "role" in choice["delta"] and goes_on and not any(_said(choice["delta"])):
                self._speaks = {"role": choice["delta"]["role"]}
                return None
            if self._speaks:
                choice["delta"], self._speaks = {**self._speaks, **choice["delta"]}, {}
            if goes_on:
                return chunk
            self._last = chunk
            return None
        if self._last is None:
            return None
        last, self._last = self._last, None
        return last | {name: chunk[name] for name in ("usage", "timings") if name in chunk}

    def flush(self) -> Chunk | None:
        """What is left when the stream has ended."""
        last, self._last = self._last, None
        return last


def _said(delta: Mapping[str, Any]) -> list[Any]:
    return [value for name, value in delta.items() if name != "role"]


def _message(row: Mapping[str, Any], controls: ControlTokens) -> dict[str, Any]:
    kept = {
        name: row[name]
        for name in ("role", "name", "tool_calls", "tool_call_id", "reasoning_content")
        if row.get(name) is not None
    }
    if row["role"] == "function":
        kept["role"] = "tool"
    if "reasoning_content" not in kept and isinstance(row.get("reasoning"), str):
        kept["reasoning_content"] = row["reasoning"]
    content = row.get("content")
    if row["role"] in ("assistant", "system"):
        return kept | {"content": text_of(content)}
    if isinstance(content, list):
        return kept | {"content": [_part(part, controls) for part in content]}
    return kept | {"content": controls.harmless(content or "")}


def _part(part: Any, controls: ControlTokens) -> Any:
    if isinstance(part, str):
        return {"type": "text", "text": controls.harmless(part)}
    if "text" in part:
        return {"type": "text", "text": controls.harmless(part["text"] or "")}
    return part


def _response_format(form: Any) -> dict[str, Any] | None:
    if not form or form.get("type") == "text":
        return None
    if form["type"] == "json_object":
        return {"type": "json_object"}
    schema = (form.get("json_schema") or {}).get("schema") or {}
    return {"type": "json_schema", "json_schema": {"schema": engine_schema(schema)}}
