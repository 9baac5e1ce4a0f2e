"""The heart, on the real engine: a conversation survives a swap, and the engine proves it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.faults.conftest import LONG, SHORT
from tests.faults.real_team import TWO_MODELS_BYTES, real_team

from airunner.events import (
    CacheLost,
    CacheProven,
    Decided,
    ModelLoaded,
    ModelParked,
    ModelReleased,
    ModelRestored,
)

Weights = tuple[Path, Path]


def test_a_conversation_goes_on_after_a_swap_as_if_it_had_never_left(
    tmp_path: Path, pair: Weights, never_left: dict[str, list[str]]
) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair) as team:
            answers = [(await team.talk(LONG[0]))[0]]
            for line in LONG[1:]:
                await team.swap()
                parked = team.of(ModelParked)[-1]
                assert parked.tokens > 300
                answer, usage = await team.talk(line)
                answers.append(answer)
                assert usage.cached_tokens >= 0.99 * parked.tokens
                assert usage.prompt_tokens - usage.cached_tokens < 20, "only what is new"
            assert answers == never_left[LONG[0]]
            assert len(team.of(CacheProven)) == 2
            assert team.of(CacheLost) == []

    asyncio.run(main())


def test_a_swap_tells_the_bytes_of_every_step(tmp_path: Path, pair: Weights) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair) as team:
            await team.talk(SHORT[0])
            await team.swap()
            await team.talk(SHORT[1])
            kinds = [e.kind for e in team.events if not isinstance(e, Decided)]
            assert kinds == [
                *("model_loaded", "model_parked", "model_released"),
                *("model_loaded", "model_released"),
                *("model_loaded", "model_restored", "cache_proven"),
            ]
            for loaded in team.of(ModelLoaded):
                assert loaded.measured_bytes is not None
                assert loaded.measured_bytes < 1.05 * loaded.predicted_bytes
            released = team.of(ModelReleased)[0]
            assert released.released_bytes > pair[0].stat().st_size
            (parked,), (restored,) = team.of(ModelParked), team.of(ModelRestored)
            per_token = team.primary.kv_bytes_per_token
            assert 1 <= parked.parked_bytes / (parked.tokens * per_token) < 1.05
            assert restored.tokens == parked.tokens

    asyncio.run(main())


def test_with_memory_for_both_nobody_is_swapped(
    tmp_path: Path, pair: Weights, never_left: dict[str, list[str]]
) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair, TWO_MODELS_BYTES) as team:
            answers = []
            for line in SHORT[:2]:
                answers.append((await team.talk(line))[0])
                await team.swap()
            assert answers == never_left[SHORT[0]][:2]
            assert [e.model for e in team.of(ModelLoaded)] == ["primary", "specialist"]
            assert team.of(ModelParked) == team.of(ModelReleased) == []

    asyncio.run(main())
