"""What is registered, what is here, and what would fit this machine, without any runtime.

Owns the view that commands and a runtime share. Loads nothing, writes nothing and needs no
event loop, so a command that only tells starts at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from airunner.components.llm.config.model_capabilities import embedded_fallback
from airunner.config.settings import Settings
from airunner.engines.known import known_engines
from airunner.errors import AiRunnerError, MissingWeightsError
from airunner.errors.pasted import pasted
from airunner.events import EventBus
from airunner.models.assign import Assignment, declared_bytes
from airunner.models.catalog import Catalog, Resolution, is_local_file
from airunner.models.spec import FileSource, ModelCapability, ModelSpec
from airunner.resources.sizing import Sizer
from airunner.runtime.capability_names import kept_capabilities, placed_capabilities
from airunner.runtime.file_models import open_catalog
from airunner.runtime.hardware import Hardware
from airunner.runtime.model_sheet import model_list
from airunner.runtime.team_planner import TeamPlanner
from airunner.weights.local import gone_path, gone_words
from airunner.weights.store import ModelStore, open_store

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
_log = logging.getLogger(__name__)


def resolution(
    catalog: Catalog, store: ModelStore, capability: ModelCapability, primary: str | None
) -> Resolution:
    """Which model serves a capability and why; ``primary`` is the one that the settings name.

    Raises:
        UnmappedCapabilityError, UnknownModelError, MissingWeightsError.
    """
    if capability is PRIMARY and primary is not None:
        chosen = catalog.spec(primary)
        return Resolution(chosen, chosen)
    found = catalog.resolve(
        capability, lambda spec: usable(store, spec), embedded_fallback(capability)
    )
    if not found.is_fallback or not is_spoilt(store, found.wanted):
        return found
    wanted, serves = found.wanted.model_path, found.spec.model_path
    advice = pasted("airunner", "models", "show", wanted)
    reason = f"{wanted} cannot be used, so {serves} serves {capability.value}; `{advice}` says why."
    return replace(found, reason=reason, advice=advice)


def for_conversations(catalog: Catalog, store: ModelStore, name: str) -> ModelSpec:
    """A registered model that can hold a conversation here and now.

    Raises:
        UnknownModelError: it is not registered.
        UnsuitedModelError: it is not registered for conversations.
        MissingWeightsError: its weights are not here.
    """
    spec = catalog.spec_for(PRIMARY, name)
    if not usable(store, spec):
        raise MissingWeightsError(spec.model_path)
    return spec


def usable(store: ModelStore, spec: ModelSpec) -> bool:
    """Whether the weights are here; what cannot be used is logged and counts as absent.

    Of a file or folder of the user's own, which nothing else verifies, the headers are read.
    """
    try:
        path = store.path(spec)
        if (gone := gone_path(spec)) is not None:
            _tell(spec.model_path, gone_words(gone))
        elif path is not None and is_own(spec):
            _check(store.catalog.engine(spec).check, path, _stamp(path))
        return store.is_here(spec)
    except (AiRunnerError, OSError) as error:
        _tell(spec.model_path, str(error))
        return False


def is_spoilt(store: ModelStore, spec: ModelSpec) -> bool:
    """Whether a model that ``usable`` refuses is no download away: damaged, or its file gone."""
    return store.seems_here(spec) or gone_path(spec) is not None


def is_own(spec: ModelSpec) -> bool:
    """Whether the weights are a file or folder of the user's, used where it lies."""
    return is_local_file(spec) or any(isinstance(s, FileSource) for s in spec.sources)


@lru_cache(maxsize=256)
def _check(check: Callable[[Path], object], path: Path, stamp: tuple[int, ...]) -> None:
    """Headers that were sound are read again only when what is at ``path`` has changed."""
    check(path)


def _stamp(path: Path) -> tuple[int, ...]:
    entries = [path, *sorted(path.glob("*/*"))] if path.is_dir() else [path]
    stats = [entry.stat() for entry in entries]
    return tuple(figure for each in stats for figure in (each.st_mtime_ns, each.st_size))


@lru_cache(maxsize=256)
def _tell(model: str, problem: str) -> None:
    """Once, however often somebody asks."""
    _log.warning("%s is passed over: %s", model, problem)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the settings say of capabilities; see ``Placement``."""

    kept: tuple[ModelCapability, ...]
    devices: Mapping[ModelCapability, str]

    def device_of(self, capability: ModelCapability) -> str | None:
        """Where a capability's model was placed."""
        return self.devices.get(capability)


class Survey:
    """The models and the machine under one set of settings.

    Raises:
        InvalidCatalogError: the registry contradicts itself.
        SettingsError: a setting names a capability that does not exist.
    """

    def __init__(self, settings: Settings) -> None:
        self.team = Chosen(kept_capabilities(settings), placed_capabilities(settings))
        self.settings = settings
        self._engines = known_engines()
        self.catalog = open_catalog(settings, self._engines.traits)
        self.catalog.validate()
        self.store = open_store(settings, self.catalog, EventBus())

    def resolve(self, capability: ModelCapability) -> Resolution:
        """See ``resolution``."""
        return resolution(self.catalog, self.store, capability, self.settings.primary)

    def model_list(self) -> dict[str, Any]:
        """See ``model_sheet.model_list``."""
        return model_list(self)

    def plan(self, budget_bytes: int | None = None) -> Assignment:
        """The best team for ``budget_bytes``; see ``TeamPlanner.plan``."""
        hardware = Hardware(self.settings, self._engines)
        sizer = Sizer(hardware.devices, self._engines.planners(self.settings))
        budgets = {budget.device: budget.budget_bytes for budget in hardware.device_budgets()}

        def size_of(spec: ModelSpec) -> int | None:
            if not self.store.is_here(spec):
                return declared_bytes(spec)
            path = self.store.path(spec) or Path(spec.model_path)  # of an engine without weights
            return max(sizer.size(spec, path, budgets).demand.size_bytes.values(), default=None)

        traits = self._engines.traits.values()
        planner = TeamPlanner(hardware, traits, size_of, self.settings, self.store)
        return planner.plan(budget_bytes)
