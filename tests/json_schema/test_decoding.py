"""What is decoded of a schema: never stricter than the schema, and always finite."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given, settings

pytest.importorskip("jsonschema_rs")

import jsonschema_rs
from tests.json_schema.foreign_schemas import ARGUMENTS, tool_schemas

from airunner.errors import InvalidToolError, ToolArgumentsError
from airunner.json_schema.decoding import decodable
from airunner.json_schema.sound import sound
from airunner.tools.json_form import JsonForm
from airunner.tools.schema import bounded, longest_text, without

pytestmark = pytest.mark.real

MANY = settings(max_examples=250)


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def decoded(schema: Any) -> Any:
    """What is decoded for one parameter."""
    return decodable(sound(an_object(x=schema)))["properties"]["x"]


@MANY
@given(tool_schemas())
def test_what_a_schema_accepts_can_be_decoded(schema: Any) -> None:
    with suppress(InvalidToolError):
        form = JsonForm("t", schema)
        decoding = jsonschema_rs.Draft202012Validator(form.decoding)
        for arguments in ARGUMENTS:
            with suppress(ToolArgumentsError):
                form.validate(arguments)
                assert decoding.is_valid(arguments), (arguments, form.decoding)


@MANY
@given(tool_schemas())
def test_what_a_validator_accepts_is_accepted(schema: Any) -> None:
    """Whatever a validator that takes the schema as it came accepts under it."""
    # OpenAPI's word for "or null", which a validator does not know, means less within a "not".
    assume('"nullable": true' not in json.dumps(schema))
    try:
        original = jsonschema_rs.validator_for(
            schema, pattern_options=jsonschema_rs.RegexOptions(), offline=True
        )
    except ValueError:
        return
    for arguments in filter(original.is_valid, ARGUMENTS):
        JsonForm("t", schema).validate(arguments)


@MANY
@given(tool_schemas())
def test_every_reading_of_a_decoding_schema_ends(schema: Any) -> None:
    small = decodable(sound(schema))
    assert small["type"] == "object"
    assert set(small["required"]) <= set(small["properties"])
    assert "$ref" not in json.dumps(small)
    assert longest_text(bounded(without(small, []))) >= 0
    jsonschema_rs.meta.validate(bounded(small))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (True, {}),
        ({"type": "any"}, {}),
        ({"type": "string", "pattern": "a", "format": "uri", "title": "X"}, {"type": "string"}),
        (
            {"type": ["string", "null"], "maxLength": 5, "description": "d"},
            {"description": "d", "anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
        ),
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"enum": ["a", 1, None]}, {"enum": ["a", 1, None]}),
        ({"type": "string", "enum": [f"{n}" for n in range(501)]}, {"type": "string"}),
        ({"type": "integer", "minimum": -(2**63), "maximum": 2**70}, {"type": "integer"}),
        ({"type": "integer", "minimum": 9, "maximum": 1}, {"type": "integer"}),
        (
            {"type": "integer", "minimum": 0.5, "exclusiveMaximum": 9},
            {"type": "integer", "minimum": 1, "maximum": 8},
        ),
        ({"type": "integer", "minimum": 1, "maximum": 3, "multipleOf": 5}, {"type": "integer"}),
        ({"type": "string", "minLength": 10**6}, {"type": "string"}),
        ({"type": "string", "minLength": 2, "maxLength": 1}, {"type": "string"}),
        ({"type": "array", "minItems": 65}, {"type": "array"}),
        (
            {"prefixItems": [{"type": "string"}], "items": False, "type": "array"},
            {"type": "array", "items": {"type": "string"}, "maxItems": 1},
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer"}], "default": 3},
            {"anyOf": [{"type": "string"}, {"type": "integer"}], "default": 3},
        ),
        (
            {"allOf": [{"type": "number", "minimum": 1}, {"type": "integer", "minimum": 3}]},
            {"type": "integer", "minimum": 3},
        ),
        (
            {"allOf": [an_object(a={"type": "string"}), an_object(b={}) | {"required": ["b"]}]},
            an_object(a={"type": "string"}, b={}) | {"required": ["b"]},
        ),
        (
            {"type": "object", "patternProperties": {"^a": {"type": "string"}}}
            | {"additionalProperties": False},
            {"type": "object"},
        ),
        (an_object(a={}) | {"additionalProperties": False, "required": ["a"]},) * 2,
        (
            an_object(a={}) | {"required": ["b"], "additionalProperties": {"type": "string"}},
            an_object(a={}, b={"type": "string"})
            | {"required": ["b"], "additionalProperties": {"type": "string"}},
        ),
        (
            an_object(me={"$ref": "#/properties/x"}),
            an_object(me=an_object(me={}) | {"required": []}) | {"required": []},
        ),
    ],
)
def test_what_is_decoded_of_a_parameter(written: Any, expected: dict[str, Any]) -> None:
    assert decoded(written) == expected


def test_alternatives_at_the_root_become_one_object() -> None:
    one = an_object(a={"type": "string"}, b={"type": "integer"}) | {"required": ["a", "b"]}
    other = an_object(a={"type": "null"}, c={"type": "array"}) | {"required": ["a"]}
    assert decodable(sound({"oneOf": [one, other]})) == {
        "type": "object",
        "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "b": {}, "c": {}},
        "required": ["a"],
    }


def test_large_schemas_keep_their_parameters() -> None:
    bomb = an_object(x={"$ref": "#/$defs/d0"}, y={"type": "integer"})
    bomb["$defs"] = {
        f"d{n}": an_object(**{f"p{i}": {"$ref": f"#/$defs/d{n + 1}"} for i in range(10)})
        for n in range(7)
    } | {"d7": {"type": "string"}}
    small = decodable(sound(bomb))
    assert len(json.dumps(small)) < 40_000
    assert small["properties"]["y"] == {"type": "integer"}
    assert set(small["properties"]["x"]["properties"]) == {f"p{i}" for i in range(10)}
    wide = an_object(**{f"p{i}": {"type": "string"} for i in range(3000)}) | {"required": ["p2999"]}
    small = decodable(sound(wide))
    assert len(small["properties"]) == 100
    assert small["required"] == ["p2999"]
