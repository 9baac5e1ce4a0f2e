"""Asking specialised models: once, and in a dialogue."""

from __future__ import annotations

import asyncio

import pytest
from tests.agent.scripted_team import ScriptedTeam

from airunner.agent.specialist import (
    SYSTEM_PROMPTS,
    SpecialistRequest,
    SpecialistSession,
    ask_specialist,
)
from airunner.errors import ContextOverflowError, GenerationError, WorkerDiedError
from airunner.messages import Delta
from airunner.models.spec import ModelCapability

CODE = ModelCapability.CODE_GENERATION


def test_one_answer_leaves_nothing_behind() -> None:
    team = ScriptedTeam(["  def f(): ... "])
    answer = asyncio.run(ask_specialist(team, SpecialistRequest(CODE, "Write f.", 99), "turn-1"))
    assert answer == "def f(): ..."
    (request,) = team.requests
    assert [m.content for m in request.messages] == [SYSTEM_PROMPTS[CODE], "Write f."]
    assert (request.max_tokens, request.conversation, request.temperature) == (99, None, None)
    assert (team.owners, team.held) == (["turn-1"], 0)


@pytest.mark.parametrize("capability", sorted(set(ModelCapability) - SYSTEM_PROMPTS.keys()))
def test_what_gives_no_text_is_not_loaded_to_be_asked_for_some(
    capability: ModelCapability,
) -> None:
    team = ScriptedTeam([])
    with pytest.raises(GenerationError, match="not for text"):
        asyncio.run(ask_specialist(team, SpecialistRequest(capability, "A cat."), "turn-1"))
    assert team.owners == []


def test_a_session_refers_to_earlier_answers_unless_told_not_to() -> None:
    team = ScriptedTeam(["first", "alone", GenerationError("scripted", "no"), "second"])

    async def main() -> None:
        async with team.lease(CODE, owner="t") as lease:
            session = SpecialistSession(lease, CODE)
            await session.invoke("Write a function.")
            await session.invoke("Something else.", remember=False)
            with pytest.raises(GenerationError):
                await session.invoke("This fails.")
            await session.invoke("Now add error handling.")

    asyncio.run(main())
    shown = [[m.content for m in r.messages[1:]] for r in team.requests]
    assert shown[1] == ["Something else."]
    assert shown[3] == ["Write a function.", "first", "Now add error handling."]


def test_a_session_forgets_the_oldest_but_never_cuts_a_prompt() -> None:
    team = ScriptedTeam(["a " * 100, "b", "c"], n_ctx=512)

    async def main() -> None:
        async with team.lease(CODE, owner="t") as lease:
            session = SpecialistSession(lease, CODE)
            await session.invoke("x" * 700, max_tokens=64)
            await session.invoke("y" * 700, max_tokens=64)
            with pytest.raises(ContextOverflowError):
                await session.invoke("z" * 9000, max_tokens=64)

    asyncio.run(main())
    assert [m.content[:1] for m in team.requests[1].messages[1:]] == ["y"]


def test_an_answer_goes_on_where_its_worker_died() -> None:
    death = WorkerDiedError("scripted", -9)
    script = ["It is [dies] lost", "It is [dies] 5 in all"]
    team, told = ScriptedTeam(list(script), death=death, deaths=1), list[Delta]()
    asked = SpecialistRequest(CODE, "2 + 3?")
    answer = asyncio.run(ask_specialist(team, asked, "turn-1", told.append))
    assert answer == "It is [dies] 5 in all"
    assert "".join(delta.text for delta in told).strip() == answer
    first, second = (request.seed for request in team.requests)
    assert first == second is not None
    with pytest.raises(WorkerDiedError):
        asyncio.run(ask_specialist(ScriptedTeam([death] * 2), asked, "turn-1"))
