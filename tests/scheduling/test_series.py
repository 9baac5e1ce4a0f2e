"""Several models in a row: the primary returns once, after the last of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.resources.fake_team import fake_team

from airunner.errors import LoadError

TALK = "one two three four five"


def test_the_primary_does_not_return_between_the_models_of_a_series(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(TALK)
            with team.manager.series():
                await team.use("coder")
                await team.settle()
                assert team.state("primary") == "parked", "nobody comes back within a series"
                await team.use("artist")
                await team.settle()
                assert team.state("primary") == "parked"
            await team.settle()
            assert team.state("primary") == "ready"
            loads = [step for step in team.journal if step.startswith("load")]
            assert loads == ["load primary", "load coder", "load artist", "load primary"]

    asyncio.run(main())


def test_whoever_asks_for_the_primary_gets_it_during_a_series(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(TALK)
            with team.manager.series():
                await team.use("coder", owner="tool")
                assert (await team.talk(TALK, owner="another turn")).cached_tokens == 5
                await team.use("artist", owner="tool")
            await team.settle()
            assert team.state("primary") == "ready"

    asyncio.run(main())


def test_a_series_that_breaks_off_brings_the_primary_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(TALK)
            team.launcher.script("artist").load_errors = [LoadError("artist", "no")] * 3
            with team.manager.series():
                await team.use("coder")
                with pytest.raises(LoadError):
                    await team.use("artist")
            await team.settle()
            assert team.state("primary") == "ready"

    asyncio.run(main())


def test_of_two_series_the_last_one_ends_the_wait(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(TALK)
            with team.manager.series():
                with team.manager.series():
                    await team.use("coder")
                await team.settle()
                assert team.state("primary") == "parked"
            await team.settle()
            assert team.state("primary") == "ready"

    asyncio.run(main())
