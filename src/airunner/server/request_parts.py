"""Parts of requests' bodies that stay as they came, once their form has been checked.

Owns the fields that we read, with the types that they must have; all others may stand
beside them. What a whole request is, is each API's.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, with_config
from typing_extensions import TypedDict

_OPEN = ConfigDict(extra="allow")


class Open(BaseModel):
    """A part of a request that may have more fields than we know."""

    model_config = _OPEN


@with_config(_OPEN)
class PictureUrl(TypedDict, total=False):
    """A picture as a ``data:`` URL."""

    url: str | None


@with_config(_OPEN)
class Recording(TypedDict, total=False):
    """A recording in base64."""

    data: str | None
    format: str | None


@with_config(_OPEN)
class ContentPart(TypedDict, total=False):
    """A part of a message of OpenAI's APIs: text, a picture, a recording."""

    type: str
    text: str | None
    image_url: str | PictureUrl | None
    input_audio: Recording | None


@with_config(_OPEN)
class ResponseItem(TypedDict, total=False):
    """A message, a call, the result of one, or another step of a response."""

    type: str | None
    role: str | None
    content: str | list[ContentPart] | None
    call_id: str | None
    name: str | None
    namespace: str | None
    arguments: str | None


@with_config(_OPEN)
class InputForm(TypedDict, total=False):
    """What a custom tool's input looks like: any text, or one of a grammar."""

    type: str
    syntax: str | None
    definition: str | None


@with_config(_OPEN)
class ResponseTool(TypedDict, total=False):
    """A function, a custom tool, or a namespace of them; other kinds are passed over."""

    type: str
    name: str | None
    description: str | None
    parameters: dict[str, Any] | None
    format: InputForm | None
    tools: list[ResponseTool] | None


@with_config(_OPEN)
class ResponseToolChoice(TypedDict, total=False):
    """A tool that must be called, or those that may be."""

    type: str
    name: str | None
    mode: str | None
    tools: list[ResponseTool] | None


@with_config(_OPEN)
class AnswerFormat(TypedDict, total=False):
    """The form of a response's text."""

    type: str
    name: str | None
    schema: dict[str, Any] | None


@with_config(_OPEN)
class BlockSource(TypedDict, total=False):
    """Where a picture or document of Anthropic's API is."""

    type: str
    media_type: str | None
    data: str | None
    url: str | None


@with_config(_OPEN)
class InnerBlock(TypedDict, total=False):
    """A block within the result of a tool."""

    type: str
    text: str | None
    tool_name: str | None


@with_config(_OPEN)
class Block(TypedDict, total=False):
    """A block of a message of Anthropic's API."""

    type: str
    text: str | None
    thinking: str | None
    id: str | None
    name: str | None
    input: dict[str, Any] | None
    tool_use_id: str | None
    content: str | list[InnerBlock] | None
    source: BlockSource | None


@with_config(_OPEN)
class OllamaFunctionCalled(TypedDict, total=False):
    """The function of a call; arguments are an object, and text of some clients."""

    name: str | None
    arguments: dict[str, Any] | str | None


@with_config(_OPEN)
class OllamaCall(TypedDict, total=False):
    """A call that the assistant made earlier."""

    id: str | None
    function: OllamaFunctionCalled | None


@with_config(_OPEN)
class OllamaFunction(TypedDict, total=False):
    """A function that the model may call."""

    name: str | None
    description: str | None
    parameters: dict[str, Any] | None


@with_config(_OPEN)
class OllamaTool(TypedDict, total=False):
    """A tool of an Ollama client."""

    type: str | None
    function: OllamaFunction | None
