"""Which schemas of tools the engine is sent as they came, and what it is sent for the others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from tests.engines.llama_cpp.test_client import CLOCK, ODD_PARAMETERS, WEATHER
from tests.json_schema.foreign_schemas import tool_schemas

from airunner.engines.base import ChatRequest
from airunner.engines.llama_cpp.chat_format import tools_json
from airunner.engines.llama_cpp.forced_call import forced_call_schema
from airunner.engines.llama_cpp.tool_schemas import engine_parameters
from airunner.messages import Message, ToolSchema
from airunner.toolbox.toolset import builtin_toolset


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


USUAL = [
    WEATHER.parameters,
    CLOCK.parameters,
    an_object(a={"type": ["string", "null"], "default": None, "title": "A", "format": "date"}),
    an_object(a={"anyOf": [{"type": "integer", "minimum": 1}, {"enum": ["x", None]}]}),
    an_object(a={"type": "array", "items": {"type": "string", "maxLength": 9}, "minItems": 2}),
    an_object(a={"type": "string", "pattern": r"^[A-Z]{2}-\d+$"}),
    an_object(a={"$ref": "#/$defs/n"})
    | {"$defs": {"n": an_object(next={"$ref": "#/$defs/n"}, value={"type": "integer"})}},
]


@pytest.mark.parametrize("schema", USUAL)
def test_what_is_usual_is_shown_as_it_came(schema: Any) -> None:
    assert engine_parameters(schema) == schema


def test_our_own_tools_are_shown_as_they_are() -> None:
    for tool in builtin_toolset():
        assert engine_parameters(tool.parameters) == tool.parameters, tool.name


@pytest.mark.parametrize("schema", ODD_PARAMETERS.values(), ids=ODD_PARAMETERS)
def test_what_the_engine_cannot_take_is_sent_as_what_is_decoded(schema: Any) -> None:
    whole = an_object(y={"type": "string", "description": "why"}, x=schema)
    sent = engine_parameters(whole)
    assert sent != whole
    assert sent["properties"]["y"] == whole["properties"]["y"]
    assert list(sent["properties"]) == ["y", "x"]


@given(tool_schemas())
def test_what_is_sent_is_never_odd_and_can_be_forced(schema: Any) -> None:
    sent = engine_parameters(schema)
    assert engine_parameters(sent) == sent
    tools = (ToolSchema("t", "Do it.", schema), WEATHER)
    request = ChatRequest([Message("user", "x")], tools=tools, tool_choice="required")
    assert json.dumps(forced_call_schema(request))
    assert json.dumps(tools_json(tools))


@pytest.mark.parametrize("schema", [{}, None, True, [1], "x", {"a": float("nan")}, {1: 2}])
def test_what_is_no_schema_of_an_object_takes_anything(schema: Any) -> None:
    assert engine_parameters(schema)["type"] == "object"
