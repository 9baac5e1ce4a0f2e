"""What a client may ask through Ollama's API, and the same as a chat completion's request.

Owns the checks and the translation. What a model's own options may not do here: a context
other than the loaded one does not load the model anew (``num_ctx``), and how long a model
stays in memory is decided for all models together (``keep_alive``, but for 0).

Source of the fields: Ollama's ``docs/api.md``.
"""

from __future__ import annotations

import json
from typing import Any, Literal
from uuid import uuid4

from pydantic import Field

from airunner.server.request_parts import OllamaCall, OllamaTool, Open

_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "seed": "seed",
    "stop": "stop",
    "num_predict": "max_tokens",
    "repeat_penalty": "repeat_penalty",
    "repeat_last_n": "repeat_last_n",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "typical_p": "typical_p",
}
Think = bool | str | None


class OllamaRequest(Open):
    """What all requests for an answer have in common."""

    model: str = Field(min_length=1)
    stream: bool | None = True
    format: Literal["", "json"] | dict[str, Any] | None = None
    options: dict[str, Any] | None = None
    keep_alive: float | str | None = None
    think: Think = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)

    @property
    def unloads(self) -> bool:
        """Whether the model is to leave memory, which clients ask for by an empty request."""
        return str(self.keep_alive).rstrip("smh") in ("0", "0.0")

    def _body(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": messages}
        for name, ours in _OPTIONS.items():
            value = (self.options or {}).get(name)
            if value is not None:
                body[ours] = value
        if body.get("max_tokens") in (0, -1, -2):
            del body["max_tokens"]  # Ollama's -1 and -2: as long as it goes
        if self.logprobs:
            body |= {"logprobs": True, "top_logprobs": self.top_logprobs or 0}
        if self.format == "json":
            body["response_format"] = {"type": "json_object"}
        elif self.format:
            schema = {"name": "format", "schema": self.format}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self.think is not None:
            wanted = self.think if isinstance(self.think, bool) else self.think != "none"
            body["chat_template_kwargs"] = {"enable_thinking": wanted}
        return body


class OllamaMessage(Open):
    """One message; arguments of its calls are objects, and pictures base64."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[OllamaCall] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class OllamaChat(OllamaRequest):
    """The body of ``/api/chat``."""

    messages: list[OllamaMessage] = Field(default_factory=list)
    tools: list[OllamaTool] | None = None

    def as_completion(self) -> dict[str, Any]:
        """The same as the body of a chat completion's request."""
        body = self._body([_message(each) for each in self.messages])
        tools = [tool for tool in self.tools or () if (tool.get("function") or {}).get("name")]
        return body | ({"tools": [{**t, "type": "function"} for t in tools]} if tools else {})


class OllamaGenerate(OllamaRequest):
    """The body of ``/api/generate``: one prompt, under the model's template."""

    prompt: str = ""
    suffix: str | None = None
    system: str | None = None
    images: list[str] | None = None
    raw: bool | None = None

    def as_raw(self, completion: dict[str, Any]) -> dict[str, Any]:
        """The body of a completion that goes on after the prompt as it is."""
        body = {**completion, "prompt": self.prompt, "suffix": self.suffix}
        return body | {"logprobs": body.get("top_logprobs") if self.logprobs else None}

    def as_completion(self) -> dict[str, Any]:
        """The same as the body of a chat completion's request."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        said = OllamaMessage(role="user", content=self.prompt, images=self.images)
        return self._body([*system, _message(said)])


class OllamaEmbed(Open):
    """The body of ``/api/embed``, and of the older ``/api/embeddings``."""

    model: str = Field(min_length=1)
    input: str | list[str] | None = None
    prompt: str | None = None
    truncate: bool | None = None


class OllamaName(Open):
    """A model by either of the names that the field has had."""

    model: str = ""
    name: str = ""
    stream: bool | None = True

    @property
    def wanted(self) -> str:
        """The model."""
        return self.model or self.name


def _message(message: OllamaMessage) -> dict[str, Any]:
    found: dict[str, Any] = {"role": message.role, "content": message.content or ""}
    if message.images:
        pictures = [
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{each}"}}
            for each in message.images
        ]
        found["content"] = [{"type": "text", "text": message.content or ""}, *pictures]
    if message.thinking:
        found["reasoning_content"] = message.thinking
    if message.tool_calls:
        found["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.tool_name:
        found["name"] = message.tool_name
    if message.tool_call_id:
        found["tool_call_id"] = message.tool_call_id
    return found


def _call(call: OllamaCall) -> dict[str, Any]:
    function = call.get("function") or {}
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return {
        "id": call.get("id") or f"call_{uuid4().hex[:12]}",
        "type": "function",
        "function": {"name": function.get("name") or "", "arguments": text},
    }
