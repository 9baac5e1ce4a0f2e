"""Somebody else's JSON schema: shown as it came, checked as it says, and never a crash."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("jsonschema_rs")

import jsonschema_rs

from airunner.errors import InvalidToolError, ToolArgumentsError
from airunner.tools.json_form import JsonForm, plain_text
from airunner.tools.schema import bounded, longest_text, without
from airunner.tools.tool import Tool

CASES = json.loads(
    Path(__file__).with_name("schemas").joinpath("valid_arguments.json").read_text("utf-8")
)


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def problem_of(schema: Any, arguments: Any) -> str:
    with pytest.raises(ToolArgumentsError) as caught:
        JsonForm("t", schema).validate(arguments)
    return caught.value.problem


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_schemas_from_the_field_take_their_arguments(case: dict[str, Any]) -> None:
    form = JsonForm("t", case["schema"])
    assert form.validate(case["arguments"]).as_json == case["arguments"]
    assert jsonschema_rs.is_valid(form.decoding, case["arguments"])


def test_a_model_is_shown_the_schema_as_it_came() -> None:
    schema = an_object(
        a={"$ref": "#/$defs/A", "x-order": 1, "description": "how\nbig\x1b[2J"},
        b={"type": "string", "pattern": "(?=a)", "format": "uri", "title": "B", "examples": ["a"]},
        c={"description": {"type": "string"}, "default": None},
    )
    schema |= {"$defs": {"A": {"type": "integer", "description": "d" * 5000}}, "title": "T"}
    before = json.dumps(schema)
    shown = JsonForm("t", schema).schema
    assert json.dumps(schema) == before
    assert shown["properties"]["a"].pop("description") == "how\nbig [2J"
    assert shown["$defs"]["A"].pop("description") == "d" * 3999 + "…"
    del schema["properties"]["a"]["description"], schema["$defs"]["A"]["description"]
    assert shown == schema
    assert JsonForm("t", {}).schema == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("schema", "arguments", "problem"),
    [
        (an_object(a={"type": "integer", "minimum": 2}), {"a": 1}, "a: 1 is less than the minimum"),
        (an_object(a={"type": "string"}) | {"required": ["a"]}, {}, '"a" is a required property'),
        (an_object(a={"type": "string", "pattern": "^b"}), {"a": "c"}, "does not match"),
        (
            an_object(a={"$ref": "#/$defs/A"}) | {"$defs": {"A": {"not": {"type": "null"}}}},
            {"a": None},
            "a: ",
        ),
        (
            an_object(a={"anyOf": [an_object(b={"type": "integer"}), {"type": "null"}]}),
            {"a": {"b": "x"}},
            'a.b: "x" is not of type "integer"',
        ),
        (
            an_object(a={"oneOf": [{"type": "integer"}, {"minimum": 2}]}),
            {"a": 3},
            "more than one",
        ),
        (an_object(a={"uniqueItems": True}), {"a": [1, 1]}, "non-unique"),
        (an_object(a={}) | {"unevaluatedProperties": False}, {"b": 1}, "'b' was unexpected"),
        (
            an_object(a={"minimum": 1, "exclusiveMinimum": True}),
            {"a": 1},
            "less than or equal",
        ),
        (an_object(a={"type": "integer", "nullable": True}), {"a": "x"}, "a: "),
        (an_object(a={"type": "integer", "maximum": 2**70}), {"a": 2**71}, "a: "),
        (an_object(a={"type": ["number", "null"]}), {"a": float("nan")}, "JSON cannot carry"),
        (an_object(a={}), {"a": 10**5000}, "JSON cannot carry"),
        (an_object(a={}), [], "an object is needed"),
        (an_object(a={"type": "integer"}), {"a": "\ud83d"}, 'not of type "integer"'),
    ],
)
def test_arguments_are_checked_against_the_whole_schema(
    schema: Any, arguments: Any, problem: str
) -> None:
    assert problem in problem_of(schema, arguments)


def test_what_is_told_is_short_and_names_each_field() -> None:
    many = an_object(**{f"p{i}": {"type": "integer"} for i in range(9)})
    told = problem_of(many, {f"p{i}": "x" * 10_000 for i in range(9)})
    assert [part.partition(":")[0] for part in told.split("; ")] == ["p0", "p1", "p2", "p3", "p4"]
    assert 'is not of type "integer"' in told
    assert len(told) < 1500


def nested(levels: int, kind: type) -> Any:
    value: Any = kind()
    for _ in range(levels):
        value = {"a": value} if kind is dict else [value]
    return value


CHAIN = an_object(x={"$ref": "#/$defs/d0"})
CHAIN["$defs"] = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(3000)} | {"d3000": {}}


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (None, "no JSON schema"),
        ([], "no JSON schema"),
        (False, "no JSON schema"),
        ({"type": "string"}, "no object but string"),
        ({1: {}}, "a key that is no text"),
        (an_object(x=object()), "which is not JSON"),
        (nested(100_000, dict), "more than 64 levels"),
        (an_object(x={"enum": ["x" * 300_000]}), "larger than 256 KB"),
        (CHAIN, "more than 24 levels"),
    ],
)
def test_what_cannot_be_used_is_refused(schema: Any, problem: str) -> None:
    with pytest.raises(InvalidToolError, match=problem):
        JsonForm("t", schema)


def alternatives(*, of: dict[str, Any], levels: int) -> dict[str, Any]:
    """Ten to the power of ``levels`` of them."""
    schema = an_object(x={"$ref": "#/$defs/d0"})
    schema["$defs"] = {
        f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}", "minLength": i} for i in range(10)]}
        for n in range(levels)
    } | {f"d{levels}": of}
    return schema


NODE = {
    "anyOf": [{"type": "array", "items": {"$ref": "#/$defs/n"}, "maxItems": n} for n in range(10)]
}


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        (alternatives(of={"type": "string"}, levels=4), {"x": 1}),
        (alternatives(of={"type": "string"}, levels=11), {"x": 1}),
        (an_object(x={"$ref": "#/$defs/n"}) | {"$defs": {"n": NODE}}, {"x": nested(40, list)}),
        (an_object(x={"pattern": "^(a+)+$"}), {"x": "a" * 200_000 + "b"}),
        (an_object(x={"$ref": "#"}), nested(100_000, dict)),
    ],
)
def test_no_arguments_keep_the_validator_busy(schema: Any, arguments: Any) -> None:
    """It holds Python's lock, so that nothing could interrupt it."""
    assert problem_of(schema, arguments)


def test_a_deep_value_is_checked_on_a_small_stack() -> None:
    """A validator that recurses too deeply takes the whole process along."""
    schema = an_object(x={"$ref": "#/$defs/n"})
    schema["$defs"] = {"n": {"anyOf": [{"type": "null"}, {"items": {"$ref": "#/$defs/n"}}]}}
    seen: list[Any] = []
    before = threading.stack_size(512 * 1024)
    try:
        value = {"x": nested(60, list)}
        thread = threading.Thread(
            target=lambda: seen.append(JsonForm("t", schema).validate(value).as_json)
        )
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert seen == [value]


KEYWORDS = [
    *("type", "properties", "items", "anyOf", "oneOf", "allOf", "enum", "const", "default"),
    *("required", "$ref", "$defs", "additionalProperties", "minLength", "maxLength", "not"),
    *("minItems", "minimum", "maximum", "multipleOf", "description", "x", "$schema", "$id"),
    *("prefixItems", "patternProperties", "dependencies", "if", "then", "pattern", "nullable"),
]
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["string", "object", "#", "#/$defs/x", "\ud83d", 10**500]),
    lambda child: (
        st.lists(child, max_size=4) | st.dictionaries(st.sampled_from(KEYWORDS), child, max_size=5)
    ),
    max_leaves=30,
)


@given(ANY_JSON, ANY_JSON)
def test_no_schema_and_no_arguments_break_anything(schema: Any, value: Any) -> None:
    for candidate in (schema, {"type": "object", "properties": {"x": schema}}):
        with suppress(InvalidToolError):
            form = JsonForm("t", candidate)
            # Everything that is done with a schema works on it.
            assert longest_text(bounded(without(form.decoding, []))) >= 0
            assert json.dumps(form.schema)
            for arguments in (value, {"x": value}):
                with suppress(ToolArgumentsError):
                    form.validate(arguments)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"$ref": {"type": "string"}, "allOf": True, "dependentSchemas": False}},
        {"properties": {"a": {"default": {"$ref": "b"}, "const": {"anyOf": 5}}}},
        {"properties": {"a": {"enum": [{"$ref": 7}, {"oneOf": None}]}}},
    ],
)
def test_what_is_called_like_a_keyword_is_none(schema: Any) -> None:
    form = JsonForm("t", schema)
    assert form.schema["properties"] == schema["properties"]
    form.validate({})


def test_arguments_are_given_as_they_are() -> None:
    seen: list[dict[str, Any]] = []

    def call(**arguments: Any) -> str:
        seen.append(arguments)
        return "done"

    schema = an_object(**{"api": {"type": "string"}, "class": {"type": "integer", "minimum": 2}})
    schema["required"] = ["api"]
    tool = Tool(call, name="t", description="Do it.", form=JsonForm("t", schema))
    assert not tool.takes_api
    assert tool.parameters == tool.schema.parameters == schema
    assert tool.decoding["required"] == ["api"]
    arguments = tool.validate({"api": "mine", "class": 2})
    assert tool.start(arguments, api="ours") == "done"
    assert seen == [{"api": "mine", "class": 2}]


@given(st.text(max_size=300))
def test_plain_text_is_one_printable_line(text: str) -> None:
    line = plain_text(text, 50)
    assert len(line) <= 50
    assert line.isprintable()
