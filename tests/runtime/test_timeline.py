"""What the memory did of late, and who waits, on the fake engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.resources.fake_team import fake_team, until

from airunner.resources.status import WaitingStatus
from airunner.runtime.timeline import KEPT_S, MemoryTimeline


def test_the_timeline_has_the_steps_of_a_swap_and_forgets_after_a_while(tmp_path: Path) -> None:
    async def main() -> None:
        now = [1000.0]
        async with fake_team(tmp_path) as team:
            line = MemoryTimeline(team.manager.status, team.bus, now=lambda: now[0], every_s=0.0)
            gate = team.launcher.script("coder").loading
            await team.talk("one two")
            now[0] = 1001.0
            gate.close()
            using = asyncio.create_task(team.use("coder"))
            await gate.reached()
            # Read only at the end: what lies between was sampled by itself.
            await asyncio.sleep(0)
            now[0] = 1002.0
            gate.open()
            await using
            await team.settle()
            now[0] = 1003.0
            shown = line.samples()
            held = [{m.model: (m.state, m.held_bytes) for m in s.models} for s in shown]
            assert held[0] == {}
            assert {"primary": ("busy", 70)} in held
            (loading,) = [s for s in shown if s.at_s == 1001.0 and s.models[-1].model == "coder"]
            assert loading.devices[0].held_bytes == 60
            assert {m.model: m.parked_bytes > 0 for m in loading.models} == {
                "primary": True,
                "coder": False,
            }
            assert [s.at_s for s in line.samples(1001.0)] == [
                s.at_s for s in shown if s.at_s > 1001.0
            ]
            assert line.samples() == shown, "nothing happened, so there is no new one"
            now[0] += KEPT_S + 10
            (last,) = line.samples()
            assert last == shown[-1], "it says what holds since"
            told = line.as_json()
            assert told["now_s"] - told["since_s"] == KEPT_S
            assert told["samples"][0]["devices"][0]["budget_bytes"] == 100
            now[0] = 900.0  # the clock is set back
            (again,) = line.samples()
            assert (again.at_s, again.models) == (now[0], last.models)

    asyncio.run(main())


def test_many_changes_in_a_second_are_one_sample(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, 1000) as team:
            line = MemoryTimeline(team.manager.status, team.bus, every_s=60.0)
            for model in ("primary", "coder", "small"):
                await team.use(model)
            assert len(line.samples()) == 2, "the beginning, and what was read just now"

    asyncio.run(main())


def test_who_waits_is_told_the_place_the_time_and_why(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            async with team.lease("primary", owner="talk"):
                waiting = [
                    asyncio.create_task(team.use("coder", owner="write")),
                    asyncio.create_task(team.use("artist", owner="draw")),
                ]
                await until(lambda: len(team.manager.status().waiting) == 2)
                first, second = team.manager.status().waiting
            assert (first.place, first.model, first.owner) == (1, "coder", "write")
            assert first.reason == "waiting for primary"
            # A load of a second, and what is left of a lease of five.
            assert 1 <= first.eta_s <= 6
            assert isinstance(second, WaitingStatus)
            assert (second.place, second.model) == (2, "artist")
            assert second.eta_s > first.eta_s + 5
            await asyncio.gather(*waiting)
            assert team.manager.status().waiting == ()

    asyncio.run(main())
