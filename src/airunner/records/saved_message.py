"""A message as JSON, and back exactly as it was; what is no Unicode becomes U+FFFD."""

from __future__ import annotations

import json
from typing import Any

from airunner.json_schema.plain import encodable
from airunner.messages import Message, ToolCall


def to_json(message: Message) -> str:
    """``message`` as one line of ASCII."""
    value: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        value["tool_calls"] = [_call_value(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        value["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        value["name"] = message.name
    if message.reasoning:
        value["reasoning"] = message.reasoning
    if message.sent is not None:
        value["sent"] = message.sent
    return json.dumps(value)


def from_json(text: str) -> Message:
    """The message that ``to_json`` wrote.

    U+FFFD stands for half a surrogate pair, which no engine can be sent.
    """
    value = json.loads(text)
    if r"\ud" in text:
        value = json.loads(encodable(json.dumps(value, ensure_ascii=False)))
    calls = tuple(ToolCall(**call) for call in value.pop("tool_calls", ()))
    return Message(**value, tool_calls=calls)


def _call_value(call: ToolCall) -> dict[str, Any]:
    value = {"id": call.id, "name": call.name, "arguments": dict(call.arguments)}
    return value | ({"malformed": call.malformed} if call.malformed else {})
