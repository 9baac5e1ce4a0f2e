"""Choices that can be expected again are computed alone, all others at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from airunner.errors import GenerationError
from airunner.server.openai.choices import total_usage, whole_answers


def most_at_once(bodies: list[dict[str, Any]], failing: bool = False) -> tuple[int, int]:
    """How many answers were computed at once at most, and how many had not ended at the end."""
    running, most = 0, 0

    async def begin(body: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            await asyncio.sleep(0)
            if failing and body["n"] == 0:
                raise GenerationError("a/model", "it broke")
            if failing:
                await asyncio.Event().wait()
            yield {"choices": [{"delta": {"content": str(body["n"])}, "finish_reason": "stop"}]}
        finally:
            running -= 1

    async def main() -> tuple[int, int]:
        if failing:
            with pytest.raises(GenerationError):
                await whole_answers(begin, bodies)
        else:
            found = await whole_answers(begin, bodies)
            assert [each.texts["content"] for each in found] == [str(b["n"]) for b in bodies]
        return most, running

    return asyncio.run(main())


@pytest.mark.parametrize(("asked", "most"), [({}, 3), ({"seed": 1}, 1), ({"temperature": 0}, 1)])
def test_what_can_be_expected_again_shares_no_batch(asked: dict[str, Any], most: int) -> None:
    assert most_at_once([{"n": n, **asked} for n in range(3)]) == (most, 0)


def test_one_that_fails_ends_the_others() -> None:
    assert most_at_once([{"n": n} for n in range(3)], failing=True) == (3, 0)


def test_a_prompt_counts_once_and_every_prompt_does() -> None:
    costs = [
        {
            "prompt_tokens": prompt,
            "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": cached},
        }
        for prompt, cached in ((5, 0), (5, 4), (7, 1), (7, 6))
    ]
    of_two_prompts, of_one = total_usage(costs, 2), total_usage(costs[:2], 2)
    assert (of_two_prompts["prompt_tokens"], of_one["prompt_tokens"]) == (12, 5)
    assert of_two_prompts["total_tokens"] == 12 + 4 * 3
    assert of_two_prompts["prompt_tokens_details"] == {"cached_tokens": 1}
