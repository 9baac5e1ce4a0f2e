"""``call_tool``: how a model calls a tool that its prompt does not show.

Owns what a model is told of it and which call is meant by one. It is no tool
itself: whoever runs calls runs the one that is meant, with that tool's
permission, events and errors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airunner.json_schema.plain import json_object
from airunner.messages import ToolCall, ToolSchema

CALL_TOOL = "call_tool"

CALL_TOOL_SCHEMA = ToolSchema(
    CALL_TOOL,
    "Call a tool that search_tools has found.",
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "the name of that tool"},
            "arguments": {
                "type": "object",
                "description": "its arguments, as the search described them",
            },
        },
        "required": ["name", "arguments"],
    },
)


def meant(call: ToolCall) -> ToolCall:
    """The call that ``call`` makes by way of ``call_tool``; ``call`` itself if it is no such call.

    Arguments that were written as text of JSON, as models do, are read. What names no
    tool stays a call of ``call_tool``, which is no tool.
    """
    if call.name != CALL_TOOL or call.malformed:
        return call
    name, arguments = call.arguments.get("name"), call.arguments.get("arguments", {})
    if not isinstance(name, str) or not name or name == CALL_TOOL:
        return call
    read = json_object(arguments.strip() or "{}") if isinstance(arguments, str) else arguments
    if isinstance(read, Mapping):
        return ToolCall(call.id, name, read)
    return ToolCall(call.id, name, {}, malformed=json.dumps(arguments, ensure_ascii=False))


def through_call_tool(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of ``call_tool``'s own arguments in a call of ``name`` under ``arguments``."""
    return {
        "type": "object",
        "properties": {"name": {"const": name}, "arguments": dict(arguments)},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
