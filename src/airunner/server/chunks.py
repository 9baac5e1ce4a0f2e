"""An answer, put together from the chunks of a chat completion."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from airunner.engines.base import Chunk
from airunner.events import HistoryTrimmed
from airunner.events.trimmed_words import what_was_trimmed
from airunner.messages import Message, ToolCall

TEXTS = ("content", "reasoning_content")
EXTENSION = "airunner"
"""The field of a chunk, or an answer, that clients of the plain API do not know."""
TRIMMED_HEADER = "X-AIRunner-Trimmed"
"""Of a whole answer: what was left out of its prompt, in words."""


@dataclass(slots=True)
class Completion:
    """What an answer has become so far."""

    texts: dict[str, str] = field(default_factory=lambda: dict.fromkeys(TEXTS, ""))
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    logprobs: list[Any] = field(default_factory=list)
    finish_reason: str | None = None
    stopped_at: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)
    trimmed: dict[str, Any] | None = None

    def add(self, chunk: Chunk) -> None:
        """Take in one chunk."""
        self.usage = chunk.get("usage") or self.usage
        self.timings = chunk.get("timings") or self.timings
        step = chunk.get(EXTENSION) or {}
        if step.get("kind") == HistoryTrimmed.kind_name():
            self.trimmed = step
        for choice in chunk.get("choices") or ():
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            self.stopped_at = choice.get("stopped_at", self.stopped_at)
            self.logprobs += (choice.get("logprobs") or {}).get("content") or ()
            delta = choice.get("delta") or {}
            for name in TEXTS:
                self.texts[name] += delta.get(name) or ""
            for piece in delta.get("tool_calls") or ():
                call = self.calls.setdefault(
                    piece.get("index", 0), {"id": "", "name": "", "arguments": ""}
                )
                function = piece.get("function") or {}
                call["id"] = piece.get("id") or call["id"]
                call["name"] += function.get("name") or ""
                call["arguments"] += function.get("arguments") or ""

    @property
    def headers(self) -> dict[str, str]:
        """What the headers of the whole answer say of it."""
        if self.trimmed is None:
            return {}
        words = what_was_trimmed(
            self.trimmed["dropped_messages"],
            self.trimmed["left_out_media"],
            self.trimmed["shortened_messages"],
            n_ctx=self.trimmed["n_ctx"],
        )
        return {TRIMMED_HEADER: words}

    @property
    def whole_calls(self) -> list[int]:
        """Which calls there are. One that the token limit cut off is none."""
        is_cut = self.finish_reason == "length"
        return [i for i in sorted(self.calls) if not (is_cut and _call(self.calls[i]).malformed)]

    @property
    def message(self) -> Message:
        """The answer as an entry of its conversation."""
        calls = (_call(self.calls[index]) for index in self.whole_calls)
        return Message(
            "assistant",
            self.texts["content"],
            tool_calls=tuple(calls),
            reasoning=self.texts["reasoning_content"],
        )

    def message_json(self) -> dict[str, Any]:
        """The same as OpenAI's API has it, with both names that reasoning goes by."""
        content, reasoning = self.texts["content"], self.texts["reasoning_content"]
        calls = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in (self.calls[index] for index in self.whole_calls)
        ]
        message: dict[str, Any] = {"role": "assistant", "content": content or None}
        if not calls:
            message["content"] = content
        if reasoning:
            message |= {"reasoning_content": reasoning, "reasoning": reasoning}
        return message | ({"tool_calls": calls} if calls else {})


def _call(call: dict[str, str]) -> ToolCall:
    try:
        arguments = json.loads(call["arguments"] or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        return ToolCall(call["id"], call["name"], {}, malformed=call["arguments"])
    return ToolCall(call["id"], call["name"], arguments)
