from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from tests.tiny_png import RED

from airunner.engines.base import ChatRequest
from airunner.engines.llama_cpp.chat_format import (
    AnswerReader,
    EventSplitter,
    messages_json,
    request_body,
)
from airunner.engines.llama_cpp.control_tokens import ControlTokens
from airunner.engines.llama_cpp.forced_call import ForcedCall, forced_call
from airunner.errors import GenerationError, UnknownToolError
from airunner.messages import AudioPart, Delta, Message, TextPart, ToolCall, ToolSchema, Usage

NO_CONTROLS = ControlTokens(())
QUESTION = (Message("user", "Weather?"),)
TOOLS = (
    ToolSchema("weather", "Says the weather.", {"type": "object", "properties": {"city": {}}}),
    ToolSchema("clock", "Says the time."),
)


def the_call(choice: str, tools: tuple[ToolSchema, ...] = TOOLS) -> ForcedCall:
    call = forced_call(ChatRequest(QUESTION, tools=tools, tool_choice=choice))
    assert call is not None
    return call


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps({"choices": [choice], **more}).encode()


def test_only_what_was_asked_for_is_sent() -> None:
    assert request_body(ChatRequest(QUESTION, temperature=0.0, stop=["END"]), 3, NO_CONTROLS) == {
        "messages": [{"role": "user", "content": "Weather?"}],
        "stream": True,
        "id_slot": 3,
        "cache_prompt": True,
        "temperature": 0.0,
        "stop": ["END"],
    }


def test_a_tool_call_and_its_result_are_written_in_the_openai_form() -> None:
    call = ToolCall("c1", "weather", {"city": "Köln"})
    answer = Message("tool", "rain", tool_call_id="c1", name="weather")
    asked, told = messages_json([Message("assistant", "", (call,)), answer], NO_CONTROLS)
    assert asked["content"] == ""
    assert asked["tool_calls"][0]["id"] == "c1"
    assert json.loads(asked["tool_calls"][0]["function"]["arguments"]) == {"city": "Köln"}
    assert told == {"role": "tool", "content": "rain", "tool_call_id": "c1", "name": "weather"}


def test_pictures_and_sound_are_written_in_the_openai_form() -> None:
    heard = AudioPart(b"ID3", "audio/mpeg")
    said = (TextPart("<|im_end|> see"), RED, TextPart("hear"), heard)
    asked, plain = messages_json([Message("user", said), Message("user", "see")], NO_CONTROLS)
    words, seen, _, sound = asked["content"]
    assert words == {"type": "text", "text": "<|im_end|> see"}
    kind, _, data = seen["image_url"]["url"].partition(",")
    assert (seen["type"], kind) == ("image_url", "data:image/png;base64")
    assert b64decode(data) == RED.data
    assert sound == {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}}
    assert plain["content"] == "see"
    assert "<__media__>" not in str(messages_json([Message("user", "<__media__>")], NO_CONTROLS))


def test_reasoning_is_sent_with_the_answer_that_it_led_to() -> None:
    thought, plain, user = messages_json(
        [
            Message("assistant", "Rain.", reasoning="Clouds."),
            Message("assistant", "Sun."),
            Message("user", "Why?", reasoning="not a model's"),
        ],
        NO_CONTROLS,
    )
    assert thought["reasoning_content"] == "Clouds."
    assert "reasoning_content" not in plain | user


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_events_are_the_same_however_the_bytes_arrive(size: int) -> None:
    stream = b'data: {"a":1}\n\n: ping\n\ndata: {"b":"\xc3\xa9"}\n\ndata: [DONE]\n\n'
    splitter = EventSplitter()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    events = [event for piece in pieces for event in splitter.feed(piece)]
    assert events == [b'{"a":1}', b'{"b":"\xc3\xa9"}', b"[DONE]"]


def test_streamed_fragments_become_whole_calls_with_the_last_event() -> None:
    def fragment(index: int, arguments: str, name: str | None = None) -> bytes:
        function = {"arguments": arguments} | ({"name": name} if name else {})
        call = {"index": index, "function": function} | ({"id": f"id{index}"} if name else {})
        return chunk({"tool_calls": [call]})

    reader = AnswerReader("m")
    pieces = [fragment(0, '{"ci', "weather"), fragment(0, 'ty":"Rome"}'), fragment(1, "", "clock")]
    told = [reader.read(piece) for piece in pieces]
    named = Delta(tool_name="weather", tool_id="id0", tool_arguments='{"ci')
    assert told == [named, Delta(tool_arguments='ty":"Rome"}'), None]
    timings = {
        "cache_n": 30, "prompt_n": 2, "prompt_ms": 50, "predicted_n": 9, "predicted_ms": 200
    }  # fmt: skip
    assert reader.read(chunk({}, "tool_calls", timings=timings)) == Delta(
        tool_calls=(ToolCall("id0", "weather", {"city": "Rome"}), ToolCall("id1", "clock", {})),
        finish_reason="tool_calls",
        usage=Usage(32, 30, 9, 0.05, 0.2),
    )
    assert reader.finished


def test_the_name_of_a_call_is_told_once_when_its_arguments_begin() -> None:
    def fragment(name: str, arguments: str) -> bytes:
        function = {"name": name, "arguments": arguments}
        return chunk({"tool_calls": [{"index": 0, "id": "", "function": function}]})

    reader = AnswerReader("m")
    pieces = [fragment("wea", ""), fragment("ther", ""), fragment("", "{"), fragment("", "}")]
    told = list(map(reader.read, pieces))
    assert [delta and (delta.tool_name, delta.tool_arguments) for delta in told] == [
        *(None, None, ("weather", "{"), ("", "}"))
    ]
    assert told[2] is not None
    assert told[2].tool_id, "where the engine gives none, it gets one"


def test_a_forced_call_is_told_as_it_comes_its_name_first() -> None:
    call = the_call("weather")
    reader = AnswerReader("m", forced=call)
    pieces = ['{"na', 'me": "wea', 'ther"', ', "arguments": {', '"name": "x"', "}}"]
    told = [reader.read(chunk({"content": piece})) for piece in pieces]
    named = Delta(tool_name="weather", tool_id=call.id)
    arguments = [Delta(tool_arguments=piece) for piece in ("{", '"name": "x"', "}")]
    assert told == [None, None, named, *arguments]


@pytest.mark.parametrize("written", ["{1", "[1]", '"f"', '{"a":' * 100_000, "1" * 5000])
def test_a_native_call_without_a_json_object_keeps_what_was_written(written: str) -> None:
    reader = AnswerReader("m")
    function = {"name": "f", "arguments": written}
    reader.read(chunk({"tool_calls": [{"index": 0, "id": "c", "function": function}]}))
    last = reader.read(chunk({}, "tool_calls"))
    assert last is not None
    assert last.tool_calls == (ToolCall("c", "f", {}, malformed=written),)


def test_a_forced_call_that_is_no_json_is_an_error_that_carries_the_text() -> None:
    reader = AnswerReader("m", forced=the_call("weather"))
    reader.read(chunk({"content": "{1"}))
    with pytest.raises(GenerationError, match=r"\{1"):
        reader.read(chunk({}, "stop"))


def test_a_call_cut_off_by_the_token_limit_is_dropped() -> None:
    reader = AnswerReader("m", forced=the_call("weather"))
    assert reader.read(chunk({"content": '{"name": "weath'})) is None
    last = reader.read(chunk({}, "length"))
    assert last == Delta(finish_reason="length")


def test_an_error_in_the_stream_is_raised() -> None:
    with pytest.raises(GenerationError, match="context is full"):
        AnswerReader("m").read(b'{"error": {"code": 500, "message": "context is full"}}')


def test_a_forced_call_keeps_the_tools_in_the_prompt_and_is_constrained_by_schema() -> None:
    request = ChatRequest(QUESTION, tools=TOOLS, tool_choice="clock")
    body = request_body(request, 0, NO_CONTROLS, forced=the_call("clock"))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["weather", "clock"]
    assert body["tool_choice"] == "none"
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["name"] == {"const": "clock"}


def test_definitions_of_two_tools_do_not_collide() -> None:
    def tool(name: str, kind: str) -> ToolSchema:
        return ToolSchema(
            name,
            "",
            {
                "type": "object",
                "properties": {"x": {"$ref": "#/$defs/X"}},
                "$defs": {"X": {"type": kind}},
            },
        )

    tools = (tool("f", "integer"), tool("g", "string"))
    calls = the_call("required", tools).schema["anyOf"]
    kinds = [call["properties"]["arguments"]["properties"]["x"] for call in calls]
    assert kinds == [{"type": "integer"}, {"type": "string"}]


def test_forcing_a_tool_that_is_not_offered_is_refused() -> None:
    with pytest.raises(UnknownToolError, match="clock"):
        the_call("clok")
