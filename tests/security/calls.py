"""Calls of real tools as a model makes them: through rules, with a files folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.agent.scripted_team import ScriptedTeam

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.tool_call import Outcome
from airunner.agent.turn_request import TurnRequest
from airunner.events import Event, EventBus, PermissionAsked
from airunner.records.records import Records
from airunner.tools.facilities import Facilities
from airunner.tools.files_folder import FilesFolder
from airunner.tools.permissions import Permissions
from airunner.tools.toolset import Toolset


def loop_over(
    folder: Path, tools: Toolset, rules: dict[str, str], script: list[Any] | None = None
) -> AgentLoop:
    """An agent whose tools use ``folder``, and whose model says what is in ``script``."""
    facilities = Facilities(FilesFolder(folder), Records(folder.parent / "home"), None)
    return AgentLoop(
        ScriptedTeam(script or []),
        tools,
        bus=EventBus(),
        facilities=facilities,
        permissions=Permissions(rules.items()),
    )


def called(loop: AgentLoop, tool: str, **arguments: Any) -> Outcome:
    """What became of one call, which nobody is there to be asked about."""
    return asyncio.run(loop.call_tool(tool, arguments, max_result_tokens=1000))


def turn(
    loop: AgentLoop,
    conversation: Conversation,
    *answers: str,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[list[Event], list[PermissionAsked]]:
    """What happened in a turn, and what was asked in it.

    Questions are answered in order, after ``meanwhile``; those that are left as the last one was.
    """
    left = list(answers)

    async def go() -> list[Event]:
        events = []
        async for event in loop.run(conversation, TurnRequest("Go."), may_ask=True):
            events.append(event)
            if isinstance(event, PermissionAsked):
                meanwhile()
                loop.answer(event.question, left.pop(0) if len(left) > 1 else left[0])
        return events

    events = asyncio.run(go())
    return events, [event for event in events if isinstance(event, PermissionAsked)]
