"""A client's own tools: what becomes of a call that does not match its schema."""

from __future__ import annotations

import asyncio

import pytest
from tests.agent.scripted_team import Said, ScriptedTeam

from airunner.agent.client_chat import client_chat
from airunner.engines.base import ChatRequest
from airunner.messages import Delta, Message, ToolCall, ToolSchema
from airunner.models.spec import ModelCapability

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = ToolSchema("weather", "The weather in a city.", SCHEMA)
RIGHT = ToolCall("1", "weather", {"city": "Rome"})
WRONG = ToolCall("2", "weather", {"town": "Rome"})


def chat(script: list[Said], choice: str = "auto") -> tuple[list[Delta], ScriptedTeam]:
    team = ScriptedTeam(script)

    async def main() -> list[Delta]:
        request = ChatRequest([Message("user", "Hi")], tools=[WEATHER], tool_choice=choice)
        async with team.lease(ModelCapability.PRIMARY_CONVERSATION, owner="test") as lease:
            return [delta async for delta in client_chat(lease, request)]

    return asyncio.run(main()), team


@pytest.mark.parametrize(
    "wrong", [WRONG, ToolCall("3", "weather", {}, malformed="{city"), ToolCall("4", "weather", {})]
)
def test_a_wrong_call_is_decoded_once_more_under_its_schema(wrong: ToolCall) -> None:
    deltas, team = chat([wrong, RIGHT])
    assert [delta.tool_calls for delta in deltas if delta.tool_calls] == [(RIGHT,)]
    assert [delta.tool_name for delta in deltas if delta.tool_name] == ["weather"]
    assert [request.tool_choice for request in team.requests] == ["auto", "weather"]
    assert deltas[-1].finish_reason == "tool_calls"
    assert deltas[-1].usage is not None
    assert deltas[-1].usage.completion_tokens == 10, "of both"
    assert team.closed_streams == 2


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        (RIGHT, "auto"),
        ([WRONG, RIGHT], "auto"),
        (ToolCall("5", "unheard_of", {}), "auto"),
        (WRONG, "required"),
        ("It is sunny.", "auto"),
    ],
)
def test_anything_else_is_passed_on_as_it_came(said: Said, choice: str) -> None:
    deltas, team = chat([said], choice)
    assert len(team.requests) == 1
    calls = [] if isinstance(said, str) else said if isinstance(said, list) else [said]
    assert [call for delta in deltas for call in delta.tool_calls] == calls
