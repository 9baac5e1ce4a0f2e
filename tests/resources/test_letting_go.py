"""What is let go of, deleted or brought back leaves nothing where it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.resources.fake_team import fake_team, say


def test_a_primary_that_is_let_go_of_while_it_is_away_stays_away(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.use("primary")
            async with team.lease("coder"):
                team.manager.unload("coder")  # it is in use
            await team.settle()
            assert team.launcher.alive == ["primary"]
            async with team.lease("coder"):
                team.manager.unload("primary")
            await team.settle()
            assert team.launcher.alive == ["coder"]

    asyncio.run(main())


def test_a_conversation_that_was_brought_back_is_parked_no_more(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            for conversation, parked in (("a", []), ("b", ["a"]), ("a", ["b"])):
                await team.talk("hello", conversation)
                assert [state.name for state in team.lot.of_model("primary")] == parked

    asyncio.run(main())


def test_a_deleted_conversation_is_not_parked(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path) as team:
            await team.talk("one", "deleted")
            team.manager.forget("deleted")
            await team.talk("two", "other")
            await team.talk("three", "third")
            assert [state.name for state in team.lot.of_model("primary")] == ["other"]

    asyncio.run(main())


def test_of_a_removed_model_nothing_is_known_once_it_has_left(tmp_path: Path) -> None:
    async def main() -> None:
        async with fake_team(tmp_path, primary=None) as team:
            async with team.lease("small") as lease:
                await say(lease, "one", "chat")
            team.manager.remove("small")
            assert team.state("small") == "ready"
            team.manager.unload("small")
            await team.settle()
            assert len(team.lot.of_model("small")) == 1
            team.manager.remove("small")
            assert team.manager.status().models == ()
            assert team.lot.of_model("small") == ()

    asyncio.run(main())
