"""Workers killed with -9 at every step, on the real engine: the conversation goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest
from tests.children import Children
from tests.faults.conftest import SHORT
from tests.faults.real_team import RealTeam, real_team, until

from airunner.engines.base import ChatRequest
from airunner.errors import WorkerDiedError
from airunner.events import (
    CacheLost,
    CacheProven,
    Decided,
    Event,
    ModelLoaded,
    ModelLoadFailed,
    ParkingFailed,
    WorkerDied,
)
from airunner.messages import Message
from airunner.resources.sizing import Sized

Weights = tuple[Path, Path]
Answers = dict[str, list[str]]


async def goes_on(team: RealTeam, expected: Answers, turn: int) -> None:
    """The next turn says what it would have said without the fault, and nothing moves after."""
    answer, _ = await team.talk(SHORT[turn])
    assert answer == expected[SHORT[0]][turn]
    await team.manager.settled()
    assert team.state("primary") == "ready"


async def die_answering(team: RealTeam, sized: Sized) -> None:
    """Ask for a long answer, and kill the worker at its first piece."""
    request = ChatRequest([Message("user", "Count to a thousand.")], max_tokens=500)
    async with team.lease(sized, owner="tool") as lease:
        answer = lease.chat(request)
        await anext(answer)
        os.kill(team.pid(sized.key), signal.SIGKILL)
        async for _ in answer:
            pass


def test_while_loading(tmp_path: Path, pair: Weights, never_left: Answers) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair) as team:
            children = Children()
            talking = asyncio.create_task(team.talk(SHORT[0]))
            await until(lambda: len(children()) == 1)
            (pid,) = children()
            os.kill(pid, signal.SIGKILL)
            answer, _ = await talking
            assert answer == never_left[SHORT[0]][0]
            (failed,) = team.of(ModelLoadFailed)
            assert failed.will_retry
            assert "killed while loading" in failed.problem

    asyncio.run(main())


def test_while_generating(tmp_path: Path, pair: Weights, never_left: Answers) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair) as team:
            await team.talk(SHORT[0])
            with pytest.raises(WorkerDiedError) as caught:
                await die_answering(team, team.primary)
            assert caught.value.exit_code == -9
            await goes_on(team, never_left, 1)
            assert [e.exit_code for e in team.of(WorkerDied)] == [-9]

    asyncio.run(main())


def test_while_idle_it_is_brought_back_before_anybody_asks(
    tmp_path: Path, pair: Weights, never_left: Answers
) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair) as team:
            await team.talk(SHORT[0])
            os.kill(team.pid("primary"), signal.SIGKILL)
            await until(lambda: len(team.of(ModelLoaded)) == 2)
            await goes_on(team, never_left, 1)

    asyncio.run(main())


def test_while_parking(tmp_path: Path, pair: Weights, never_left: Answers) -> None:
    """The worker hangs as soon as it is told to save, and dies before it has."""

    async def main() -> None:
        async with real_team(tmp_path, pair) as team:
            await team.talk(SHORT[0])
            pid = team.pid("primary")
            os.kill(pid, signal.SIGSTOP)
            swapping = asyncio.create_task(team.swap())
            await until(lambda: partial_files(team) != [] or swapping.done())
            assert not swapping.done(), team.events
            os.kill(pid, signal.SIGKILL)
            await swapping
            assert [e.conversation for e in team.of(ParkingFailed)] == ["chat"]
            assert team.state_files() == []
            await goes_on(team, never_left, 1)

    asyncio.run(main())


def partial_files(team: RealTeam) -> list[Path]:
    return [f for f in team.state_files() if f.name.startswith(".")]


def test_while_restoring(tmp_path: Path, pair: Weights, never_left: Answers) -> None:
    """The worker hangs as soon as it is loaded again, and dies while the state is read."""

    async def main() -> None:
        async with real_team(tmp_path, pair) as team:
            await team.talk(SHORT[0])
            hung: list[int] = []

            def hang(event: Event) -> None:
                if isinstance(event, ModelLoaded) and event.model == "primary" and not hung:
                    hung.append(event.pid)
                    os.kill(event.pid, signal.SIGSTOP)

            team.bus.subscribe(hang)
            swapping = asyncio.create_task(team.swap())
            await until(lambda: bool(hung) and is_asked_to_restore(team, hung[0]))
            os.kill(hung[0], signal.SIGKILL)
            await swapping
            (lost,) = team.of(CacheLost)
            assert "died" in lost.reason
            await goes_on(team, never_left, 1)
            assert team.of(CacheProven) == []
            await team.swap()
            await goes_on(team, never_left, 2)
            assert len(team.of(CacheProven)) == 1, "the state of the new worker is parked again"

    asyncio.run(main())


def is_asked_to_restore(team: RealTeam, pid: int) -> bool:
    """The link to the state is laid out for the worker, so the request is on its way."""
    links = [f for f in (team.folder / "run").rglob("*") if f.is_symlink()]
    return bool(links) and psutil.Process(pid).status() == psutil.STATUS_STOPPED


def test_the_specialist_while_it_answers(
    tmp_path: Path, pair: Weights, never_left: Answers
) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair) as team:
            await team.talk(SHORT[0])
            with pytest.raises(WorkerDiedError):
                await die_answering(team, team.specialist)
            await team.manager.settled()
            assert team.state("primary") == "ready"
            await goes_on(team, never_left, 1)
            assert len(team.of(CacheProven)) == 1, "what was parked was not touched"
            loads = [e.model for e in team.of(Decided) if e.action == "start_load"]
            assert loads == ["primary", "specialist", "primary"]

    asyncio.run(main())
