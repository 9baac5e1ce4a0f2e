"""Whether the model that talks fits into any device's budget under given settings.

Owns that one question, in bytes and in words; loads nothing. What a load takes is each
engine's planner's to say, from the weights' metadata.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airunner.components.llm.config.model_capabilities import embedded_fallback
from airunner.config.byte_size import format_bytes
from airunner.config.settings import Settings
from airunner.engines.known import known_engines
from airunner.engines.registry import EngineRegistry
from airunner.errors import AiRunnerError
from airunner.events import EventBus
from airunner.models.assign import declared_bytes
from airunner.models.catalog import Catalog
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.resources.sizing import Sizer
from airunner.runtime.file_models import open_catalog
from airunner.runtime.hardware import Hardware
from airunner.weights.store import ModelStore, open_store

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
BUDGET_SETTINGS = frozenset(
    {"max_memory", "reserve", "devices", "primary", "context", "parallel", "kv_type"}
)
"""The settings that decide whether it fits."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The primary fits nowhere: what it takes at least, and the most there is, in bytes."""

    model: str
    needed_bytes: int
    budget_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.model} takes about {format_bytes(self.needed_bytes)}, and the largest "
            f"budget is {format_bytes(self.budget_bytes)}."
        )


def primary_of(settings: Settings, catalog: Catalog, store: ModelStore) -> ModelSpec:
    """Who talks with the weights that are here; what cannot be read counts as absent.

    Raises:
        CatalogError: nothing is mapped, or a name is not registered.
    """
    if settings.primary is not None:
        return catalog.spec(settings.primary)
    return catalog.resolve(PRIMARY, store.seems_here, embedded_fallback(PRIMARY)).spec


def too_large(
    primary: ModelSpec,
    settings: Settings,
    engines: EngineRegistry,
    store: ModelStore,
    hardware: Hardware,
) -> TooLarge | None:
    """How far ``primary`` is from fitting, or ``None`` if it fits or nobody knows.

    Measured from its weights where they are here, else as its entry states.
    """
    largest_bytes = hardware.largest_budget(primary.engine)
    needed_bytes = _measured_bytes(primary, settings, engines, store, hardware)
    if needed_bytes is None:
        needed_bytes = declared_bytes(primary)
    if needed_bytes is None or needed_bytes <= largest_bytes:
        return None
    return TooLarge(primary.model_path, needed_bytes, largest_bytes)


def budget_warning(settings: Settings) -> str:
    """What is wrong with the budget of ``settings``, in words; empty if the primary fits."""
    engines = known_engines()
    with suppress(AiRunnerError, OSError):  # what else is wrong, the examination tells
        catalog = open_catalog(settings, engines.traits)
        store = open_store(settings.replace(offline=True), catalog, EventBus())
        found = too_large(
            primary_of(settings, catalog, store),
            settings,
            engines,
            store,
            Hardware(settings, engines),
        )
        if found is not None:
            return f"Nothing can answer with this: {found}"
    return ""


def _measured_bytes(
    primary: ModelSpec,
    settings: Settings,
    engines: EngineRegistry,
    store: ModelStore,
    hardware: Hardware,
) -> int | None:
    """What loading takes at least on the device that asks the least of it."""
    with suppress(AiRunnerError, OSError):
        if not store.is_here(primary):
            return None
        path = store.path(primary) or Path(primary.model_path)
        budgets = {each.device: each.budget_bytes for each in hardware.device_budgets()}
        sized = Sizer(hardware.devices, engines.planners(settings)).size(primary, path, budgets)
        # One that fits somewhere is small enough, however much another device would ask.
        fits = {d: n for d, n in sized.demand.size_bytes.items() if n <= budgets[d]}
        return min((fits or sized.demand.size_bytes).values(), default=None)
    return None
