"""Every code block of the specification, run as it is written, on the real engines.

A test below counts the blocks, so that none can be forgotten.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import airunner.components.llm
from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_ARTIST,
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
    ModelCapability,
    ModelSpec,
)
from airunner.components.llm.managers.llm_model_manager import (
    LLMModelManager,
    assign_device,
    auto_assign_models,
    keep_in_memory,
    use_specialized_model,
)
from airunner.config.settings import Settings
from airunner.engines.image import Drawn, ImageRequest
from airunner.errors import DeviceNotFoundError
from airunner.events import Event, ModelLoaded, ModelReleased, PictureSaved
from airunner.runtime import Runtime

DOCUMENT = Path(airunner.components.llm.__file__).parent / "docs/multi-tier-model-architecture.md"
BLOCKS = [
    textwrap.dedent(block)
    for block in re.findall(r"^ *```python\n(.*?)^ *```", DOCUMENT.read_text(), re.S | re.M)
]
ONE_MODEL_BYTES = 260_000_000
TWO_MODELS_BYTES = 900_000_000
ARTIST_BYTES = 1_500_000_000


def block(containing: str) -> str:
    """The one block with this text."""
    found = [b for b in BLOCKS if containing in b]
    assert len(found) == 1, f"{len(found)} blocks contain {containing!r}"
    return found[0]


def run(source: str, **names: Any) -> dict[str, Any]:
    """Execute a block with the names the document takes for granted; return its namespace."""
    namespace: dict[str, Any] = {
        "Any": Any,
        "MODEL_REGISTRY": MODEL_REGISTRY,
        "CAPABILITY_TO_MODEL": CAPABILITY_TO_MODEL,
        "ModelCapability": ModelCapability,
        "ModelSpec": ModelSpec,
        "LLMModelManager": LLMModelManager,
        "use_specialized_model": use_specialized_model,
        "keep_in_memory": keep_in_memory,
        "assign_device": assign_device,
        "auto_assign_models": auto_assign_models,
        **names,
    }
    exec(compile(source, DOCUMENT.name, "exec"), namespace)
    return namespace


@pytest.fixture
def registry() -> Iterator[None]:
    """The registry as shipped, and again afterwards."""
    models, mapping = dict(MODEL_REGISTRY), dict(CAPABILITY_TO_MODEL)
    yield
    for live, kept in ((MODEL_REGISTRY, models), (CAPABILITY_TO_MODEL, mapping)):
        live.clear()
        live.update(kept)  # type: ignore[arg-type]


class Team:
    """A shared runtime and what it reported."""

    def __init__(self, settings: Settings) -> None:
        self.events: list[Event] = []
        self.runtime = Runtime.share(Runtime(settings, command="test"))
        self.runtime.bus.subscribe(self.events.append)

    def loaded(self) -> list[str]:
        return [e.model for e in self.events if isinstance(e, ModelLoaded)]

    def state(self, model: str) -> str:
        self.runtime.settle()
        return next(m.state for m in self.runtime.status().models if m.model == model)


@pytest.fixture
def team(embedded_home: Path, registry: None) -> Iterator[Team]:
    """A budget that holds one model at a time."""
    settings = Settings(home=embedded_home, max_memory=ONE_MODEL_BYTES, context=1024, offline=True)
    one = Team(settings)
    yield one
    one.runtime.close()


@pytest.fixture
def roomy_team(embedded_home: Path, registry: None) -> Iterator[Team]:
    """Two devices, RAM standing in for two GPUs, each with room for both models."""
    devices = (("cuda:0", TWO_MODELS_BYTES), ("cuda:1", TWO_MODELS_BYTES))
    settings = Settings(home=embedded_home, devices=devices, context=1024, offline=True)
    one = Team(settings)
    yield one
    one.runtime.close()


@pytest.fixture
def drawing_team(embedded_home: Path, registry: None) -> Iterator[Team]:
    """The embedded models, with room for the one that draws."""
    CAPABILITY_TO_MODEL[ModelCapability.IMAGE_GENERATION] = EMBEDDED_ARTIST
    settings = Settings(
        home=embedded_home,
        pictures=embedded_home / "pictures",
        max_memory=ARTIST_BYTES,
        context=1024,
        offline=True,
    )
    one = Team(settings)
    yield one
    one.runtime.close()


class StableDiffusion:
    """The image model as the document has it: something that generates from a prompt."""

    def __init__(self) -> None:
        self.drawn: list[Drawn] = []

    def generate(self, prompt: str) -> Drawn:
        drawing = Runtime.shared().draw(ImageRequest(prompt, seed=7))
        while True:
            try:
                next(drawing)
            except StopIteration as end:
                self.drawn.append(end.value)
                return self.drawn[-1]


def test_the_document_has_the_blocks_that_are_run_here() -> None:
    drawing = [b for b in BLOCKS if "stable_diffusion" in b]
    assert (len(BLOCKS), len(drawing)) == (13, 1)


@pytest.mark.skipif(find_spec("diffusers") is None, reason="airunner[images] is not installed")
def test_the_example_flow_draws_the_enhanced_prompt(drawing_team: Team) -> None:
    artist = StableDiffusion()
    names = run(
        block("stable_diffusion.generate"),
        primary_llm=LLMModelManager().primary,
        stable_diffusion=artist,
    )
    assert names["tool_call"]["name"] == "generate_image"
    assert names["enhanced_prompt"].strip()
    ((picture,),) = [drawn.pictures for drawn in artist.drawn]
    assert picture.path.parent == drawing_team.runtime.pictures.path
    assert picture.path.read_bytes().startswith(b"\x89PNG")
    settings = drawing_team.runtime.pictures.settings(picture.path)
    assert settings["prompt"] == names["enhanced_prompt"]
    assert settings["seed"] == "7"
    (saved,) = [e for e in drawing_team.events if isinstance(e, PictureSaved)]
    assert saved.path == str(picture.path)
    assert {EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST, EMBEDDED_ARTIST} <= set(drawing_team.loaded())


def test_registry_lookup(capsys: pytest.CaptureFixture[str]) -> None:
    run(block("# Get the prompt enhancement model"))
    assert capsys.readouterr().out == "Qwen/Qwen2.5-3B-Instruct\n2.0\n"


def test_two_statements_add_a_model(team: Team, smollm2_q8: Path) -> None:
    run(block('MODEL_REGISTRY["my-model/path"]'))
    folder = team.runtime.store.folder(MODEL_REGISTRY["my-model/path"])
    folder.mkdir()
    (folder / "my-model.gguf").symlink_to(smollm2_q8)
    assert use_specialized_model(ModelCapability.PROMPT_ENHANCEMENT, "a cat", max_tokens=8)
    assert team.loaded() == ["my-model/path"]


def test_method_one_swaps_and_returns(team: Team) -> None:
    primary = team.runtime.resolve(ModelCapability.PRIMARY_CONVERSATION).spec.model_path
    assert LLMModelManager().primary.invoke("Say hello.", max_tokens=4)
    my_tool = run(block("def my_tool"))["my_tool"]
    assert isinstance(my_tool("a cat"), str)
    assert team.state(primary) == "ready"
    assert team.loaded() == [primary, EMBEDDED_SPECIALIST, primary]


def test_method_two_holds_the_model_until_the_function_returns(team: Team) -> None:
    primary = team.runtime.resolve(ModelCapability.PRIMARY_CONVERSATION).spec.model_path
    LLMModelManager().primary.invoke("Say hello.", max_tokens=4)
    team.runtime.settle()
    complex_tool = run(block("def complex_tool"))["complex_tool"]
    first, _, second = complex_tool({}).partition("\n\n")
    assert first
    assert second
    assert team.state(primary) == "ready"
    assert team.loaded() == [primary, EMBEDDED_SPECIALIST, primary]
    assert [e.model for e in team.events if isinstance(e, ModelReleased)] == [
        primary,
        EMBEDDED_SPECIALIST,
    ]


def test_migration_from_a_single_model(team: Team) -> None:
    primary = LLMModelManager().primary
    assert isinstance(run(block("# LLM handles prompt"), llm=primary)["response"], str)
    names = run(block("# Primary LLM calls tool\n"), primary_llm=primary)
    assert isinstance(names["tool_call"], str)
    assert isinstance(names["enhanced"], str)


def test_updating_a_tool(team: Team) -> None:
    names = run(BLOCKS[BLOCKS.index(block("if not result:")) - 2])
    assert names["ModelCapability"] is ModelCapability
    used = run(BLOCKS[BLOCKS.index(block("if not result:")) - 1], prompt="a cat")
    assert isinstance(used["result"], str)
    kept = run(block("if not result:"), result=None, original_prompt="a cat")
    assert kept["result"] == "a cat"


def test_smart_caching_keeps_the_specialist(roomy_team: Team) -> None:
    source = block("# If VRAM > 12GB")
    run(source, available_vram=8)
    assert roomy_team.loaded() == []
    run(source, available_vram=16)
    kept = {m.model: m for m in roomy_team.runtime.status().models}[EMBEDDED_SPECIALIST]
    assert (kept.state, kept.pinned) == ("ready", True)


def test_models_go_to_the_devices_they_were_assigned(roomy_team: Team) -> None:
    run(block("# Primary on GPU 0"))
    primary = roomy_team.runtime.resolve(ModelCapability.PRIMARY_CONVERSATION).spec.model_path
    LLMModelManager().primary.invoke("Say hello.", max_tokens=4)
    use_specialized_model(ModelCapability.PROMPT_ENHANCEMENT, "a cat", max_tokens=4)
    devices = {e.model: e.device for e in roomy_team.events if isinstance(e, ModelLoaded)}
    assert devices == {primary: "cuda:0", EMBEDDED_SPECIALIST: "cuda:1"}
    with pytest.raises(DeviceNotFoundError, match="cuda:7"):
        assign_device(ModelCapability.PROMPT_ENHANCEMENT, "cuda:7")


def test_auto_assignment_maps_what_fits(team: Team) -> None:
    names = run(block("auto_assign_models(max_vram=8)").replace("auto_", "chosen = auto_", 1))
    assert CAPABILITY_TO_MODEL[ModelCapability.PRIMARY_CONVERSATION] == "Qwen/Qwen3-8B"
    assert all(c.size_bytes <= 8e9 for c in names["chosen"].choices if c.model)
    assert "Qwen/Qwen3-8B" in str(names["chosen"])
