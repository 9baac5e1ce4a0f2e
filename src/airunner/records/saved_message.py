"""A message as JSON, and back exactly as it was; what is no Unicode becomes U+FFFD.

Pictures and recordings are named by their SHA-256; their bytes are kept elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

from airunner.json_schema.plain import sound_texts
from airunner.messages import (
    AudioPart,
    Content,
    ImagePart,
    Message,
    Part,
    Role,
    TextPart,
    ToolCall,
)

_ROLES = get_args(Role)
_MEDIA: dict[str, type[ImagePart | AudioPart]] = {"image": ImagePart, "audio": AudioPart}


def to_json(message: Message) -> str:
    """``message`` as one line of ASCII."""
    return json.dumps(to_value(message))


def to_value(message: Message) -> dict[str, Any]:
    """``message`` as JSON's values."""
    value: dict[str, Any] = {"role": message.role, "content": _content_value(message.content)}
    if message.tool_calls:
        value["tool_calls"] = [_call_value(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        value["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        value["name"] = message.name
    if message.reasoning:
        value["reasoning"] = message.reasoning
    if message.sent is not None:
        value["sent"] = _content_value(message.sent)
    return value


def from_json(text: str, files: Mapping[str, bytes] | None = None) -> Message:
    """The message that ``to_json`` wrote; see ``from_value``."""
    return from_value(json.loads(text), files)


def from_value(value: Any, files: Mapping[str, bytes] | None = None) -> Message:
    """The message that ``to_value`` made; ``files`` are its pictures' bytes by SHA-256.

    U+FFFD stands for half a surrogate pair, which no engine can be sent.

    Raises:
        ValueError, TypeError, KeyError: it is none, or one of its files is missing.
    """
    if not isinstance(value, dict) or value.get("role") not in _ROLES:
        raise ValueError("it is no message")
    told = sound_texts(value)
    calls = tuple(ToolCall(**call) for call in told.pop("tool_calls", ()))
    for name in ("content", "sent"):
        if isinstance(told.get(name), list):
            told[name] = tuple(_part(part, files or {}) for part in told[name])
    return Message(**told, tool_calls=calls)


def _content_value(content: Content) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    return [_part_value(part) for part in content]


def _part_value(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    return {"type": part.kind, "media_type": part.media_type, "sha256": part.sha256}


def _part(value: Mapping[str, Any], files: Mapping[str, bytes]) -> Part:
    if value["type"] == "text":
        return TextPart(value["text"])
    return _MEDIA[value["type"]](files[value["sha256"]], value["media_type"])


def _call_value(call: ToolCall) -> dict[str, Any]:
    value = {"id": call.id, "name": call.name, "arguments": dict(call.arguments)}
    return value | ({"malformed": call.malformed} if call.malformed else {})
