"""The team hears which models a tool call needs while the call is still being decoded."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from tests.agent.scripted_team import ScriptedTeam, events_of, of_kind

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.tool_calling.prompt import ToolCallingFactory
from airunner.errors import GenerationError
from airunner.events import Event, EventBus, ToolCallFinished, ToolCallStarted, TurnFinished
from airunner.guided.choosing import Choice
from airunner.guided.request import Request
from airunner.guided.tool_calling import GuidedToolCalling
from airunner.messages import ToolCall
from airunner.models.spec import ModelCapability, ToolCallingName
from airunner.tools.tool import Tool, tool
from airunner.tools.toolset import Toolset

SUMMARY, DRAWING = ModelCapability.SUMMARIZATION, ModelCapability.IMAGE_GENERATION
ENHANCING = ModelCapability.PROMPT_ENHANCEMENT


@tool(uses=(SUMMARY,))
def condense(text: str) -> str:
    """Condense a text."""
    return text[:3]


@tool(uses=(ENHANCING, DRAWING))
def sketch(what: str) -> str:
    """Sketch something."""
    return f"sketched {what}"


@tool
def count(text: str) -> int:
    """Count letters."""
    return len(text)


CONDENSE = ToolCall("c1", "condense", {"text": "a long text"})
SKETCH = ToolCall("c2", "sketch", {"what": "a cat"})
COUNT = ToolCall("c3", "count", {"text": "abc"})
TOOLS = (condense, sketch, count)


class First:
    """A chooser that is sure of one tool."""

    def __init__(self, chosen: Tool) -> None:
        self._chosen = chosen

    def choose(self, request: Request) -> Choice:
        return Choice(self._chosen, "fits")


def first(chosen: Tool) -> dict[ToolCallingName, ToolCallingFactory]:
    return {"guided": partial(GuidedToolCalling, chooser=First(chosen))}


def turn(team: ScriptedTeam, *tools: Tool, **options: Any) -> list[Event]:
    loop = AgentLoop(team, Toolset(tools or TOOLS), bus=EventBus(), **options)
    events = asyncio.run(events_of(loop, Conversation.begin(), "Please do it."))
    assert team.expecting_now == 0, "the team goes on expecting after the turn"
    return events


def test_a_native_call_is_expected_before_its_arguments_end() -> None:
    team = ScriptedTeam([CONDENSE, "Done."])
    events = turn(team)
    assert team.expected[0] == (SUMMARY, 0), "the stream with the arguments had ended already"
    assert set(team.owners) == {of_kind(events, TurnFinished)[0].turn}


def test_several_capabilities_and_several_calls_keep_their_order() -> None:
    team = ScriptedTeam([[SKETCH, CONDENSE], "Done."])
    turn(team)
    early = [capability for capability, ended in team.expected if ended == 0]
    assert early == [ENHANCING, DRAWING, SUMMARY]


def test_a_guided_call_is_expected_before_anything_is_decoded() -> None:
    team = ScriptedTeam(['{"text":"x"}', "Done."], dialect="guided")
    events = turn(team, tool_calling=first(condense))
    assert of_kind(events, ToolCallFinished)[0].result == "x"
    assert team.expected[0] == (SUMMARY, 0)


def test_a_guided_call_with_nothing_to_decode_is_expected_before_it_runs() -> None:
    seen: list[list[tuple[ModelCapability, int]]] = []
    team = ScriptedTeam(["Done."], dialect="guided")

    @tool(uses=(SUMMARY,))
    def recap() -> str:
        """Recap."""
        seen.append(list(team.expected))
        return "ok"

    turn(team, recap, tool_calling=first(recap))
    assert seen == [[(SUMMARY, 0)]]


@pytest.mark.parametrize("dialect", ["native", "guided"])
def test_nothing_is_expected_where_no_model_is_needed(dialect: ToolCallingName) -> None:
    team = ScriptedTeam(["Just an answer."], dialect=dialect)
    assert not of_kind(turn(team), ToolCallStarted)
    assert team.expected == []


def test_a_tool_that_needs_no_model_and_one_that_does_not_exist_let_nothing_be_expected() -> None:
    team = ScriptedTeam([COUNT, ToolCall("c", "no_such_tool", {}), "Three.", "Three."])
    turn(team)
    assert team.expected == []


def test_a_turn_that_breaks_off_expects_nothing_any_more() -> None:
    team = ScriptedTeam([CONDENSE, GenerationError("scripted", "broken")])
    (finished,) = of_kind(turn(team), TurnFinished)
    assert finished.outcome == "failed"
    assert team.expected
