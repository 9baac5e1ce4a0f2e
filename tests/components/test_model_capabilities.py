from __future__ import annotations

import re
from copy import deepcopy
from fnmatch import fnmatchcase as fnmatch

import pytest

from airunner.components.llm.config import model_capabilities as registry_file
from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_ARTIST,
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
    ModelCapability,
    ModelSpec,
    embedded_fallback,
    get_model_for_capability,
)
from airunner.engines.known import known_engines
from airunner.errors import UnknownModelError, UnmappedCapabilityError
from airunner.models.catalog import Catalog
from airunner.models.spec import HubFolderSource, HubSource, WheelSource


@pytest.fixture
def edited():
    """Lets a test edit the tables as a user does, and puts them back."""
    registry, mapping = dict(MODEL_REGISTRY), dict(CAPABILITY_TO_MODEL)
    specs = deepcopy(registry)
    yield
    assert all(MODEL_REGISTRY[name] == specs[name] for name in specs if name in MODEL_REGISTRY)
    for table, before in ((MODEL_REGISTRY, registry), (CAPABILITY_TO_MODEL, mapping)):
        table.clear()
        table.update(before)


def test_the_registry_is_sound():
    Catalog(MODEL_REGISTRY, CAPABILITY_TO_MODEL, known_engines().traits).validate()
    assert set(ModelCapability) == set(CAPABILITY_TO_MODEL)
    for spec in MODEL_REGISTRY.values():
        assert spec.license != "unknown"
        assert spec.gpu_memory_gb
        assert all(s.pattern.endswith(".gguf") for s in spec.sources if isinstance(s, HubSource))


def test_the_specifications_tables():
    spec = get_model_for_capability(ModelCapability.PROMPT_ENHANCEMENT)
    assert (spec.model_path, spec.gpu_memory_gb) == ("Qwen/Qwen2.5-3B-Instruct", 2.0)
    assert set(spec.capabilities) == {
        ModelCapability.PROMPT_ENHANCEMENT,
        ModelCapability.SUMMARIZATION,
        ModelCapability.TRANSLATION,
    }
    for capability in spec.capabilities:
        assert get_model_for_capability(capability) is spec
    primary = get_model_for_capability(ModelCapability.PRIMARY_CONVERSATION)
    assert primary.model_path == "Qwen/Qwen3-8B"
    assert (primary.max_context, primary.yarn_context) == (32_768, 131_072)
    assert primary.supports_thinking
    assert primary.gpu_memory_gb == 5.0
    assert MODEL_REGISTRY["Qwen/Qwen2.5-7B-Instruct"].max_context == 128 * 1024
    vision = MODEL_REGISTRY["mistralai/Ministral-3-8B-Instruct-2512"]
    assert (vision.max_context, vision.supports_vision) == (256 * 1024, True)
    for name in ("Qwen/Qwen2.5-Coder-7B-Instruct", "Qwen/Qwen3-Coder-30B-A3B-Instruct"):
        assert ModelCapability.CODE_GENERATION in MODEL_REGISTRY[name].capabilities


def test_the_specifications_two_statements_are_enough(edited):
    MODEL_REGISTRY["my-model/path"] = ModelSpec(
        model_path="my-model/path",
        capabilities=[
            ModelCapability.PROMPT_ENHANCEMENT,
        ],
        max_context=32768,
        supports_function_calling=False,
        quantization="4bit",
        gpu_memory_gb=2.5,
        priority=90,
    )
    CAPABILITY_TO_MODEL[ModelCapability.PROMPT_ENHANCEMENT] = "my-model/path"

    spec = get_model_for_capability(ModelCapability.PROMPT_ENHANCEMENT)
    assert spec.model_path == "my-model/path"
    catalog = Catalog(MODEL_REGISTRY, CAPABILITY_TO_MODEL, known_engines().traits)
    catalog.validate()
    assert catalog.sources_of(spec)[0] == HubSource("my-model/path-GGUF", "*Q4_K_M*.gguf")
    nothing_here = catalog.resolve(
        ModelCapability.PROMPT_ENHANCEMENT,
        lambda spec: False,
        embedded_fallback(ModelCapability.PROMPT_ENHANCEMENT),
    )
    assert nothing_here.spec.model_path == EMBEDDED_SPECIALIST


def test_what_is_missing_is_said(edited):
    del CAPABILITY_TO_MODEL[ModelCapability.IMAGE_GENERATION]
    with pytest.raises(UnmappedCapabilityError, match=r"ModelCapability\.IMAGE_GENERATION"):
        get_model_for_capability(ModelCapability.IMAGE_GENERATION)
    CAPABILITY_TO_MODEL[ModelCapability.IMAGE_GENERATION] = "a/painter"
    with pytest.raises(UnknownModelError, match="a/painter"):
        get_model_for_capability(ModelCapability.IMAGE_GENERATION)


def test_the_mapped_image_model_fits_the_specifications_memory_and_may_be_sold():
    spec = get_model_for_capability(ModelCapability.IMAGE_GENERATION)
    assert 6.0 <= spec.gpu_memory_gb <= 8.0  # "Primary + SD (swapped) ~6-8 GB"
    assert "non-commercial" not in spec.license
    artists = [s for s in MODEL_REGISTRY.values() if s.engine == "diffusers"]
    assert len(artists) == 8
    for artist in artists:
        for source in artist.sources:
            if isinstance(source, HubFolderSource):
                assert source.repo == artist.model_path
                wanted = {"model_index.json", "unet/config.json", "tokenizer/merges.txt"}
                assert all(any(fnmatch(w, p) for p in source.patterns) for w in wanted)
                refused = {"model.safetensors", "unet/diffusion_pytorch_model.bin", "a.ckpt"}
                assert not any(fnmatch(r, p) for r in refused for p in source.patterns)


def test_every_capability_but_embedding_has_an_embedded_stand_in():
    assert embedded_fallback(ModelCapability.IMAGE_GENERATION) == EMBEDDED_ARTIST
    assert embedded_fallback(ModelCapability.PRIMARY_CONVERSATION) == EMBEDDED_PRIMARY
    without = {c for c in ModelCapability if embedded_fallback(c) is None}
    assert without == {ModelCapability.EMBEDDING}
    (wheel,) = MODEL_REGISTRY[EMBEDDED_PRIMARY].sources
    assert isinstance(wheel, WheelSource)
    assert all(re.fullmatch("[0-9a-f]{64}", h) for h in (wheel.sha256, wheel.wheel_sha256))


def test_the_documented_names_are_importable_from_the_documented_place():
    assert {"ModelCapability", "ModelSpec", "get_model_for_capability"} <= set(
        registry_file.__all__
    )
