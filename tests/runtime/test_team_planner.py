"""The team for a machine: planned for all that it has, told with what is free now."""

from __future__ import annotations

from pathlib import Path

import pytest

from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_ARTIST,
    MODEL_REGISTRY,
)
from airunner.config.settings import Settings
from airunner.devices.device import Device, DeviceReport
from airunner.engines.known import known_engines
from airunner.events import EventBus
from airunner.models.assign import Assignment, declared_bytes
from airunner.models.catalog import Catalog, Resolution
from airunner.models.spec import ModelCapability
from airunner.runtime import hardware as hardware_module
from airunner.runtime.hardware import Hardware
from airunner.runtime.team_planner import TeamPlanner
from airunner.ui.serving import serving_in_words
from airunner.weights.store import ModelStore

GB = 10**9
CODE, DRAWING = ModelCapability.CODE_GENERATION, ModelCapability.IMAGE_GENERATION


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a planner for RAM of so many bytes, of which so many are free."""

    def planner(total_bytes: int, free_bytes: int, **values: object) -> TeamPlanner:
        ram = Device("cpu", "cpu", "CPU", total_bytes, free_bytes)
        monkeypatch.setattr(hardware_module, "probe_devices", lambda *_: DeviceReport((ram,)))
        given = {"home": tmp_path, "threads": 2, **values}
        settings, engines = Settings.load(given, environ={}), known_engines()
        catalog = Catalog(MODEL_REGISTRY, CAPABILITY_TO_MODEL, engines.traits)
        store = ModelStore(tmp_path, catalog, EventBus(), offline=True)
        hardware = Hardware(settings, engines)
        return TeamPlanner(hardware, engines.traits.values(), declared_bytes, settings, store)

    return planner


def needed(plan: Assignment) -> dict[str | None, int | None]:
    return {c.model: c.free_needed_bytes for c in plan.choices if c.free_needed_bytes}


def test_what_is_free_this_minute_changes_no_team(machine) -> None:
    busy, idle = (machine(32 * GB, free * GB).plan() for free in (2, 30))
    assert busy.mapping == idle.mapping
    assert busy.budget_bytes == idle.budget_bytes == 24 * GB
    assert busy.assumed == "32.0 GB of RAM, less 8.00 GB for other programs"
    coder = "Qwen/Qwen3-Coder-30B-A3B-Instruct"
    assert idle.mapping[CODE] == coder
    assert needed(idle) == {}
    # The reserve of a load, a tenth, has to stay free beside it.
    assert needed(busy)[coder] == 19_500_000_000 + 3_200_000_000


def test_a_size_that_is_given_is_exact_and_assumes_nothing(machine) -> None:
    limited = machine(32 * GB, 2 * GB, max_memory="20GB").plan()
    assert (limited.budget_bytes, limited.assumed, needed(limited)) == (20 * GB, "", {})
    asked = machine(32 * GB, 2 * GB).plan(20 * GB)
    assert (asked.budget_bytes, asked.assumed, needed(asked)) == (20 * GB, "", {})
    assert asked.mapping[DRAWING] == "Tongyi-MAI/Z-Image-Turbo", "of what machine is not known"


def test_the_page_names_the_model_that_the_plan_has(machine) -> None:
    planner = machine(16 * GB, 8 * GB)
    mapped, toy = MODEL_REGISTRY[CAPABILITY_TO_MODEL[DRAWING]], MODEL_REGISTRY[EMBEDDED_ARTIST]
    planned = planner.plan().mapping[DRAWING]
    assert planned == "stabilityai/sdxl-turbo"
    advised = planner.instead(Resolution(toy, mapped), DRAWING)
    words = serving_in_words(advised)
    assert words.startswith("shapes-64 does this, as sdxl-turbo is not here.")
    assert planned in words
    for total_bytes, why in ((2 * GB, "nothing better fits"), (GB, "nor does it, by the registry")):
        alone = machine(total_bytes, GB // 2).instead(Resolution(toy, mapped), DRAWING)
        assert serving_in_words(alone) == "shapes-64 does this.", why
