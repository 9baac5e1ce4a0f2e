"""Figures made of the steps of conversations: how much was re-used, how soon a token came."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.party import Step
from benchmarks.talk import Said

LEAST_SHARE = 0.99


def ttft(turn: Sequence[Step]) -> float:
    """Seconds until the first token of a turn."""
    return turn[0].ttft_s


def plain(turns: Sequence[Said], *, swap: bool) -> list[int]:
    """The turns that are compared, by index: no call, and not the first."""
    return [i for i, said in enumerate(turns) if i and not said.tool and said.swap == swap]


def reuse(rounds: Sequence[Sequence[Sequence[Step]]]) -> dict[str, Any]:
    """How much of the cache was re-used, over all generations after each first."""
    after = [step for turns in rounds for step in [s for turn in turns for s in turn][1:]]
    shares = [step.share for step in after]
    return {
        "generations": len(after),
        "generations_after_a_swap": sum(step.loaded for step in after),
        "least_share_reused": min(shares),
        "mean_share_reused": statistics.mean(shares),
        "processed_tokens": sum(step.prompt_tokens - step.cached_tokens for step in after),
        "longest_prompt_tokens": max(step.prompt_tokens for step in after),
        "below_target": [
            {**asdict(step), "share": step.share} for step in after if step.share < LEAST_SHARE
        ],
    }


def first_tokens(
    turns: Sequence[Said], rounds: Sequence[Sequence[Sequence[Sequence[Step]]]]
) -> dict[str, Any]:
    """Times to the first token of plain turns; ``rounds`` by round, party and turn."""
    found: dict[str, Any] = {}
    for name, swap in (("stayed", False), ("after_a_swap", True)):
        places = plain(turns, swap=swap)
        times = [
            [ttft(parties[place][i]) for parties in rounds for i in places]
            for place in range(len(rounds[0]))
        ]
        row: dict[str, Any] = {
            "pairs": len(times[0]),
            "ttft_s": statistics.median(times[0]),
        }
        for key, other in zip(("shorter", "as_long"), times[1:], strict=False):
            ratios = [ours / theirs for ours, theirs in zip(times[0], other, strict=True)]
            row[f"ttft_without_tools_{key}_s"] = statistics.median(other)
            row[f"over_without_tools_{key}"] = statistics.median(ratios)
        found[name] = row
    return found


def renamed(value: Any) -> Any:
    """``value`` with ``before_`` in front of every key, however deep."""
    if isinstance(value, dict):
        return {f"before_{key}": renamed(each) for key, each in value.items()}
    return [renamed(each) for each in value] if isinstance(value, list) else value
