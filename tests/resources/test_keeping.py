"""What is chosen at the end of a process to be found by the next."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.resources.fake_team import FakeTeam, fake_team, say

from airunner.errors import StorageError
from airunner.events import CacheProven, ModelParked, ParkingFailed
from airunner.resources.kept_folder import FOLDER
from airunner.resources.known_conversations import KnownConversations
from airunner.resources.parking import Lasting

TEXT = "fourteen words make up this text so that its state takes some eighty bytes "


def lasting() -> Lasting:
    """Every conversation but those whose name says otherwise."""
    return Lasting(KnownConversations(), lambda name: not name.startswith("passing"))


def kept(folder: Path) -> int:
    return len(list((folder / "parked" / FOLDER).glob("*.kv")))


async def talk(team: FakeTeam, names: str, **options: Any) -> None:
    for name in names.split():
        await team.talk(f"{name} {TEXT}", conversation=name, **options)


async def cached(team: FakeTeam, name: str) -> int:
    return (await team.talk(f"{name} {TEXT} more", conversation=name)).cached_tokens


def test_slots_and_memory_move_to_disk_and_what_the_next_process_could_not_find_does_not(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, lasting=lasting(), n_parallel=2) as team:
            await talk(team, "a b c passing")  # a and b are in memory, the others in slots
            assert kept(tmp_path) == 0
        assert kept(tmp_path) == 3
        async with fake_team(tmp_path, lasting=lasting()) as team:
            for name in "abc":
                assert await cached(team, name) == 15, "all that was said, without the answer"
            assert await cached(team, "passing") == 0
            assert [event.conversation for event in team.of(CacheProven)] == ["a", "b", "c"]

    asyncio.run(main())


def test_within_the_quota_the_most_recently_used_are_kept_those_last_that_nobody_came_back_to(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        # Of states of about 180 bytes, by the engine's count and on disk.
        options: dict[str, Any] = {"lasting": lasting(), "parking_bytes": 450}
        async with fake_team(tmp_path, n_parallel=4, **options) as team:
            await talk(team, "old new old new title tags")
        assert kept(tmp_path) == 2
        async with fake_team(tmp_path, **options) as team:
            assert await cached(team, "new") == 15
            assert await cached(team, "old") == 15
            await talk(team, "newest newest")
        async with fake_team(tmp_path, **options) as team:
            assert await cached(team, "newest") == 15
            assert await cached(team, "old") >= 15, "it was used later"
            assert await cached(team, "new") == 0

    asyncio.run(main())


def test_a_conversation_that_was_parked_and_asked_again_is_one_that_somebody_came_back_to(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            continued = []
            for conversation in ("chat", "other", "chat", "other"):
                await team.talk("hello", conversation)
                state = team.lot.find("primary", "chat")
                continued.append(None if state is None else state.continued)
            assert continued == [None, False, None, True]

    asyncio.run(main())


def test_a_conversation_in_use_and_one_that_was_deleted_are_left_out(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, lasting=lasting(), n_parallel=3) as team:
            await talk(team, "a b c")
            team.manager.forget("b")
            script = team.launcher.script("primary")
            script.answering.close()

            async def answered() -> None:
                async with team.lease("primary") as lease:
                    await say(lease, "c more", "c")

            task = asyncio.create_task(answered())
            await script.answering.reached()
            await team.manager.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert kept(tmp_path) == 1

    asyncio.run(main())


def test_a_state_that_cannot_be_written_holds_nobody_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, lasting=lasting()) as team:
            await talk(team, "a")
            team.launcher.script("primary").save_error = StorageError(tmp_path, "disk full")
        (failed,) = team.of(ParkingFailed)
        assert (failed.conversation, "disk full" in failed.problem) == ("a", True)
        assert team.of(ModelParked) == []
        assert list((tmp_path / "parked").iterdir()) == []

    asyncio.run(main())
