"""An engine is one folder and one registration: ``parrot_engine``, which no file of ours names.

A program registers it, or an installed package brings it. A model of it is validated,
sized, placed, leased, swapped out for one of llama.cpp's, and comes back with its
conversation.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.engines.parrot_engine.descriptor import Parrot

import airunner
from airunner.engines.known import known_engines
from airunner.engines.registry import EngineRegistry
from airunner.errors import InvalidCatalogError, InvalidEngineError, UnknownEngineError
from airunner.events import EventBus
from airunner.models.catalog import Catalog
from airunner.models.engine_traits import EngineTraits
from airunner.models.spec import (
    FileSource,
    ImageDefaults,
    ModelCapability,
    ModelSpec,
    PackagedSource,
)
from airunner.weights.store import ModelStore

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
DRAWING = ModelCapability.IMAGE_GENERATION
ONE_MODEL_BYTES = 260_000_000
PACKAGE = Path(__file__).parent / "parrot_engine"
SOURCES = Path(airunner.__file__).parent.parent

REGISTRATION = """
from airunner.engines.known import register_engine
from parrot_engine.descriptor import Parrot
register_engine(Parrot())
"""

PROGRAM = """
import json, sys
from pathlib import Path
from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL, EMBEDDED_SPECIALIST, MODEL_REGISTRY, ModelCapability, ModelSpec,
)
from airunner.config.settings import Settings
from airunner.engines.base import ChatRequest
from airunner.messages import Message
from airunner.models.spec import FileSource
from airunner.runtime import Runtime

PRIMARY, OTHER = ModelCapability.PRIMARY_CONVERSATION, ModelCapability.SUMMARIZATION
home, name = Path(sys.argv[1]), "a/parrot"
MODEL_REGISTRY[name] = ModelSpec(
    name, [PRIMARY, OTHER], engine="parrot", license="free", sources=(FileSource(sys.argv[3]),)
)
CAPABILITY_TO_MODEL[PRIMARY] = name
CAPABILITY_TO_MODEL[OTHER] = EMBEDDED_SPECIALIST
settings = Settings(
    home=home, max_memory=int(sys.argv[2]), context=1024, devices=(), offline=True
)
events, usages, answers = [], [], []
with Runtime(settings, command="test") as runtime:
    runtime.bus.subscribe(lambda e: events.append([type(e).__name__, getattr(e, "model", "")]))

    async def say(capability, messages):
        request = ChatRequest(messages, conversation="c", max_tokens=4)
        text = ""
        async with runtime.team.lease(capability, owner="test") as lease:
            async for delta in lease.chat(request):
                text += delta.text
                usage = delta.usage or None
        return text.strip(), usage

    def turn(messages, capability=PRIMARY):
        answer, usage = runtime.call(say(capability, messages))
        runtime.settle()
        return answer, usage

    asked = [Message("user", "who is a pretty bird")]
    first, _ = turn(asked)
    other, _ = turn([Message("user", "Say hello.")], OTHER)
    state = {m.model: m.state for m in runtime.status().models}
    again, usage = turn([*asked, Message("assistant", first), Message("user", "say that again")])
    sized = runtime.call(runtime.team.size(MODEL_REGISTRY[name]))
    print(json.dumps({
        "first": first, "other": bool(other), "state": state[name], "again": again,
        "cached": usage.cached_tokens, "bytes": sized.demand.size_bytes["cpu"],
        "plan": runtime.plan().mapping[PRIMARY], "events": events,
    }))
"""


def site_with(tmp_path: Path, entries: str = "") -> Path:
    """A folder with the package, as pip leaves it; with ``entries`` it brings engines."""
    site = tmp_path / "site"
    shutil.copytree(PACKAGE, site / "parrot_engine", ignore=shutil.ignore_patterns("__pycache__"))
    if entries:
        info = site / "parrot_engine-1.0.dist-info"
        info.mkdir()
        metadata = "Metadata-Version: 2.1\nName: parrot-engine\nVersion: 1.0\n"
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_text(f"[airunner.engines]\n{entries}\n")
    return site


def swapped(home: Path, site: Path, registration: str = "") -> dict[str, Any]:
    """What ``PROGRAM`` reports, run with ``site`` on the path."""
    voice = home / "polly.voice"
    voice.write_text("polly says")
    arguments = [str(home), str(ONE_MODEL_BYTES), str(voice)]
    command = [sys.executable, "-c", registration + PROGRAM, *arguments]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(SOURCES)])}
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


@pytest.mark.parametrize("installed", [False, True])
def test_a_model_of_a_new_engine_takes_part(
    embedded_home: Path, tmp_path: Path, installed: bool
) -> None:
    entries = "parrot = parrot_engine.descriptor:Parrot" if installed else ""
    site = site_with(tmp_path, entries)
    report = swapped(embedded_home, site, "" if installed else REGISTRATION)
    assert report["first"] == "polly says a pretty bird"
    assert report["other"]
    assert report["state"] == "ready", "it came back by itself"
    assert report["again"] == "polly says say that again"
    # All that was said before the swap: five words, and five of the answer.
    assert report["cached"] == 10
    assert report["bytes"] == 100_000_000 + 1024 * 64 + len("polly says")
    happened = [event for event, model in report["events"] if model == "a/parrot"]
    steps = [e for e in happened if e in {"ModelLoaded", "ModelParked", "ModelReleased"}]
    assert steps[:4] == ["ModelLoaded", "ModelParked", "ModelReleased", "ModelLoaded"]
    assert "ModelRestored" in happened
    assert "WorkerDied" not in happened


def problems_of(spec: ModelSpec, *engines: Parrot) -> str:
    registry = EngineRegistry([*known_engines().values(), *engines])
    with pytest.raises(InvalidCatalogError) as caught:
        Catalog({spec.model_path: spec}, {}, registry.traits).validate()
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize("engine", ["transformers", "remote", "fake", "parrot"])
def test_an_engine_that_there_is_not_is_refused_with_those_that_there_are(engine: str) -> None:
    told = problems_of(ModelSpec("a/model", [PRIMARY], engine=engine))
    assert f"a/model has engine {engine!r}; there is llama_cpp, diffusers" in told


def test_an_engine_says_what_it_takes() -> None:
    def told(*capabilities: ModelCapability, **fields: Any) -> str:
        spec = ModelSpec("a/bird", list(capabilities), engine="parrot", **fields)
        return problems_of(spec, Parrot())

    assert 'lists IMAGE_GENERATION, which takes engine="diffusers"' in told(
        DRAWING, license="free", image=ImageDefaults()
    )
    assert "a/bird is no free parrot" in told(PRIMARY, sources=(PackagedSource("x"),))
    folder = told(PRIMARY, license="free", sources=(PackagedSource("x"),))
    assert "a folder as source, which 'parrot' cannot load" in folder
    assert "a/bird has no sources" in told(PRIMARY)


def test_an_engine_without_weights_is_always_here(tmp_path: Path) -> None:
    traits = EngineTraits("oracle", frozenset({PRIMARY}), weights=None)
    specs = [
        ModelSpec("oracle", [PRIMARY], engine="oracle"),
        ModelSpec("a/file", [PRIMARY], engine="oracle", sources=(FileSource("x"),)),
    ]
    catalog = Catalog({s.model_path: s for s in specs}, {}, {"oracle": traits})
    with pytest.raises(InvalidCatalogError) as caught:
        catalog.validate()
    assert caught.value.problems == ("a/file has sources, and 'oracle' loads no weights",)
    store = ModelStore(tmp_path, catalog, EventBus(), offline=True)
    assert store.is_here(specs[0])
    assert store.seems_here(specs[0])
    assert store.path(specs[0]) is None
    with pytest.raises(UnknownEngineError, match="engine 'prophet'; there is oracle"):
        store.is_here(ModelSpec("b", [PRIMARY], engine="prophet"))
    assert not store.seems_here(ModelSpec("b", [PRIMARY], engine="prophet"))


def test_two_engines_cannot_have_one_name() -> None:
    registry = EngineRegistry([Parrot()])
    with pytest.raises(InvalidEngineError, match="another engine has this name"):
        registry.register(Parrot())
    with pytest.raises(InvalidEngineError, match="no EngineDescriptor"):
        registry.register("parrot")  # type: ignore[arg-type]


def test_a_broken_package_is_reported_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    entries = (
        "broken = parrot_engine.no_such_module:X\n"
        "nothing = parrot_engine.planner:PROCESS_BYTES\n"
        "parrot = parrot_engine.descriptor:Parrot\n"
        "thief = parrot_engine.descriptor:Parrot"
    )
    monkeypatch.syspath_prepend(str(site_with(tmp_path, entries)))
    registry = EngineRegistry()
    registry.add_installed()
    assert list(registry) == ["parrot"]
    assert [name.partition(" ")[0] for name in registry.refused] == ["broken", "nothing", "thief"]
    assert "broken of package parrot-engine is left out: ModuleNotFoundError" in caplog.text
