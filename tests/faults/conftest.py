"""The dialogue that every fault interrupts, and what it becomes when nothing does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.real_team import TWO_MODELS_BYTES, real_team

from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL, MODEL_REGISTRY

SHORT = ("Tell me a story about a lighthouse, a storm and an old sailor.", "Go on.", "And then?")
LONG = ("The tide comes in and the tide goes out, and the keeper writes it down. " * 16, *SHORT[1:])


@pytest.fixture(scope="session")
def pair(smollm2: Path, smollm2_q8: Path) -> tuple[Path, Path]:
    """The weights of the primary and of the specialist; those in 8 bits are read faster."""
    return smollm2_q8, smollm2


@pytest.fixture(scope="session")
def never_left(
    pair: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """The answers to each dialogue, by its first line, of a primary that never left memory."""

    async def main(dialogue: tuple[str, ...]) -> list[str]:
        folder = tmp_path_factory.mktemp("never-left")
        async with real_team(folder, pair, TWO_MODELS_BYTES) as team:
            return [(await team.talk(line))[0] for line in dialogue]

    return {dialogue[0]: asyncio.run(main(dialogue)) for dialogue in (SHORT, LONG)}


@pytest.fixture
def registry() -> Iterator[None]:
    """The registry as shipped, and again afterwards."""
    models, mapping = dict(MODEL_REGISTRY), dict(CAPABILITY_TO_MODEL)
    yield
    MODEL_REGISTRY.clear()
    MODEL_REGISTRY.update(models)
    CAPABILITY_TO_MODEL.clear()
    CAPABILITY_TO_MODEL.update(mapping)
