"""Chunks of a chat completion, put together and cut.

``Completion`` puts an answer together from its chunks; ``Replay`` takes out of a repeated
answer what a client has had already.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from airunner.engines.base import Chunk
from airunner.errors import GenerationError
from airunner.messages import Message, ToolCall

_TEXTS = ("content", "reasoning_content")


@dataclass(slots=True)
class Completion:
    """What an answer has become so far."""

    texts: dict[str, str] = field(default_factory=lambda: dict.fromkeys(_TEXTS, ""))
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    logprobs: list[Any] = field(default_factory=list)
    finish_reason: str | None = None
    stopped_at: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)

    def add(self, chunk: Chunk) -> None:
        """Take in one chunk."""
        self.usage = chunk.get("usage") or self.usage
        self.timings = chunk.get("timings") or self.timings
        for choice in chunk.get("choices") or ():
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            self.stopped_at = choice.get("stopped_at", self.stopped_at)
            self.logprobs += (choice.get("logprobs") or {}).get("content") or ()
            delta = choice.get("delta") or {}
            for name in _TEXTS:
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
    def message(self) -> Message:
        """The answer as an entry of its conversation."""
        calls = tuple(_call(self.calls[index]) for index in sorted(self.calls))
        return Message(
            "assistant",
            self.texts["content"],
            tool_calls=calls,
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
            for _, call in sorted(self.calls.items())
        ]
        message: dict[str, Any] = {"role": "assistant", "content": content or None}
        if not calls:
            message["content"] = content
        if reasoning:
            message |= {"reasoning_content": reasoning, "reasoning": reasoning}
        return message | ({"tool_calls": calls} if calls else {})


class Replay:
    """An answer that is computed a second time after its worker died.

    Under the same seed it is the same text, so what was delivered is compared and left out.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._had = Completion()
        self._again: Completion | None = None

    @property
    def delivered(self) -> bool:
        """Whether the client has had anything of the answer."""
        return any(self._had.texts.values()) or bool(self._had.calls)

    def begin_again(self) -> None:
        """Expect the answer from its beginning."""
        self._again = Completion()

    def feed(self, chunk: Chunk) -> Chunk | None:
        """What of ``chunk`` is new to the client.

        Raises:
            GenerationError: the answer came out differently this time.
        """
        if self._again is None:
            self._had.add(chunk)
            return chunk
        before, again, had = deepcopy(self._again), self._again, self._had
        again.add(chunk)
        new = _rest(chunk, before, had)
        for name in _TEXTS:
            self._check(again.texts[name], had.texts[name])
        for index, call in again.calls.items():
            known = had.calls.get(index, {"name": "", "arguments": ""})
            self._check(call["name"] + call["arguments"], known["name"] + known["arguments"])
        if new is not None:
            had.add(new)
        return new

    def _check(self, now: str, had: str) -> None:
        if not (now.startswith(had) or had.startswith(now)):
            problem = "its worker died, and the answer came out differently the second time"
            raise GenerationError(self._model, problem)


def _rest(chunk: Chunk, before: Completion, had: Completion) -> Chunk | None:
    """``chunk`` without what is in ``had``, where ``before`` was there already."""
    choice = (chunk.get("choices") or [{}])[0]
    delta = dict(choice.get("delta") or {})
    for name in _TEXTS:
        if text := delta.get(name):
            delta[name] = text[max(0, len(had.texts[name]) - len(before.texts[name])) :]
    calls = []
    for piece in delta.pop("tool_calls", None) or ():
        index = piece.get("index", 0)
        known, seen = had.calls.get(index), before.calls.get(index)
        if known is None:
            calls.append(piece)
            continue
        text = (piece.get("function") or {}).get("arguments") or ""
        skip = len(known["arguments"]) - (len(seen["arguments"]) if seen else 0)
        if rest := text[max(0, skip) :]:
            calls.append({"index": index, "function": {"arguments": rest}})
    if calls:
        delta["tool_calls"] = calls
    is_new = bool(calls) or any(delta.get(name) for name in _TEXTS)
    if not is_new and choice.get("finish_reason") is None:
        return None
    return {**chunk, "choices": [{**choice, "delta": {k: v for k, v in delta.items() if v}}]}


def _call(call: dict[str, str]) -> ToolCall:
    try:
        arguments = json.loads(call["arguments"] or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        return ToolCall(call["id"], call["name"], {}, malformed=call["arguments"])
    return ToolCall(call["id"], call["name"], arguments)
