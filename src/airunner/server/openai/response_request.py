"""What a client may ask of ``/v1/responses``, and the same as a chat completion's request.

Owns the check and the translation. Items and tools of kinds that we do not have are
passed over: Codex sends several to every server. The functions of a namespace, such as
those of an MCP server of Codex, are offered under the namespace's name and their own. A
custom tool, whose input is text, is to the model a function of one argument, ``input``; a
grammar of it stands in its description and is not enforced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from airunner.server.request_parts import (
    AnswerFormat,
    Open,
    ResponseItem,
    ResponseTool,
    ResponseToolChoice,
)

_MOST_TOKENS = 2**31 - 1
_TEXTS = ("input_text", "output_text", "text")
_CALLABLE = ("function", "custom")
_CALLS = ("function_call", "custom_tool_call")
_CALL_OUTPUTS = ("function_call_output", "custom_tool_call_output")
_INPUT = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}


class TextOptions(Open):
    """The form of the answer."""

    format: AnswerFormat | None = None


class Reasoning(Open):
    """How much the model reasons first."""

    effort: str | None = None


class ResponseRequest(Open):
    """The body of a request for a response."""

    model: str = Field(min_length=1)
    input: str | list[ResponseItem] = ""
    instructions: str | None = None
    previous_response_id: str | None = None
    tools: list[ResponseTool] | None = None
    tool_choice: Literal["auto", "none", "required"] | ResponseToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = Field(default=None, ge=1, le=_MOST_TOKENS)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    text: TextOptions | None = None
    reasoning: Reasoning | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    stream: bool | None = None
    background: bool | None = None

    def items(self) -> list[dict[str, Any]]:
        """The input as a list of items."""
        if isinstance(self.input, str):
            return [{"type": "message", "role": "user", "content": self.input}]
        return [dict(item) for item in self.input]

    def as_completion(self, earlier: list[dict[str, Any]]) -> dict[str, Any]:
        """The same as the body of a chat completion's request, after ``earlier`` items."""
        messages = list(messages_of_items([*earlier, *self.items()]))
        if self.instructions:
            messages.insert(0, {"role": "system", "content": self.instructions})
        if not any(message["role"] != "system" for message in messages):
            messages.append({"role": "user", "content": ""})
        body: dict[str, Any] = {"model": self.model, "messages": messages}
        sampling = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_output_tokens,
            "reasoning_effort": self.reasoning.effort if self.reasoning else None,
        }
        body |= {name: value for name, value in sampling.items() if value is not None}
        tools = [_tool(space, tool) for space, tool in self._functions()]
        choice = self._choice()
        if tools or choice not in ("auto", "none"):
            body |= {"tools": tools, "tool_choice": choice}
            if self.parallel_tool_calls is not None:
                body["parallel_tool_calls"] = self.parallel_tool_calls
        if form := self._format():
            body["response_format"] = form
        return body

    @property
    def namespaced(self) -> dict[str, dict[str, str]]:
        """The fields that name a function of a namespace, by what the model calls it."""
        return {
            _full_name(space, tool["name"]): {"namespace": space, "name": tool["name"] or ""}
            for space, tool in self._functions()
            if space
        }

    @property
    def custom(self) -> set[str]:
        """What the model calls the custom tools."""
        return {
            _full_name(space, tool["name"])
            for space, tool in self._functions()
            if tool.get("type") == "custom"
        }

    def _functions(self) -> Iterator[tuple[str, ResponseTool]]:
        """The functions that are offered, with the namespace that each is in."""
        for tool in self.tools or ():
            if _is_function(tool):
                yield "", tool
            elif tool.get("type") == "namespace":
                inner = filter(_is_function, tool.get("tools") or ())
                yield from ((tool.get("name") or "", each) for each in inner)

    def _choice(self) -> Any:
        choice = self.tool_choice or "auto"
        if isinstance(choice, str):
            return choice
        if choice.get("type") in _CALLABLE:
            return {"type": "function", "function": {"name": choice.get("name")}}
        if choice.get("type") == "allowed_tools":
            allowed = [
                {"type": "function", "function": {"name": tool.get("name")}}
                for tool in choice.get("tools") or ()
                if _is_function(tool)
            ]
            mode = choice.get("mode") or "auto"
            return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}
        return "auto"  # one of the provider's own tools

    def _format(self) -> dict[str, Any] | None:
        form = (self.text.format if self.text else None) or {}
        if form.get("type") == "json_object":
            return {"type": "json_object"}
        if form.get("type") == "json_schema":
            schema = {"name": form.get("name") or "answer", "schema": form.get("schema") or {}}
            return {"type": "json_schema", "json_schema": schema}
        return None


def messages_of_items(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The messages that items become; what belongs to one answer is one message."""
    answer: dict[str, Any] | None = None
    for item in items:
        kind, role = item.get("type") or "message", item.get("role")
        if kind in _CALLS or (kind == "message" and role == "assistant"):
            answer = answer or {"role": "assistant", "content": ""}
            if kind in _CALLS:
                answer.setdefault("tool_calls", []).append(_call(item))
            else:
                answer["content"] += _text(item.get("content"))
            continue
        if kind == "reasoning":
            answer = answer or {"role": "assistant", "content": ""}
            answer["reasoning_content"] = _text(item.get("content"))
            continue
        if answer is not None:
            yield answer
            answer = None
        if kind in _CALL_OUTPUTS:
            output = item.get("output")
            text = output if isinstance(output, str) else _text(output)
            yield {"role": "tool", "tool_call_id": item.get("call_id") or "", "content": text}
        elif kind == "message":
            system = role in ("system", "developer")
            yield {"role": "system" if system else "user", "content": _content(item)}
    if answer is not None:
        yield answer


def _content(item: dict[str, Any]) -> str | list[dict[str, Any]]:
    content = item.get("content")
    if not isinstance(content, list):
        return content or ""
    parts = [part for each in content if (part := _part(each)) is not None]
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _part(part: dict[str, Any]) -> dict[str, Any] | None:
    if part.get("type") in _TEXTS:
        return {"type": "text", "text": part.get("text") or ""}
    if part.get("type") == "input_image" and part.get("image_url"):
        return {"type": "image_url", "image_url": {"url": part["image_url"]}}
    if part.get("type") == "input_audio":
        return part
    # What no model here takes is refused as what it is: an answer would be about nothing.
    return {"type": part["type"]} if part.get("type") in ("input_image", "input_file") else None


def _text(content: Any) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    if not isinstance(content, list):
        return json.dumps(content, ensure_ascii=False)
    return "\n".join(part.get("text") or "" for part in content if isinstance(part, dict))


def _call(item: dict[str, Any]) -> dict[str, Any]:
    name = _full_name(item.get("namespace"), item.get("name"))
    given = json.dumps({"input": item["input"]}) if item.get("input") else "{}"
    function = {"name": name, "arguments": item.get("arguments") or given}
    return {"id": item.get("call_id") or "", "type": "function", "function": function}


def _is_function(tool: ResponseTool) -> bool:
    return tool.get("type") in _CALLABLE and bool(tool.get("name"))


def _full_name(namespace: str | None, name: str | None) -> str:
    return "__".join(filter(None, (namespace, name)))


def _tool(namespace: str, tool: ResponseTool) -> dict[str, Any]:
    about, parameters = tool.get("description") or "", tool.get("parameters")
    if tool.get("type") == "custom":
        parameters, form = _INPUT, tool.get("format") or {}
        if form.get("definition"):
            about += f"\n\nThe input has this form ({form.get('syntax')}):\n{form['definition']}"
    function = {
        "name": _full_name(namespace, tool["name"]),
        "description": about,
        "parameters": parameters or {"type": "object", "properties": {}},
    }
    return {"type": "function", "function": function}
