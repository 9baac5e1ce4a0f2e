"""What tools see of a real runtime: the embedded models, loaded and told."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.real_team import ONE_MODEL_BYTES

from airunner.components.llm.config.model_capabilities import (
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
)
from airunner.config.settings import Settings
from airunner.engines.known import known_engines
from airunner.events import Decided
from airunner.models.catalog import Catalog
from airunner.models.spec import ModelCapability, ModelSpec, short_name
from airunner.runtime import Runtime
from airunner.runtime.system import KEPT_DECISIONS, RuntimeSystem
from airunner.toolbox.system.system_tools import about_airunner
from airunner.tools.system_view import SystemView

PRIMARY = ModelCapability.PRIMARY_CONVERSATION


def system_of(runtime: Runtime, catalog: Catalog | None = None) -> RuntimeSystem:
    return RuntimeSystem(
        catalog=catalog or runtime.catalog,
        store=runtime.store,
        resolve=runtime.team.resolution,
        status=runtime.status,
        bus=runtime.bus,
        settings=runtime.settings,
    )


def settings(home: Path) -> Settings:
    return Settings(home=home, max_memory=ONE_MODEL_BYTES, context=1024, offline=True)


class Api:
    def __init__(self, system: SystemView) -> None:
        self.system = system


def test_models_memory_and_decisions_are_those_of_the_runtime(embedded_home: Path) -> None:
    talker, writer = short_name(EMBEDDED_PRIMARY), short_name(EMBEDDED_SPECIALIST)
    with Runtime(settings(embedded_home), command="test") as runtime:
        system = system_of(runtime)
        api = Api(system)
        assert not any(m.is_loaded for m in system.models())
        assert runtime.use_specialized_model(PRIMARY, "Hello", max_tokens=2)
        summarizing = ModelCapability.SUMMARIZATION
        assert runtime.use_specialized_model(summarizing, "Summarize: it rained.", max_tokens=2)
        runtime.settle()

        known = {m.name: m for m in system.models()}
        assert len(known) == len(MODEL_REGISTRY)
        assert known[talker].file_bytes == 98_362_432
        assert known[talker].state == "ready"
        assert known[talker].held_bytes > 98_362_432
        assert known[talker].serves == ("primary_conversation",)
        assert "summarization" in known[writer].serves
        assert (known[writer].is_here, known[writer].is_loaded) == (True, False)
        away = known[short_name("Qwen/Qwen2.5-3B-Instruct")]
        assert (away.is_here, away.serves) == (False, ())
        assert away.expected_bytes is not None

        (device,) = system.devices()
        assert device.budget_bytes == ONE_MODEL_BYTES
        assert device.held_bytes == known[talker].held_bytes
        assert device.free_bytes == ONE_MODEL_BYTES - device.held_bytes

        told = about_airunner("decisions", api=api)
        assert f"PARK {talker} on cpu: makes room for" in told
        assert f"START LOAD {talker} on cpu: the primary returns" in told
        assert "GRANT" not in told
        assert f"- {talker} (98.4 MB): ready on cpu with" in about_airunner("models", api=api)
        assert f"- {talker}: ready on cpu with" in about_airunner("memory", api=api)
        everything = (told, about_airunner("models", api=api), about_airunner("memory", api=api))
        assert str(embedded_home) not in "".join(everything)


def test_settings_have_no_paths_and_say_what_they_mean(tmp_path: Path) -> None:
    with Runtime(settings(tmp_path), command="test") as runtime:
        told = system_of(runtime).settings()
    assert told["context"].startswith("1024 (tokens per conversation")
    assert told["max_memory"].startswith("260 MB (")
    assert not {"home", "config", "pictures", "permissions", "mcp_config"} & set(told)
    assert str(tmp_path) not in str(told)


def test_a_file_is_named_without_its_folders(tmp_path: Path) -> None:
    file = str(tmp_path / "private" / "model.gguf")
    spec = ModelSpec(file, [PRIMARY])
    catalog = Catalog({file: spec}, {PRIMARY: file}, known_engines().traits)
    with Runtime(settings(tmp_path), command="test") as runtime:
        system = system_of(runtime, catalog)
        reason = f"makes room for {file}, which needs 5 bytes"
        runtime.bus.publish(Decided(action="park", model=file, device="cpu", reason=reason))
        (model,) = system.models()
        (line,) = system.decisions(1)
    assert (model.name, model.is_here) == ("model.gguf", False)
    assert line.endswith("PARK model.gguf on cpu: makes room for model.gguf, which needs 5 bytes")


@pytest.mark.parametrize("asked", [0, 1, KEPT_DECISIONS, 1000])
def test_the_last_decisions_are_kept_and_no_more(tmp_path: Path, asked: int) -> None:
    with Runtime(settings(tmp_path), command="test") as runtime:
        system = system_of(runtime)
        for number in range(KEPT_DECISIONS + 7):
            runtime.bus.publish(
                Decided(action="hold", model=f"m{number}", device="", reason="it waits")
            )
        decided = system.decisions(asked)
    assert len(decided) == min(asked, KEPT_DECISIONS)
    assert not decided or f"m{KEPT_DECISIONS + 6}:" in decided[-1]
