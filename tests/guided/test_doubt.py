"""A guided model asks where it is doubtful that a tool is meant, and does what it is then told."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from tests.agent.scripted_team import ScriptedTeam, events_of, of_kind

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.events import Event, EventBus, TextStreamed, ToolCallStarted, TurnFinished
from airunner.guided.choosing import Choice
from airunner.guided.marks.table import register_marks
from airunner.guided.request import Request
from airunner.guided.tool_calling import GuidedToolCalling
from airunner.guided.user_words import WHOLE
from airunner.tools.tool import Tool, tool
from airunner.tools.toolset import Toolset


@tool
def water_plants(request: str) -> str:
    """Water the plants."""
    return f"done: {request}"


register_marks("water_plants", {"request": WHOLE})


class Doubt:
    """Finds the one tool for whatever is said, and is never sure."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool

    def choose(self, request: Request) -> Choice:
        return Choice(self._tool, "doubtful")


def talk(*texts: str, said: tuple[str, ...] = ("Good.",)) -> tuple[list[Event], ScriptedTeam]:
    team = ScriptedTeam(list(said), dialect="guided")
    loop = AgentLoop(
        team,
        Toolset([water_plants]),
        bus=EventBus(),
        tool_calling={"guided": partial(GuidedToolCalling, chooser=Doubt(water_plants))},
    )
    conversation = Conversation.begin()
    events: list[Event] = []
    for text in texts:
        events += asyncio.run(events_of(loop, conversation, text))
    return events, team


def test_the_question_names_the_tool_and_costs_no_generation() -> None:
    events, team = talk("The roses look sad.")
    (finished,) = of_kind(events, TurnFinished)
    assert finished.text.startswith("Shall I use water_plants for this (Water the plants)?")
    assert [e.text for e in of_kind(events, TextStreamed)] == [finished.text]
    assert team.requests == []


@pytest.mark.parametrize("words", ["Yes, please.", "y", "Y."])
def test_yes_calls_it_for_what_was_asked_before(words: str) -> None:
    events, _ = talk("The roses look sad.", words)
    (called,) = of_kind(events, ToolCallStarted)
    assert called.arguments == {"request": "The roses look sad."}


def test_anything_else_is_a_message_of_its_own() -> None:
    events, _ = talk("The roses look sad.", "No, leave them.")
    assert of_kind(events, ToolCallStarted) == []
