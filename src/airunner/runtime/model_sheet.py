"""Everything about the registered models, as JSON-ready values: one in full, or all in a line each.

Owns what is said of an entry of the registry, its file, and its memory in bytes. How that
is shown is the callers'.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from airunner.config.settings import Settings
from airunner.engines.base import LoadPlan
from airunner.errors import CatalogError, MissingWeightsError
from airunner.models.assign import declared_bytes
from airunner.models.catalog import Catalog, Resolution
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.resources.sizing import Sized
from airunner.runtime.file_models import assigned_models
from airunner.runtime.plain_values import plain
from airunner.weights.local import gone_path, stored_bytes
from airunner.weights.store import ModelStore

if TYPE_CHECKING:
    from airunner.runtime.core import RuntimeCore


class Placement(Protocol):
    """What a user chose for capabilities, beside their models."""

    @property
    def kept(self) -> tuple[ModelCapability, ...]:
        """Those whose models stay loaded."""
        ...

    def device_of(self, capability: ModelCapability) -> str | None:
        """Where a capability's model was placed."""
        ...


class Registered(Protocol):
    """What knows the models without loading any: a core, or a survey."""

    @property
    def settings(self) -> Settings:
        """Under which they are known."""
        ...

    @property
    def catalog(self) -> Catalog:
        """The registry."""
        ...

    @property
    def store(self) -> ModelStore:
        """Which weights are here."""
        ...

    @property
    def team(self) -> Placement:
        """What was chosen for capabilities."""
        ...

    def resolve(self, capability: ModelCapability) -> Resolution:
        """Which model serves a capability here and now."""
        ...


async def model_sheet(core: RuntimeCore, name: str) -> dict[str, Any]:
    """One model in full; with its weights on this machine, its memory in bytes as well.

    Raises:
        UnknownModelError: it is not registered.
        WeightsError: the weights are here and unusable.
    """
    spec = core.catalog.spec(name)
    path = core.store.path(spec)
    sized = await core.team.size(spec) if path else None
    memory = await _memory(core, spec) if path else []
    return plain(
        {
            "model": spec.model_path,
            **asdict(spec),
            "projector": _projector(sized),
            "media": sorted(sized.media) if sized else [],
            "dialect": spec.tool_calling,
            "sources": [
                {"source": type(s).__name__, **asdict(s)} for s in core.catalog.sources_of(spec)
            ],
            "declared_memory_bytes": declared_bytes(spec),
            "wanted_for": [
                c for c, wanted in core.catalog.mapping.items() if wanted == spec.model_path
            ],
            "here": core.store.is_here(spec),
            "path": path,
            "gone": gone_path(spec),
            "file_bytes": stored_bytes(path) if path else None,
            "memory": memory,
        }
    )


def model_list(core: Registered) -> dict[str, Any]:
    """``models``, a line each, and for each capability who is ``serving`` it. From any thread.

    ``assigned`` is the model that the user has chosen for a capability.
    """
    assigned = assigned_models(core.settings)
    return plain(
        {
            "models": [_entry(core, spec) for spec in list(core.catalog.registry.values())],
            "serving": [
                {**_serving(core, capability), "assigned": assigned.get(capability)}
                for capability in ModelCapability
            ],
        }
    )


def _projector(sized: Sized | None) -> Path | None:
    """The file that lets the model see or hear, if there is one."""
    plans = sized.plans.values() if sized else ()
    return next((p.mmproj for p in plans if isinstance(p, LoadPlan) and p.mmproj), None)


async def _memory(core: RuntimeCore, spec: ModelSpec) -> list[dict[str, Any]]:
    """Predicted bytes per device, as it would be loaded and in other ways."""
    return [
        {
            "device": device,
            "loaded_as": variant.label,
            **variant.facts,
            "chosen": variant.chosen,
            **asdict(variant.estimate),
            "total_bytes": variant.estimate.total_bytes,
            "budget_bytes": budget_bytes,
            "fits": variant.estimate.total_bytes <= budget_bytes,
        }
        for device, budget_bytes, variant in await core.team.variants(spec)
    ]


def _entry(core: Registered, spec: ModelSpec) -> dict[str, Any]:
    """A model's line: its size is that of the file if it is here, else what the spec says.

    ``gone`` is where the user's own file was, if it is there no longer.
    """
    path = core.store.path(spec)
    return {
        "model": spec.model_path,
        "capabilities": list(spec.capabilities),
        "engine": spec.engine,
        "file_bytes": stored_bytes(path) if path else None,
        "declared_memory_bytes": declared_bytes(spec),
        "here": core.store.is_here(spec),
        "path": path,
        "gone": gone_path(spec),
        "priority": spec.priority,
        "license": spec.license,
        "gated": spec.gated,
    }


def _serving(core: Registered, capability: ModelCapability) -> dict[str, Any]:
    """The model wanted for a capability and the one that serves, ``None`` for neither.

    ``kept`` says that it stays loaded, ``device`` where it was placed.
    """
    row: dict[str, Any] = {"capability": capability, "model": None, "remark": ""}
    row |= {"kept": capability in core.team.kept, "device": core.team.device_of(capability)}
    row["wanted"] = core.catalog.mapping.get(capability)
    try:
        found = core.resolve(capability)
    except (CatalogError, MissingWeightsError) as error:
        return row | {"remark": str(error)}
    names = {"model": found.spec.model_path, "wanted": found.wanted.model_path}
    return row | names | {"remark": found.reason}
