from __future__ import annotations

from dataclasses import replace

import pytest

from airunner.components.llm.config.model_capabilities import (
    EMBEDDED_ARTIST,
    EMBEDDED_PRIMARY,
    MODEL_REGISTRY,
)
from airunner.models.assign import GB, Choice, auto_assign
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.models.speed import Pace, pace_on_cpu, seconds_per_picture

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
            pace_of=lambda spec, size: pace_on_cpu(spec, size, n_threads),
        )
        return {choice.capability: choice for choice in assignment.choices}

    many, two, one = on(16), on(2), on(1)
    assert many[PRIMARY].model == "Qwen/Qwen3-8B"
    assert two[PRIMARY].model == "Qwen/Qwen3-4B"
    assert "is not slow here" in two[PRIMARY].reason
    assert two[PRIMARY].rejected[0].reason == "fits, but is slow: about 140 words a minute here"
    # Nothing else is of use: the toy has less than a quarter of its parameters.
    assert one[PRIMARY].model == "Qwen/Qwen3-8B"
    assert str(one[PRIMARY].pace) == "slow: about 72 words a minute"
    assert one[PRIMARY].pace.short == "slow: 72 words/min"
    # A mixture of experts reads a few of its weights for each token.
    assert two[CODE].model == "Qwen/Qwen3-Coder-30B-A3B-Instruct"
    assert two[CODE].pace.words_per_minute == 341
    assert two[ModelCapability.IMAGE_GENERATION].pace.words_per_minute is None
    wanted = auto_assign(
        MODEL_REGISTRY,
        24 * GB,
        capabilities=[PRIMARY],
        assigned={PRIMARY: "Qwen/Qwen3-8B"},
        pace_of=lambda spec, size: pace_on_cpu(spec, size, 1),
    )
    assert wanted.choices[0].model == "Qwen/Qwen3-8B"


def drawn_by(budget_bytes: int, n_threads: int) -> Choice:
    (choice,) = auto_assign(
        MODEL_REGISTRY,
        budget_bytes,
        capabilities=[ModelCapability.IMAGE_GENERATION],
        refused=lambda spec: "gated" if spec.gated else "",
        pace_of=lambda spec, size: pace_on_cpu(spec, size, n_threads),
    ).choices
    return choice


@pytest.mark.parametrize("budget_bytes", [8 * GB, 18 * GB, 60 * GB])
def test_pictures_without_a_gpu_are_drawn_by_what_takes_minutes_and_not_hours(budget_bytes):
    choice = drawn_by(budget_bytes, 2)
    assert choice.model == "stabilityai/sdxl-turbo"
    assert choice.pace.short == "43 s/picture"
    assert all(r.reason != "gated" for r in choice.rejected), "what would be slow is not asked for"
    passed_over = {r.model: r.reason for r in choice.rejected if r.deficit_bytes == 0}
    if budget_bytes > 15 * GB:
        told = passed_over["Tongyi-MAI/Z-Image-Turbo"]
        assert told == "fits, but is slow: about 77 min a picture here"


def test_where_every_painter_is_slow_the_quickest_is_taken_and_said_to_be():
    choice = drawn_by(4 * GB, 2)
    assert choice.model == "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert str(choice.pace) == "slow: about 10 min a picture"
    assert drawn_by(GB, 1).model == EMBEDDED_ARTIST, "the toy only where nothing else fits"


def test_what_a_picture_takes_is_near_what_was_measured():
    # Stable Diffusion 1.x, 32 steps, on four cores: 120 to 270 s.
    spec = MODEL_REGISTRY["stable-diffusion-v1-5/stable-diffusion-v1-5"]
    assert spec.image is not None
    shorter = replace(spec, image=replace(spec.image, steps=32))
    assert 120 <= (seconds_per_picture(shorter, 4) or 0) <= 270
    assert seconds_per_picture(replace(spec, parameters_b=None), 4) is None
    assert Pace() == pace_on_cpu(MODEL_REGISTRY["Qwen/Qwen3-Embedding-0.6B"], GB, 4)
