"""What a client may ask of ``/v1/messages``, and the same as a chat completion's request.

Owns the check and the translation. Blocks and tools of kinds that we do not have are
passed over, for clients send them to every server. A deferred tool is told of where a
search of the client's has found it, in the result: among the tools at the top of the prompt,
each one found would throw the whole KV cache away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from airunner.server.request_parts import Block, InnerBlock, Open

_MOST_TOKENS = 2**31 - 1
# Claude Code begins its system prompt with a line that changes with every request. Left
# there, it would throw the whole KV cache away.
_BILLING = re.compile(r"x-anthropic-billing-header:[^\n]*\n*")
_REFERENCE = "tool_reference"
_DEFAULT_PARAMETERS = {"type": "object", "properties": {}}


class AnthropicMessage(Open):
    """One message; some clients put system messages among the others."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class AnthropicTool(Open):
    """A tool of the client; without a schema it is one of the provider's own."""

    name: str = Field(min_length=1)
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    defer_loading: bool | None = None


class AnthropicToolChoice(Open):
    """Whether a tool is called."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(Open):
    """Whether the model reasons first."""

    type: str


class OutputConfig(Open):
    """The form of the answer, and how much the model reasons first."""

    format: OutputFormat | None = None
    effort: str | None = None


class OutputFormat(Open):
    """A JSON schema that the answer has to match."""

    type: Literal["json_schema"]
    schema_: dict[str, Any] = Field(alias="schema")


class CountRequest(Open):
    """A prompt whose tokens are to be counted."""

    model: str = Field(min_length=1)
    messages: list[AnthropicMessage] = Field(min_length=1)
    system: str | list[InnerBlock] | None = None
    tools: list[AnthropicTool] | None = None
    tool_choice: AnthropicToolChoice | None = None
    thinking: Thinking | None = None

    def as_completion(self) -> dict[str, Any]:
        """The same as the body of a chat completion's request."""
        body: dict[str, Any] = {"model": self.model, "messages": list(self._messages())}
        tools = [_function(tool) for tool in self._offered()]
        choice = self._choice()
        if tools or choice not in ("auto", "none"):
            body |= {"tools": tools, "tool_choice": choice}
            if self.tool_choice and self.tool_choice.disable_parallel_tool_use:
                body["parallel_tool_calls"] = False
        if self.thinking is not None:
            wanted = self.thinking.type in ("enabled", "adaptive")
            body["chat_template_kwargs"] = {"enable_thinking": wanted}
        return body

    def _offered(self) -> Iterator[AnthropicTool]:
        """The tools, of the deferred ones those that a search of the client's has found."""
        blocks = [block for message in self.messages for block in _list(message.content)]
        inner = [part for block in blocks for part in _list(block.get("content"))]
        found = {part.get("tool_name") for part in inner if part.get("type") == _REFERENCE}
        for tool in self.tools or ():
            if tool.input_schema is not None and (not tool.defer_loading or tool.name in found):
                yield tool

    def _messages(self) -> Iterator[dict[str, Any]]:
        tools = {tool.name: tool for tool in self.tools or ()}
        if system := _BILLING.sub("", _text(self.system)).strip():
            yield {"role": "system", "content": system}
        for message in self.messages:
            if message.role == "system":
                yield {"role": "system", "content": _BILLING.sub("", _text(message.content))}
            elif message.role == "assistant":
                yield _assistant(message.content)
            else:
                yield from _user(message.content, tools)

    def _choice(self) -> Any:
        choice = self.tool_choice
        if choice is None:
            return "auto"
        if choice.type == "tool":
            return {"type": "function", "function": {"name": choice.name or ""}}
        return {"any": "required"}.get(choice.type, choice.type)


class MessagesRequest(CountRequest):
    """The body of a request for a message."""

    max_tokens: int = Field(ge=1, le=_MOST_TOKENS)
    stream: bool | None = False
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, ge=0, le=_MOST_TOKENS)
    stop_sequences: list[str] | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None

    def as_completion(self) -> dict[str, Any]:
        """The same as the body of a chat completion's request."""
        sampling = {name: getattr(self, name) for name in ("temperature", "top_p", "top_k")}
        body = super().as_completion() | {"max_tokens": self.max_tokens}
        body |= {name: value for name, value in sampling.items() if value is not None}
        form = self.output_format or (self.output_config and self.output_config.format)
        if form:
            schema = {"name": "answer", "schema": form.schema_}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    @property
    def stops(self) -> list[str]:
        """The texts at which the answer ends."""
        return [stop for stop in self.stop_sequences or () if stop]


def _text(content: Any) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    return "\n".join(block.get("text") or "" for block in content if block.get("type") == "text")


def _assistant(content: Any) -> dict[str, Any]:
    blocks = content if isinstance(content, list) else []
    calls = [
        {
            "id": block.get("id") or "",
            "type": "function",
            "function": {
                "name": block.get("name") or "",
                "arguments": json.dumps(block.get("input") or {}, ensure_ascii=False),
            },
        }
        for block in blocks
        if block.get("type") == "tool_use"
    ]
    thoughts = [block.get("thinking") or "" for block in blocks if block.get("type") == "thinking"]
    message: dict[str, Any] = {"role": "assistant", "content": _text(content)}
    if any(thoughts):
        message["reasoning_content"] = "\n".join(thoughts)
    return message | ({"tool_calls": calls} if calls else {})


def _user(content: Any, tools: Mapping[str, AnthropicTool]) -> Iterator[dict[str, Any]]:
    """A user's blocks: results of tools are messages of their own, and come first."""
    if isinstance(content, str):
        yield {"role": "user", "content": content}
        return
    for block in content:
        if block.get("type") == "tool_result":
            text = _result(block.get("content"), tools)
            prefix = "Error: " if block.get("is_error") else ""
            yield {
                "role": "tool",
                "tool_call_id": block.get("tool_use_id") or "",
                "content": prefix + text,
            }
    parts = [part for block in content if (part := _part(block)) is not None]
    if len(parts) == 1 and parts[0]["type"] == "text":
        yield {"role": "user", "content": parts[0]["text"]}
    elif parts:
        yield {"role": "user", "content": parts}


def _result(content: Any, tools: Mapping[str, AnthropicTool]) -> str:
    if not isinstance(content, list):
        return content or ""
    return "\n".join(_result_text(block, tools) for block in content)


def _result_text(block: Mapping[str, Any], tools: Mapping[str, AnthropicTool]) -> str:
    tool = tools.get(block.get("tool_name") or "")
    if block.get("type") == _REFERENCE and tool is not None:
        return json.dumps(_function(tool)["function"], ensure_ascii=False)
    return block.get("text") or f"[{block.get('type', 'block')}]"


def _list(content: Any) -> list[Any]:
    return content if isinstance(content, list) else []


def _part(block: dict[str, Any]) -> dict[str, Any] | None:
    if block.get("type") == "text":
        return {"type": "text", "text": block.get("text") or ""}
    source = block.get("source") or {}
    if block.get("type") == "image" and source.get("type") == "base64":
        url = f"data:{source.get('media_type', 'image/png')};base64,{source.get('data', '')}"
        return {"type": "image_url", "image_url": {"url": url}}
    if block.get("type") == "image" and source.get("url"):
        return {"type": "image_url", "image_url": {"url": source["url"]}}
    if block.get("type") == "document" and source.get("type") == "text":
        return {"type": "text", "text": source.get("data") or ""}
    # What no model here takes is refused as what it is: an answer would be about nothing.
    return {"type": block["type"]} if block.get("type") in ("image", "document") else None


def _function(tool: AnthropicTool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description or "",
        "parameters": tool.input_schema or _DEFAULT_PARAMETERS,
    }
    deferred = {"defer_loading": True} if tool.defer_loading else {}
    return {"type": "function", "function": function, **deferred}
