"""Weights that cannot be used: a typed error for the caller, and the primary as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.children import Children
from tests.faults.conftest import SHORT
from tests.faults.real_team import ONE_MODEL_BYTES, real_team

from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_PRIMARY,
    MODEL_REGISTRY,
)
from airunner.config.settings import Settings
from airunner.errors import (
    CorruptWeightsError,
    DoesNotFitError,
    MissingWeightsError,
    UnsupportedArchitectureError,
)
from airunner.events import CacheProven, Event, SpecialistFailed
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.runtime import Runtime

Weights = tuple[Path, Path]
Damage = Callable[[bytes], bytes]

HEADER_BYTES = 1 << 16


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def no_gguf(content: bytes) -> bytes:
    return b"<html>Not found</html>" * 1000


def scrambled_header(content: bytes) -> bytes:
    return content[:24] + bytes(reversed(content[24:HEADER_BYTES])) + content[HEADER_BYTES:]


def of_another_architecture(content: bytes) -> bytes:
    """Sound in every respect, except that no engine knows it; names keep their length."""
    return content.replace(b"llama", b"tapir")


def without_a_key(content: bytes) -> bytes:
    """What only the engine notices: a fact is missing that the memory estimate does not need."""
    return content.replace(b"layer_norm_rms_epsilon", b"layer_norm_xyz_epsilon", 1)


DAMAGES = [
    (truncated, CorruptWeightsError),
    (no_gguf, CorruptWeightsError),
    (scrambled_header, CorruptWeightsError),
    (of_another_architecture, UnsupportedArchitectureError),
    (without_a_key, CorruptWeightsError),
]


def damaged(folder: Path, source: Path, damage: Damage) -> Path:
    path = folder / "damaged.gguf"
    path.write_bytes(damage(source.read_bytes()))
    return path


def test_each_is_a_typed_error_and_the_primary_is_back_with_its_conversation(
    tmp_path: Path, pair: Weights, never_left: dict[str, list[str]]
) -> None:
    async def main() -> None:
        async with real_team(tmp_path / "team", pair) as team:
            answers = [(await team.talk(SHORT[0]))[0]]
            for damage, expected in DAMAGES:
                path = damaged(tmp_path, pair[1], damage)
                with pytest.raises(expected) as caught:
                    async with team.lease(team.size(damage.__name__, path), owner="tool"):
                        pass
                assert caught.value.path == path
                await team.manager.settled()
                assert team.state("primary") == "ready"
            with pytest.raises(MissingWeightsError):
                team.size("absent", tmp_path / "absent.gguf")
            answers.append((await team.talk(SHORT[1]))[0])
            assert answers == never_left[SHORT[0]][:2]
            assert len(team.of(CacheProven)) == 1, "and warm"

    asyncio.run(main())


def test_weights_that_vanish_after_they_were_sized_are_missing(
    tmp_path: Path, pair: Weights
) -> None:
    async def main() -> None:
        async with real_team(tmp_path / "team", pair) as team:
            path = tmp_path / "here-now.gguf"
            path.symlink_to(pair[1])
            sized = team.size("vanishing", path)
            path.unlink()
            with pytest.raises(MissingWeightsError):
                async with team.lease(sized):
                    pass

    asyncio.run(main())


def test_a_budget_smaller_than_any_model_is_refused_with_the_deficit(
    tmp_path: Path, pair: Weights
) -> None:
    async def main() -> None:
        async with real_team(tmp_path, pair, budget_bytes=50_000_000) as team:
            with pytest.raises(DoesNotFitError) as caught:
                await team.talk(SHORT[0])
            refusal = caught.value
            assert refusal.budget_bytes == refusal.free_bytes == 50_000_000
            assert refusal.needed_bytes == team.primary.demand.size_bytes["cpu"]
            assert refusal.deficit_bytes == refusal.needed_bytes - 50_000_000
            assert "too few" in str(refusal)
            assert "--max-memory" in str(refusal)

    asyncio.run(main())


@pytest.mark.usefixtures("registry")
def test_a_tool_that_asks_for_a_broken_specialist_gets_none_and_the_reason_is_said(
    embedded_home: Path, smollm2_q8: Path
) -> None:
    children = Children()
    path = damaged(embedded_home, smollm2_q8, of_another_architecture)
    MODEL_REGISTRY[str(path)] = ModelSpec(str(path), [ModelCapability.SUMMARIZATION])
    CAPABILITY_TO_MODEL[ModelCapability.SUMMARIZATION] = str(path)
    settings = Settings(home=embedded_home, max_memory=ONE_MODEL_BYTES, context=1024, offline=True)
    events: list[Event] = []
    with Runtime(settings, command="test") as runtime:
        runtime.bus.subscribe(events.append)
        primary = ModelCapability.PRIMARY_CONVERSATION
        assert runtime.use_specialized_model(primary, "Hello", max_tokens=4)
        assert runtime.use_specialized_model(ModelCapability.SUMMARIZATION, "Hello") is None
        (failed,) = [e for e in events if isinstance(e, SpecialistFailed)]
        assert failed.capability == "summarization"
        assert failed.problem == str(UnsupportedArchitectureError(path, "tapir"))
        runtime.settle()
        states = {m.model: m.state for m in runtime.status().models}
        assert states[EMBEDDED_PRIMARY] == "ready"
    assert children() == set()
