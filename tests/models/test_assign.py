from __future__ import annotations

import pytest

from airunner.components.llm.config.model_capabilities import (
    EMBEDDED_ARTIST,
    EMBEDDED_PRIMARY,
    MODEL_REGISTRY,
)
from airunner.models.assign import GB, Choice, auto_assign
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.models.speed import speed_in_words, words_per_minute

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
CODE = ModelCapability.CODE_GENERATION
PROMPTS = ModelCapability.PROMPT_ENHANCEMENT


@pytest.mark.parametrize(
    ("max_vram", "primary", "coder", "artist"),
    [
        (1, EMBEDDED_PRIMARY, f"{EMBEDDED_PRIMARY}-Q8_0", EMBEDDED_ARTIST),
        (4, "Qwen/Qwen3-4B", "Qwen/Qwen3-4B", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
        (8, "Qwen/Qwen3-8B", "Qwen/Qwen2.5-Coder-7B-Instruct",
         "stabilityai/stable-diffusion-xl-base-1.0"),
        (24, "Qwen/Qwen3-8B", "Qwen/Qwen3-Coder-30B-A3B-Instruct", "Tongyi-MAI/Z-Image-Turbo"),
    ],
)  # fmt: skip
def test_the_team_for_a_graphics_card(max_vram, primary, coder, artist):
    assignment = auto_assign(MODEL_REGISTRY, max_vram * GB)
    mapping = assignment.mapping
    assert (mapping[PRIMARY], mapping[CODE]) == (primary, coder)
    assert mapping[ModelCapability.IMAGE_GENERATION] == artist
    small = f"{EMBEDDED_PRIMARY}-Q8_0"
    assert mapping[PROMPTS] == (small if max_vram == 1 else "Qwen/Qwen2.5-3B-Instruct")
    assert assignment.peak_bytes <= max_vram * GB


def test_image_models_may_have_a_budget_of_their_own():
    assignment = auto_assign(MODEL_REGISTRY, 24 * GB, engine_budgets={"diffusers": 8 * GB})
    assert assignment.mapping[CODE] == "Qwen/Qwen3-Coder-30B-A3B-Instruct"
    drawn_by = assignment.mapping[ModelCapability.IMAGE_GENERATION]
    assert drawn_by == "stabilityai/stable-diffusion-xl-base-1.0"


def test_the_deficit_of_what_does_not_fit_is_told():
    (choice,) = auto_assign(MODEL_REGISTRY, 8 * GB, capabilities=[CODE]).choices
    big = choice.rejected[0]
    assert big.model == "Qwen/Qwen3-Coder-30B-A3B-Instruct"
    assert big.deficit_bytes == 19_500_000_000 - 8 * GB
    assert {r.deficit_bytes for r in choice.rejected[1:]} == {0}
    lines = auto_assign(MODEL_REGISTRY, 8 * GB, capabilities=[CODE]).explain()
    assert "11,500,000,000 more" in lines[1]
    assert "5,000,000,000 of 8,000,000,000 bytes" in lines[0]


def test_measured_sizes_count():
    registry = {
        name: ModelSpec(name, [CODE], priority=priority)
        for name, priority in (("a/big", 3), ("a/unknown", 2), ("a/small", 1))
    }
    sizes = {"a/big": 700, "a/small": 300}

    def chosen(budget_bytes: int) -> str | None:
        assignment = auto_assign(registry, budget_bytes, lambda s: sizes.get(s.model_path))
        return assignment.mapping.get(CODE)

    assert chosen(700) == "a/big"
    assert chosen(699) == "a/small"
    assert chosen(299) is None
    (choice,) = auto_assign(registry, 10, lambda s: None, capabilities=[CODE]).choices
    assert choice.model is None
    assert {r.deficit_bytes for r in choice.rejected} == {None}


def test_equal_priority_is_decided_by_parameters():
    registry = {
        "a/seven": ModelSpec("a/seven", [CODE], gpu_memory_gb=5.0, parameters_b=7.0),
        "a/eight": ModelSpec("a/eight", [CODE], gpu_memory_gb=5.0, parameters_b=8.0),
    }
    assert auto_assign(registry, 6 * GB).mapping == {CODE: "a/eight"}


def test_a_model_that_would_be_slow_gives_way_to_one_of_use_and_is_told_of():
    def on(n_threads: int) -> dict[ModelCapability, Choice]:
        assignment = auto_assign(
            MODEL_REGISTRY,
            24 * GB,
            speed_of=lambda spec, size: words_per_minute(spec, size, n_threads),
        )
        return {choice.capability: choice for choice in assignment.choices}

    many, two, one = on(16), on(2), on(1)
    assert many[PRIMARY].model == "Qwen/Qwen3-8B"
    assert two[PRIMARY].model == "Qwen/Qwen3-4B"
    assert "is not slow here" in two[PRIMARY].reason
    assert two[PRIMARY].rejected[0].reason == "fits, but is slow: about 140 words a minute here"
    # Nothing else is of use: the toy has less than a quarter of its parameters.
    assert one[PRIMARY].model == "Qwen/Qwen3-8B"
    assert speed_in_words(one[PRIMARY].words_per_minute or 0) == "slow: about 72 words a minute"
    # A mixture of experts reads a few of its weights for each token.
    assert two[CODE].model == "Qwen/Qwen3-Coder-30B-A3B-Instruct"
    assert two[CODE].words_per_minute == 341
    assert two[ModelCapability.IMAGE_GENERATION].words_per_minute is None
    wanted = auto_assign(
        MODEL_REGISTRY,
        24 * GB,
        capabilities=[PRIMARY],
        assigned={PRIMARY: "Qwen/Qwen3-8B"},
        speed_of=lambda spec, size: words_per_minute(spec, size, 1),
    )
    assert wanted.choices[0].model == "Qwen/Qwen3-8B"
