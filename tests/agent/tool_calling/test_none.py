"""A model for which no way of offering tools is registered answers by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.agent.scripted_team import ScriptedTeam, of_kind

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.turn_request import TurnRequest
from airunner.events import Event, EventBus, ToolCallStarted, TurnFinished
from airunner.messages import Message, ToolCall
from airunner.toolbox.toolset import builtin_toolset


def run(team: ScriptedTeam, conversation: Conversation, choice: str = "auto") -> list[Event]:
    loop = AgentLoop(team, builtin_toolset(), bus=EventBus())

    async def events() -> list[Event]:
        turn = loop.run(conversation, TurnRequest("What time is it?", tool_choice=choice))
        return [event async for event in turn]

    return asyncio.run(events())


def test_it_answers_without_tools_also_where_another_model_called_some() -> None:
    team = ScriptedTeam(["Late."], dialect="guided")
    call = ToolCall("c", "current_time", {})
    before = [
        Message("user", "And now?"),
        Message("assistant", tool_calls=(call,)),
        Message("tool", "It is noon.", name="current_time", tool_call_id="c"),
        Message("assistant", "Noon.", tool_calls=(replace(call, id="d"),)),
        Message("tool", "It is one.", name="current_time", tool_call_id="d"),
        Message("assistant", "One."),
    ]
    events = run(team, Conversation("c", before))
    assert of_kind(events, TurnFinished)[0].text.strip() == "Late."
    assert not of_kind(events, ToolCallStarted)
    (request,) = team.requests
    assert request.tools == ()
    assert [m.role for m in request.messages] == ["user", "assistant"] * 2 + ["user"]
    assert "It is noon." in request.messages[0].content
    assert request.messages[1].content == "Noon."


def test_a_call_cannot_be_required_of_it() -> None:
    team = ScriptedTeam(["Late."], dialect="guided")
    (finished,) = of_kind(run(team, Conversation.begin(), "current_time"), TurnFinished)
    assert finished.outcome == "failed"
    assert team.requests == []
