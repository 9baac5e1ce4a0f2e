"""The pieces of ``benchmarks.conversation``: what is counted, and that a short one runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from benchmarks.conversation import converse
from benchmarks.conversation_figures import first_tokens, renamed, reuse
from benchmarks.party import PRIMARY, Party, Step, opened, prepare
from benchmarks.slot_tokens import other_tokens, saved_tokens
from benchmarks.talk import TALK, Said

from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL, MODEL_REGISTRY
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.search import SEARCH_TOOLS
from airunner.tools.toolset import Toolset


@pytest.fixture
def native(weights_home: Path, smollm2: Path, smollm2_q8: Path) -> Iterator[None]:
    models, mapping = dict(MODEL_REGISTRY), dict(CAPABILITY_TO_MODEL)
    prepare(weights_home)
    yield
    for table, before in ((MODEL_REGISTRY, models), (CAPABILITY_TO_MODEL, mapping)):
        table.clear()
        table.update(before)  # type: ignore[arg-type]


def step(
    turn: int, prompt: int, cached: int, held: int, ttft_s: float = 1.0, other: int = 0
) -> Step:
    return Step(turn, "", prompt, cached, 10, held, ttft_s, False, "", other)


def test_every_tool_that_a_turn_requires_exists() -> None:
    known = {*builtin_toolset().names, SEARCH_TOOLS, "required"}
    required = [said.tool for said in TALK if said.calls]
    assert set(required) <= known
    assert 0.4 * len(TALK) <= len(required) <= 0.6 * len(TALK)


def test_the_least_share_leaves_out_nothing_but_each_first_generation() -> None:
    first = [[step(1, 100, 0, 0)], [step(2, 130, 110, 110), step(2, 160, 70, 140)]]
    figures = reuse([first, [[step(1, 100, 0, 0)], [step(2, 130, 110, 110)]]])
    assert figures["generations"] == 3
    assert figures["least_share_of_a_generation_reused"] == 0.5
    assert figures["least_share_of_possible_reused"] == (110 + 70) / (110 + 140)
    assert [each["turn"] for each in figures["below_target"]] == [2]


def test_other_tokens_of_the_same_text_are_counted_beside_the_shares() -> None:
    figures = reuse([[[step(1, 100, 0, 0)], [step(2, 130, 88, 110, other=22)]]])
    assert figures["least_share_of_possible_reused"] == 1
    assert figures["below_target"] == []
    assert figures["other_tokens"] == {
        "generations": 1,
        "tokens": 22,
        "most_tokens": 22,
        "least_reused_of_all_held": 88 / 110,
    }


WORDS = ["Hello", " ", "wor", "ld", "world", "!", "?"]


@pytest.mark.parametrize(
    ("prompt", "other"),
    [
        ([0, 1, 2, 3, 5, 6], 0),
        ([0, 1, 4, 5, 6], 3),
        ([0, 1, 4, 6], 2),  # the next word is another one, not the same one in other tokens
        ([0, 5], 0),
        ([], 0),
    ],
)
def test_other_tokens_are_those_whose_text_comes_again(prompt: list[int], other: int) -> None:
    def text_of(tokens: Sequence[int]) -> str:
        return "".join(WORDS[token] for token in tokens)

    assert other_tokens([0, 1, 2, 3, 5], prompt, text_of) == other


def test_plain_turns_are_compared_in_pairs() -> None:
    turns = [Said("a"), Said("b"), Said("c", tool="x"), Said("d", swap=True)]
    ours, as_long, shorter = (
        [[step(n, 10, 0, 0, ttft_s=s)] for n in range(4)] for s in (3.0, 2.0, 1.0)
    )
    found = first_tokens(turns, [[ours, shorter, as_long]])
    for row in found.values():
        assert row["pairs"] == 1
        assert row["over_without_tools_as_long"] == 1.5
        assert row["over_without_tools_shorter"] == 3


def test_each_key_of_another_revision_says_so() -> None:
    assert renamed({"a": [{"b": 1}]}) == {"before_a": [{"before_b": 1}]}


def held(party: Party, state: Path) -> list[int]:
    async def save() -> None:
        async with party.runtime.team.lease(PRIMARY, owner="test") as lease:
            await lease.model.save_slot(0, state)

    party.runtime.call(save())
    return saved_tokens(state)


@pytest.mark.usefixtures("native")
def test_two_turns_with_a_call_and_a_swap_re_use_the_cache(tmp_path: Path) -> None:
    turns = [TALK[0], Said("How late is it?", "current_time", swap=True)]
    clock = Toolset([builtin_toolset().get("current_time")])
    with opened(clock) as party:
        (heard,) = converse(turns, party)
        in_slot = held(party, tmp_path / "state")
    assert len(heard[1]) >= 2
    assert heard[1][0].loaded
    assert len(in_slot) == party.held_tokens
    assert reuse([heard])["least_share_of_possible_reused"] >= 0.99
