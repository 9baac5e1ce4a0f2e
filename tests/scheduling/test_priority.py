"""Who waits for memory is served by priority, and by arrival among equals."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.resources.fake_team import FakeTeam, fake_team, until

from airunner.resources.visitor import Visitor, serving


async def wait_for(team: FakeTeam, model: str, visitor: Visitor, order: list[str]) -> None:
    with serving(visitor):
        async with team.lease(model, visitor.name):
            order.append(visitor.name)


def test_a_higher_priority_is_granted_first(tmp_path: Path) -> None:
    async def main() -> list[str]:
        order: list[str] = []
        async with fake_team(tmp_path, primary=None) as team:
            waiting = []
            async with team.lease("primary", "first"):
                for name, priority in (("a", 0), ("low", -1), ("high", 1), ("b", 0)):
                    visitor = Visitor(name, priority=priority)
                    waiting.append(asyncio.create_task(wait_for(team, "artist", visitor, order)))
                await until(lambda: len(team.decisions("hold")) >= 4)
                assert order == []
            await asyncio.gather(*waiting)
        return order

    assert asyncio.run(main()) == ["high", "a", "b", "low"]
