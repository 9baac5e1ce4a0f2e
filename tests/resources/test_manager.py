"""Swapping, sharing and refusing, on the fake engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.resources.fake_team import fake_team, say, until

from airunner.engines.image import ImageRequest
from airunner.errors import (
    DeviceNotFoundError,
    DoesNotFitError,
    GenerationError,
    LeaseDeadlockError,
)
from airunner.events import (
    CacheProven,
    Decided,
    ModelLoaded,
    ModelParked,
    ModelReleased,
    ModelRestored,
)
from airunner.resources.pins import check_pins
from airunner.scheduling.ledger import DeviceBudget
from airunner.scheduling.scheduler import Scheduler

LONG = "one two three four five six seven eight nine ten"


def test_a_swap_parks_stops_loads_and_brings_the_primary_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            await team.use("coder")
            await team.settle()
            assert team.journal == [
                *("load primary", "chat primary"),
                *("save primary", "stop primary", "load coder", "chat coder"),
                *("stop coder", "load primary", "restore primary"),
            ]
            assert team.state("primary") == "ready"
            usage = await team.talk(f"{LONG} a fake answer and more")
            assert usage.cached_tokens == 13, "ten words of prompt and three of answer"
            assert "load primary" not in team.journal[9:]

    asyncio.run(main())


def test_every_step_of_a_swap_is_an_event_with_its_bytes(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            team.launcher.script("primary").memory_bytes = 65
            await team.talk(LONG)
            await team.use("coder")
            await team.settle()
            await team.talk(f"{LONG} a fake answer and more")
            assert [e.kind if not isinstance(e, Decided) else e.action for e in team.events] == [
                *("start_load", "model_loaded", "grant"),
                *("park", "hold", "model_parked", "stop", "model_released"),
                *("start_load", "model_loaded", "grant"),
                *("park", "stop", "model_released"),
                *("start_load", "model_loaded", "restore", "model_restored"),
                *("grant", "cache_proven"),
            ]
            park = next(e for e in team.of(Decided) if e.action == "park")
            assert (park.model, park.device) == ("primary", "cpu")
            assert (park.needed_bytes, park.held_bytes, park.budget_bytes) == (70, 70, 100)
            assert park.reason.startswith(
                "makes room for coder, which needs 60 bytes; the primary,"
            )
            assert park.reason.endswith(" s to bring back")
            loaded = team.of(ModelLoaded)[0]
            assert (loaded.predicted_bytes, loaded.measured_bytes) == (70, 65)
            (parked,) = team.of(ModelParked)
            assert (parked.conversations, parked.tokens, parked.tier) == (1, 13, "memory")
            released = team.of(ModelReleased)
            assert [(e.model, e.released_bytes, e.missing_bytes) for e in released] == [
                ("primary", 65, 0),
                ("coder", 0, 0),
            ]
            (restored,) = team.of(ModelRestored)
            assert (restored.conversation, restored.tokens) == ("chat", 13)
            (proven,) = team.of(CacheProven)
            assert (proven.cached_tokens, proven.prompt_tokens) == (13, 15)

    asyncio.run(main())


def test_the_primary_returns_while_the_tool_still_works(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            tool_works = True
            async with team.lease("coder", owner="tool") as lease:
                await say(lease, "write it")
                assert team.state("primary") == "parked"
            await team.settle()
            assert tool_works
            assert team.state("primary") == "ready", "nobody had to ask for it"
            assert team.state("coder") == "cold"

    asyncio.run(main())


def test_the_primary_stays_away_for_a_lease_that_says_so_until_it_is_asked(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            async with team.lease("coder", returns=False):
                pass
            await team.settle()
            assert (team.state("primary"), team.state("coder")) == ("parked", "ready")
            assert (await team.talk(LONG)).cached_tokens == 10

    asyncio.run(main())


def test_one_lease_that_returns_is_enough_among_several(tmp_path: Path) -> None:
    """The primary comes back when the last specialist's lease ends, and not before."""

    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk(LONG)
            async with team.lease("coder", owner="a"):
                async with team.lease("coder", owner="b", returns=False):
                    pass
                await team.settle()
                assert team.state("primary") == "parked"
            await team.settle()
            assert team.state("primary") == "ready"

    asyncio.run(main())


def test_models_that_fit_together_stay_together(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, 130) as team:
            await team.talk(LONG)
            async with team.lease("coder"), team.lease("primary"):
                pass
            for _ in range(3):
                await team.use("coder")
                await team.talk(LONG)
            assert team.decisions("park", "stop") == []
            assert team.journal.count("load primary") == team.journal.count("load coder") == 1

    asyncio.run(main())


def test_only_as_much_is_evicted_as_is_needed(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, 150, primary=None) as team:
            team.launcher.script("coder").load_s = 0.1
            for model in ("small", "primary", "coder"):
                await team.use(model)
            await team.settle()
            assert sorted(team.launcher.alive) == ["coder", "primary", "small"]
            team.sizes["filler"] = 55
            await team.use("filler")
            assert [m for a, m in team.decisions("stop")] == ["coder"], (
                "quick to load again, and enough"
            )

    asyncio.run(main())


def test_two_entries_on_one_file_share_the_load(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            summaries = team.sized("summaries", key="small")
            translations = team.sized("translations", key="small")
            async with (
                team.manager.lease(summaries, owner="a") as one,
                team.manager.lease(translations, owner="b") as other,
            ):
                assert (one.spec.model_path, other.spec.model_path) == ("summaries", "translations")
                await say(one, "hello")
                await say(other, "hello")
            assert team.journal == ["load small", "chat small", "chat small"]

    asyncio.run(main())


def test_a_leased_model_is_not_evicted_and_the_next_waits_for_its_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            async with team.lease("primary", owner="a") as lease:
                waiting = asyncio.create_task(team.use("coder", owner="b"))
                await until(lambda: ("hold", "coder") in team.decisions())
                await team.settle()
                assert team.launcher.alive == ["primary"]
                await say(lease, "still here")
            await waiting
            assert team.journal[:4] == [
                "load primary",
                "chat primary",
                "stop primary",
                "load coder",
            ]

    asyncio.run(main())


def test_whoever_holds_what_it_waits_for_is_told_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team, team.lease("primary", owner="turn") as lease:
            with pytest.raises(LeaseDeadlockError) as caught:
                await team.use("coder", owner="turn")
            assert caught.value.held == ("primary",)
            await say(lease, "unharmed")

    asyncio.run(main())


def test_what_can_never_fit_is_refused_with_the_deficit_and_evicts_nobody(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.use("primary")
            with pytest.raises(DoesNotFitError) as caught:
                await team.use("giant")
            refusal = caught.value
            assert (refusal.model, refusal.device) == ("giant", "cpu")
            assert (refusal.needed_bytes, refusal.free_bytes, refusal.budget_bytes) == (
                500,
                100,
                100,
            )
            assert refusal.deficit_bytes == 400
            assert team.state("primary") == "ready"

    asyncio.run(main())


def test_a_model_that_speaks_does_not_draw(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team, team.lease("small") as lease:
            with pytest.raises(GenerationError, match="cannot draw"):
                lease.draw(ImageRequest("a cat"))

    asyncio.run(main())


def test_of_pinned_models_each_goes_where_most_is_left_beside_it() -> None:
    roster = Scheduler([DeviceBudget("cpu", 100), DeviceBudget("cuda", 110)]).roster
    check_pins(roster, {"either": {"cpu": 10, "cuda": 105}, "other": {"cuda": 60}})


def test_pinned_models_are_kept_and_count_against_others(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            team.sizes["medium"] = 30
            await team.use("small")
            team.manager.pin([team.sized("small")])
            await team.use("primary")
            await team.use("medium")
            await team.settle()
            stopped = [m for _, m in team.decisions("stop")]
            assert stopped == ["primary", "medium"], "small would have been cheaper, and enough"
            assert team.launcher.alive == ["small", "primary"]
            with pytest.raises(DoesNotFitError, match="beside the primary"):
                team.manager.pin([team.sized("small"), team.sized("coder")])
            team.manager.pin([])
            team.sizes["large"] = 95
            await team.use("large")
            assert "stop small" in team.journal

    asyncio.run(main())


def test_a_model_goes_to_its_device_and_moves_when_it_is_assigned_elsewhere(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, {"cpu:0": 100, "cpu:1": 90}) as team:
            team.manager.assign(team.sized("coder"), "cpu:1")
            await team.use("primary")
            await team.use("coder")
            devices = {p.model: p.device for p in team.launcher.plans}
            assert devices == {"primary": "cpu:0", "coder": "cpu:1"}
            assert team.decisions("stop") == []
            team.manager.assign(team.sized("coder"), None)
            await team.settle()
            assert team.decisions("stop") == [], "left to the scheduler, it stays where it is"
            team.manager.assign(team.sized("coder"), "cpu:0")
            await team.use("coder")
            await team.settle()
            moved = {p.model: p.device for p in team.launcher.plans}
            assert moved == {"coder": "cpu:0", "primary": "cpu:1"}, "the primary found room too"
            with pytest.raises(DeviceNotFoundError) as caught:
                team.manager.assign(team.sized("coder"), "cuda:7")
            assert caught.value.available == ("cpu:0", "cpu:1")
            coder = team.sized("coder")
            only = replace(coder, plans={"cpu:0": coder.plans["cpu:0"]})
            with pytest.raises(DeviceNotFoundError) as caught:
                team.manager.assign(only, "cpu:1")
            assert caught.value.available == ("cpu:0",), "its engine cannot compute elsewhere"

    asyncio.run(main())


def test_an_assigned_device_that_is_too_small_refuses_though_another_has_room(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, {"cpu:0": 100, "cpu:1": 50}) as team:
            team.manager.assign(team.sized("coder"), "cpu:1")
            with pytest.raises(DoesNotFitError) as caught:
                await team.use("coder")
            assert (caught.value.device, caught.value.deficit_bytes) == ("cpu:1", 10)

    asyncio.run(main())


def test_unloading_parks_and_does_not_owe_the_primary_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            async with team.lease("primary") as lease:
                await say(lease, LONG, "chat")
                team.manager.unload("primary")
                await team.settle()
                assert team.state("primary") == "busy", "one in use is left alone"
            team.manager.unload("primary")
            await team.settle()
            assert team.state("primary") == "parked"
            assert team.manager.status().devices[0].held_bytes == 0
            assert (await team.talk(LONG)).cached_tokens == 10

    asyncio.run(main())


def test_cpu_threads_are_divided_between_the_engines_that_live(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, 1000) as team:
            for model in ("primary", "coder", "small"):
                await team.use(model)
            assert [p.n_threads for p in team.launcher.plans] == [8, 4, 2]
            loaded = [(e.model, e.n_threads) for e in team.of(ModelLoaded)]
            assert loaded == [("primary", 8), ("coder", 4), ("small", 2)]

    asyncio.run(main())


def test_status_says_what_is_where(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            team.launcher.script("small").memory_bytes = 18
            await team.talk(LONG)
            await team.use("coder")
            await team.settle()
            team.manager.pin([team.sized("small")])
            async with team.lease("small"):
                status = await team.manager.measured_status()
            (device,) = status.devices
            assert (device.budget_bytes, device.held_bytes, device.lost_bytes) == (100, 90, 0)
            small = next(m for m in status.models if m.model == "small")
            assert (small.state, small.leases, small.pinned) == ("busy", 1, True)
            assert (small.held_bytes, small.measured_bytes) == (20, 18)
            assert small.pid == team.launcher.worker("small").pid
            coder = next(m for m in status.models if m.model == "coder")
            assert (coder.state, coder.held_bytes, coder.pid) == ("cold", 0, None)
            team.manager.unload("primary")
            await team.settle()
            primary = next(m for m in team.manager.status().models if m.model == "primary")
            assert (primary.state, primary.held_bytes) == ("parked", 0)
            assert primary.parked_bytes > 13 * len("xx"), "thirteen words in JSON"

    asyncio.run(main())
