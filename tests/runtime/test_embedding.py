"""Embeddings through the runtime, on the real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from airunner.cli.app import app
from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL, MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.runtime import Runtime


@pytest.fixture
def embedder(smollm2: Path) -> Iterator[str]:
    """SmolLM2 registered as an embedder: a chat model's mean-pooled states are vectors too."""
    name, kept = str(smollm2), CAPABILITY_TO_MODEL[ModelCapability.EMBEDDING]
    MODEL_REGISTRY[name] = ModelSpec(name, [ModelCapability.EMBEDDING], max_context=1024)
    CAPABILITY_TO_MODEL[ModelCapability.EMBEDDING] = name
    yield name
    CAPABILITY_TO_MODEL[ModelCapability.EMBEDDING] = kept
    del MODEL_REGISTRY[name]


def cosine(a: list[float], b: list[float]) -> float:
    norm = (sum(x * x for x in a) * sum(x * x for x in b)) ** 0.5
    return sum(x * y for x, y in zip(a, b, strict=True)) / norm


def test_like_texts_have_like_vectors(embedded_home: Path, embedder: str) -> None:
    settings = Settings.load({"home": embedded_home, "max_memory": "2GB", "offline": True})
    texts = ["The cat sleeps.", "The cat is sleeping.", "Interest rates rose by a percent."]
    with Runtime(settings) as runtime:
        cat, sleeping, money = runtime.embed(texts)
        (model,) = runtime.status().models
    assert model.model == embedder
    assert len(cat) == 576
    assert cosine(cat, sleeping) > cosine(cat, money)


def test_run_prints_the_vector(embedded_home: Path, embedder: str) -> None:
    done = CliRunner().invoke(
        app, ["run", "embedding", "A cat.", "--home", str(embedded_home), "--offline"]
    )
    assert done.exit_code == 0, done.output
    assert len(json.loads(done.stdout)) == 576
