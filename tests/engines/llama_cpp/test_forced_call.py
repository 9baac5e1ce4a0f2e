from __future__ import annotations

from typing import Any

import pytest
from tests.engines.llama_cpp.test_chat_format import chunk

from airunner.engines.base import ChatRequest
from airunner.engines.llama_cpp.call_syntax import CallSyntax
from airunner.engines.llama_cpp.chat_format import AnswerReader, request_body
from airunner.engines.llama_cpp.forced_call import ForcedCall, forced_call_schema
from airunner.errors import GenerationError
from airunner.messages import Delta, Message, ToolCall, ToolSchema

HERMES = CallSyntax('<tool_call>\n{"name": "', '", "arguments": ', "}\n</tool_call>", ", ", ": ")
MISTRAL = CallSyntax(
    "[TOOL_CALLS]", "[ARGS]", "", ", ", ": ", control_tokens={"[TOOL_CALLS]": 9, "[ARGS]": 32}
)


def call_schema(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"name": {"const": name}, "arguments": arguments}}


def forced(syntax: CallSyntax = HERMES, names: tuple[str, ...] = ("clock",)) -> ForcedCall:
    calls = [call_schema(name, {"type": "object"}) for name in names]
    return ForcedCall(syntax, {"anyOf": calls}, id="c1")


def test_the_grammar_is_the_syntax_around_the_schema_of_the_arguments() -> None:
    schema = call_schema("clock", {"type": "object"}) | {"x-guidance": {"lenient": False}}
    assert ForcedCall(HERMES, schema).grammar().split("\n") == [
        "%llguidance {}",
        r'start: "<tool_call>\n{\"name\": \"" ( call_0 ) "}\n</tool_call>"',
        r'call_0: "clock\", \"arguments\": " %json {"type": "object", "x-guidance": '
        '{"lenient": true, "whitespace_flexible": false, "item_separator": ", ", '
        '"key_separator": ": "}}',
    ]


def test_control_tokens_are_named_by_id_and_calls_of_one_name_are_one_rule() -> None:
    one, other = {"required": ["a"]}, {"required": ["b"]}
    calls = [call_schema("f", one), call_schema("g", {}), call_schema("f", other)]
    grammar = ForcedCall(MISTRAL, {"anyOf": calls, "$defs": {"X": {}}}).grammar().split("\n")
    assert grammar[1] == "start: <[9]> ( call_0 | call_1 ) "
    assert grammar[2].startswith(
        'call_0: "f" <[32]> %json {"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "$defs": '
    )
    assert grammar[3].startswith('call_1: "g" <[32]> %json {"$defs": {"X": {}}, ')


@pytest.mark.parametrize(
    ("syntax", "pieces"),
    [
        (HERMES, ["<tool", '_call>\n{"name": "clo', "ck", '_utc"', ', "arguments": {"n": 1}}\n<']),
        (HERMES, ['{"na', 'me": "clock_utc"', ', "arguments": {"n": 1}}']),
        (MISTRAL, ["[TOOL_CALLS]clock", "_utc[", 'ARGS]{"n": 1}']),
        (MISTRAL, ["clock", "_utc", '{"n": 1}']),
    ],
    ids=["all", "no marks", "control tokens", "no control tokens"],
)  # fmt: skip
def test_a_call_is_read_back_also_where_control_tokens_are_missing(
    syntax: CallSyntax, pieces: list[str]
) -> None:
    reader = AnswerReader("m", forced=forced(syntax, ("clock", "clock_utc")))
    told = [delta for piece in pieces if (delta := reader.read(chunk({"content": piece})))]
    assert told == [Delta(tool_name="clock_utc")]
    last = reader.read(chunk({}, "stop"))
    assert last == Delta(
        tool_calls=(ToolCall("c1", "clock_utc", {"n": 1}),), finish_reason="tool_calls"
    )


def test_the_name_is_told_as_soon_as_it_cannot_grow() -> None:
    reader = AnswerReader("m", forced=forced(HERMES, ("clock", "clock_utc")))
    pieces = ['<tool_call>\n{"name": "', "clock", '"', ', "arguments": {"name": "clock_utc"']
    told = [reader.read(chunk({"content": piece})) for piece in pieces]
    assert told == [None, None, Delta(tool_name="clock"), None]
    marked = forced(MISTRAL, ("mcp", "mcp/clock"))
    texts = ["mcp", "mcp/clo", "mcp/clock", "mcp/clock[", "mcp/clock{", "[TOOL_CALLS]mcp["]
    assert [marked.name_in(text) for text in texts] == ["", "", "", *["mcp/clock"] * 2, "mcp"]


@pytest.mark.parametrize("text", ["", '<tool_call>\n{"name": "clock", "arguments": {"n', "clock"])
def test_a_text_without_a_whole_call_is_an_error(text: str) -> None:
    reader = AnswerReader("m", forced=forced())
    reader.read(chunk({"content": text}))
    with pytest.raises(GenerationError, match="tool call"):
        reader.read(chunk({}, "stop"))


def test_the_request_uses_the_grammar_and_the_switch_of_the_syntax() -> None:
    syntax = CallSyntax("<a>", "<b>", "<c>", ", ", ": ", thinking=True)
    request = ChatRequest(
        [Message("user", "Time?")],
        tools=(ToolSchema("clock", ""),),
        tool_choice="clock",
        thinking=False,
    )
    body = request_body(request, 0, guidance=True, forced=forced(syntax))
    assert body["grammar"] == forced(syntax).grammar()
    assert "response_format" not in body
    assert body["tool_choice"] == "none"
    assert body["chat_template_kwargs"] == {"enable_thinking": True}


def test_a_bare_call_under_a_grammar_is_not_thought_about_first() -> None:
    schema = call_schema("clock", {}) | {"x-guidance": {}}
    request = ChatRequest(
        [], tools=(ToolSchema("clock", ""),), tool_choice="clock", json_schema=schema
    )
    assert request_body(request, 0, guidance=True)["chat_template_kwargs"] == {
        "enable_thinking": False
    }
    assert "chat_template_kwargs" not in request_body(request, 0)


@pytest.mark.parametrize("syntax", [forced(), True])
def test_a_call_that_the_engine_takes_for_reasoning_is_a_call(syntax: ForcedCall | bool) -> None:
    reader = AnswerReader("m", forced=syntax, grammar=True)
    pieces = ['{"name": "clock"', ', "arguments": {"n": ', "1}}"]
    told = [reader.read(chunk({"reasoning_content": piece})) for piece in pieces]
    assert told == [Delta(tool_name="clock"), None, None]
    last = reader.read(chunk({}, "stop"))
    assert last is not None
    assert [(call.name, call.arguments) for call in last.tool_calls] == [("clock", {"n": 1})]


def test_objects_are_closed_unless_schemas_beside_them_add_to_them() -> None:
    item = {"properties": {"a": {"properties": {}}}}
    open_ones: dict[str, Any] = {
        "allOf": {"properties": {}, "allOf": [{"properties": {}}]},
        "anyOf": {"properties": {}, "anyOf": [{"properties": {}}]},
        "said": {"properties": {}, "additionalProperties": True},
        "free": {"type": "object"},
    }
    properties = {"items": {"items": item}, "either": {"anyOf": [item]}, **open_ones}
    tool = ToolSchema("f", "", {"properties": properties})
    schema = forced_call_schema(ChatRequest([], tools=(tool,), tool_choice="f"))
    arguments = schema["properties"]["arguments"]
    closed = {
        "properties": {"a": {"properties": {}, "additionalProperties": False}},
        "additionalProperties": False,
    }
    assert arguments == {
        "properties": {"items": {"items": closed}, "either": {"anyOf": [closed]}, **open_ones},
        "additionalProperties": False,
    }
