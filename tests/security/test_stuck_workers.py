"""Workers that live and say nothing: stopped (SIGSTOP), or held up by a template without an end.

On the real engine. The limits are short while a worker is stopped, and as usual for one that
is only slow.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.children import Children
from tests.faults.conftest import SHORT
from tests.faults.conftest import pair as pair
from tests.faults.real_team import RealTeam, real_team, until

from airunner.engines.base import ChatRequest, LoadPlan
from airunner.engines.llama_cpp.launcher import LocalLauncher
from airunner.engines.silence import Silence, SilenceLimits
from airunner.errors import LoadTimeoutError, WorkerSilentError
from airunner.events import Event, ModelLoadFailed, ParkingFailed, WorkerDied
from airunner.messages import Message
from airunner.workers.child import Child

pytestmark = pytest.mark.real
Weights = tuple[Path, Path]
# Weights of 100 MB explain 5 s of a load, or of the saving of a state: 1 s is left.
LOAD_S = -4.0
ENDLESS = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"


async def stopped(pid: int) -> None:
    """Stop a process; until one of its threads takes the signal, the others work on."""
    os.kill(pid, signal.SIGSTOP)
    await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)


class ChangingLimits:
    """What is ``now`` holds for whatever begins from now on."""

    def __init__(self) -> None:
        self.now = SilenceLimits()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.now, name)


async def goes_on(team: RealTeam, turn: int) -> None:
    """The next turn is answered, with the conversation as it was."""
    before = len(team.messages)
    answer, usage = await team.talk(SHORT[turn])
    assert answer
    assert (len(team.messages), usage.prompt_tokens > 20) == (before + 2, True)


def test_a_worker_that_stops_before_or_within_an_answer_is_replaced(
    tmp_path: Path, pair: Weights
) -> None:
    limits: Any = ChangingLimits()

    async def main() -> None:
        async with real_team(tmp_path, pair, limits=limits) as team:
            await team.talk(SHORT[0])
            await stopped(team.pid("primary"))
            limits.now = SilenceLimits(first_token_s=1.0)
            with pytest.raises(WorkerSilentError, match="--first-token-limit-s"):
                await team.talk(SHORT[1])
            limits.now = SilenceLimits()
            await goes_on(team, 1)
            request = ChatRequest([Message("user", "Count to a thousand.")], max_tokens=500)
            async with team.lease(team.primary) as lease:
                limits.now = SilenceLimits(next_token_s=2.0)
                answer = lease.chat(request)
                await anext(answer)
                limits.now = SilenceLimits()
                await stopped(team.pid("primary"))
                with pytest.raises(WorkerSilentError, match="--next-token-limit-s"):
                    async for _ in answer:
                        pass
            await goes_on(team, 2)
            died = team.of(WorkerDied)
            assert [event.exit_code for event in died] == [-9, -9]
            assert all("ended by AI Runner: it said nothing" in event.log for event in died)

    asyncio.run(main())


def test_a_stopped_worker_cannot_hold_up_a_swap(tmp_path: Path, pair: Weights) -> None:
    limits: Any = ChangingLimits()

    def patient_again(event: Event) -> None:
        if isinstance(event, ParkingFailed | WorkerDied):
            limits.now = SilenceLimits()

    async def main() -> None:
        async with real_team(tmp_path, pair, limits=limits) as team:
            await team.talk(SHORT[0])
            await stopped(team.pid("primary"))
            team.bus.subscribe(patient_again)
            limits.now = SilenceLimits(LOAD_S, first_token_s=1.0, next_token_s=1.0)
            await team.swap()
            assert team.of(ParkingFailed) or team.of(WorkerDied)
            await goes_on(team, 1)

    asyncio.run(main())


def test_a_worker_that_stops_while_loading_is_replaced_once(tmp_path: Path, pair: Weights) -> None:
    limits: Any = ChangingLimits()
    limits.now = SilenceLimits(LOAD_S)

    async def main() -> None:
        async with real_team(tmp_path, pair, limits=limits) as team:
            children = Children()
            talking = asyncio.create_task(team.talk(SHORT[0]))
            await until(lambda: len(children()) == 1)
            limits.now = SilenceLimits()
            (pid,) = children()
            await stopped(pid)
            answer, _ = await talking
            assert answer
            (failed,) = team.of(ModelLoadFailed)
            assert failed.will_retry
            assert "still loading" in failed.problem

    asyncio.run(main())


def test_what_never_loads_is_tried_twice_and_told(tmp_path: Path, pair: Weights) -> None:
    limits = SilenceLimits(LOAD_S)

    async def stop_all(children: Children) -> None:
        while True:
            for pid in children():
                os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(0.01)

    async def main() -> None:
        async with real_team(tmp_path, pair, limits=limits) as team:
            stopping = asyncio.create_task(stop_all(Children()))
            with pytest.raises(LoadTimeoutError, match="--load-limit-s"):
                await team.talk(SHORT[0])
            stopping.cancel()
            assert len(team.of(ModelLoadFailed)) == 2

    asyncio.run(main())


def test_a_chat_template_without_an_end_is_ended(smollm2: Path, tmp_path: Path) -> None:
    limits = SilenceLimits(load_s=-2.0, first_token_s=2.0)
    plan = LoadPlan("endless", smollm2, n_ctx=256, n_threads=1, chat_template=ENDLESS)

    async def main() -> None:
        children = Children()
        launcher = LocalLauncher(tmp_path / "run", spare=False, limits=limits)

        async def use() -> None:
            worker = await launcher.launch(plan)
            await worker.model.count_tokens([Message("user", "Hello")], ())

        with pytest.raises((LoadTimeoutError, WorkerSilentError)):
            await use()
        await launcher.close()
        await until(lambda: children() == set())

    asyncio.run(main())


def test_limits_grow_with_what_there_is_to_do() -> None:
    limits = SilenceLimits(300, 180, 120)
    gb = 10**9
    assert limits.to_load(5 * gb) == 300 + 250
    assert limits.to_read(8192, 5 * gb) == 180 + 2048
    assert limits.to_go_on(5 * gb) == 120 + 128
    assert Silence(1, 2).first_s == 1


def test_what_a_worker_started_ends_with_it(tmp_path: Path) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(100)", str(tmp_path)]
    script = f"import subprocess; subprocess.Popen({sleeper!r})"

    def left() -> list[psutil.Process]:
        return [p for p in psutil.process_iter(["cmdline"])
                if str(tmp_path) in (p.info["cmdline"] or [])]  # fmt: skip

    async def main() -> None:
        child = Child("timeit", "-n1", "-r1", script)  # a module that runs what it is given
        assert (await child.wait()).exit_code == 0
        await until(lambda: not left())

    asyncio.run(main())
