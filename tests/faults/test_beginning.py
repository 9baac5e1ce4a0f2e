"""New conversations begin with what earlier ones have read, on the real engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engines.llama_cpp.test_client import CLOCK, TOOL_TEMPLATE, WEATHER
from tests.faults.real_team import RealTeam, real_team

from airunner.engines.base import ChatRequest, LoadPlan
from airunner.events import (
    BeginningKept,
    BeginningRestored,
    CacheLost,
    CacheProven,
    ParkingFailed,
)
from airunner.messages import Message, Usage
from airunner.resources.sizing import Sized

Weights = tuple[Path, Path]

RULES = Message("system", "Answer what is asked about the sea, the tide and the weather. " * 20)
TOOLS = (WEATHER, CLOCK)


def with_template(sized: Sized, template: str | None) -> Sized:
    plans: dict[str, Any] = {}
    for device, plan in sized.plans.items():
        assert isinstance(plan, LoadPlan)
        plans[device] = replace(plan, chat_template=template)
    return replace(sized, plans=plans)


async def begin(team: RealTeam, conversation: str | None, tool_choice: str) -> tuple[str, Usage]:
    """The first turn of a conversation, always with the same question."""
    request = ChatRequest(
        [RULES, Message("user", "What is the sea?")],
        tools=TOOLS,
        tool_choice=tool_choice,
        max_tokens=16,
        temperature=0.0,
        conversation=conversation,
    )
    text, usage = "", None
    async with team.lease(team.primary) as lease:
        async for delta in lease.chat(request):
            text += delta.text
            usage = delta.usage or usage
    assert usage is not None
    return text, usage


async def overwrite_the_slot(team: RealTeam) -> None:
    async with team.lease(team.primary) as lease:
        request = ChatRequest([Message("user", "Hi.")], max_tokens=1)
        assert [delta async for delta in lease.chat(request)]


@pytest.mark.parametrize(
    ("template", "tool_choice"),
    [(TOOL_TEMPLATE, "auto"), (TOOL_TEMPLATE, "none"), (None, "auto")],
    ids=["tools", "tools that may not be called", "a template without tools"],
)
def test_a_new_conversation_reads_only_what_is_its_own(
    tmp_path: Path, pair: Weights, template: str | None, tool_choice: str
) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair) as team:
            team.primary = with_template(team.primary, template)
            team.manager.set_primary(team.primary)
            _, usage = await begin(team, None, tool_choice)
            assert usage.cached_tokens == 0
            await overwrite_the_slot(team)
            answers = [(await begin(team, "first", tool_choice))[0]]
            (kept,) = team.of(BeginningKept)
            assert kept.tokens > (400 if template else 256)
            assert 0 < usage.prompt_tokens - kept.tokens < 20
            for last, conversation, away in (
                ("first", "second", overwrite_the_slot),
                ("second", "third", RealTeam.swap),
            ):
                team.manager.forget(last)  # the next says the same, and would go on from there
                await away(team)
                answer, usage = await begin(team, conversation, tool_choice)
                assert usage.cached_tokens >= 0.99 * kept.tokens
                answers.append(answer)
            # Not compared with the first: a prompt read in one piece rounds differently.
            assert len(set(answers)) == 1
            restored = [e.conversation for e in team.of(BeginningRestored)]
            assert restored == ["second", "third"]
            assert {"second", "third"} <= {e.conversation for e in team.of(CacheProven)}
            assert len(team.of(BeginningKept)) == 1
            assert team.of(CacheLost) == team.of(ParkingFailed) == []

    asyncio.run(main())
