"""What models are charged, what does not come back, and what that does to others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.resources.fake_team import fake_team, say

from airunner.errors import DoesNotFitError
from airunner.events import ModelReleased

LONG = "one two three four five six seven eight nine ten"


def test_a_model_is_charged_what_it_really_took(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, primary=None) as team:
            team.launcher.script("small").memory_bytes = 45
            await team.use("small")
            assert team.manager.status().devices[0].held_bytes == 45
            await team.use("coder")
            assert "stop small" in team.journal, "45 and 60 do not fit into 100"

    asyncio.run(main())


def test_bytes_that_did_not_come_back_count_until_measured_anew(tmp_path: Path) -> None:
    async def main() -> None:
        budget = {"cpu": 100}
        async with fake_team(
            tmp_path,
            primary=None,
            missing_bytes=lambda device, pid: 30,
            measure_budgets=lambda pids: budget,
        ) as team:
            team.launcher.script("coder").memory_bytes = 60
            await team.use("coder")
            team.manager.unload("coder")
            await team.settle()
            (released,) = team.of(ModelReleased)
            assert (released.released_bytes, released.missing_bytes) == (30, 30)
            assert team.manager.status().devices[0].lost_bytes == 30
            team.sizes["large"] = 95
            with pytest.raises(DoesNotFitError) as caught:
                await team.use("large")
            assert caught.value.free_bytes == 70
            budget["cpu"] = 96
            await team.use("large")
            assert team.manager.status().devices[0].lost_bytes == 0

    asyncio.run(main())


def test_a_budget_that_shrank_evicts_what_is_idle(tmp_path: Path) -> None:
    async def main() -> None:
        budget = {"cpu": 100}
        async with fake_team(tmp_path, measure_budgets=lambda pids: budget) as team:
            await team.use("primary")
            budget["cpu"] = 80
            await team.use("small")
            await team.settle()
            assert team.journal[:4] == [
                "load primary",
                "chat primary",
                "stop primary",
                "load small",
            ]
            assert team.launcher.alive == ["primary"], "and it came back as soon as it could"

    asyncio.run(main())


def test_the_cost_of_a_conversation_weighs_in_who_is_evicted(tmp_path: Path) -> None:
    """Of two equal models, the one whose long conversation would have to be parked stays."""

    async def main() -> None:
        async with fake_team(tmp_path, 130, primary=None, kv_bytes_per_token=10**8) as team:
            team.sizes.update(left=60, right=60)
            for model, words in (("left", f"{LONG} " * 10), ("right", "hi")):
                async with team.lease(model) as lease:
                    await say(lease, words, "chat")
            await team.use("coder")
            assert [m for _, m in team.decisions("stop")] == ["right"]

    asyncio.run(main())
