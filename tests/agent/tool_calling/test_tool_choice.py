"""Which tools a turn may call: obeyed whatever the model would rather do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.agent.scripted_team import Said, ScriptedTeam, of_kind

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.turn_request import TurnRequest
from airunner.errors import UnknownToolError
from airunner.events import Event, EventBus, ToolCallStarted, TurnFinished
from airunner.guided.tool_calling import GuidedToolCalling
from airunner.messages import ToolCall
from airunner.models.spec import ToolCallingName
from airunner.tools.tool import Tool, tool
from airunner.tools.toolset import Toolset


@tool(examples=["throw the dice", "throw dice with 6 sides"])
def throw_dice(sides: int) -> int:
    """Throw dice."""
    return sides


@tool(examples=["flip a coin", "heads or tails?"])
def flip_coin(times: int) -> str:
    """Flip a coin."""
    return "heads"


def turn(
    dialect: ToolCallingName,
    choice: str,
    *script: Said,
    text: str = "Throw the dice!",
    tools: tuple[Tool, ...] = (throw_dice, flip_coin),
) -> tuple[list[str], ScriptedTeam, list[Event]]:
    """The tools that were called, the team with what it was asked, and all events."""
    team = ScriptedTeam(list(script), dialect=dialect)
    loop = AgentLoop(
        team,
        Toolset(tools),
        bus=EventBus(),
        tool_calling={"guided": GuidedToolCalling},
    )

    async def main() -> list[Event]:
        turn = loop.run(Conversation.begin(), TurnRequest(text, tool_choice=choice))
        return [event async for event in turn]

    events = asyncio.run(main())
    return [e.tool for e in of_kind(events, ToolCallStarted)], team, events


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall("c", name, arguments)


def test_none_keeps_a_native_model_from_calling_and_its_prompt_as_it_was() -> None:
    called, team, events = turn("native", "none", call("throw_dice", sides=6), "I must not.")
    assert called == []
    assert [r.tool_choice for r in team.requests] == ["auto", "auto"]
    assert [t.name for t in team.requests[0].tools] == ["throw_dice", "flip_coin"]
    asked, refused = (list(r.messages) for r in team.requests)
    assert refused[: len(asked)] == asked
    assert "throw_dice was not run" in refused[-1].content
    assert of_kind(events, TurnFinished)[0].text.strip() == "I must not."


def test_a_native_model_that_calls_whatever_it_is_told_is_stopped() -> None:
    called, team, events = turn("native", "none", *[call("throw_dice", sides=6)] * 3)
    assert called == []
    assert len(team.requests) == 3
    assert of_kind(events, TurnFinished)[0].outcome == "step_limit"


def test_none_keeps_a_guided_model_from_calling() -> None:
    called, team, _ = turn("guided", "none", "No.")
    assert called == []
    assert team.requests[0].json_schema is None


def test_required_is_constrained_and_lets_the_model_go_on_after() -> None:
    called, team, _ = turn("native", "required", call("flip_coin", times=1), "Heads.")
    assert called == ["flip_coin"]
    first, second = team.requests
    assert (first.tool_choice, second.tool_choice) == ("required", "auto")
    assert first.json_schema is not None
    names = [each["properties"]["name"]["const"] for each in first.json_schema["anyOf"]]
    assert names == ["throw_dice", "flip_coin"]


def test_a_named_tool_is_called_whatever_the_message_says() -> None:
    called, team, _ = turn("native", "flip_coin", call("flip_coin", times=1), "Heads.")
    assert called == ["flip_coin"]
    assert [r.tool_choice for r in team.requests] == ["flip_coin", "auto"]
    called, team, _ = turn("guided", "flip_coin", '{"times": 2}', "Heads.")
    assert called == ["flip_coin"]


def test_required_makes_a_guided_model_call_where_nothing_fits() -> None:
    for text, arguments in (("hello", {"sides": 4}), ("the coin is lost", {"times": 1})):
        called, _, _ = turn("guided", "required", json.dumps(arguments), "Ok.", text=text)
        assert len(called) == 1


def test_a_call_that_does_not_come_is_a_failure_and_not_silence() -> None:
    _, _, events = turn("native", "required", "I would rather not.")
    (finished,) = of_kind(events, TurnFinished)
    assert finished.outcome == "failed"
    assert "tool call" in finished.problem


def test_a_tool_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownToolError, match="flip_coins"):
        turn("native", "flip_coins")
    with pytest.raises(UnknownToolError, match="required"):
        turn("native", "required", tools=())
