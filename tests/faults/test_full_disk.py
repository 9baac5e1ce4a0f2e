"""Disks that are full, or fill up while a conversation is parked, with the real engine."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faults.conftest import SHORT
from tests.faults.real_team import RealTeam, real_team

from airunner.events import CacheProven, Decided, Event, ModelParked, ParkingFailed

pytestmark = pytest.mark.real

Weights = tuple[Path, Path]
Answers = dict[str, list[str]]


async def swaps_without_its_state(team: RealTeam, expected: Answers) -> None:
    """Nothing could be kept, nothing is left, and the conversation goes on all the same."""
    await team.talk(SHORT[0])
    await team.swap()
    (failed,) = team.of(ParkingFailed)
    assert (failed.model, failed.conversation) == ("primary", "chat")
    assert team.of(ModelParked) == []
    assert team.state_files() == [], "no partial file"
    assert team.state("primary") == "ready"
    answer, usage = await team.talk(SHORT[1])
    assert answer == expected[SHORT[0]][1]
    assert usage.cached_tokens < 30, "the prompt was processed again"


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of others are Linux only")
def test_a_disk_that_fills_up_while_the_engine_writes(
    tmp_path: Path, pair: Weights, never_left: Answers
) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair) as team:

            def limit(event: Event) -> None:
                """The worker may write no more than 100 kB into any file."""
                if isinstance(event, Decided) and event.action == "park":
                    resource.prlimit(
                        team.pid(event.model),
                        resource.RLIMIT_FSIZE,
                        (100_000, resource.RLIM_INFINITY),
                    )

            team.bus.subscribe(limit)
            await swaps_without_its_state(team, never_left)

    asyncio.run(main())


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own, of ``size``, at ``folder``."""
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]
    subprocess.run(["mount", *options, str(folder)], check=True, timeout=300)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=300)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_file_systems_without_room_for_a_state(
    tmp_path: Path, pair: Weights, never_left: Answers
) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair) as team:
            await swaps_without_its_state(team, never_left)
            (failed,) = team.of(ParkingFailed)
            assert failed.problem == "no parking tier has room for it"

    with small_disk(tmp_path / "shm", "64k"), small_disk(tmp_path / "parked", "64k"):
        asyncio.run(main())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_full_memory_file_system_spills_to_disk(
    tmp_path: Path, pair: Weights, never_left: Answers
) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair) as team:
            await team.talk(SHORT[0])
            await team.swap()
            answer, _ = await team.talk(SHORT[1])
            assert answer == never_left[SHORT[0]][1]
            assert [e.tier for e in team.of(ModelParked)] == ["disk"]
            assert len(team.of(CacheProven)) == 1

    with small_disk(tmp_path / "shm", "64k"):
        asyncio.run(main())
