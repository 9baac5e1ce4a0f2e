"""A native call that does not match its schema is decoded anew, and never run as it was."""

from __future__ import annotations

import asyncio

from tests.agent.scripted_team import Said, ScriptedTeam, of_kind

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.turn_request import TurnRequest
from airunner.events import Event, EventBus, ToolCallStarted, TurnFinished
from airunner.messages import ToolCall
from airunner.tools.tool import tool
from airunner.tools.toolset import Toolset

BROKEN = ToolCall("c1", "double", {}, malformed="{a: 2")
RIGHT = ToolCall("c2", "double", {"a": 2})


@tool
def double(a: int) -> str:
    """Double a number."""
    return str(2 * a)


def turn(*script: Said) -> tuple[list[Event], Conversation, ScriptedTeam]:
    team = ScriptedTeam(list(script))
    loop, conversation = AgentLoop(team, Toolset([double]), bus=EventBus()), Conversation.begin()

    async def main() -> list[Event]:
        return [event async for event in loop.run(conversation, TurnRequest("Twice two?"))]

    events = asyncio.run(main())
    finished = events[-1]
    assert isinstance(finished, TurnFinished)
    assert (finished.outcome, finished.text.strip()) == ("answered", "Four.")
    return events, conversation, team


def test_it_is_decoded_once_more_under_the_schema_before_it_leaves() -> None:
    for wrong in (BROKEN, ToolCall("c", "double", {"a": "two"}), ToolCall("c", "double", {"b": 2})):
        events, _, team = turn(wrong, RIGHT, "Four.")
        assert [e.arguments for e in of_kind(events, ToolCallStarted)] == [{"a": 2}]
        first, anew, _answer = team.requests
        # The same prompt, so that the KV cache serves; only the decoding differs.
        assert (anew.messages, anew.tools) == (first.messages, first.tools)
        assert (anew.tool_choice, anew.temperature) == ("double", 0)
        assert anew.json_schema is not None
        assert anew.json_schema["properties"]["name"] == {"const": "double"}


def test_arguments_are_run_as_the_schema_asks_for_them_and_stay_as_the_model_wrote_them() -> None:
    written = {"a": "2"}
    events, conversation, team = turn(ToolCall("c", "double", written), "Four.")
    assert [e.arguments for e in of_kind(events, ToolCallStarted)] == [{"a": 2}]
    assert len(team.requests) == 2
    assert conversation.messages[1].tool_calls[0].arguments == written


def test_a_tool_that_does_not_exist_is_named_to_the_model_and_no_other_is_called() -> None:
    events, conversation, _ = turn(ToolCall("c", "doubled", {"a": 2}), RIGHT, "Four.")
    assert [e.tool for e in of_kind(events, ToolCallStarted)] == ["doubled", "double"]
    assert "Did you mean double?" in conversation.messages[2].content


def test_what_is_wrong_even_then_goes_back_to_the_model() -> None:
    _, conversation, _ = turn(BROKEN, BROKEN, RIGHT, "Four.")
    first, second = (m.content for m in conversation.messages if m.role == "tool")
    assert "'{a: 2' is no JSON object. Call it again, corrected." in first
    assert second == "4"
