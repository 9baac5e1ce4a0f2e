"""Many at once: what a crowd asks is answered or refused, and takes memory within bounds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
from tests.resources.fake_team import fake_team

from airunner.errors import LeaseRefusedError

TURNS = 200
MOST_HELD_BYTES = 100_000_000
LONG = "a longer message, " * 9_765  # 175,770 characters


def test_two_hundred_turns_at_once_are_answered_within_memory(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with fake_team(tmp_path) as team:
            turns = (team.talk(f"hello {n}", f"chat {n}", f"turn {n}") for n in range(TURNS))
            answers = await asyncio.gather(*turns)
            assert len(answers) == TURNS
            assert all(usage.completion_tokens for usage in answers)

    before_bytes = psutil.Process().memory_info().rss
    asyncio.run(scenario())
    assert psutil.Process().memory_info().rss - before_bytes < MOST_HELD_BYTES


def test_beyond_the_queue_they_are_refused_and_the_others_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with fake_team(tmp_path, queue_limit=50) as team:
            turns = (team.talk("hello", f"chat {n}", f"turn {n}") for n in range(TURNS))
            answers = await asyncio.gather(*turns, return_exceptions=True)
            refused = [each for each in answers if isinstance(each, BaseException)]
            assert refused
            assert all(isinstance(each, LeaseRefusedError) for each in refused)
            assert len(answers) - len(refused) >= 50

    asyncio.run(scenario())


def test_long_messages_are_messages(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with fake_team(tmp_path) as team:
            turns = (team.talk(LONG, f"chat {n}", f"turn {n}") for n in range(8))
            assert len(await asyncio.gather(*turns)) == 8

    asyncio.run(scenario())
