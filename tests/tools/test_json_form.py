"""Somebody else's JSON schema: what is taken over, and what is refused instead of crashing."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("jsonschema")

from airunner.errors import InvalidToolError, ToolArgumentsError
from airunner.tools.json_form import MAX_NODES, JsonForm, plain_text
from airunner.tools.schema import bounded, longest_text, without
from airunner.tools.tool import Tool


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def taken(schema: Any) -> Any:
    """What becomes of one parameter's schema."""
    return JsonForm("t", an_object(x=schema)).schema["properties"]["x"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (True, {}),
        ({"type": "string", "pattern": "(a+)+$", "format": "uri", "title": "X", "examples": [1]},
         {"type": "string"}),
        ({"type": ["string", "null"], "maxLength": 5, "description": "d"},
         {"description": "d", "maxLength": 5,
          "anyOf": [{"type": "string", "maxLength": 5}, {"type": "null", "maxLength": 5}]}),
        ({"const": "a"}, {"enum": ["a"]}),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]},
         {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"allOf": [{"type": "integer", "minimum": 1}], "default": 3},
         {"type": "integer", "minimum": 1, "default": 3}),
        ({"type": "array", "items": {"type": "string"}, "minItems": 12},
         {"type": "array", "items": {"type": "string"}, "minItems": 12, "maxItems": 12}),
        ({"type": "number", "minimum": float("nan"), "maximum": "9", "minLength": "x"},
         {"type": "number"}),
        ({"type": "string", "description": "a\x1b[2J\nb " + "c" * 900},
         {"type": "string", "description": "a [2J b " + "c" * 191 + "…"}),
    ],
)  # fmt: skip
def test_what_is_understood_is_taken_over(written: Any, expected: dict[str, Any]) -> None:
    assert taken(written) == expected


def test_references_within_the_schema_are_put_in_place() -> None:
    for folder in ("$defs", "definitions"):
        schema = an_object(a={"$ref": f"#/{folder}/Size", "description": "how big"})
        schema[folder] = {"Size": {"type": "integer"}}
        form = JsonForm("t", schema)
        assert form.schema["properties"]["a"] == {"type": "integer", "description": "how big"}
        assert folder not in form.schema


BOMB = an_object(x={"$ref": "#/$defs/d0"})
BOMB["$defs"] = {
    f"d{n}": an_object(**{f"p{i}": {"$ref": f"#/$defs/d{n + 1}"} for i in range(10)})
    for n in range(7)
} | {"d7": {"type": "string"}}
LOOP = an_object(x={"$ref": "#/$defs/a"})
LOOP["$defs"] = {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}}


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (None, "where a schema belongs"),
        ([], "where a schema belongs"),
        ({"type": "string"}, "no object"),
        ({"type": ["object", "null"]}, "no object"),
        (BOMB, "too large"),
        (LOOP, "contains itself"),
        (an_object(x={"$ref": "https://example.org/schema.json"}), "refers to"),
        (an_object(x={"$ref": "#/properties/x"}), "refers to"),
        (an_object(x={"$ref": 7}), "refers to"),
        (an_object(x=False), "where a schema belongs"),
        (an_object(x={"type": "picture"}), "of type 'picture'"),
        (an_object(x={"type": {"a": 1}}), "of type"),
        (an_object(x={"allOf": [{}, {}]}), "allOf"),
        (an_object(x={"enum": []}), "choice of none"),
        (an_object(x={"enum": [[1]]}), "choice among lists"),
        (an_object(x={"type": "string", "minLength": 10**9}), "too much"),
        (an_object(x={"type": "number", "multipleOf": 0}), "not valid"),
        (an_object(**{"a\x1b": {}}), "has the name"),
        (an_object(**{f"p{i}": {} for i in range(99)}), "more than 48"),
        ({"type": "object", "properties": [1]}, "more than"),
    ],
)
def test_what_cannot_be_used_is_refused(schema: Any, problem: str) -> None:
    with pytest.raises(InvalidToolError, match=problem):
        JsonForm("t", schema)


KEYWORDS = [
    *("type", "properties", "items", "anyOf", "oneOf", "allOf", "enum", "const", "default"),
    *("required", "$ref", "$defs", "additionalProperties", "minLength", "maxLength"),
    *("minItems", "minimum", "description", "x"),
]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda child: (
        st.lists(child, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYWORDS),
            child,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(ANY_JSON)
def test_no_schema_breaks_anything(schema: Any) -> None:
    for candidate in (schema, {"type": "object", "properties": {"x": schema}}):
        try:
            form = JsonForm("t", candidate)
        except InvalidToolError:
            continue
        # Everything that a dialect does with a schema works on it.
        small = bounded(without(form.schema, []))
        assert longest_text(small) >= 0
        assert len(json.dumps(small)) < MAX_NODES * 5000
        with suppress(ToolArgumentsError):
            form.validate({"x": 1})


def test_arguments_are_checked_and_given_as_they_are() -> None:
    seen: list[dict[str, Any]] = []

    def call(**arguments: Any) -> str:
        seen.append(arguments)
        return "done"

    schema = an_object(**{"api": {"type": "string"}, "class": {"type": "integer", "minimum": 2}})
    schema["required"] = ["api", "never described"]
    tool = Tool(call, name="t", description="Do it.", form=JsonForm("t", schema))
    assert not tool.takes_api
    assert tool.parameters["required"] == ["api"]
    arguments = tool.validate({"api": "mine", "class": 2})
    assert tool.start(arguments, api="ours") == "done"
    assert seen == [{"api": "mine", "class": 2}]
    with pytest.raises(ToolArgumentsError, match=r"class: 1 is less than the minimum of 2"):
        tool.validate({"api": "x", "class": 1})
    with pytest.raises(ToolArgumentsError, match=r"'api' is a required property"):
        tool.validate({})


@given(st.text(max_size=300))
def test_plain_text_is_one_printable_line(text: str) -> None:
    line = plain_text(text, 50)
    assert len(line) <= 50
    assert line.isprintable()
