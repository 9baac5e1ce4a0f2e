"""A native call whose arguments are no JSON: the model is told, and may try again."""

from __future__ import annotations

import asyncio

from tests.agent.scripted_team import ScriptedTeam

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.events import EventBus, TurnFinished
from airunner.messages import ToolCall
from airunner.tools.tool import tool
from airunner.tools.toolset import Toolset


def test_it_goes_back_to_the_model_and_the_corrected_call_is_run() -> None:
    @tool
    def double(a: int) -> str:
        """Double a number."""
        return str(2 * a)

    broken = ToolCall("c1", "double", {}, malformed="{a: 2")
    team = ScriptedTeam([broken, ToolCall("c2", "double", {"a": 2}), "Four."])
    loop, conversation = AgentLoop(team, Toolset([double]), bus=EventBus()), Conversation.begin()

    async def main() -> TurnFinished:
        events = [event async for event in loop.run_turn(conversation, "Twice two?")]
        assert isinstance(events[-1], TurnFinished)
        return events[-1]

    finished = asyncio.run(main())
    first, second = (m.content for m in conversation.messages if m.role == "tool")
    assert "'{a: 2' is no JSON object. Call it again, corrected." in first
    assert second == "4"
    assert (finished.outcome, finished.text.strip()) == ("answered", "Four.")
