from __future__ import annotations

from typing import Any

import pytest
from tests.engines.llama_cpp.test_chat_format import chunk

from airunner.engines.base import ChatRequest
from airunner.engines.llama_cpp.call_syntax import CallSyntax
from airunner.engines.llama_cpp.chat_format import AnswerReader, request_body
from airunner.engines.llama_cpp.control_tokens import ControlTokens
from airunner.engines.llama_cpp.forced_call import BARE, ForcedCall, forced_call
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
    grammar = ForcedCall(MISTRAL, {"anyOf": calls}).grammar().split("\n")
    assert grammar[1] == "start: <[9]> ( call_0 | call_1 ) "
    assert grammar[2].startswith(
        'call_0: "f" <[32]> %json {"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "x-'
    )
    assert grammar[3].startswith('call_1: "g" <[32]> %json {"x-guidance": ')


@pytest.mark.parametrize(
    ("syntax", "pieces"),
    [
        (HERMES, ["<tool", '_call>\n{"name": "clo', "ck", '_utc"', ', "arguments": {"n": 1}}\n<']),
        (HERMES, ['{"na', 'me": "clock_utc"', ', "arguments": {"n": 1}}']),
        (MISTRAL, ["[TOOL_CALLS]clock", "_utc[", 'ARGS]{"n": 1}']),
        (MISTRAL, ["clock", "_utc", '{"n": 1}']),
        (BARE, ['{ "name" : "clock', '_utc" ', ', "arguments":  {"n": 1} }']),
    ],
    ids=["all", "no marks", "control tokens", "no control tokens", "white space"],
)  # fmt: skip
def test_a_call_is_read_back_also_where_control_tokens_are_missing(
    syntax: CallSyntax, pieces: list[str]
) -> None:
    reader = AnswerReader("m", forced=forced(syntax, ("clock", "clock_utc")))
    told = [delta for piece in pieces if (delta := reader.read(chunk({"content": piece})))]
    assert [delta.tool_name for delta in told] == ["clock_utc", *[""] * (len(told) - 1)]
    assert "".join(delta.tool_arguments for delta in told) == '{"n": 1}'
    last = reader.read(chunk({}, "stop"))
    assert last == Delta(
        tool_calls=(ToolCall("c1", "clock_utc", {"n": 1}),), finish_reason="tool_calls"
    )


def test_the_name_is_told_as_soon_as_it_cannot_grow() -> None:
    reader = AnswerReader("m", forced=forced(HERMES, ("clock", "clock_utc")))
    pieces = ['<tool_call>\n{"name": "', "clock", '"', ', "arguments": {"name": "clock_utc"']
    told = [reader.read(chunk({"content": piece})) for piece in pieces]
    begun = Delta(tool_name="clock", tool_id="c1")
    assert told == [None, None, begun, Delta(tool_arguments='{"name": "clock_utc"')]
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
    body = request_body(request, 0, ControlTokens(()), guidance=True, forced=forced(syntax))
    assert body["grammar"] == forced(syntax).grammar()
    assert "response_format" not in body
    assert body["tool_choice"] == "none"
    assert body["chat_template_kwargs"]["enable_thinking"] is True


def test_a_bare_call_under_a_grammar_is_not_thought_about_first() -> None:
    request = ChatRequest([], tools=(ToolSchema("clock", ""),), tool_choice="clock")
    call = forced_call(request)
    assert call is not None
    body = request_body(request, 0, ControlTokens(()), guidance=True, forced=call)
    assert body["grammar"] == call.grammar()
    assert body["chat_template_kwargs"]["enable_thinking"] is False
    body = request_body(request, 0, ControlTokens(()), forced=call)
    assert body["response_format"]["json_schema"]["schema"] == call.schema
    assert "enable_thinking" not in body["chat_template_kwargs"]


@pytest.mark.parametrize("syntax", [HERMES, BARE])
def test_a_call_that_the_engine_takes_for_reasoning_is_a_call(syntax: CallSyntax) -> None:
    reader = AnswerReader("m", forced=forced(syntax), grammar=True)
    pieces = ['{"name": "clock"', ', "arguments": {"n": ', "1}}"]
    told = [reader.read(chunk({"reasoning_content": piece})) for piece in pieces]
    assert told == [
        Delta(tool_name="clock", tool_id="c1"),
        Delta(tool_arguments='{"n": '),
        Delta(tool_arguments="1}"),
    ]
    last = reader.read(chunk({}, "stop"))
    assert last is not None
    assert [(call.name, call.arguments) for call in last.tool_calls] == [("clock", {"n": 1})]


def test_objects_are_closed_unless_schemas_say_otherwise() -> None:
    item = {"type": "object", "properties": {"a": {"type": "null"}}}
    said = {**item, "additionalProperties": True}
    properties = {
        "items": {"type": "array", "items": item},
        "said": said,
        "free": {"type": "object"},
    }
    tools = (
        ToolSchema("f", "", {"properties": properties}),
        ToolSchema("free", "", {"type": "object"}),
    )
    call = forced_call(ChatRequest([], tools=tools, tool_choice="required"))
    assert call is not None
    arguments, free = (each["properties"]["arguments"] for each in call.schema["anyOf"])
    assert arguments["additionalProperties"] is False
    assert "additionalProperties" not in free
    properties = arguments["properties"]
    assert properties["items"]["items"]["additionalProperties"] is False
    assert properties["said"]["additionalProperties"] is True
    assert properties["free"] == {"type": "object"}


def test_what_several_schemas_say_of_one_object_is_closed_as_a_whole() -> None:
    both = [{"properties": {name: {"type": "null"}}} for name in ("a", "b")]
    tool = ToolSchema("f", "", {"type": "object", "properties": {"x": {"allOf": both}}})
    call = forced_call(ChatRequest([], tools=(tool,), tool_choice="f"))
    assert call is not None
    x = call.schema["properties"]["arguments"]["properties"]["x"]
    assert set(x["properties"]) == {"a", "b"}
    assert x["additionalProperties"] is False
