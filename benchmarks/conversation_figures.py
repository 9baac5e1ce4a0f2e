"""Figures made of the steps of conversations: how much was re-used, how soon a token came."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from benchmarks.party import Step
from benchmarks.talk import Said

LEAST_SHARE = 0.99
ALIKE_TOKENS = 12
"""By how much the tokens that two turns had to read may differ, for their times to compare."""


def ttft(turn: Sequence[Step]) -> float:
    """Seconds until the first token of a turn."""
    return turn[0].ttft_s


def plain(turns: Sequence[Said], *, swap: bool) -> list[int]:
    """The turns that are compared, by index: no call is required, and not the first."""
    return [i for i, said in enumerate(turns) if i and not said.calls and said.swap == swap]


def reuse(rounds: Sequence[Sequence[Sequence[Step]]]) -> dict[str, Any]:
    """How much of the cache was re-used, by turn and by generation, after each first one.

    Shares are of the tokens that were possible to re-use. Those that were not, because the
    prompt has the same text in other tokens, are counted beside them.
    """
    after = [step for turns in rounds for step in [s for turn in turns for s in turn][1:]]
    shares = [step.share for step in after]
    turns_after = [turn for turns in rounds for turn in turns[1:]]
    of_prompts = [
        later.cached_tokens / min(earlier.prompt_tokens, later.prompt_tokens)
        for turns in rounds
        for earlier, later in pairwise(step for turn in turns for step in turn)
    ]
    lost = [step for step in after if step.other_tokens]
    return {
        "least_share_of_the_last_prompt_reused": min(1.0, *of_prompts),
        "generations": len(after),
        "generations_after_a_swap": sum(step.loaded for step in after),
        "least_share_of_possible_reused": min(
            _reused(turn, sum(step.could_reuse for step in turn)) for turn in turns_after
        ),
        "least_share_of_a_generation_reused": min(shares),
        "mean_share_reused": statistics.mean(shares),
        "other_tokens": {
            "generations": len(lost),
            "tokens": sum(step.other_tokens for step in lost),
            "most_tokens": max((step.other_tokens for step in lost), default=0),
            "least_reused_of_all_held": min(
                _reused(turn, sum(min(step.held_tokens, step.prompt_tokens) for step in turn))
                for turn in turns_after
            ),
        },
        "processed_tokens": sum(step.prompt_tokens - step.cached_tokens for step in after),
        "longest_prompt_tokens": max(step.prompt_tokens for step in after),
        "below_target": [
            {**asdict(step), "share": step.share} for step in after if step.share < LEAST_SHARE
        ],
    }


def _reused(turn: Sequence[Step], of_tokens: int) -> float:
    return sum(step.cached_tokens for step in turn) / of_tokens


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
        if len(rounds[0]) > len(("tools", "shorter")):
            row |= _alike(rounds, places)
        found[name] = row
    return found


def _alike(
    rounds: Sequence[Sequence[Sequence[Sequence[Step]]]], places: Sequence[int]
) -> dict[str, Any]:
    """Turns in which the conversation with tools and the one as long had as much to read.

    A small model cuts calls of its own short, which costs its next turn that answer. How
    soon a token comes then depends on what it wrote, and not on whether there are tools.
    """
    pairs = [
        (ours[i][0], theirs[i][0])
        for ours, _, theirs in rounds
        for i in places
        if abs(_to_read(ours[i][0]) - _to_read(theirs[i][0])) <= ALIKE_TOKENS
    ]
    return {
        "alike_pairs": len(pairs),
        "alike_prompt_tokens": [
            [ours.prompt_tokens, theirs.prompt_tokens] for ours, theirs in pairs
        ],
        "alike_over_without_tools_as_long": statistics.median(
            ours.ttft_s / theirs.ttft_s for ours, theirs in pairs
        )
        if pairs
        else None,
    }


def _to_read(step: Step) -> int:
    return step.prompt_tokens - step.cached_tokens


def renamed(value: Any) -> Any:
    """``value`` with ``before_`` in front of every key, however deep."""
    if isinstance(value, dict):
        return {f"before_{key}": renamed(each) for key, each in value.items()}
    return [renamed(each) for each in value] if isinstance(value, list) else value
