"""Loads that fail, workers that die, closing in the middle of it all, on the fake engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.fake_engine import Gate, Script
from tests.resources.fake_team import FakeTeam, fake_team, say, until

from airunner.errors import (
    CorruptWeightsError,
    LeaseRefusedError,
    LoadError,
    WorkerDiedError,
)
from airunner.events import (
    CacheLost,
    Event,
    ModelLoadFailed,
    ParkingFailed,
    WorkerDied,
)

LONG = "one two three four five six seven eight nine ten"


def failures(count: int) -> list[Exception]:
    return [LoadError("primary", f"attempt {n + 1} failed") for n in range(count)]


def test_a_load_that_fails_is_retried_and_the_caller_never_knows(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            team.launcher.script("primary").load_errors += failures(2)
            await team.talk(LONG)
            assert [e.will_retry for e in team.of(ModelLoadFailed)] == [True, True]

    asyncio.run(main())


def test_a_load_that_keeps_failing_is_reported_to_everybody_who_waits(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            team.launcher.script("primary").load_errors += failures(3)
            waiting = [team.use("primary", owner=str(n)) for n in range(2)]
            told = await asyncio.gather(*waiting, return_exceptions=True)
            assert [str(e) for e in told] == ["primary did not load: attempt 3 failed"] * 2
            assert all(isinstance(e, LoadError) for e in told)
            assert [e.will_retry for e in team.of(ModelLoadFailed)] == [True, True, False]
            assert team.state("primary") == "failed"
            team.check_books()
            await team.talk(LONG)
            assert team.state("primary") == "ready", "the next request tries again"

    asyncio.run(main())


def test_whatever_an_engine_raises_nobody_is_kept_waiting(tmp_path: Path) -> None:
    """Engines come from others, too: what they raise is no error of ours."""

    async def main() -> None:
        async with fake_team(tmp_path) as team:
            script = team.launcher.script("primary")
            script.load_errors += [ZeroDivisionError("by nothing") for _ in range(3)]
            with pytest.raises(LoadError, match="by nothing"):
                await team.talk(LONG)
            await team.talk(LONG)
            script.save_error = KeyError("n_written")
            await team.use("coder")
            await team.settle()
            (failed,) = team.of(ParkingFailed)
            assert "n_written" in failed.problem
            script.save_error = None
            await team.talk(LONG)
            script.restore_error = TypeError("no list")
            await team.use("coder")
            await team.settle()
            assert team.state("primary") == "ready"
            assert any("no list" in lost.reason for lost in team.of(CacheLost))
            assert (await team.talk(LONG)).cached_tokens == 0

    asyncio.run(main())


def test_a_file_that_is_at_fault_is_not_tried_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            broken = CorruptWeightsError("model.gguf", "it is cut short")
            team.launcher.script("coder").load_errors.append(broken)
            await team.talk(LONG)
            with pytest.raises(CorruptWeightsError) as caught:
                await team.use("coder")
            assert caught.value is broken
            await team.settle()
            assert team.journal.count("load coder") == 1
            assert (await team.talk(LONG)).cached_tokens == 10, "the primary is back, and warm"

    asyncio.run(main())


def test_a_primary_that_cannot_return_is_given_up_aloud_and_the_next_caller_is_told(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            team.launcher.script("primary").load_errors += failures(6)
            await team.use("coder")
            await team.settle()
            assert team.decisions("give_up") == [("give_up", "primary")]
            assert team.state("primary") == "failed"
            with pytest.raises(LoadError, match="attempt 6 failed"):
                await team.talk(LONG)
            assert (await team.talk(LONG)).cached_tokens == 10, "what was parked is still there"

    asyncio.run(main())


# Workers that die.


def kill(team: FakeTeam, model: str) -> None:
    team.launcher.worker(model).die()


def test_a_worker_that_dies_idle_is_replaced(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            kill(team, "primary")
            await until(lambda: team.journal.count("load primary") == 2)
            await team.settle()
            (died,) = team.of(WorkerDied)
            assert (died.model, died.exit_code) == ("primary", -9)
            assert team.state("primary") == "ready", "nobody had to ask"
            assert (await team.talk(LONG)).prompt_tokens == 10

    asyncio.run(main())


def test_a_worker_that_keeps_dying_unused_is_left_to_the_next_caller(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            kill(team, "primary")
            await until(lambda: len(team.of(WorkerDied)) == 1)
            await team.settle()
            kill(team, "primary")
            await until(lambda: len(team.of(WorkerDied)) == 2)
            await team.settle()
            assert team.state("primary") == "cold"
            await team.talk(LONG)

    asyncio.run(main())


def test_a_worker_that_dies_answering_fails_that_answer_only(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            answering = team.launcher.script("primary").answering
            answering.close()
            asking = asyncio.create_task(team.talk(LONG))
            await answering.reached()
            queued = asyncio.create_task(team.use("small", owner="next"))
            kill(team, "primary")
            with pytest.raises(WorkerDiedError):
                await asking
            answering.open()
            await queued
            await team.settle()
            assert team.state("primary") == "ready"
            assert (await team.talk(LONG)).prompt_tokens == 10

    asyncio.run(main())


def test_a_lease_on_a_dead_worker_ends_without_harm(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            async with team.lease("coder", owner="tool") as lease:
                kill(team, "coder")
                await until(lambda: bool(team.of(WorkerDied)))
                with pytest.raises(WorkerDiedError):
                    await say(lease, "hello")
                await team.talk(LONG, owner="turn")
            await team.settle()
            assert team.state("primary") == "ready"

    asyncio.run(main())


def test_a_worker_that_dies_parking_loses_its_state_but_not_the_swap(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            saving = team.launcher.script("primary").saving
            saving.close()
            using = asyncio.create_task(team.use("coder"))
            await saving.reached()
            kill(team, "primary")
            await using
            saving.open()
            await team.settle()
            assert [e.conversation for e in team.of(ParkingFailed)] == ["chat"]
            assert team.state("primary") == "ready", "it is still owed back"
            assert (await team.talk(LONG)).prompt_tokens == 10

    asyncio.run(main())


def test_a_worker_that_dies_restoring_is_loaded_again_without_the_state(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            restoring = team.launcher.script("primary").restoring
            restoring.close()
            await team.use("coder")
            await restoring.reached()
            asking = asyncio.create_task(team.talk(LONG))
            kill(team, "primary")
            usage = await asking
            assert usage.cached_tokens == 0
            assert len(team.of(CacheLost)) == 1
            assert team.journal.count("restore primary") == 1, "what killed it is not tried again"
            await team.settle()

    asyncio.run(main())


def test_a_primary_that_dies_restoring_is_still_brought_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            restoring = team.launcher.script("primary").restoring
            restoring.close()
            await team.use("coder")
            await restoring.reached()
            kill(team, "primary")
            await until(lambda: bool(team.of(WorkerDied)))
            await team.settle()
            assert team.state("primary") == "ready"

    asyncio.run(main())


def test_other_conversations_of_a_dead_worker_stay_parked(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG, "first")
            await team.talk("something else", "second")
            kill(team, "primary")
            await until(lambda: bool(team.of(WorkerDied)))
            await team.settle()
            assert (await team.talk(LONG, "first")).cached_tokens == 10

    asyncio.run(main())


# Closing.


def closing_at(gate: Callable[[Script], Gate], model: str) -> Callable[[Path], None]:
    """A test that closes the manager while ``model`` stands at a gate during a swap."""

    async def main(folder: Path) -> None:
        async with fake_team(folder) as team:
            await team.talk(LONG)
            stop = gate(team.launcher.script(model))
            stop.close()
            work = [
                asyncio.create_task(team.use("coder", owner="a")),
                asyncio.create_task(team.talk(LONG, owner="b")),
            ]
            await stop.reached()
            closing = asyncio.create_task(team.manager.close())
            await asyncio.sleep(0)
            stop.open()
            await closing
            ends = await asyncio.gather(*work, return_exceptions=True)
            assert all(
                not isinstance(e, Exception) or isinstance(e, LeaseRefusedError | WorkerDiedError)
                for e in ends
            ), ends
            with pytest.raises(LeaseRefusedError, match="shutting down"):
                await team.use("small")

    return lambda folder: asyncio.run(main(folder))


@pytest.mark.parametrize(
    "close",
    [
        closing_at(lambda s: s.saving, "primary"),
        closing_at(lambda s: s.stopping, "primary"),
        closing_at(lambda s: s.loading, "coder"),
        closing_at(lambda s: s.answering, "coder"),
        closing_at(lambda s: s.stopping, "coder"),
        closing_at(lambda s: s.loading, "primary"),
        closing_at(lambda s: s.restoring, "primary"),
    ],
    ids=[
        "parking",
        "stopping the primary",
        "loading",
        "answering",
        "stopping the specialist",
        "loading the primary again",
        "restoring",
    ],
)
def test_closing_in_the_middle_of_a_swap_leaves_nothing(
    tmp_path: Path, close: Callable[[Path], None]
) -> None:
    close(tmp_path)


def test_closing_twice_and_closing_unused_is_harmless(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.manager.close()
            await team.manager.close()

    asyncio.run(main())


def test_a_broken_observer_does_not_break_the_work(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:

            def observer(_: Event) -> None:
                raise ZeroDivisionError

            team.bus.subscribe(observer)
            await team.talk(LONG)
            await team.use("coder")
            await team.settle()
            assert team.state("primary") == "ready"

    asyncio.run(main())
