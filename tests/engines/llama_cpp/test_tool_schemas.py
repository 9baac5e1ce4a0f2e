"""What the engine is sent of the schemas of tools, and what its model is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from tests.engines.llama_cpp.test_client import CLOCK, ODD_PARAMETERS, WEATHER
from tests.json_schema.foreign_schemas import tool_schemas

from airunner.engines.base import ChatRequest
from airunner.engines.llama_cpp.control_tokens import ControlTokens
from airunner.engines.llama_cpp.forced_call import forced_call
from airunner.engines.llama_cpp.tool_schemas import (
    engine_parameters,
    engine_schema,
    is_enforced,
    shown_parameters,
    tools_in_request,
)
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
    assert shown_parameters(schema) == schema


@pytest.mark.parametrize(
    ("rules", "enforced"),
    [
        ({"type": "string", "maxLength": 20, "description": "Which."}, True),
        ({"type": "integer", "minimum": 1, "maximum": 9}, True),
        ({"enum": ["a", "b"]}, True),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 3}, True),
        ({}, True),
        ({"type": "number", "minimum": 1}, False),
        ({"type": "string", "format": "date"}, False),
        ({"type": "string", "maxLength": 20, "pattern": "^a+$"}, False),
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, False),
        ({"type": "integer", "multipleOf": 7}, False),
        ({"not": {"const": "a"}}, False),
        ({"type": "object", "minProperties": 1}, False),
        ({"minimum": 3}, False),
    ],
)
def test_a_rule_that_the_engines_grammar_may_not_keep_is_known(rules: Any, enforced: bool) -> None:
    flat = an_object(a=rules) | {"required": ["a"], "additionalProperties": False}
    assert is_enforced(flat) == enforced
    assert is_enforced(an_object(b=flat)) == enforced


def test_what_a_schema_refers_to_is_not_taken_for_enforced() -> None:
    assert not is_enforced(USUAL[-1])


def test_our_own_tools_are_shown_as_they_are() -> None:
    for tool in builtin_toolset():
        assert shown_parameters(tool.parameters) == tool.parameters, tool.name


@pytest.mark.parametrize("schema", ODD_PARAMETERS.values(), ids=ODD_PARAMETERS)
def test_what_the_engine_cannot_take_is_sent_as_what_is_decoded(schema: Any) -> None:
    whole = an_object(y={"type": "string", "description": "why"}, x=schema)
    offered = tools_in_request([ToolSchema("t", "Do it.", whole)], ControlTokens(()))
    (sent,), (shown,) = offered["tools"], offered["chat_template_kwargs"]["tools"]
    parameters = sent["function"].pop("parameters")
    assert parameters["properties"]["y"] == whole["properties"]["y"]
    assert list(parameters["properties"]) == ["y", "x"]
    assert parameters["properties"]["x"] != schema
    if isinstance(schema, dict):
        assert shown["function"].pop("parameters") == whole
        assert shown == sent
    else:
        assert shown["function"]["parameters"] == parameters


@given(tool_schemas())
def test_what_is_sent_becomes_a_grammar(schema: Any) -> None:
    """Asked of the engine's own converter, which throws, or worse, where it does not."""
    engine = pytest.importorskip("xllamacpp")

    def grammar(sent: Any) -> Any:
        # Read from JSON, as the engine does: an integer of more than 64 bits is a double there.
        def number(text: str) -> int | float:
            return int(text) if abs(int(text)) < 2**63 else float(text)

        return engine.json_schema_to_grammar(json.loads(json.dumps(sent), parse_int=number))

    tools = (ToolSchema("t", "Do it.", schema), WEATHER)
    offered = tools_in_request(tools, ControlTokens(()))
    assert grammar(offered["tools"][0]["function"]["parameters"])
    call = forced_call(ChatRequest([Message("user", "x")], tools=tools, tool_choice="required"))
    assert call is not None
    assert grammar(call.schema)
    assert json.dumps(offered)
    assert grammar(engine_schema(schema))
    assert is_enforced(schema) in (True, False)


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        ({"type": "array", "items": {"type": "integer"}},) * 2,
        ({"type": "string", "pattern": r"^[A-Z]{2}-\d+$"},) * 2,
        ({"type": "string", "pattern": "a"}, {"type": "string"}),
        (
            {"type": "string", "pattern": "^(a+)+$", "maxLength": 9},
            {"type": "string", "maxLength": 9},
        ),
        ({"type": "string", "format": "date"},) * 2,
        ({"type": "string", "format": "hostname"}, {"type": "string"}),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"enum": [1]}}}, {"type": "integer", "enum": [1]}),
        ({"$ref": "#"}, {}),
        (False, {"type": "object"}),
    ],
)
def test_an_answer_may_be_any_value_with_texts_of_a_usual_form(schema: Any, sent: Any) -> None:
    assert engine_schema(schema) == sent


def test_what_is_far_too_long_is_shown_as_it_is_decoded() -> None:
    whole = an_object(x={"type": "string", "enum": [f"{n:050}" for n in range(1000)]})
    assert shown_parameters(whole)["properties"]["x"] == {"type": "string"}


@pytest.mark.parametrize("schema", [{}, None, True, [1], "x", {"a": float("nan")}, {1: 2}])
def test_what_is_no_schema_of_an_object_takes_anything(schema: Any) -> None:
    assert engine_parameters(schema)["type"] == "object"
    assert json.dumps(shown_parameters(schema), allow_nan=False)


def test_a_tool_is_told_from_another_by_all_that_is_said_of_it() -> None:
    controls = ControlTokens(["<s>"])
    tools = [
        ToolSchema("find", "Finds.", {"type": "object", "properties": {name: {"type": kind}}})
        for name in ("what", "where")
        for kind in ("string", "integer")
    ]
    once, again = (tools_in_request(tools, controls) for _ in range(2))
    assert once == again
    shown = [each["function"]["parameters"] for each in once["chat_template_kwargs"]["tools"]]
    assert shown == [tool.parameters for tool in tools]
    once["chat_template_kwargs"]["enable_thinking"] = False  # as a request does
    assert tools_in_request(tools, controls) == again
    tools[0].parameters["properties"]["what"]["type"] = "boolean"  # type: ignore[index]
    (changed,) = tools_in_request(tools[:1], controls)["tools"]
    assert changed["function"]["parameters"]["properties"]["what"]["type"] == "boolean"
