"""The schema of a tool call: a name and its arguments, of any one of several tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunner.json_schema.subschemas import with_subschemas


def call_schema(arguments: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The schema of an object of ``name``, a constant, and ``arguments``, or ``anyOf`` such.

    ``arguments`` has the schema of the arguments for each name.
    """
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": schema},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for name, schema in arguments.items()
    ]
    return calls[0] if len(calls) == 1 else {"anyOf": calls}


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A decoding ``schema`` whose objects with named properties have no others, unless it says so.

    As llama.cpp's own grammars take it. llguidance would let a model add properties
    until its tokens are used up.
    """
    node = with_subschemas(schema, closed)
    if node.get("properties"):
        node.setdefault("additionalProperties", False)
    return node
