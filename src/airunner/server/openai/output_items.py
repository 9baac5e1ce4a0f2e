"""The items of a response's output, and the events that they become while they are written.

Owns the form of both. What is kept of a response, and how it ends, is ``responses``'.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from airunner.engines.base import Chunk

_CALL, _CUSTOM = "function_call", "custom_tool_call"
_PREFIXES = {"message": "msg", "reasoning": "rs", _CALL: "fc", _CUSTOM: "ctc"}


@dataclass(slots=True)
class OutputItems:
    """The items of an output: the one that is being written, and those that are done.

    ``namespaced`` has the fields that name a function of a namespace, by its whole name;
    ``custom`` are the whole names of tools whose input is text.
    """

    namespaced: Mapping[str, Mapping[str, str]]
    custom: Collection[str]
    done: list[dict[str, Any]] = field(default_factory=list)
    kind: str = ""
    item: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    def feed(self, chunk: Chunk) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events that a chunk becomes."""
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if thought := delta.get("reasoning_content"):
                yield from self._open("reasoning", {"summary": [], "content": []})
                yield from self._write("response.reasoning_text.delta", thought, content_index=0)
            if text := delta.get("content"):
                yield from self._open("message", {"role": "assistant", "content": []})
                yield from self._write("response.output_text.delta", text, content_index=0)
            for piece in delta.get("tool_calls") or ():
                yield from self._call(piece)

    def close(self, *, is_cut: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        """End the item that is being written, if there is one; ``is_cut`` in its middle."""
        if not self.kind:
            return
        place, text = self._place(), self.text
        if self.kind == "message":
            part = _text_part(text)
            self.item["content"] = [part]
            yield "response.output_text.done", {**place, "content_index": 0, "text": text}
            yield "response.content_part.done", {**place, "content_index": 0, "part": part}
        elif self.kind == "reasoning":
            self.item["content"] = [{"type": "reasoning_text", "text": text}]
            yield "response.reasoning_text.done", {**place, "content_index": 0, "text": text}
        elif self.item["type"] == _CUSTOM:
            self.item["input"] = given = _input(text)
            yield "response.custom_tool_call_input.delta", {**place, "delta": given}
            yield "response.custom_tool_call_input.done", {**place, "input": given}
        else:
            self.item["arguments"] = text or ("" if is_cut else "{}")
            arguments = self.item["arguments"]
            yield "response.function_call_arguments.done", {**place, "arguments": arguments}
        self.item["status"] = "incomplete" if is_cut else "completed"
        yield "response.output_item.done", {"output_index": len(self.done), "item": self.item}
        self.done.append(self.item)
        self.kind, self.text = "", ""

    def _open(self, kind: str, item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        if self.kind == kind:
            return
        yield from self.close()
        name = kind.partition(" ")[0]
        self.kind, self.text = kind, ""
        self.item = {
            "type": name,
            "id": f"{_PREFIXES[name]}_{uuid4().hex}",
            "status": "in_progress",
            **item,
        }
        added = {"output_index": len(self.done), "item": dict(self.item)}
        yield "response.output_item.added", added
        if name == "message":
            part = {"content_index": 0, "part": _text_part("")}
            yield "response.content_part.added", {**self._place(), **part}

    def _call(self, piece: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        function = piece.get("function") or {}
        name = function.get("name") or ""
        named = self.namespaced.get(name, {"name": name})
        item = {"call_id": piece.get("id") or "", **named}
        custom, arguments = f"{_CUSTOM} {piece.get('index', 0)}", function.get("arguments") or ""
        if name in self.custom or self.kind == custom:
            yield from self._open(custom, {**item, "input": ""})
            self.text += arguments  # text within JSON, told as text when it is whole
            return
        yield from self._open(f"{_CALL} {piece.get('index', 0)}", {**item, "arguments": ""})
        if arguments:
            yield from self._write("response.function_call_arguments.delta", arguments)

    def _write(self, name: str, text: str, **place: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        self.text += text
        yield name, {**self._place(), **place, "delta": text}

    def _place(self) -> dict[str, Any]:
        return {"item_id": self.item["id"], "output_index": len(self.done)}


def to_go_on_from(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What may be gone on from: a call that was cut off is none."""
    calls = (_CALL, _CUSTOM)
    return [i for i in items if i["type"] not in calls or i["status"] == "completed"]


def as_listed(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """An item of an input as clients read it: the text of a message is a part of it."""
    text = item.get("content")
    if not isinstance(text, str):
        return item
    part = {"type": "input_text", "text": text}
    part = _text_part(text) if item.get("role") == "assistant" else part
    return {"type": "message", **item, "content": [part]}


def _input(arguments: str) -> str:
    """The text that a custom tool is given; a call that was cut off has none."""
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(arguments)["input"])
    return ""


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}
